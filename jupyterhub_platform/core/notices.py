"""Notices to people of requests and grants, and when one is sent again."""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from jupyterhub_platform.core.access_requests import AccessRequest
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.quantities import describe_amount, read_quantity
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.core.times import describe_duration, describe_instant, read_stored

MAX_ATTEMPTS: Final = 20
MAX_AGE: Final = timedelta(days=2)
"""A notice that did not arrive after so long, or so many attempts, has failed."""
MAX_SUBJECT: Final = 200
_FIRST_DELAY: Final = timedelta(seconds=5)
_LONGEST_DELAY: Final = timedelta(hours=1)


class Event(StrEnum):
    """What a notice tells of."""

    REQUEST_MADE = "request.made"
    REQUEST_APPROVED = "request.approved"
    REQUEST_REFUSED = "request.refused"
    REQUEST_WITHDRAWN = "request.withdrawn"
    REQUEST_EXPIRED = "request.expired"
    REQUEST_VOID = "request.void"
    GRANT_ENDS = "grant.ends"
    GRANT_ENDED = "grant.ended"
    TEST = "test"


class Channel(StrEnum):
    """How a notice leaves the Hub."""

    WEBHOOK = "webhook"
    MAIL = "mail"


class NoticeState(StrEnum):
    """What has become of a notice."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Notice:
    """What one receiver is told.

    ``id`` stays the same however often it is sent, so that receivers can drop repeats. An e-mail
    has one recipient; a webhook is told all of them. ``facts`` are what it tells, as JSON.
    """

    id: str
    event: Event
    channel: Channel
    recipients: tuple[str, ...]
    facts: Mapping[str, Any]
    at: datetime
    state: NoticeState = NoticeState.WAITING
    attempts: int = 0
    next_at: datetime | None = None
    error: str = ""
    done_at: datetime | None = None


def make_notices(
    event: Event,
    about: str,
    facts: Mapping[str, Any],
    recipients: Iterable[str],
    channels: Iterable[Channel],
    at: datetime,
) -> list[Notice]:
    """Return one notice for the webhook, and one for each recipient by e-mail.

    The same event about the same thing has the same ids: entered twice, it is sent once.
    """
    names = tuple(sorted(set(recipients)))
    each_alone: list[tuple[str, ...]] = [(name,) for name in names]
    to = {Channel.WEBHOOK: [names], Channel.MAIL: each_alone}
    return [
        Notice(_identify(event, about, channel, receivers), event, channel, receivers, facts, at)
        for channel in sorted(set(channels))
        for receivers in to[channel]
    ]


def _identify(event: Event, about: str, channel: Channel, receivers: Sequence[str]) -> str:
    who = receivers if channel is Channel.MAIL else ()
    identity = "\0".join((event, about, channel, *who))
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def next_attempt(notice: Notice, now: datetime) -> datetime | None:
    """Return when a notice whose ``attempts`` failed is sent again; None if it has failed."""
    if notice.attempts >= MAX_ATTEMPTS or now - notice.at >= MAX_AGE:
        return None
    return now + min(_FIRST_DELAY * (1 << notice.attempts - 1), _LONGEST_DELAY)


# -- facts -----------------------------------------------------------------------------------------


def request_facts(
    request: AccessRequest, by: str, answer: str, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what a notice tells of a request.

    ``given`` is what was approved instead of what was asked for, if it was less.
    """
    return {
        "request": {
            "id": request.id,
            "user": request.user,
            "account": request.account,
            "kind": str(request.kind),
            "wish": dict(request.wish),
            "seconds": int(request.lasts.total_seconds()) if request.lasts else None,
            "reason": request.reason,
            "by": by,
            "answer": answer,
            "given": dict(given) if given else None,
        }
    }


def grant_facts(grant: Grant) -> dict[str, Any]:
    """Return what a notice tells of a grant."""
    return {
        "grant": {
            "user": grant.user,
            "group": grant.group,
            "account": grant.account,
            "tier": grant.tier,
            **({"level": str(grant.level)} if grant.level else {}),
            "add": {name: grant.add.amount(name) for name in grant.add},
            "until": grant.until.isoformat(),
            "by": grant.by,
            "reason": grant.reason,
        }
    }


def name_grant(grant: Grant, *, is_managed: bool) -> str:
    """Return what a grant is called from one change of the policy to the next.

    Those of the file have no name, and their number changes with the file: what they give is it.
    """
    if is_managed:
        return grant.path
    given = _given(grant_facts(grant)["grant"])
    return hashlib.sha256(repr(given).encode("utf-8", "surrogatepass")).hexdigest()


def gives_the_same(facts: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two grants give the same to the same, by any giver and for any time."""
    return _given(facts["grant"]) == _given(other["grant"])


def _given(grant: Mapping[str, Any]) -> tuple[Any, ...]:
    parts = (grant[key] for key in ("user", "group", "account", "tier"))
    level = (grant["level"],) if "level" in grant else ()
    return (*parts, tuple(sorted(grant["add"].items())), *level)


def announce_at(until: datetime, now: datetime, before: timedelta) -> datetime:
    """Return when the end of a grant is announced that is seen first at ``now``.

    One that is shorter is announced when half of it is over: not when it has just begun.
    """
    return until - min(before, (until - now) / 2)


# -- words -----------------------------------------------------------------------------------------

_ANSWERS: Final[Mapping[Event, str]] = {
    Event.REQUEST_APPROVED: "approved",
    Event.REQUEST_REFUSED: "refused",
    Event.REQUEST_WITHDRAWN: "withdrawn",
    Event.REQUEST_EXPIRED: "expired",
    Event.REQUEST_VOID: "void",
}
_TEST: Final = "This is a test of notices. Nothing has happened."


def say_subject(notice: Notice) -> str:
    """Say in one line what a notice tells; whatever users wrote in it stays on that line."""
    return one_line(_say_subject(notice))[:MAX_SUBJECT]


def say_text(notice: Notice) -> str:
    """Say what a notice tells, in a few lines."""
    if request := notice.facts.get("request"):
        return "\n".join(map(one_line, _request_lines(notice.event, request)))
    if grant := notice.facts.get("grant"):
        return "\n".join(map(one_line, _grant_lines(notice.event, grant)))
    return _TEST


def _say_subject(notice: Notice) -> str:
    if request := notice.facts.get("request"):
        wish = _say_wish(request["wish"], request["seconds"])
        where = f" in {request['account']}" if request["account"] else ""
        if notice.event is Event.REQUEST_MADE:
            return f"{request['user']} asks for {wish}{where}"
        less = ", for less" if request["given"] else ""
        return f"Request of {request['user']} {_ANSWERS[notice.event]}{less}: {wish}{where}"
    if grant := notice.facts.get("grant"):
        verb = "ends soon" if notice.event is Event.GRANT_ENDS else "has ended"
        return f"Grant of {_say_given(grant)} for {grant['user'] or grant['group']} {verb}"
    return "Test of notices"


def _request_lines(event: Event, request: Mapping[str, Any]) -> list[str]:
    wish = _say_wish(request["wish"], request["seconds"])
    where = f" in {request['account']}" if request["account"] else ""
    lines = [f"{request['user']} asked for {wish}{where}.", f"Why: {request['reason']}"]
    if event in _ANSWERS:
        lines.append(f"The request is {_ANSWERS[event]}, by {request['by']}.")
        if request["given"]:
            given = _say_wish(request["given"]["wish"], request["given"]["seconds"])
            lines.append(f"Approved was less: {given}.")
        lines.append(f"Answer: {request['answer']}")
    else:
        lines.append("Approve or refuse it: one answer is enough.")
    return lines


def _grant_lines(event: Event, grant: Mapping[str, Any]) -> list[str]:
    where = f" in {grant['account']}" if grant["account"] else ""
    until = describe_instant(read_stored(grant["until"]))
    what = f"The grant of {_say_given(grant)}{where} for {grant['user'] or grant['group']}"
    if event is Event.GRANT_ENDS:
        sentence = f"{what} ends at {until}. Ask for a longer one before, if you still need it."
    elif grant.get("early"):
        sentence = f"{what} has ended before its time, which was {until}."
    else:
        sentence = f"{what} has ended at {until}."
    return [
        sentence,
        "Servers that run go on; new ones start only within what is left.",
        f"It was given by {grant['by']}: {grant['reason']}",
    ]


def _say_wish(wish: Mapping[str, Any], seconds: int | None) -> str:
    if "add" in wish:
        wished = (
            listed([_say_amount(name, amount) for name, amount in wish["add"].items()]) + " more"
        )
    elif "grant" in wish:
        wished = "a longer grant"
    else:
        wished = " ".join(f"the {key} {value}" for key, value in wish.items())
    return wished + (f" for {describe_duration(timedelta(seconds=seconds))}" if seconds else "")


def _say_given(grant: Mapping[str, Any]) -> str:
    amounts = [describe_amount(name, amount) for name, amount in grant["add"].items()]
    named = [f"the {key} {grant[key]}" for key in ("tier", "level") if grant.get(key)]
    return listed([*amounts, *named])


def _say_amount(name: str, amount: Any) -> str:
    try:
        return describe_amount(name, read_quantity(amount, name))
    except QuantityError:
        return f"{name} {amount}"


def one_line(text: str) -> str:
    """Return a text of any origin without line breaks, controls or marks that turn it around."""
    kept = (" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    return " ".join("".join(kept).split())
