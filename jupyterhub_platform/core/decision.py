"""May this server start? Start reading here.

:func:`decide` is the one place that answers: the spawn page, the spawn itself, the REST API, the
dry run and the reports all call it. It is pure: the same question has the same answer.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from jupyterhub_platform.core.image_references import parse_pattern
from jupyterhub_platform.core.levels import LEVELS, Level
from jupyterhub_platform.core.question import (
    Candidate,
    HeldLimit,
    Question,
    limit_to_json,
    may_start_servers,
)
from jupyterhub_platform.core.question_json import question_to_json
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.sentences import (
    address,
    join_remedies,
    listed,
    say_how_to_get,
    say_passed_over,
    say_what_fits,
    say_what_helps,
    say_what_is_exceeded,
    say_whom_to_ask,
)
from jupyterhub_platform.core.suspensions import say_suspended


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason against.

    ``code`` is stable. ``reason`` says what is in the way and ``remedy`` what to do about it, each
    one sentence. For a limit: what it is, what is held, what was asked, how much is missing.
    """

    code: str
    reason: str
    remedy: str
    limit: HeldLimit | None = None
    asked: int = 0

    @property
    def missing(self) -> int:
        """How much would have to be freed or raised for this reason to go away."""
        return 0 if self.limit is None else self.limit.held + self.asked - self.limit.maximum

    def say_to(self, user: str) -> str:
        """Return the reason as it is said to ``user``, who asked: a limit of all is not theirs."""
        own = self.limit is None or self.limit.scope.user == user
        return address(self.reason, user) if own else self.reason

    def to_json(self, to: str = "") -> dict[str, Any]:
        """Render for the API, the ledger and the audit; said ``to`` the user, if one is given."""
        reason = self.say_to(to) if to else self.reason
        data: dict[str, Any] = {"code": self.code, "reason": reason, "remedy": self.remedy}
        if self.limit is not None:
            data |= limit_to_json(self.limit) | {"asked": self.asked, "missing": self.missing}
        return data


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer: admitted or every reason why not, and what would fit instead.

    ``observed`` says that the tier only observes: it was admitted, and would have been denied.
    """

    question: Question
    denials: tuple[Denial, ...]
    fits: tuple[str, ...]
    observed: bool = False

    @property
    def admitted(self) -> bool:
        """Whether the server may start."""
        return not self.denials or self.observed

    @property
    def demand(self) -> Resources:
        """What the server would hold; nothing if there is no such tier."""
        candidate = self.question.candidate
        return candidate.demand if candidate else Resources()

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the denials, each once, in order."""
        return tuple(dict.fromkeys(denial.code for denial in self.denials))

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to do about the denials, each once, in order."""
        return join_remedies(denial.remedy for denial in self.denials)

    @property
    def sentence(self) -> str:
        """The whole answer in words, the same wherever it is shown."""
        return self._say(denial.reason for denial in self.denials)

    def say_to(self, user: str) -> str:
        """Return the whole answer as it is said to ``user``, who asked."""
        return self._say(denial.say_to(user) for denial in self.denials)

    def _say(self, reasons: Iterable[str]) -> str:
        over = say_passed_over(self.question.passed_over)
        if not self.denials:
            return f"{over} {self.question.label} fits.".lstrip()
        parts = [over, *reasons, *self.remedies]
        in_the_way = any(denial.limit for denial in self.denials)
        if self.fits or in_the_way or _may_use_a_tier(self.question):
            parts.append(say_what_fits(self.fits))
        return " ".join(dict.fromkeys(part for part in parts if part))

    def to_json(self, to: str = "") -> dict[str, Any]:
        """Render the whole decision; said ``to`` the user who asked, if given."""
        question = self.question
        return {
            "admitted": self.admitted,
            "observed": self.observed,
            "sentence": self.say_to(to) if to else self.sentence,
            "codes": list(self.codes),
            "denials": [denial.to_json(to) for denial in self.denials],
            "fits": list(self.fits),
            "user": question.subject.name,
            "server": question.server,
            "tier": question.tier,
            "size": question.size,
            "account": question.account,
            "image": question.image,
            "demand": dict(self.demand),
            "question": question_to_json(question),
        }


Rule: TypeAlias = Callable[[Question], Iterable[Denial]]


def options_are_well_formed(question: Question) -> Iterator[Denial]:
    """Deny malformed options: they carry names, never values."""
    remedy = "Name a tier, a size, an account and an image, or leave them out."
    for fault in question.options.faults:
        yield Denial("options.invalid", fault, remedy)


def person_may_start(question: Question) -> Iterator[Denial]:
    """Deny those whom the policy does not know, or suspends, and levels that start nothing."""
    name, level = question.subject.name, question.subject.level
    if question.subject.suspended:
        yield Denial(
            "person.suspended",
            say_suspended(name, question.subject.suspended_until),
            "Ask an admin.",
        )
    if level is None:
        yield Denial(
            "person.unknown",
            f"{name} is not declared on this platform.",
            "Ask an admin to add them.",
        )
    elif not LEVELS[level].may_start:
        yield Denial(
            "level.may_not_start",
            f"{name} has the level {level}, which {LEVELS[level].summary}.",
            "Ask an admin for the level user.",
        )


def account_is_theirs(question: Question) -> Iterator[Denial]:
    """Deny a server that no group, or a group of other users, would be charged for."""
    subject = question.subject
    if question.account in subject.accounts or subject.level is None:
        return
    if not subject.accounts:
        yield Denial(
            "account.none",
            f"{subject.name} is in no group that a server can be charged to.",
            "Add them to a group in the policy."
            if subject.level is Level.ADMIN
            else "Ask an admin to be added to a group.",
        )
    elif not question.account:
        yield Denial(
            "options.account",
            f"{subject.name} is in {listed(subject.accounts)}.",
            "Name the account that is charged.",
        )
    else:
        yield Denial(
            "account.not_member",
            f"{subject.name} is not a member of {question.account!a}.",
            f"Charge {listed(subject.accounts, 'or')}, or ask to be added to that group.",
        )


def tier_is_granted(question: Question) -> Iterator[Denial]:
    """Deny tiers that do not exist, or that policy does not give to this person and account."""
    candidate = question.candidate
    if candidate is None and any(each.name == question.tier for each in question.candidates):
        return
    asker = question.subject
    is_closed = candidate is not None and not candidate.granted and not candidate.closed_size
    if candidate is not None and not (is_closed and asker.level is not None):
        return
    # From here on it is denied, and advice is worth its time.
    fits = list_fitting(question)
    an_admin = "" if asker.level is Level.ADMIN else "an admin"
    if candidate is None:
        what = f"There is no tier {question.tier!a}." if question.tier else "No tier is named."
        usable = fits or [c.label for c in question.candidates if c.granted]
        if not (may_start_servers(asker) and asker.accounts):
            # Another denial says already why they may use no tier, and what to do about it.
            remedy = "After that, name another tier." if question.tier else "After that, name one."
        elif usable:
            remedy = f"Name one of {', '.join(usable)}."
        else:
            remedy = f"{say_how_to_get('a tier', an_admin)}."
        yield Denial("options.tier", what, remedy)
    else:
        account = question.account if question.opened_by_managers else ""
        whom = say_whom_to_ask(question.opened_by, account, asker.name)
        ask = say_how_to_get("it", whom if candidate.requestable else an_admin)
        other = f", or use {listed(fits, 'or')}" if fits else ""
        yield Denial(
            "tier.not_granted",
            f"The tier {candidate.name} is not open to {asker.name}"
            + (f" in {question.account}." if question.account else "."),
            f"{ask}{other}.",
        )


def size_is_granted(question: Question) -> Iterator[Denial]:
    """Deny sizes that the tier does not have, or that are not open to this person and account."""
    candidate = question.candidate
    if candidate is not None and not candidate.closed_size:
        return
    sizes = [each for each in question.candidates if each.name == question.tier]
    theirs = [each.size for each in sizes if each.granted and each.size]
    remedy = f"Name one of {', '.join(theirs)}." if theirs else "Ask an admin for one."
    if candidate is None and sizes:
        if sizes[0].size:
            what = f"The tier {question.tier} has no size {question.size!a}."
            yield Denial("options.size", what, remedy)
        else:
            what = f"The tier {question.tier} has no sizes."
            yield Denial("options.size", what, "Leave the size out.")
    elif candidate is not None:
        name = question.subject.name
        what = f"The size {candidate.size} of the tier {candidate.name} is not open to {name}"
        within = f" in {question.account}." if question.account else "."
        yield Denial("size.not_granted", what + within, remedy)


def image_is_approved(question: Question) -> Iterator[Denial]:
    """Deny images that the tier does not list, or that are not open to this person and account."""
    candidate = question.candidate
    if candidate is None or question.image in candidate.images:
        return
    if any(parse_pattern(each).admits(question.image) for each in candidate.patterns):
        return
    within = [f"one within {each}" for each in candidate.patterns]
    known = [*candidate.images, *within]
    remedy = f"Name one of {', '.join(known)}." if known else "Ask an admin for an image."
    if question.image in candidate.closed_images:
        what = f"The image {question.image} is not open to {question.subject.name}"
        at = f" in {question.account}." if question.account else "."
        yield Denial("image.not_granted", what + at, remedy)
    else:
        what = f"The tier {candidate.name} has no image {question.image!a}."
        yield Denial("options.image", what, remedy)


def limits_are_kept(question: Question) -> Iterator[Denial]:
    """Deny what would exceed a limit, with every limit that it would exceed."""
    candidate = question.candidate
    if candidate is None or question.account not in question.subject.accounts:
        return
    for limit in _exceeded(question, candidate):
        yield _limit_denial(candidate, limit, question.subject.name)


RULES: Final[tuple[Rule, ...]] = (
    options_are_well_formed,
    person_may_start,
    account_is_theirs,
    tier_is_granted,
    size_is_granted,
    image_is_approved,
    limits_are_kept,
)


def decide(question: Question) -> Decision:
    """Answer ``question`` with every denial that any rule has, and with what would fit instead."""
    denials = tuple(denial for rule in RULES for denial in rule(question))
    if not denials:
        return Decision(question, (), (question.label,))
    candidate = question.candidate
    observed = (
        candidate is not None
        and candidate.observe
        and all(denial.limit is not None for denial in denials)
    )
    return Decision(question, denials, list_fitting(question), observed)


def _may_use_a_tier(question: Question) -> bool:
    mine = question.account in question.subject.accounts and may_start_servers(question.subject)
    return mine and any(candidate.granted for candidate in question.candidates)


def list_fitting(question: Question) -> tuple[str, ...]:
    """Return what this person could start now in this account, in the policy's order.

    A tier is there by its name, in a size as ``gpu/large``.
    """
    if not may_start_servers(question.subject):
        return ()
    if question.account not in question.subject.accounts:
        return ()
    return tuple(
        candidate.label
        for candidate in question.candidates
        if candidate.granted and next(_exceeded(question, candidate), None) is None
    )


def _exceeded(question: Question, candidate: Candidate) -> Iterator[HeldLimit]:
    for limit in (*question.limits, *candidate.limits):
        asked = candidate.demand.amount(limit.resource)
        if asked and limit.held + asked > limit.maximum:
            yield limit


def _limit_denial(candidate: Candidate, limit: HeldLimit, asker: str) -> Denial:
    scope, resource = limit.scope, limit.resource
    asked = candidate.demand.amount(resource)
    kind = "capacity" if scope.kind in {"platform", "tier"} else "quota"
    code = f"{kind}.tier" if scope.kind.startswith("tier") else f"{kind}.{resource}"
    return Denial(
        code,
        say_what_is_exceeded(limit, candidate.label, asked),
        say_what_helps(limit, asked, asker),
        limit=limit,
        asked=asked,
    )
