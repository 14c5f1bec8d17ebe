"""Explains why the scheduler found no node for a pod, by the decisive one of its reasons.

For each node the scheduler reports the first obstacle, in the order of its plugins: taints,
selectors, room, volumes, spread. So a node without room is one of the right kind, and one whose
volumes do not fit has room. The cause is the last in that order: users are not sent to the
selectors of a tier whose nodes are full. Unknown reasons are quoted in the scheduler's words.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from jupyterhub_platform.core.causes import Cause, Who
from jupyterhub_platform.core.document.faults import join
from jupyterhub_platform.hub.kubernetes.causes import taints, volumes

_HEAD: Final = re.compile(r"^\s*(?:\d+/\d+ nodes are available[:.]?|Unschedulable:)\s*")
_TAIL: Final = re.compile(
    r"(?:^|[.,]?\s+)(?:preemption:|still not schedulable|no new claims to deallocate).*|"
    r"\.\s+not found\s*$",
    re.DOTALL,
)
"""What the scheduler says of preemption; it is not a separate reason."""
_NEXT: Final = re.compile(r",\s+(?=\d+ )")
_COUNTED: Final = re.compile(r"(\d+) (.*)", re.DOTALL)
_LACK: Final = re.compile(r"Insufficient ([A-Za-z0-9](?:[A-Za-z0-9./_-]{0,98}[A-Za-z0-9])?)")
_MAX_QUOTED: Final = 300
SMALLER: Final = "Choose a smaller tier, or wait until another server stops."
COMING: Final = "If the cluster adds nodes on demand, one may be on its way: wait a few minutes."


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of the scheduler, and its number of nodes; zero if it concerns the pod."""

    nodes: int
    words: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """Reasons with the same meaning: the kind that is listed first is the cause.

    ``beside`` describes the nodes in a clause, if another kind is the cause.
    """

    matches: Callable[[str], object]
    say: Callable[[list[Reason]], Cause]
    beside: str = ""


def explain_scheduling(message: str) -> Cause:
    """Return why a pod has no node, from the ``message`` of its condition."""
    if "no nodes available to schedule pods" in message:
        return _EMPTY
    sorted_in = {kind: list[Reason]() for kind in _KINDS}
    for reason in _read(message):
        kind = next((each for each in _KINDS if each.matches(reason.words)), _UNKNOWN)
        sorted_in[kind].append(reason)
    found = [kind for kind, reasons in sorted_in.items() if reasons]
    if not found:
        return _explain_unknown([Reason(0, message)])
    first, *others = found
    cause = first.say(sorted_in[first])
    clauses = [
        f"{_say_more(sorted_in[kind])} {kind.beside}{_name_own_taints(sorted_in[kind])}"
        for kind in others
        if kind.beside and not (kind is _OTHER_KIND and first is not _TAINTED)
    ]
    sentence = "; ".join([cause.sentence.removesuffix("."), *clauses])
    quoted = f" {_quote(sorted_in[_UNKNOWN])}" if _UNKNOWN in others else ""
    return Cause(cause.code, f"{sentence}.{quoted}", cause.who, cause.fix)


def _read(message: str) -> Iterator[Reason]:
    text = _TAIL.sub("", _HEAD.sub("", message)).strip().rstrip(".")
    for words in filter(None, _NEXT.split(text)):
        counted = _COUNTED.fullmatch(words)
        yield Reason(int(counted[1]), counted[2]) if counted else Reason(0, words)


def _count(reasons: Iterable[Reason]) -> int:
    return max(reason.nodes for reason in reasons)


def _say_more(reasons: Iterable[Reason]) -> str:
    count = _count(reasons)
    return f"{count} more {'is' if count == 1 else 'are'}"


def _quote(reasons: Iterable[Reason]) -> str:
    words = ", ".join(
        f"{each.nodes} {each.words}" if each.nodes else each.words for each in reasons
    )
    words = "".join(sign if sign.isprintable() else " " for sign in words)
    words = " ".join(words.split())
    return f"The scheduler says: “{words[:_MAX_QUOTED]}”."


def _explain_unknown(reasons: list[Reason]) -> Cause:
    words = _quote(reasons) if any(each.words.strip() for each in reasons) else "It says none."
    sentence = (
        f"The scheduler found no node for this server, for a reason that is unknown here. {words}"
    )
    return Cause("cluster.unplaced", sentence, Who.OPERATOR, _ASK)


def _explain_full(reasons: list[Reason]) -> Cause:
    lacking = sorted({name for each in reasons for name in _LACK.findall(each.words)})
    if any(_DEVICES.search(each.words) for each in reasons):
        lacking.append("devices")  # which ones its claims say, and not the scheduler
    if not lacking:
        sentence = "Every node runs its maximum of pods."
        return Cause("cluster.full", sentence, Who.YOU, f"{COMING} {_STOPS}")
    sentence = f"No node has enough {join(lacking)} left for this server."
    return Cause("cluster.full", sentence, Who.YOU, f"{COMING} Otherwise c{SMALLER[1:]}")


def _explain_tainted(reasons: list[Reason]) -> Cause:
    taint = f"a taint that this server does not tolerate{_name_own_taints(reasons)}"
    sentence = f"{_say_nodes(reasons)} {taint}."
    return Cause("cluster.tainted", sentence, Who.OPERATOR, _TOLERATE)


def _explain_missing_class(reasons: list[Reason]) -> Cause:
    return _DEVICE_CLASS


def _name_own_taints(reasons: Iterable[Reason]) -> str:
    """Name the taints that are a site's own."""
    words = [each.words for each in reasons if _TAINTED.matches(each.words)]
    keys = sorted({key for each in words for key in taints.list_keys(each)})
    return f" ({join(keys)})" if keys else ""


def _say_nodes(reasons: Iterable[Reason]) -> str:
    count = _count(reasons)
    return "One node has" if count == 1 else f"{count or 'All'} nodes have"


def _always(cause: Cause) -> Callable[[list[Reason]], Cause]:
    return lambda _: cause


def _search(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern, re.IGNORECASE).search


_STOPS: Final = "Otherwise wait until another server stops."
_ASK: Final = "Ask an operator to look at the events of its pod, with kubectl describe."
_TOLERATE: Final = (
    "Nodes that are new, unhealthy or about to be removed have one for a time. If it "
    "stays, choose another tier, or ask an operator to compare the nodes' taints with the tier's "
    "tolerations."
)
_DEVICES: Final = re.compile(
    "cannot allocate all claims|cannot fit resource|cannot schedule extended resource claim"
)
_EMPTY: Final = Cause("cluster.empty", "The cluster has no node.", Who.OPERATOR, f"{COMING} {_ASK}")
_DEVICE_CLASS: Final = Cause(
    "pod.device_class",
    "The cluster does not know the kind of devices that this tier claims.",
    Who.OPERATOR,
    "Ask an operator to compare the device classes of the cluster with the one that the tier's "
    "ResourceClaimTemplate names.",
)
_DEVICE_BUSY: Final = Cause(
    "pod.device_busy",
    "The devices that this server claims are in use, or on a node that cannot run it.",
    Who.OPERATOR,
    f"Stop what uses them, or wait until it ends. Otherwise: {_ASK[0].lower()}{_ASK[1:]}",
)
_PREEMPTING: Final = Cause(
    "cluster.preempting",
    "The cluster is ending servers of a lower priority to make room for this one.",
    Who.NOBODY,
    "Wait a moment.",
)
_PORTS: Final = Cause(
    "cluster.ports",
    "On every node that could run this server, another pod has the host port that it asks for.",
    Who.OPERATOR,
    "Ask an operator to take the hostPort out of the site's own pods, or to add a node.",
)
_POD_RULES: Final = Cause(
    "cluster.pod_affinity",
    "Nodes have room for this server, but rules about which pods run beside each other keep it "
    "from them.",
    Who.OPERATOR,
    f"{COMING} Otherwise ask an operator to look at the pod affinity that the site sets.",
)
_SPREAD: Final = Cause(
    "cluster.spread",
    "Nodes have room for this server, but rules about spreading pods keep it from them.",
    Who.OPERATOR,
    f"{COMING} Otherwise ask an operator to look at the topology spread that the site sets.",
)
NO_NODE: Final = Cause(
    "cluster.no_node",
    "No node is of the kind that this tier asks for.",
    Who.OPERATOR,
    "If the cluster adds nodes on demand, one comes within minutes; otherwise choose another "
    "tier, or ask an operator to compare the tier's selectors with the nodes' labels.",
)
_SELECTED: Final = (
    r"didn't match (Pod's )?node (affinity|selector)|scheduler-enforced node affinity|"
    r"didn't match the requested (node name|hostname)|pod affinity terms conflict|"
    r"didn't satisfy plugin\(s\) \[(NodeAffinity|NodeName)\]"
)
_UNKNOWN: Final = _Kind(lambda _: False, _explain_unknown)
_TAINTED: Final = _Kind(taints.is_of_the_site, _explain_tainted, "kept from it by taints")
_OTHER_KIND: Final = _Kind(
    lambda words: _search(_SELECTED)(words) or taints.is_never_for_servers(words),
    _always(NO_NODE),
    "of another kind than its tier asks for",
)
_KINDS: Final = (
    *(_Kind(_search(pattern), _always(cause)) for pattern, cause in volumes.SCHEDULER_PATTERNS),
    _Kind(_search(r"device class \S+ does not exist"), _always(_DEVICE_CLASS)),
    _Kind(
        _search("resourceclaim in use|process of being allocated|resourceclaim not available"),
        _always(_DEVICE_BUSY),
    ),
    _Kind(_search("waiting for the preemption"), _always(_PREEMPTING)),
    _Kind(
        lambda words: _LACK.search(words) or "Too many pods" in words or _DEVICES.search(words),
        _explain_full,
        "full",
    ),
    _Kind(_search("free ports"), _always(_PORTS)),
    _Kind(_search(r"pod (anti-)?affinity(?! terms)|pods anti-affinity"), _always(_POD_RULES)),
    _Kind(_search("topology spread"), _always(_SPREAD)),
    _UNKNOWN,
    *(_Kind(each.matches, _always(each.cause), each.beside) for each in taints.TEMPORARY),
    _TAINTED,
    _OTHER_KIND,
)
"""In order of precedence as the cause."""
