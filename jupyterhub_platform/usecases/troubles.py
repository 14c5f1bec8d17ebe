"""Finds what is wrong with the platform itself, for its operators.

Read off what the Hub says of its own health, which also holds after the Hub was restarted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Trouble:
    """One problem for an operator: its subject, what is wrong, the details, and what to do.

    ``since`` is when it began, where that is known; ``place`` the page about it, below the
    platform's own address, if there is one.
    """

    code: str
    title: str
    sentence: str
    details: tuple[str, ...]
    fix: str
    since: datetime | None = None
    place: str = ""


UNANSWERED: Final = Trouble(
    "platform.hub",
    "The Hub",
    "The Hub does not say how its policy file and its store are.",
    (),
    "Reload this page in a moment. If it stays so, look at the Hub's log.",
)


def find_troubles(health: Mapping[str, Any]) -> tuple[Trouble, ...]:
    """Return what is wrong by the health of a Hub, the worst first."""
    policy, store = health["policy"], health["store"]
    return (
        *_of_store(store),
        *_of_file(policy),
        *_of_memberships(health["memberships"]),
        *_of_drift(health["checker"]["drift"]),
        *_of_notices(health.get("notices") or ()),
        *_of_observed_pods(health.get("observed_pods") or {}),
    )


def _of_store(store: Mapping[str, Any]) -> Iterator[Trouble]:
    if store["fault"]:
        yield Trouble(
            "platform.store",
            "The store",
            "The store does not answer the Hub, so that no server can start.",
            (str(store["fault"]),),
            "Bring the database back; everything else then recovers by itself.",
        )


def _of_file(policy: Mapping[str, Any]) -> Iterator[Trouble]:
    faults, file = tuple(map(str, policy["faults"])), policy["file"]
    since = policy.get("faulty_since")
    if faults:
        count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
        yield Trouble(
            "policy.invalid",
            "Faults in the policy file",
            f"The policy file has {count}; revision {policy['revision']} stays in force.",
            faults,
            f"Correct {file}. It takes effect by itself once it has no faults.",
            datetime.fromisoformat(since) if since else None,
            "policy",
        )
    elif policy["digest"] not in {None, policy["file_digest"]}:
        yield Trouble(
            "policy.not_in_force",
            "The policy file",
            f"The policy file has changed; revision {policy['revision']} is still in force.",
            (),
            f"A changed file is read within seconds. If it is not, reload {file} by hand.",
            place="policy",
        )


def _of_memberships(memberships: Mapping[str, Any]) -> Iterator[Trouble]:
    if memberships["fault"]:
        since = memberships["since"]
        yield Trouble(
            "platform.memberships",
            "Users and groups",
            "The policy is in force, and the Hub's users and groups do not follow it yet.",
            (str(memberships["fault"]),),
            "It is tried again by itself, at least once a minute. If the store is down, bring it "
            "back; otherwise the Hub's log says more.",
            datetime.fromisoformat(since) if since else None,
        )


def _of_drift(drift: list[Mapping[str, Any]]) -> Iterator[Trouble]:
    if drift:
        yield Trouble(
            "platform.drift",
            "Drift",
            "The Hub's reservations do not match the servers that run.",
            tuple(str(each["detail"]) for each in drift),
            "Restart the Hub; no server stops. It makes book and ledger equal to what runs.",
        )


def _of_notices(channels: Sequence[Mapping[str, Any]]) -> Iterator[Trouble]:
    failing = [f"{e['channel']} at {e['target']}: {e['error']}" for e in channels if e["error"]]
    if failing:
        yield Trouble(
            "notices.undelivered",
            "Notices",
            "People are not told of requests and grants: some notices did not arrive.",
            tuple(failing),
            "Repair it. jhp notices list says which, and jhp notices retry sends them again.",
        )


def _of_observed_pods(pods: Mapping[str, Any]) -> Iterator[Trouble]:
    if pods.get("sources") and not pods["seconds"]:
        yield Trouble(
            "platform.pods.unobserved",
            "Observed pods",
            "The policy observes pods, and this Hub does not list any.",
            (),
            "That takes servers that are pods of one namespace, and "
            "c.PlatformKubeSpawner.observe_seconds above 0.",
        )
    if pods.get("fault"):
        since = pods["looked_at"]
        yield Trouble(
            "platform.pods.stale",
            "Observed pods",
            "Observed pods cannot be listed: what they held then counts until they are.",
            (str(pods["fault"]),),
            "See that the cluster answers, and that the Hub's Role may list pods.",
            datetime.fromisoformat(since) if since else None,
        )
    if count := pods.get("unassigned"):
        shown = [f"{e['pod']} ({e['source']}): {e['reason']}" for e in pods["examples"]]
        more = count - len(shown)
        are = "1 observed pod is" if count == 1 else f"{count} observed pods are"
        yield Trouble(
            "platform.pods.unassigned",
            "Observed pods",
            f"{are} charged to nobody.",
            (*shown, *([f"and {more} more"] if more else [])),
            "Have what makes them set the label, or correct observed_pods in the policy.",
        )
