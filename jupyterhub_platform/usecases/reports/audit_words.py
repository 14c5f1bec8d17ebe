"""Says what a row of the audit tells of, in one line: who did what to whom, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.quantities import describe_amount, read_quantity
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.core.times import describe_instant, read_stored

ANONYMOUS: Final = "(anonymous)"
"""The actor of whatever a caller without a login tried; no user can have this name."""

UNIX: Final = "unix:"
"""Begins the actor of a command on the Hub's own machine: the user of that machine."""

_MAX_LISTED: Final = 5
_MAX_REASON: Final = 300

_VERBS: Final[Mapping[str, tuple[str, str, str]]] = {
    "policy.rolled_back": ("roll back", "rolled back", "what is managed in the Hub"),
    "policy.adopted": ("move", "moved", "a managed object into the file"),
    "policy.released": ("move", "moved", "a declared object into the Hub"),
    "audit.trimmed": ("remove", "removed", "{subject} of the audit, which were old enough"),
    "policy.published": ("publish", "published", "the policy as {subject}"),
    "server.denied": ("start", "started", "the server {subject}"),
    "server.denied_again": ("start", "started", "the server {subject}"),
    "server.denials_counted": ("start", "started", "other servers"),
    "server.choice_passed_over": (
        *("start", "started"),
        "{subject} with a default, since an earlier choice no longer exists",
    ),
    "server.stopped": ("stop", "stopped", "the server {subject}"),
    "server.changed": ("change", "changed", "the server {subject}"),
    "person.invited": ("invite", "invited", "{subject}"),
    "person.claimed": ("log in", "logged in", "for the first time, as {subject}"),
    "person.claims_changed": (
        "change",
        "changed",
        "by what their identity provider says",
    ),
    "person.forgotten": ("forget", "forgot", "the login of {subject}"),
    "person.suspended": ("suspend", "suspended", "{subject}{until}"),
    "person.resumed": ("lift", "lifted", "the suspension of {subject}"),
    "person.password_set": ("set", "set", "the password of {subject}"),
    "person.logged_in": ("log in", "logged in", "as {subject}"),
    "person.added": ("add", "added", "{subject} to the Hub"),
    "person.removed": ("remove", "removed", "{subject} from the Hub"),
    "person.changed": ("change", "changed", "{subject} in the Hub"),
    "group.added": ("add", "added", "the group {subject} to the Hub"),
    "group.removed": ("remove", "removed", "the group {subject} from the Hub"),
    "group.members_added": ("add", "added", "{names} to {subject}"),
    "group.members_removed": ("take", "took", "{names} out of {subject}"),
    "group.properties_set": ("set", "set", "the properties of the group {subject}"),
    "token.made": ("make", "made", "a token for {subject}"),
    "token.revoked": ("revoke", "revoked", "a token of {subject}"),
    "share.made": ("share", "shared", "the server {subject} with {names}"),
    "share.revoked": ("end", "ended", "the sharing of {subject} with {names}"),
    "share.accepted": ("accept", "accepted", "a share of {subject}"),
    "share_code.made": ("make", "made", "a share code for {subject}"),
    "share_code.revoked": ("revoke", "revoked", "share codes of {subject}"),
    "service.added": ("add", "added", "the service {subject} to the Hub"),
    "service.removed": ("remove", "removed", "the service {subject} from the Hub"),
    "proxy.changed": ("change", "changed", "the proxy of the Hub"),
    "hub.shut_down": ("shut down", "shut down", "the Hub"),
    "request.made": ("ask", "asked", "for {wish}, for {subject}"),
    "request.approved": ("approve", "approved", "the request of {subject} for {wish}"),
    "request.refused": ("refuse", "refused", "the request of {subject} for {wish}"),
    "request.withdrawn": ("withdraw", "withdrew", "the request of {subject} for {wish}"),
    "bulk.started": ("begin", "began", "the bulk change {subject}"),
    "bulk.refused": ("do", "did", "a part of the bulk change {subject}"),
    "bulk.stopped": ("stop", "stopped", "the bulk change {subject}"),
    "bulk.resumed": ("resume", "resumed", "the bulk change {subject}"),
    "bulk.failed": ("make", "could not make", "the bulk change {subject}, which is undone"),
    "bulk.done": ("finish", "finished", "the bulk change {subject}"),
    "request.expired": ("end", "ended", "the request of {subject} for {wish}: no one answered it"),
    "request.void": ("end", "ended", "the request of {subject} for {wish}"),
    "grant.made": ("give", "gave", "{grant}"),
    "grant.changed": ("change", "changed", "a grant: {grant}"),
    "grant.retired": ("end", "ended", "a grant: {grant}"),
    "call.refused": ("make", "made", "other requests"),
    "call.counted": ("change", "changed", "tokens or shares of their own"),
    "server.added": ("add", "added", "the server {subject}"),
    "server.started": ("start", "started", "the server {subject}"),
}
"""What each action is: after “tried to”, as what was done, and to what."""

_OWN: Final[Mapping[str, str]] = {
    "token.made": "a token of their own",
    "token.revoked": "a token of their own",
    "person.password_set": "their own password",
    "request.made": "for {wish}",
    "request.withdrawn": "their request for {wish}",
}
"""What an action is to, if it is one's own."""

_OF_OBJECTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "made": ("make", "made", "the {kind} {subject}"),
    "changed": ("change", "changed", "the {kind} {subject}"),
    "retired": ("retire", "retired", "the {kind} {subject}"),
}


def say_event(actor: str, action: str, subject: str, result: str, detail: Mapping[str, Any]) -> str:
    """Say a row of the audit in one line, with the reason at its end."""
    kind, _, change = action.partition(".")
    who, reason = name_actor(actor), _shorten(detail.get("reason") or detail.get("sentence"))
    because = f": {reason}" if reason else ""
    verb = _VERBS.get(action) or _OF_OBJECTS.get(change)
    if verb is None:
        outcome = "" if result == "done" else f", {result}"
        return f"{who}: {action} {subject}".rstrip() + outcome + because
    infinitive, past, rest = verb
    if subject == actor:
        rest = _OWN.get(action, rest)
    is_named = subject or "{" not in rest
    whom = rest.format_map(_Words(kind, subject, detail)) if is_named else ""
    if result == "done":
        return f"{who} {past} {whom}".rstrip() + _say_times(detail) + because
    end = "and was refused" if result == "refused" else "and it failed"
    return f"{who} tried to {infinitive} {whom}".rstrip() + f"{_say_times(detail)}, {end}{because}"


def name_actor(actor: str) -> str:
    """Name who did something."""
    if actor == ANONYMOUS:
        return "An anonymous caller"
    if actor.startswith(UNIX):
        return f"{actor.removeprefix(UNIX)}, on the Hub's machine,"
    return {"platform": "The platform", "platform.yaml": "The policy file"}.get(actor, actor)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words that a sentence may ask for; any row is said, whatever its detail has."""

    kind: str
    subject: str
    detail: Mapping[str, Any]

    def __getitem__(self, name: str) -> str:
        return {
            "kind": lambda: self.kind,
            "subject": lambda: self.subject,
            "until": self._say_until,
            "names": self._list_names,
            "grant": self._say_grant,
            "wish": self._say_wish,
        }[name]()

    def _say_until(self) -> str:
        return _say_end(self.detail.get("until"))

    def _list_names(self) -> str:
        before, after = self.detail.get("before"), self.detail.get("after")
        named = [*(before if isinstance(before, dict) else ())]
        named += [each for each in (after if isinstance(after, dict) else ()) if each not in named]
        if not named:
            return "others"
        more = len(named) - _MAX_LISTED
        shown = [str(each)[:64] for each in named[:_MAX_LISTED]]
        return listed([*shown, f"{more} more"] if more > 0 else shown)

    def _say_grant(self) -> str:
        granted = self.detail.get("after") or self.detail.get("before")
        if not isinstance(granted, dict):
            return f"the grant {self.subject}"
        whom = str(granted.get("user") or granted.get("group") or "all users")
        where = f" in {granted['account']}" if granted.get("account") else ""
        what = _say_given(granted) or f"the grant {self.subject}"
        return f"{whom} {what}{where}{_say_end(granted.get('until'))}"

    def _say_wish(self) -> str:
        wish = self.detail.get("wish")
        named = dict(wish) if isinstance(wish, dict) else {}
        longer = ["a grant that lasts longer"] if named.get("grant") else []
        parts = [each for each in (_say_given(named), *longer) if each] or ["more"]
        where = f" in {self.detail['account']}" if self.detail.get("account") else ""
        return f"{listed(parts)}{where}"


def _say_given(granted: Mapping[str, Any]) -> str:
    """Say the tier, the level and the amounts of a grant, or of a request for one."""
    add = granted.get("add")
    amounts = [
        f"{_describe_amount(str(name), amount)} more"
        for name, amount in (add.items() if isinstance(add, dict) else ())
    ]
    named = [f"the {key} {granted[key]}" for key in ("tier", "level") if granted.get(key)]
    return listed([*amounts, *named]) if amounts or named else ""


def _describe_amount(name: str, amount: object) -> str:
    """Describe an amount; a row may say anything."""
    try:
        return describe_amount(name, read_quantity(str(amount), name))
    except QuantityError:
        return f"{amount} {name}"


def _say_end(until: object) -> str:
    try:
        return f" until {describe_instant(read_stored(str(until)))}" if until else ""
    except (ValueError, OverflowError):
        return ""


def _say_times(detail: Mapping[str, Any]) -> str:
    times = detail.get("times")
    return f" {times} times" if isinstance(times, int) and times > 1 else ""


def _shorten(reason: object) -> str:
    lines = str(reason or "").split("\n")
    text = lines[0].strip()
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 1]}…"
