"""NetworkPolicies: which pods may speak to which, as Kubernetes defines it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.deploy.doctor.rules.scheduling import matches

_Net = IPv4Network | IPv6Network
DNS_NAMESPACE = "kube-system"
_USUAL = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PRIVATE = (*_USUAL, *map(ip_network, ("100.64.0.0/10", "169.254.0.0/16", "fc00::/7")))
"""Where clusters have their DNS; in the last three, a few."""
DNS_PORTS = (53, 5353)
"""Where it is asked; the second by OpenShift, whose policies see the port of its pods."""
_NAME = "kubernetes.io/metadata.name"
EVERYWHERE = frozenset({"0.0.0.0/0", "::/0"})


@dataclass(frozen=True, slots=True)
class Party:
    """Pods that are alike: what they are called, their labels and their named ports."""

    name: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Dns:
    """Where names are asked for: addresses, and labels of its pods; empty if not known."""

    addresses: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def holds_dns(block: Manifest, addresses: Iterable[str]) -> bool | None:
    """Tell whether an ``ipBlock`` holds an address of DNS; ``None`` if that cannot be known.

    Where the addresses are not known: private ones, as those of clusters are.
    """
    cidr = _read_network(block.get("cidr"))
    excepted = [_read_network(each) for each in block.get("except") or ()]
    if cidr is None or None in excepted:
        return None
    known = [ip_address(each) for each in addresses]
    if known:
        return any(
            each in cidr and not any(each in net for net in excepted if net) for each in known
        )
    held = [net for net in _PRIVATE if _overlap(net, cidr)]
    left = [net for net in held if not any(_covers(outer, net) for outer in excepted)]
    whole = (
        net
        for net in left
        if _covers(cidr, net) and not any(_overlap(net, other) for other in excepted)
    )
    return True if set(whole) & set(_USUAL) else None if left else False


@dataclass(frozen=True, slots=True)
class Network:
    """The NetworkPolicies of one namespace, and the labels of that namespace."""

    policies: Sequence[Manifest]
    labels: Mapping[str, str]

    def isolating(self, party: Party, direction: str) -> list[Manifest]:
        """Return the policies without which everything would be allowed in that direction."""
        return [
            policy
            for policy in self.policies
            if direction in _directions(policy)
            and selects(part(policy, "spec", "podSelector"), party.labels)
        ]

    def lets(self, source: Party, target: Party, port: int) -> tuple[bool | None, str]:
        """Tell whether ``source`` may open a connection to a port of ``target``.

        Returns
        -------
        tuple
            Whether it may, ``None`` where that depends on addresses; and what stands in the way:
            ``Ingress`` of the target or ``Egress`` of the source.
        """
        doubtful = ""
        for direction, own, peer in (("Egress", source, target), ("Ingress", target, source)):
            isolating = self.isolating(own, direction)
            if not isolating:
                continue
            answers = {
                self._admits(rule, direction, peer, target, port)
                for policy in isolating
                for rule in items(part(policy, "spec"), direction.lower())
            }
            if True in answers:
                continue
            if None not in answers:
                return False, direction
            doubtful = direction
        return (None, doubtful) if doubtful else (True, "")

    def lets_out_to_api(self, source: Party) -> bool:
        """Tell whether ``source`` may go to some address that can be the API server's.

        It is not a pod of a namespace: only a rule for addresses, or for everything, covers it.
        """
        isolating = self.isolating(source, "Egress")
        rules = [rule for each in isolating for rule in items(part(each, "spec"), "egress")]
        return not isolating or any(
            self._leaves(rule) and _has_port(rule, "TCP", _is_no_dns_port) for rule in rules
        )

    def lets_out_to_dns(self, source: Party, dns: Dns, protocol: str) -> bool | None:
        """Tell whether ``source`` may ask for names; ``None`` where that depends on addresses."""
        isolating = self.isolating(source, "Egress")
        answers = {
            self._reaches_dns(rule, dns)
            for policy in isolating
            for rule in items(part(policy, "spec"), "egress")
            if _has_port(rule, protocol, _is_dns_port)
        }
        if not isolating or True in answers:
            return True
        return None if None in answers else False

    def _reaches_dns(self, rule: Manifest, dns: Dns) -> bool | None:
        peers = items(rule, "to")
        answers = {self._is_dns(each, dns) for each in peers} if peers else {True}
        return True if True in answers else None if None in answers else False

    def _is_dns(self, described: Manifest, dns: Dns) -> bool | None:
        if "ipBlock" in described:
            return holds_dns(part(described, "ipBlock"), dns.addresses)
        if not self._is_elsewhere(described):
            return False
        is_there = _selects_dns_namespace(part(described, "namespaceSelector"))
        if is_there is False:
            # Without its address, it may be in a namespace of that name.
            return False if dns.addresses else None
        selector = part(described, "podSelector")
        if not selector or not dns.labels or selects(selector, dns.labels):
            return is_there
        # Pods have more labels than their Service selects them by.
        return False if set(part(selector, "matchLabels")) & set(dns.labels) else None

    def _leaves(self, rule: Manifest) -> bool:
        peers = items(rule, "to")
        return not peers or any("ipBlock" in each for each in peers)

    def _is_elsewhere(self, described: Manifest) -> bool:
        if "namespaceSelector" not in described:
            return False
        named = part(described, "namespaceSelector", "matchLabels").get(_NAME)
        return named is None or named != self.labels.get(_NAME)

    def _admits(
        self, rule: Manifest, direction: str, peer: Party, target: Party, port: int
    ) -> bool | None:
        ports = items(rule, "ports")
        if ports and not any(_is_port(each, port, target.ports) for each in ports):
            return False
        peers = items(rule, "to" if direction == "Egress" else "from")
        answers = {self._is_peer(each, peer) for each in peers} if peers else {True}
        return True if True in answers else None if None in answers else False

    def _is_peer(self, described: Manifest, peer: Party) -> bool | None:
        if "ipBlock" in described:
            block = part(described, "ipBlock")
            return True if block.get("cidr") in EVERYWHERE and not block.get("except") else None
        namespace = described.get("namespaceSelector")
        if namespace is not None and not selects(namespace, self.labels):
            return False
        return selects(part(described, "podSelector"), peer.labels)


def selects(selector: Manifest, labels: Mapping[str, Any]) -> bool:
    """Tell whether a label selector, which is everything if it is empty, selects these labels."""
    wanted: Iterable[tuple[str, Any]] = part(selector, "matchLabels").items()
    return all(labels.get(key) == value for key, value in wanted) and all(
        matches(each, labels) for each in items(selector, "matchExpressions")
    )


def _selects_dns_namespace(selector: Manifest) -> bool | None:
    """Tell whether a selector of namespaces selects that of DNS, of which only the name is known.

    ``None`` says that it depends on other labels.
    """
    wanted = part(selector, "matchLabels").items()
    answers = {value == DNS_NAMESPACE if key == _NAME else None for key, value in wanted} | {
        matches(each, {_NAME: DNS_NAMESPACE}) if each.get("key") == _NAME else None
        for each in items(selector, "matchExpressions")
    }
    return False if False in answers else None if None in answers else True


def _read_network(text: object) -> _Net | None:
    try:
        return ip_network(str(text), strict=False)
    except ValueError:
        return None


def _overlap(one: _Net, other: _Net | None) -> bool:
    return other is not None and one.version == other.version and one.overlaps(other)


def _covers(outer: _Net | None, inner: _Net) -> bool:
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network):
        return inner.subnet_of(outer)
    return False


def _directions(policy: Manifest) -> frozenset[str]:
    spec = part(policy, "spec")
    implied = ("Ingress", "Egress") if "egress" in spec else ("Ingress",)
    return frozenset(spec.get("policyTypes") or implied)


def _is_port(described: Manifest, port: int, named: Mapping[str, int]) -> bool:
    if described.get("protocol", "TCP") != "TCP":
        return False
    first = described.get("port")
    if first is None:
        return True
    number = named.get(first, 0) if isinstance(first, str) else int(first)
    return number <= port <= int(described.get("endPort", number))


def _has_port(rule: Manifest, protocol: str, fits: Callable[[Manifest], bool]) -> bool:
    ports = items(rule, "ports")
    return not ports or any(
        each.get("protocol", "TCP") == protocol and fits(each) for each in ports
    )


def _is_dns_port(described: Manifest) -> bool:
    first = described.get("port")
    if not isinstance(first, int):
        return True  # all ports, or one whose number only the pods know
    return any(first <= port <= int(described.get("endPort", first)) for port in DNS_PORTS)


def _is_no_dns_port(described: Manifest) -> bool:
    return "endPort" in described or described.get("port") not in DNS_PORTS
