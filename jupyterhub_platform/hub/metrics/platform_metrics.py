"""Metrics of the platform, on the registry that the Hub exposes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client import Counter as CounterMetric
from prometheus_client import Gauge

from jupyterhub_platform.usecases.consistency import Drift

DRIFT = Gauge(
    "jupyterhub_platform_drift",
    "Differences between the book, the servers and the ledger, by kind",
    ["kind"],
)
COMPARISONS = CounterMetric(
    "jupyterhub_platform_comparisons_total",
    "How often the book, the servers and the ledger were compared",
)
STORE_UP = Gauge("jupyterhub_platform_store_up", "Whether the platform's store answers")
DECISIONS = CounterMetric(
    "jupyterhub_platform_decisions_total", "Starts that were decided, by answer", ["answer"]
)
PODS = Gauge(
    "jupyterhub_platform_pods",
    "Pods of servers in the namespace, by what they are to this Hub",
    ["standing"],  # by its first name: dashboards and alerts ask for it
)

OBSERVED_PODS = Gauge(
    "jupyterhub_platform_observed_pods",
    "Pods of users' own controllers: those that count as held, and those charged to nobody",
    ["state"],
)
OBSERVED_AT = Gauge(
    "jupyterhub_platform_observed_pods_timestamp_seconds", "When these pods were listed last"
)

NOTICES_WAITING = Gauge(
    "jupyterhub_platform_notices_waiting", "Notices that wait to be delivered", ["channel"]
)
NOTICES = CounterMetric(
    "jupyterhub_platform_notices_total",
    "Notices that were delivered, skipped or given up, by channel",
    ["channel", "outcome"],
)

AUDIT_SEQUENCE = Gauge(
    "jupyterhub_platform_audit_sequence", "The number of the last row of the audit"
)
AUDIT_WHOLE = Gauge("jupyterhub_platform_audit_whole", "Whether the audit is intact")
# A label has a new series for each value: it changes with the line in the log, once an hour.
AUDIT_HEAD = Gauge(
    "jupyterhub_platform_audit_head_info",
    "The head of the audit that was noted in the log last",
    ["sequence", "hash"],
)

_KINDS = (
    "server_without_reservation",
    "reservation_without_server",
    "reservation_without_row",
    "row_without_reservation",
    "total",
)


def report_head(sequence: int, hash_: str) -> None:
    """Expose the head that was logged last, and no other."""
    AUDIT_HEAD.clear()
    AUDIT_HEAD.labels(str(sequence), hash_).set(1)


def report_drift(drifts: Iterable[Drift]) -> None:
    """Expose the number of differences of each kind, including zeros."""
    counts = Counter(drift.kind for drift in drifts)
    for kind in _KINDS:
        DRIFT.labels(kind).set(counts[kind])


def report_observed(held: int, unassigned: int, at: datetime) -> None:
    """Expose how many observed pods there are, as they were seen ``at`` last."""
    OBSERVED_PODS.labels("held").set(held)
    OBSERVED_PODS.labels("unassigned").set(unassigned)
    OBSERVED_AT.set(at.timestamp())


def report_pods(counts: Mapping[str, int]) -> None:
    """Expose the number of pods of each ownership."""
    for ownership, count in counts.items():
        PODS.labels(ownership).set(count)
