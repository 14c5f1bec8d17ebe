"""Checks that NetworkPolicies keep pods from each other, and allow what the Hub needs."""

from collections.abc import Iterator
from typing import Final

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.deploy.doctor.facts import Cluster, DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unknown, unread, warning
from jupyterhub_platform.deploy.doctor.rules.hub_pod import find_hub, labels_of, ports_of
from jupyterhub_platform.deploy.doctor.rules.network_rules import Dns, Network, Party
from jupyterhub_platform.deploy.doctor.rules.scheduling import name_of

ENFORCERS: Final = frozenset(
    {
        *("calico-node", "canal", "cilium", "anetd", "kube-router", "weave-net", "antrea-agent"),
        *("azure-npm", "ovnkube-node"),
    }
)
"""DaemonSets of network plugins that are known to enforce policies."""
IGNORERS: Final = frozenset({"kube-flannel", "kube-flannel-ds"})
HUB_PORT, SERVICE_PORT, SERVER_PORT, PROXY_API_PORT = 8081, 8181, 8888, 8001

_OF_AWS: Final = "--enable-network-policy=true"
_RULES: Final = "networkPolicy.egressAllowRules"
_SHARED: Final = ("app", "release", "app.kubernetes.io/name", "app.kubernetes.io/instance")


def check_enforcement(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether anything seems to enforce NetworkPolicies."""
    cluster = facts.cluster
    if cluster is None:
        return
    daemons = cluster.of("daemonsets")
    names = {name_of(each) for each in daemons.listed}
    if names & ENFORCERS or any(_is_enforcing_aws(each) for each in daemons.listed):
        return
    why = "Where nothing enforces them, every pod reaches every other, and the cloud's metadata."
    if names & IGNORERS:
        yield warning(
            f"The network plugin {', '.join(sorted(names & IGNORERS))} enforces no NetworkPolicy.",
            why,
            "Install a plugin beside it that does, such as Calico or kube-router.",
        )
    else:
        yield unknown(
            "No DaemonSet of a plugin that is known to enforce NetworkPolicies was seen"
            + (f": DaemonSets {daemons.unread}." if daemons.unread else "."),
            why,
            "Deny all to a pod of its own with a NetworkPolicy, and see that it is reached no "
            "more; on EKS, turn enableNetworkPolicy of the VPC CNI on.",
        )


def _is_enforcing_aws(daemonset: Manifest) -> bool:
    containers = items(part(daemonset, "spec", "template", "spec"), "containers")
    return any(_OF_AWS in (each.get("args") or ()) for each in containers)


def check_network(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out which pods no policy selects, and what the policies keep from the Hub."""
    cluster = facts.cluster
    if cluster is None:
        return
    policies, deployments = cluster.of("networkpolicies"), cluster.of("deployments")
    yield from unread("NetworkPolicies", policies, _WHY_UNREAD)
    yield from unread("Deployments", deployments, _WHY_UNREAD)
    if policies.unread or deployments.unread:
        return
    found = find_hub(deployments.listed)
    if found is None:
        yield unknown(
            f"There is no Deployment with the label component=hub in {cluster.namespace}.",
            "Without it, what the Hub's pods need from the network cannot be looked at.",
            "Name the namespace that the Hub is in: --namespace NAME",
        )
        return
    network = Network(policies.listed, _labels_of_namespace(cluster))
    hub = Party("the Hub", labels_of(found), {"http": HUB_PORT, **ports_of(found)})
    servers = Party("servers", _labels_of_servers(hub), {"notebook-port": SERVER_PORT})
    proxy = _find_proxy(deployments.listed)
    for party, why in (
        (hub, "Every pod of the cluster reaches the Hub's API, and whatever else its pod opens."),
        (servers, _PAST_THE_HUB),
    ):
        if not network.isolating(party, "Ingress"):
            yield warning(
                f"No NetworkPolicy says who may reach {party.name}.",
                why,
                "Leave hub.networkPolicy.enabled and singleuser.networkPolicy.enabled of the chart "
                "at true, or select "
                + ", ".join(f"{key}={value}" for key, value in sorted(party.labels.items()))
                + " in one of your own.",
            )
    yield from _check_servers(network, servers)
    yield from _check_ways_out(network, hub, servers, _find_dns(cluster))
    yield from _check_ways(network, hub, servers, proxy, _service_port(found))


_PAST_THE_HUB: Final = "People's servers reach each other, past the Hub and its shares."
_WHY_UNREAD: Final = "A policy that is missing or too narrow shows only when a request is refused."


def _check_servers(network: Network, servers: Party) -> Iterator[Finding]:
    """Find out whether the policies that select servers still let them reach each other."""
    if not network.isolating(servers, "Ingress"):
        return
    may, _ = network.lets(servers, servers, SERVER_PORT)
    if may is False:
        return
    may_reach = "may" if may else "may or may not, by their addresses,"
    make = warning if may else unknown
    yield make(
        f"Servers {may_reach} reach port {SERVER_PORT} of each other.",
        _PAST_THE_HUB,
        "kubectl get networkpolicies -o yaml: let only the Hub and the proxy in, where servers are "
        "selected; a rule without from lets everybody in.",
    )


def _check_ways_out(network: Network, hub: Party, servers: Party, dns: Dns) -> Iterator[Finding]:
    """Find out whether Hub and servers may leave their namespace for what they need there."""
    if not network.lets_out_to_api(hub):
        yield failed(
            "No NetworkPolicy lets the Hub out to the API server: Egress of the Hub.",
            "The Hub can neither start servers nor see how they are.",
            f"Leave hub.{_RULES}.privateIPs of the chart at true, or add to a NetworkPolicy of the "
            "Hub: egress to an ipBlock with the addresses of kubectl get endpoints -n default.",
        )
    for party, values, why in (
        (hub, "hub", "The Hub finds neither the proxy nor anything else by its name."),
        (servers, "singleuser", "A server does not find the Hub by its name: its start times out."),
    ):
        fix = (
            f"Leave {values}.{_RULES}.dnsPortsKubeSystemNamespace of the chart at true, or add to "
            f"a NetworkPolicy of {party.name}: egress to the namespace kube-system, port 53 of UDP "
            "and TCP."
        )
        lets = network.lets_out_to_dns(party, dns, "UDP")
        if lets is False:
            what = f"No NetworkPolicy lets {party.name} out to DNS: Egress of {party.name}."
            yield failed(what, why, fix)
        elif lets is None:
            what = f"Whether NetworkPolicies let {party.name} out to DNS depends on its address."
            yield unknown(what, why, f"kubectl get service -n kube-system kube-dns. {fix}")
        elif party is servers and network.lets_out_to_dns(party, dns, "TCP") is False:
            what = f"NetworkPolicies let {party.name} ask DNS by UDP only: Egress of {party.name}."
            yield warning(what, "Answers that are too long for UDP never come.", fix)


def _find_dns(cluster: Cluster) -> Dns:
    """Return where the DNS of the cluster is, as far as that can be read."""
    spec = part(next(iter(cluster.of("dns").listed), {}), "spec")
    addresses = {str(each) for each in spec.get("clusterIPs") or ()}
    for endpoints in cluster.of("dnsendpoints").listed:
        for endpoint in items(endpoints, "endpoints"):
            addresses |= {str(each) for each in endpoint.get("addresses") or ()}
    return Dns(tuple(sorted(addresses - {"None"})), part(spec, "selector"))


def _check_ways(
    network: Network, hub: Party, servers: Party, proxy: Party | None, service_port: int
) -> Iterator[Finding]:
    hub_port = hub.ports["http"]
    ways: list[tuple[Party, Party, int, str]] = [
        (
            servers,
            hub,
            hub_port,
            "Servers cannot ask the Hub who a visitor is, and let in no user.",
        ),
        (hub, servers, SERVER_PORT, "The Hub never sees that a server is ready: starts time out."),
    ]
    if proxy is not None:
        ways += [
            (proxy, hub, hub_port, "Users cannot reach the Hub's pages."),
            (proxy, hub, service_port, "Users cannot reach the platform's pages."),
            (proxy, servers, SERVER_PORT, "Users cannot reach a server."),
            (hub, proxy, PROXY_API_PORT, "The Hub cannot make routes to servers."),
        ]
    for source, target, port, why in ways:
        may, direction = network.lets(source, target, port)
        if may is True:
            continue
        own, peer = (source, target) if direction == "Egress" else (target, source)
        verb = "may not be" if may is False else "may or may not be, by its address,"
        labels = ", ".join(f"{key}={value}" for key, value in sorted(peer.labels.items()))
        make = failed if may is False else unknown
        yield make(
            f"Port {port} of {target.name} {verb} reached from {source.name}: "
            f"{direction} of {own.name}.",
            why,
            f"Merge helm-values/base.yaml, or add to a NetworkPolicy of {own.name}: "
            f"{direction.lower()} {'to' if direction == 'Egress' else 'from'} pods with {labels}, "
            f"port {port}.",
        )


def _labels_of_namespace(cluster: Cluster) -> dict[str, str]:
    own = next(iter(cluster.of("namespaces").listed), {})
    name = {"kubernetes.io/metadata.name": cluster.namespace}
    return {**name, **part(own, "metadata", "labels")}


def _labels_of_servers(hub: Party) -> dict[str, str]:
    """Return the labels that the chart gives to servers, which belong to the same release."""
    shared = {key: hub.labels[key] for key in _SHARED if key in hub.labels}
    component = "singleuser-server"
    if "app.kubernetes.io/component" in hub.labels:
        shared["app.kubernetes.io/component"] = component
    return {**shared, "component": component, "hub.jupyter.org/network-access-hub": "true"}


def _find_proxy(deployments: tuple[Manifest, ...]) -> Party | None:
    found = next(
        (each for each in deployments if labels_of(each).get("component") == "proxy"), None
    )
    if found is None:
        return None
    return Party("the proxy", labels_of(found), {"api": PROXY_API_PORT, **ports_of(found)})


def _service_port(hub: Manifest) -> int:
    """Return the port of the platform's service, which the Hub's environment says."""
    for container in items(part(hub, "spec", "template", "spec"), "containers"):
        for variable in items(container, "env"):
            port = str(variable.get("value", "")).rpartition(":")[2]
            if variable.get("name") == "PLATFORM_SERVICE_BIND" and port.isdigit():
                return int(port)
    return SERVICE_PORT
