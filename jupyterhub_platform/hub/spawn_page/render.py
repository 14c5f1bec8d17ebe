"""Render the spawn page and denials as HTML. Every value is escaped; nothing is marked safe."""

from datetime import UTC, datetime, timedelta
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from jupyterhub_platform.core.decision import Decision
from jupyterhub_platform.core.sentences import say_what_fits
from jupyterhub_platform.core.times import describe_age, describe_duration, describe_second
from jupyterhub_platform.hub.spawn_page.form_data import (
    IMAGE_PREFIX,
    NAMED_PREFIX,
    SIZE_PREFIX,
)
from jupyterhub_platform.hub.spawn_page.page import Reason, SpawnPage

_DAY: Final = timedelta(days=1)


def describe_day(at: datetime, now: datetime) -> str:
    """Render a future moment briefly: ``14:00 UTC``, ``2 Dec``, ``2 Dec 2027``."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    if at - now < _DAY:
        return f"{at:%H:%M} UTC"
    return f"{at.day} {at:%b}" + (f" {at.year}" if at.year != now.year else "")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("jupyterhub_platform.hub.spawn_page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": describe_second,
        "day": describe_day,
        "age": describe_age,
        "duration": describe_duration,
        "what_fits": say_what_fits,
    }
    environment.globals |= {
        "image_prefix": IMAGE_PREFIX,
        "named_prefix": NAMED_PREFIX,
        "size_prefix": SIZE_PREFIX,
    }
    return environment


_ENVIRONMENT: Final = _environment()


def render_form(page: SpawnPage) -> str:
    """Render the inside of the form that the Hub's spawn page posts."""
    return _ENVIRONMENT.get_template("form.html").render(page=page)


def render_denial(decision: Decision, *, details_url: str = "") -> str:
    """Render why a start was denied: the sentences of the decision with their codes.

    ``details_url`` links to the whole decision.
    """
    reasons = tuple(Reason(denial.code, denial.reason) for denial in decision.denials)
    return _ENVIRONMENT.get_template("denial.html").render(
        reasons=reasons, remedies=decision.remedies, decision=decision, details_url=details_url
    )
