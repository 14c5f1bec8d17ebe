"""Questions as JSON data, as the ledger keeps them: each can be asked again.

A limit is a row without names, in the order of :class:`~.question.HeldLimit`: a dozen of them stand
in every row of the ledger, for programs alone. People read those of the denials.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.question import Candidate, HeldLimit, Question, Subject
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.times import read_stored


def question_to_json(question: Question) -> dict[str, Any]:
    """Render, so that :func:`question_from_json` gives an equal question."""
    options = question.options
    return {
        "at": question.at.isoformat(),
        "revision": question.revision,
        "user": question.subject.name,
        "level": question.subject.level,
        "accounts": list(question.subject.accounts),
        "suspended": question.subject.suspended,
        "suspended_until": _render_time(question.subject.suspended_until),
        "server": question.server,
        "options": {
            "tier": options.tier,
            "size": options.size,
            "account": options.account,
            "image": options.image,
            "faults": list(options.faults),
            "remembered": options.remembered,
        },
        "tier": question.tier,
        "size": question.size,
        "account": question.account,
        "image": question.image,
        "candidates": [_candidate_to_json(candidate) for candidate in question.candidates],
        "limits": [_limit_to_row(limit) for limit in question.limits],
        "opened_by": list(question.opened_by),
        "opened_by_managers": question.opened_by_managers,
        "passed_over": list(question.passed_over),
    }


def question_from_json(data: Mapping[str, Any]) -> Question:
    """Read what :func:`question_to_json` rendered."""
    options = data["options"]
    return Question(
        at=read_stored(data["at"]),
        revision=data["revision"],
        subject=_subject_from_json(data),
        server=data["server"],
        options=Options(
            options["tier"],
            options["account"],
            options["image"],
            tuple(options["faults"]),
            # Rows of before know of no remembered choices.
            options.get("remembered", False),
            options.get("size", ""),
        ),
        tier=data["tier"],
        account=data["account"],
        image=data["image"],
        candidates=tuple(_candidate_from_json(row) for row in data["candidates"]),
        limits=tuple(_limit_from_row(row) for row in data["limits"]),
        opened_by=tuple(data["opened_by"]),
        opened_by_managers=data["opened_by_managers"],
        passed_over=tuple(data.get("passed_over", ())),
        size=data.get("size", ""),
    )


def _subject_from_json(data: Mapping[str, Any]) -> Subject:
    until = data["suspended_until"]
    return Subject(
        data["user"],
        Level(data["level"]) if data["level"] else None,
        tuple(data["accounts"]),
        suspended=data["suspended"],
        suspended_until=read_stored(until) if until else None,
    )


def _render_time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _candidate_to_json(candidate: Candidate) -> dict[str, Any]:
    return {
        "name": candidate.name,
        "demand": dict(candidate.demand),
        "images": list(candidate.images),
        "granted": candidate.granted,
        "requestable": candidate.requestable,
        "observe": candidate.observe,
        "limits": [_limit_to_row(limit) for limit in candidate.limits],
        **{key: value for key, value in _choices_to_json(candidate).items() if value},
    }


def _choices_to_json(candidate: Candidate) -> dict[str, Any]:
    """Render what few tiers have; most rows of the ledger have none of it."""
    return {
        "size": candidate.size,
        "patterns": list(candidate.patterns),
        "closed_images": list(candidate.closed_images),
        "closed_size": candidate.closed_size,
    }


def _candidate_from_json(row: Mapping[str, Any]) -> Candidate:
    return Candidate(
        row["name"],
        Resources.of(row["demand"]),
        tuple(row["images"]),
        row["granted"],
        row["requestable"],
        row["observe"],
        tuple(_limit_from_row(limit) for limit in row["limits"]),
        row.get("size", ""),
        tuple(row.get("patterns", ())),
        tuple(row.get("closed_images", ())),
        row.get("closed_size", False),
    )


def _limit_to_row(limit: HeldLimit) -> list[Any]:
    scope, resource, maximum, held, path, granted, raised_by, raised_by_managers, by_pods = limit
    row = [list(scope), resource, maximum, held, path, granted]
    row += [list(raised_by), raised_by_managers]
    # Few platforms observe pods, and rows of before know of none.
    return [*row, by_pods] if by_pods else row


def _limit_from_row(row: Sequence[Any]) -> HeldLimit:
    scope, resource, maximum, held, path, granted, raised_by, *more = row
    return HeldLimit(Scope(*scope), resource, maximum, held, path, granted, tuple(raised_by), *more)
