"""Faults in what Overview tells, and whom."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Drop, Never, Replace

OVERVIEW: Final = (
    *noticed_by(
        "tests/service/test_overview.py",
        (
            "all who see a failed server read its log",
            "ended:_read_end",
            Replace("viewer.reads_log_of(run.user)", "True"),
        ),
        (
            "a manager is told of servers in other groups",
            "Whose.condition",
            Replace("self.all", "True"),
        ),
        (
            "a manager is asked to answer their own request",
            "access_requests:list_requests",
            Never("but_of is not None"),
        ),
    ),
    *noticed_by(
        "tests/hub/spawner/test_log_end.py",
        (
            "the server's own token is kept with its log",
            "log_end:_hide",
            Drop("text = text.replace(secret, SECRET)"),
        ),
    ),
    *noticed_by(
        "tests/core/test_branding.py",
        (
            "a help link runs a script",
            "read_links",
            Replace("not _URL.match(url)", "False"),
        ),
    ),
)
