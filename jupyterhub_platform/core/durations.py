"""How long: durations as people write and read them, such as ``90m`` and ``1 h 30 min``."""

import re
from datetime import timedelta
from typing import Final

from jupyterhub_platform.core.errors import QuantityError

LONGEST: Final = timedelta(days=366)

_WRITTEN: Final = re.compile(
    r"(?:(?P<days>\d{1,9})d)?(?:(?P<hours>\d{1,9})h)?"
    r"(?:(?P<minutes>\d{1,9})m)?(?:(?P<seconds>\d{1,9})s)?",
    re.ASCII,
)
_SHOWN: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def parse_duration(text: object) -> timedelta:
    """Read a duration such as ``30m``, ``8h``, ``1h30m`` or ``2d``.

    Raises
    ------
    QuantityError
        Raised if it is not a duration, is zero, or is more than :data:`LONGEST`.
    """
    fix = "write for example 30m, 8h or 2d"
    match = _WRITTEN.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise QuantityError(f"“{str(text)[:64]}” is not a duration; {fix}")
    parts = {unit: int(number) for unit, number in match.groupdict().items() if number}
    try:
        duration = timedelta(**parts)
    except OverflowError:
        duration = LONGEST + timedelta(days=1)
    if not duration:
        raise QuantityError(f"“{text}” is zero; {fix}, or remove the key")
    if duration > LONGEST:
        raise QuantityError(f"“{text}” is more than {LONGEST.days} days; {fix}")
    return duration


def describe_duration(duration: timedelta) -> str:
    """Say a duration with its two largest units: ``8 h``, ``1 h 30 min``, ``45 s``."""
    left = max(0, round(duration.total_seconds()))
    said: list[str] = []
    for seconds, unit in _SHOWN:
        count, left = divmod(left, seconds)
        if count and len(said) < 2:
            said.append(f"{count} {unit}")
    return " ".join(said) or "0 s"
