"""Faults in sums of usage, and in who sees them."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Drop, Never, Replace

USAGE: Final = (
    *noticed_by(
        "tests/service/test_usage.py",
        (
            "sums of all are shown to users who see only a part",
            "_is_in_sums",
            Drop("viewer.reads_all"),
        ),
        (
            "a manager's own servers count twice",
            "_list_seen",
            Drop("run.group not in found_already"),
        ),
        (
            "a name is a formula for a spreadsheet",
            "usage:_plain",
            Never("text.startswith(_FORMULA)"),
        ),
        (
            "half a file looks like a whole one",
            "UsageCall.get",
            Drop("self.request.connection.close()"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_usage_sums.py -k sqlite",
        (
            "a day that was interrupted counts twice",
            "UsageSums._find_day",
            Never("settled is not None and self._take_back(settled)"),
        ),
        (
            "a clock that was set back leaves days of the future",
            "UsageSums._find_day",
            Never("settled is not None and settled > today"),
        ),
        (
            "a day is settled at its end",
            "UsageSums.settle",
            Replace("now - GRACE", "now"),
        ),
        (
            "a running month has days that are not settled",
            "list_parts",
            Drop('parts.append(Part(usage_day, "day", and_(day >= ranges.beyond, day < end), -1))'),
        ),
        (
            "a day that is not settled is taken from a month that does not have it",
            "list_parts",
            Drop("day < end"),
        ),
    ),
    *noticed_by(
        "tests/core/test_usage.py",
        (
            "what ends in the future counts until then",
            "add_up",
            Replace("min(run.released, now)", "run.released"),
        ),
    ),
    *noticed_by(
        "tests/hub/metrics/test_held_metrics.py",
        (
            "series of groups have no bound",
            "HeldCollector.collect",
            Replace("servers.most_common(self._max_groups)", "servers.most_common()"),
        ),
    ),
)
