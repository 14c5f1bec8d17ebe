"""Checks that the clocks of Hub, API server and nodes agree with the one here."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from jupyterhub_platform.core.manifests import part
from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import (
    Finding,
    failed,
    read_rights,
    unknown,
    warning,
)

NOTICED_SECONDS: Final = 5
"""Answers have whole seconds, and take a while: a smaller difference does not count."""
BAD_SECONDS: Final = 60
LEASE_SECONDS: Final = 60
"""A kubelet renews its lease every ten seconds; Kubernetes gives a node up after 40 to 50."""

_WHY: Final = (
    "Tokens, certificates, grants and deadlines begin and end at the wrong time, and logins fail."
)
_FIX: Final = "Have both machines follow a time server; with systemd: timedatectl set-ntp true"


def check_hub_clock(facts: DoctorFacts) -> Iterator[Finding]:
    """Compare the Hub's clock with the one here."""
    if facts.hub is not None and facts.hub.ahead_seconds is not None:
        yield from _compare("The Hub's clock", facts.hub.ahead_seconds)


def check_cluster_clock(facts: DoctorFacts) -> Iterator[Finding]:
    """Compare the API server's clock with the one here, and the nodes' leases with that."""
    cluster = facts.cluster
    if cluster is None or cluster.answered_at is None:
        yield unknown(
            "The API server does not say what time it is.",
            _WHY,
            "Compare its clock with the one here: date --utc, on both machines.",
        )
        return
    yield from _compare("The API server's clock", cluster.ahead_seconds)
    leases = cluster.of("leases")
    if leases.unread:
        yield unknown(
            f"The leases of nodes {leases.unread}.",
            "A node whose clock is wrong cannot be told from the others.",
            read_rights(leases),
        )
    for lease in leases.listed:
        yield from _check_lease(
            str(part(lease, "metadata").get("name")),
            str(part(lease, "spec").get("renewTime", "")),
            cluster.answered_at,
        )


def _compare(whose: str, ahead_seconds: float) -> Iterator[Finding]:
    away = abs(ahead_seconds)
    if away > NOTICED_SECONDS:
        side = "ahead of" if ahead_seconds > 0 else "behind"
        make = failed if away > BAD_SECONDS else warning
        yield make(f"{whose} is {away:.0f} s {side} the one here.", _WHY, _FIX)


def _check_lease(node: str, renewed: str, now: datetime) -> Iterator[Finding]:
    try:
        age = now - datetime.fromisoformat(renewed)
    except ValueError:
        return
    if age < timedelta(seconds=-NOTICED_SECONDS):
        yield warning(
            f"The clock of node {node} is {-age.total_seconds():.0f} s ahead of the API server's.",
            _WHY,
            f"Have node {node} follow a time server; with systemd: timedatectl set-ntp true",
        )
    elif age > timedelta(seconds=LEASE_SECONDS):
        yield warning(
            f"Node {node} renewed its lease {age.total_seconds():.0f} s ago, by its own clock.",
            "Either it does not report any more, or its clock is behind.",
            f"kubectl describe node {node}",
        )
