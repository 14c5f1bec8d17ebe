"""Faults in servers that have run long enough, or too long."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

LIFETIMES: Final = (
    *noticed_by(
        "tests/hub/servers/test_lifetimes.py",
        (
            "what was used while the Hub was down is idle",
            "Lifetimes._is_idle",
            Replace("self._began", "held.opened_at"),
        ),
        (
            "use that is reported is not heard",
            "Lifetimes._is_idle",
            Replace(
                "used",
                "held.opened_at",
                within="max(used, self._busy_at.get(held.id, self._began))",
            ),
        ),
        (
            "a busy kernel is idle",
            "Lifetimes._stop_unless_busy",
            Drop("self._busy_at[held.id] = datetime.now(UTC)\nreturn"),
        ),
        (
            "a missing answer means that no kernel is busy",
            "_read_kernels",
            Return("[]", within="except (ClientError, OSError, ValueError): ..."),
        ),
        (
            "an empty answer means that no kernel is busy",
            "_read_kernels",
            Return("[]", within="if not isinstance(kernels, list): ..."),
        ),
        (
            "no answer is never enough",
            "Lifetimes._stop_unless_busy",
            Always("unanswered < LOOKS_WITHOUT_ANSWER"),
        ),
        (
            "looks without an answer count with an answer between",
            "Lifetimes._stop_unless_busy",
            Replace("self._unanswered.pop", "self._unanswered.get"),
        ),
        (
            "looks without an answer count with use between",
            "Lifetimes.stop_unused",
            Drop("_keep_only(idle, self._unanswered)"),
        ),
        ("all are asked at once", "Lifetimes.__init__", Replace("_MAX_CONCURRENT_ASKS", "1000")),
        (
            "a question waits in a queue",
            "_read_kernels",
            Replace("JupyterHubHTTPClient", "JupyterHubHTTPClient.loop_instance"),
        ),
        (
            "what is used while it is asked is stopped",
            "Lifetimes._stop_unless_busy",
            Always("if self._is_idle(spawner, held): ..."),
        ),
        ("another run is stopped", "Lifetimes._is_idle", Drop("spawner.reservation != held")),
        (
            "a lifetime never ends",
            "Lifetimes.keep_deadlines",
            Never("held.ends_at is not None and held.ends_at <= now"),
        ),
    ),
)
