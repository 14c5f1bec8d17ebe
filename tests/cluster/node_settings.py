"""What the programs of a node are told: values to the text of their files."""

import json
from ipaddress import IPv4Network
from pathlib import Path

PAUSE_IMAGE = "localhost/pause:1"
_DOMAIN = "cluster.local"


def render_containerd(plugins: Path, network: Path) -> str:
    """Return the configuration of containerd, whose places are the usual ones."""
    return f"""\
version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{PAUSE_IMAGE}'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true  # not every root may lower it
  disable_apparmor = true
  cni = {{ bin_dirs = ['{plugins}'], conf_dir = '{network}' }}
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
"""


def render_network(pods: IPv4Network) -> str:
    """Return how a pod is connected: to one bridge, which also is its way out."""
    bridge = {
        "type": "bridge",
        "bridge": "pods0",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": "/run/cni-addresses",
            "ranges": [[{"subnet": str(pods)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports]})


def render_kubelet(
    *, host: str, dns: str, cgroup: str, authority: Path, certificate: Path, key: Path
) -> str:
    """Return the configuration of the kubelet, in JSON, which is YAML too."""
    never = "0%"
    settings = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "address": host,
        "healthzPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "oomScoreAdj": 0,
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "clusterDNS": [dns],
        "clusterDomain": _DOMAIN,
        "resolvConf": "",
        # A full disk of a developer's laptop is no reason to evict.
        "evictionHard": {
            "memory.available": "10Mi",
            "nodefs.available": never,
            "imagefs.available": never,
            "nodefs.inodesFree": never,
        },
        "imageGCHighThresholdPercent": 100,
    }
    return json.dumps(settings, indent=2)


def render_corefile(host: str, kubeconfig: Path) -> str:
    """Return the configuration of CoreDNS, which knows the cluster and nothing beyond it."""
    return f"""\
.:53 {{
    bind {host}
    ready {host}:8181
    kubernetes {_DOMAIN} in-addr.arpa {{
        kubeconfig {kubeconfig} test
    }}
}}
"""
