// Network-policies enforces the network policies of one node, by kube-router's controller for them.
// Kube-router's own program is not built: with its routes come BGP and a cloud's API.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"github.com/cloudnativelabs/kube-router/v2/pkg/svcip"
	"github.com/spf13/pflag"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

func main() {
	config := options.NewKubeRouterConfig()
	config.AddFlags(pflag.CommandLine)
	pflag.Parse()
	klog.InitFlags(nil)
	check(flag.Set("v", config.VLevel))
	config.RunRouter, config.RunServiceProxy = false, false
	check(run(config))
}

func run(config *options.KubeRouterConfig) error {
	settings, err := clientcmd.BuildConfigFromFlags(config.Master, config.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(settings)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	heartbeats := make(chan *healthcheck.ControllerHeartbeat, 10)
	var done sync.WaitGroup
	health, err := healthcheck.NewHealthController(config)
	if err != nil {
		return err
	}
	done.Add(1)
	go health.RunServer(stop, &done)

	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := follow(client, config, factory, stop)
	if err != nil {
		return err
	}
	health.SetAlive()
	done.Add(2)
	go health.RunCheck(heartbeats, stop, &done)
	go controller.Run(heartbeats, stop, &done)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	<-signals
	close(stop)
	done.Wait()
	return nil
}

// follow returns the controller once it knows what there is, told of every change from then on.
func follow(
	client kubernetes.Interface,
	config *options.KubeRouterConfig,
	factory informers.SharedInformerFactory,
	stop <-chan struct{},
) (*netpol.NetworkPolicyController, error) {
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	factory.Start(stop)
	factory.WaitForCacheSync(stop)

	services, err := svcip.NewValidator(svcip.Config{
		ExternalIPCIDRs:   config.ExternalIPCIDRs,
		LoadBalancerCIDRs: config.LoadBalancerCIDRs,
		ClusterIPCIDRs:    config.ClusterIPCIDRs,
		StrictValidation:  config.StrictExternalIPValidation,
		EnableIPv4:        config.EnableIPv4,
		EnableIPv6:        config.EnableIPv6,
	})
	if err != nil {
		return nil, err
	}
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return nil, err
	}
	controller, err := netpol.NewNetworkPolicyController(
		client, config, pods, policies, namespaces, &sync.Mutex{}, nil, tables, sets, services)
	if err != nil {
		return nil, err
	}
	for _, err := range []error{
		add(pods.AddEventHandler(controller.PodEventHandler)),
		add(namespaces.AddEventHandler(controller.NamespaceEventHandler)),
		add(policies.AddEventHandler(controller.NetworkPolicyEventHandler)),
	} {
		if err != nil {
			return nil, err
		}
	}
	return controller, nil
}

func add(_ any, err error) error {
	return err
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
