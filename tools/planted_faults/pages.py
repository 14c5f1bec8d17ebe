"""Faults in what pages show, and where they lead."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

PAGES: Final = (
    *noticed_by(
        "tests/usecases/test_kept_book.py",
        (
            "a kept book counts servers that were released since",
            "kept_book:_follow",
            Drop("book.strike(id_)"),
        ),
        (
            "a kept book is believed whatever the ledger counts",
            "KeptBook.read",
            Always("len(book) == mark.held"),
        ),
        (
            "a kept book is never checked",
            "KeptBook.read",
            Replace("ledger.list_open_ids(tx) == kept.book.ids | kept.doubles", "True"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_kept_runs.py",
        (
            "what a clock that was set back ended is not used",
            "KeptRuns.read",
            Never("not before.keys() - held.keys() <= ended.runs.keys()"),
        ),
        (
            "a server that ended just now counts twice",
            "KeptRuns.read",
            Always("held.keys().isdisjoint(ended.runs)"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_fullness.py",
        (
            "a limit is as full as before its grant ended",
            "KeptShares.read",
            Replace("self._granted | {each.user for each in changed}", "{e.user for e in changed}"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_search.py",
        (
            "a search finds users by what was true of the policy alone",
            "people:_search",
            Replace("name not in differing", "True"),
        ),
    ),
    *noticed_by(
        "tests/hub/spawn_page/test_live_already_running.py -k 'every_way or link_began'",
        (
            "a start's page leads past the choice",
            "PendingSpawn.get",
            Replace("wish = asked_options(self)", "wish: dict[str, str] = {}"),
        ),
        (
            "a start goes on with what the link asked for",
            "AlreadyRunning.make_pending_url",
            Drop("key not in _WISHES"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_reports.py",
        (
            "a group that was left is offered as long as it is charged",
            "_report_account",
            Drop(
                "member",
                within="(_offer(facts, question, each, own=own) for each in shown if member)",
            ),
        ),
        (
            "a report counts who is charged as a member",
            "own:_report",
            Replace(
                "facts.snapshot.subject(name, memberships, facts.at)",
                "facts.snapshot.subject(name, memberships | {'vision', 'text'}, facts.at)",
            ),
        ),
        (
            "a manager hears what is held in all accounts",
            "own:_say_summary",
            Always("whole", within="everywhere=whole"),
        ),
        (
            "a manager hears that a person is in no group",
            "own:_say_summary",
            Replace(
                "whole and may_start_servers(shared.subject)", "may_start_servers(shared.subject)"
            ),
        ),
        (
            "a manager sees limits in all accounts",
            "own:_report",
            Replace(
                "_shared_limits(facts, shared, holder) if within is None else ()",
                "_shared_limits(facts, shared, holder)",
            ),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_holdings.py",
        (
            "a limit of nothing alarms",
            "LimitLine.share",
            Replace("2.0 if self.limit.held else 0.0", "2.0"),
        ),
        (
            "what is over a limit passes for full",
            "LimitLine.fullness",
            Drop("if self.share > 1: ..."),
        ),
        (
            "what is held without a limit is not told",
            "say_holding",
            Replace("[describe_amount(resource, held)] if held else []", "[]"),
        ),
    ),
    *noticed_by(
        "tests/service/test_queries.py",
        (
            "a page without a live part is asked for it",
            "AuthenticatedHandler.argument",
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
        "tests/hub/spawn_page/test_live_already_running.py",
        (
            "a wish leads to what runs",
            "AlreadyRunning.get_page",
            Always("user is None or not (wish or NEW_SERVER in self.request.query_arguments)"),
        ),
    ),
    *noticed_by(
        "tests/service/test_troubles.py",
        ("faults of the policy file are not told", "_of_file", Never("if faults: ...")),
        ("a store that is down is not told", "_of_store", Never('if store["fault"]: ...')),
        ("drift is not told", "_of_drift", Never("if drift: ...")),
    ),
    *noticed_by(
        "tests/service/test_levels.py",
        (
            "a resource does not ask whether the caller may see it",
            "Resource.answer",
            Drop("self.may(*names)"),
        ),
        (
            "a decision is shown to every caller who has its id",
            "report_decision",
            Drop("not viewer.sees_start(record)"),
        ),
    ),
    *noticed_by(
        "tests/hub/test_public_address.py -k pages_of_the_service",
        (
            "notices lead to the Hub where the service has a host of its own",
            "find_public_pages",
            Never("service.host"),
        ),
    ),
    *noticed_by(
        "tests/hub/test_live_landing.py -k 'arrives or home_is or asked_for'",
        (
            "all people are led to People",
            "landing:Admin.get",
            Drop("if not any(self.has_scope(scope) for scope in _MAY_READ_PEOPLE): ..."),
        ),
        (
            "a level lands on a page that it may not see",
            "landing:land",
            Always("rule.reads_everything or rule.manages_groups"),
        ),
        (
            "who may start nothing lands on the spawn page",
            "landing:land",
            Never("not (may_start_servers(subject) and subject.accounts)"),
        ),
        (
            "the root passes over what was asked for",
            "landing:Root.get",
            Replace("self.get_next_url(self.current_user)", "land(self)"),
        ),
    ),
    *noticed_by(
        "tests/core/test_decision.py",
        (
            "a group of the same name is addressed as the user",
            "Denial.say_to",
            Replace("self.limit is None or self.limit.scope.user == user", "True"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_reports.py",
        (
            "a manager's meters tell what is held in all accounts",
            "_report_account",
            Always("whole or each.scope.kind not in _SHARED"),
        ),
    ),
)
