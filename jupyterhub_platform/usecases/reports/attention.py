"""Lists what needs the viewer's attention: why, what to do, and the page where that is done.

Each kind has a few entries, their total, and the page with all of them. A viewer sees only what
they may see, and links only to pages that they may open.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args
from urllib.parse import quote, urlencode

from jupyterhub_platform.core.access_requests import OPEN_DAYS, AccessRequest, RequestState, Wish
from jupyterhub_platform.core.quantities import describe_amount, read_quantity
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.core.times import describe_length
from jupyterhub_platform.store import access_requests
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.usecases.holdings import LimitLine
from jupyterhub_platform.usecases.reports.ended import Ended
from jupyterhub_platform.usecases.reports.fullness import list_full, read_shares
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
    full: dict[str, float] = {}
    for user, shares in read_shares(facts).users.items():
        for account, here, everywhere in shares:
            if viewer.sees_account(account):
                share = max(here, everywhere) if viewer.reads_all else here
                if share >= 1:
                    full[user] = max(share, full.get(user, 0.0))
    ranked = heapq.nsmallest(limit, full, key=lambda user: (-full[user], user))
    kinds = {"member", "user"} if viewer.reads_all else {"member"}
    shown = {
        user: list_full(facts, user, _list_seen_accounts(facts, viewer, user), kinds)
        for user in ranked
    }
    entries = [_enter_person(viewer, user, lines) for user, lines in shown.items()]
    are = "is" if len(full) == 1 else "are"
    sentence = f"{_count(len(full), 'user')} {are} at a limit of their own"
    return _concern(
        "people", "Users at their limits", sentence, len(full), entries, "overview?show=people"
    )


def _list_seen_accounts(facts: ReportFacts, viewer: Viewer, user: str) -> set[str]:
    accounts = {each.account for each in facts.book.of_user(user)}
    return {account for account in accounts if viewer.sees_account(account)}


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
    shares = read_shares(facts).groups
    full = [each for each, share in shares.items() if share >= 1 and viewer.sees_account(each)]
    ranked = heapq.nsmallest(limit, full, key=lambda account: (-shares[account], account))
    shown = [(account, list_full(facts, "", (account,), {"account"})) for account in ranked]
    entries = [_enter_group(viewer, account, lines) for account, lines in shown]
    are = "is" if len(full) == 1 else "are"
    sentence = f"{_count(len(full), 'group')} {are} full"
    return _concern("groups", "Full groups", sentence, len(full), entries, "overview?show=groups")


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
