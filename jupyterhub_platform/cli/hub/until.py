"""Options for an end: a time, or how long from now."""

from datetime import datetime

import click

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.times import parse_duration, parse_instant


def read_end(text: str | None, now: datetime, option: str = "--until") -> str | None:
    """Return the instant that ``text`` names: an ISO time with its zone, or a duration from now.

    Raises
    ------
    click.BadParameter
        Raised if it is neither.
    """
    if text is None:
        return None
    try:
        return (now + parse_duration(text)).isoformat()
    except QuantityError:
        pass
    try:
        return parse_instant(text).isoformat()
    except QuantityError as error:
        raise click.BadParameter(
            f"{error}, or a duration such as 8h or 7d.", param_hint=option
        ) from None
