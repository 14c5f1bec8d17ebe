"""Faults in what pages show, and where they lead."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

PAGES: Final = (
    *noticed_by(
        "tests/hub/test_live_already_running.py -k 'every_way or link_began'",
        (
            "a start's page leads past the choice",
            "PendingWish.get",
            Replace("wish = asked_options(self)", "wish: dict[str, str] = {}"),
        ),
        (
            "a start goes on with what the link asked for",
            "AlreadyRunning._get_pending_url",
            Drop("key not in _WISHES"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_reports.py",
        (
            "a group that was left is offered as long as it is charged",
            "_report_account",
            Drop("member", within="member and question_shows(question, tier)"),
        ),
        (
            "a report counts who is charged as a member",
            "_report",
            Replace("memberships", "memberships | {'vision', 'text'}"),
        ),
    ),
    *noticed_by(
        "tests/service/test_queries.py",
        (
            "a page without a live part is asked for it",
            "PageHandler.argument",
            Return("str(self.get_query_argument(name, default))"),
        ),
        (
            "a slash leads out of the service",
            "NotFoundPage.prepare",
            Replace(
                'prefix + path.removeprefix(prefix).strip("/")',
                'path.removeprefix(prefix).rstrip("/")',
            ),
        ),
    ),
    *noticed_by(
        "tests/hub/test_live_already_running.py",
        (
            "a wish leads to what runs",
            "AlreadyRunning._get",
            Always("user is None or not (wish or NEW_SERVER in self.request.query_arguments)"),
        ),
    ),
    *noticed_by(
        "tests/service/test_troubles.py",
        ("faults of the policy file are not told", "_of_file", Never("if faults: ...")),
        ("a store that is down is not told", "_of_store", Never('if store["fault"]: ...')),
        ("drift is not told", "_of_drift", Never("if drift: ...")),
    ),
)
