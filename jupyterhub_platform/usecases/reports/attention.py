"""Lists what needs the viewer's attention: why, what to do, and the page where that is done.

Each kind has a few entries, their total, and the page with all of them. A viewer sees only what
they may see, and links only to pages that they may open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args
from urllib.parse import quote, urlencode

from jupyterhub_platform.core.access_requests import OPEN_DAYS, AccessRequest, RequestState, Wish
from jupyterhub_platform.core.policy import Limit
from jupyterhub_platform.core.quantities import describe_amount, read_quantity
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.core.times import describe_length
from jupyterhub_platform.store import access_requests
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.usecases.holdings import LimitLine, hold
from jupyterhub_platform.usecases.reports.ended import Ended
from jupyterhub_platform.usecases.reports.grants import (
    GrantState,
    find_state,
    grant_line,
    sees_grant,
)
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

SHOWN: Final = 5
"""How many of each kind are shown."""
SHOWN_ALONE: Final = 100
"""How many are shown of the kind that is asked for."""
_MAX_LOGS: Final = 10
"""How many logs are shown at once: a page stays small."""
_MAX_REASON: Final = 200

Kind: TypeAlias = Literal["failed", "requests", "groups", "people", "grants"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that needs attention.

    ``place`` is the page where something can be done, relative to the platform's address, and
    ``action`` the text of its link. ``code`` is that of a cause. ``since`` is when it began, and
    ``until`` when it ends by itself.
    """

    subject: str
    sentence: str
    fix: str
    place: str
    action: str
    code: str = ""
    since: datetime | None = None
    until: datetime | None = None
    log: str = ""


@dataclass(frozen=True, slots=True)
class Concern:
    """Entries of one kind, ``total`` of them; ``rest`` is the page with all of them."""

    kind: Kind
    title: str
    sentence: str
    total: int
    entries: tuple[Entry, ...]
    rest: str


def find_failed(failed: Sequence[Ended], limit: int = SHOWN) -> Concern | None:
    """Return the servers that failed in the last day."""
    entries = [
        _enter_failed(each, number < _MAX_LOGS) for number, each in enumerate(failed[:limit])
    ]
    many = len(failed)
    sentence = f"{_count(many, 'server')} failed in the last day"
    return _concern("failed", "Failed servers", sentence, many, entries, "overview?show=failed")


def _enter_failed(each: Ended, with_log: bool) -> Entry:
    again = f" It failed {each.times} times in the last day." if each.times > 1 else ""
    runs = " It has been started again since, and runs." if each.runs_again else ""
    place = urlencode({"user": each.user, "server": each.server})
    return Entry(
        describe_server(each.user, each.server),
        f"{each.cause.sentence}{again}{runs}",
        each.cause.fix,
        f"servers/why?{place}",
        "Why",
        each.cause.code,
        each.at,
        log=each.log if with_log else "",
    )


def describe_server(user: str, server: str) -> str:
    """Say which server it is."""
    return f"{server} of {user}" if server else f"the default server of {user}"


def find_requests(tx: Transaction, viewer: Viewer, limit: int = SHOWN) -> Concern | None:
    """Return the requests that wait for the viewer's answer, the oldest first."""
    if not viewer.waiting:
        return None
    found = access_requests.list_requests(
        tx,
        state=RequestState.OPEN,
        accounts=None if viewer.changes_all else viewer.charges,
        but_of=viewer.name,
        oldest_first=True,
        limit=limit,
    )
    wait = "waits" if viewer.waiting == 1 else "wait"
    sentence = f"{_count(viewer.waiting, 'request')} {wait} for your answer"
    entries = [_enter_request(each) for each in found]
    return _concern("requests", "Requests", sentence, viewer.waiting, entries, "requests")


def _enter_request(each: AccessRequest) -> Entry:
    lasts = f" for {describe_length(each.lasts)}" if each.lasts else ""
    why = each.reason if len(each.reason) <= _MAX_REASON else each.reason[:_MAX_REASON] + " …"
    where = f" in {each.account}" if each.account else ""
    return Entry(
        each.user,
        f"{each.user} asks for {_describe_wish(each)}{where}{lasts}: “{why}”",
        "Approve it, approve less, or refuse it with a reason. "
        f"Without an answer it expires after {OPEN_DAYS} days.",
        f"requests/{quote(each.id, safe='')}",
        "Answer",
        since=each.at,
    )


def _describe_wish(each: AccessRequest) -> str:
    wish = each.wish
    match each.kind:
        case Wish.TIER:
            return f"the tier {wish['tier']}"
        case Wish.QUOTA:
            amounts = (describe_amount(n, read_quantity(a, n)) for n, a in wish["add"].items())
            return f"{listed(amounts)} more"
        case Wish.EXTENSION:
            return f"the grant {wish['grant']} for longer"
        case _:
            return f"the level {wish['level']}"


def find_people_at_limits(facts: ReportFacts, viewer: Viewer, limit: int = SHOWN) -> Concern | None:
    """Return the users who hold all of a limit of their own; only those who hold something can."""
    full: dict[str, list[LimitLine]] = {}
    seen = {(each.user, each.account) for each in facts.book if viewer.sees_account(each.account)}
    kinds = {"member", "user"} if viewer.reads_all else {"member"}
    for user, account in sorted(seen):
        for line in _list_full(facts, facts.policy.list_limits(user, account, facts.at), kinds):
            if line not in full.setdefault(user, []):
                full[user].append(line)
    found = {user: lines for user, lines in full.items() if lines}
    ranked = sorted(found.items(), key=lambda each: (-max(line.share for line in each[1]), each[0]))
    entries = [_enter_person(viewer, user, lines) for user, lines in ranked[:limit]]
    are = "is" if len(ranked) == 1 else "are"
    sentence = f"{_count(len(ranked), 'user')} {are} at a limit of their own"
    return _concern(
        "people", "Users at their limits", sentence, len(ranked), entries, "overview?show=people"
    )


def _enter_person(viewer: Viewer, user: str, lines: list[LimitLine]) -> Entry:
    held = listed(
        [f"{line.figures} in {line.limit.scope.account or 'all accounts'}" for line in lines]
    )
    account = next((line.limit.scope.account for line in lines if line.limit.scope.account), "")
    fix = "Another start is refused until one of their servers stops, or a grant gives them more."
    may_give = account and viewer.may_change("grant", account)
    give = urlencode({"user": user, "account": account})
    return Entry(
        user,
        f"{user} holds {held}.",
        fix,
        f"new/grant?{give}" if may_give else f"people/{quote(user, safe='')}",
        "Give more" if may_give else "See what they hold",
    )


def find_full_groups(facts: ReportFacts, viewer: Viewer, limit: int = SHOWN) -> Concern | None:
    """Return the groups that hold all of a limit; only those that hold something can."""
    accounts = sorted({each.account for each in facts.book if viewer.sees_account(each.account)})
    ranked = []
    for account in accounts:
        limits = facts.policy.list_limits("", account, facts.at)
        lines = _list_full(facts, limits, {"account"})
        if lines:
            ranked.append((account, lines))
    ranked.sort(key=lambda each: (-max(line.share for line in each[1]), each[0]))
    entries = [_enter_group(viewer, account, lines) for account, lines in ranked[:limit]]
    are = "is" if len(ranked) == 1 else "are"
    sentence = f"{_count(len(ranked), 'group')} {are} full"
    return _concern("groups", "Full groups", sentence, len(ranked), entries, "overview?show=groups")


def _enter_group(viewer: Viewer, account: str, lines: list[LimitLine]) -> Entry:
    name = quote(account, safe="")
    may_edit = viewer.changes_all and not any(line.declared_at for line in lines)
    return Entry(
        account,
        f"{account} holds {listed([line.figures for line in lines])}.",
        "Its members are refused until servers of the group stop, or its quota is raised.",
        f"groups/{name}/edit" if may_edit else f"groups/{name}",
        "Raise its quota" if may_edit else "See who holds it",
    )


def _list_full(facts: ReportFacts, limits: Iterable[Limit], kinds: set[str]) -> list[LimitLine]:
    held = (hold(facts.policy, facts.book, limit) for limit in limits if limit.scope.kind in kinds)
    return [line for line in held if line.limit.held and line.share >= 1]


def find_ending_grants(facts: ReportFacts, viewer: Viewer, limit: int = SHOWN) -> Concern | None:
    """Return the grants that end within two days, the first to end first."""
    ending = [
        grant
        for grant in facts.policy.grants
        if find_state(grant, facts.at) is GrantState.ENDING and sees_grant(facts, viewer, grant)
    ]
    ending.sort(key=lambda grant: (grant.until, grant.path))
    entries = []
    for grant in ending[:limit]:
        line = grant_line(facts, grant)
        may_edit = line.origin.is_managed and viewer.may_change("grant", line.account or line.group)
        where = f" in {line.account}" if line.account and line.account != line.group else ""
        entries.append(
            Entry(
                line.user or line.group,
                f"{line.user or line.group} has {line.what}{where} by a grant that ends soon.",
                _say_what_ends(line.origin.declared_at, may_edit=may_edit),
                f"grants/{quote(line.name, safe='')}/edit"
                if may_edit
                else "grants?search=state:ending",
                "Extend it" if may_edit else "See it",
                until=line.until,
            )
        )
    end = "ends" if len(ending) == 1 else "end"
    sentence = f"{_count(len(ending), 'grant')} {end} within two days"
    return _concern(
        "grants",
        "Grants that end soon",
        sentence,
        len(ending),
        entries,
        "grants?search=state:ending",
    )


def _say_what_ends(declared_at: str, *, may_edit: bool) -> str:
    ends = "It ends by itself, and what runs goes on."
    if may_edit:
        return f"{ends} Extend it if it is still needed."
    if declared_at:
        return f"{ends} If it is still needed, change it at {declared_at}."
    return f"{ends} If it is still needed, ask an admin to extend it."


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _concern(
    kind: Kind, title: str, sentence: str, total: int, entries: list[Entry], rest: str
) -> Concern | None:
    return Concern(kind, title, sentence, total, tuple(entries), rest) if total else None


def find_concerns(
    tx: Transaction, facts: ReportFacts, viewer: Viewer, failed: Sequence[Ended], show: str = ""
) -> tuple[Concern, ...]:
    """Return what needs attention, the most urgent kind first; more of the kind to ``show``."""

    def limit(kind: Kind) -> int:
        return SHOWN_ALONE if kind == show else SHOWN

    found = (
        find_failed(failed, limit("failed")),
        find_requests(tx, viewer, limit("requests")),
        find_full_groups(facts, viewer, limit("groups")),
        find_people_at_limits(facts, viewer, limit("people")),
        find_ending_grants(facts, viewer, limit("grants")),
    )
    return tuple(concern for concern in found if concern is not None)
