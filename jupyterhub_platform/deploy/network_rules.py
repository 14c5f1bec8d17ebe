"""Which pods may speak to which, by NetworkPolicies, as Kubernetes defines them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.deploy.scheduling import matches

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

        That is no pod of a namespace: only a rule for addresses, or for everything, reaches it.
        """
        return self._lets_out(source, to_pods=False, protocol="TCP", fits=_is_no_dns_port)

    def lets_out_to_dns(self, source: Party) -> bool:
        """Tell whether ``source`` may ask for names somewhere outside of its namespace."""
        return self._lets_out(source, to_pods=True, protocol="UDP", fits=_is_dns_port)

    def _lets_out(
        self, source: Party, *, to_pods: bool, protocol: str, fits: Callable[[Manifest], bool]
    ) -> bool:
        isolating = self.isolating(source, "Egress")
        rules = [rule for each in isolating for rule in items(part(each, "spec"), "egress")]
        return not isolating or any(
            self._leaves(rule, to_pods=to_pods) and _has_port(rule, protocol, fits)
            for rule in rules
        )

    def _leaves(self, rule: Manifest, *, to_pods: bool) -> bool:
        peers = items(rule, "to")
        return not peers or any(
            "ipBlock" in each or (to_pods and self._is_elsewhere(each)) for each in peers
        )

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
