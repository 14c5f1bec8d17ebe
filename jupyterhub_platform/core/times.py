"""Times as people write and read them: instants, kept and said in UTC, and durations."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from jupyterhub_platform.core.errors import QuantityError

EXAMPLE: Final = "2030-01-31T18:00:00Z"
_FIX: Final = f"write for example {EXAMPLE}"

_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

_DATE: Final = re.compile(r"\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}(?:-?\d)?", re.ASCII)
_INSTANT: Final = re.compile(
    r"(?P<date>\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}-?\d)[Tt ]"
    r"(?P<time>(?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,]\d{1,9})?)?)?)"
    r" ?(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?|)",
    re.ASCII,
)

LONGEST: Final = timedelta(days=366)

_DURATION: Final = re.compile(
    r"(?:(?P<days>\d{1,9})d)?(?:(?P<hours>\d{1,9})h)?"
    r"(?:(?P<minutes>\d{1,9})m)?(?:(?P<seconds>\d{1,9})s)?",
    re.ASCII,
)
_SHOWN: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def parse_instant(text: object) -> datetime:
    """Read a date and time of ISO 8601 with its zone, such as ``2030-01-31T18:00:00-05:00``.

    Returns
    -------
    datetime
        That instant, in UTC: whatever shows it need not think of the zone it was written in.

    Raises
    ------
    QuantityError
        Raised if it is not a time, has no zone, or does not exist in UTC; with what to write.
    """
    written = text.strip() if isinstance(text, str) else ""
    if _DATE.fullmatch(written):
        raise QuantityError(
            f"“{written}” is a date, and says neither at what time nor in which time zone; {_FIX}"
        )
    match = _INSTANT.fullmatch(written)
    if match is None:
        raise QuantityError(f"“{str(text)[:64]}” is not a date and time; {_FIX}")
    if match["hour"] == "24" or match["second"] == "60":
        raise _past_the_end(match)
    try:
        instant = datetime.fromisoformat(f"{match['date']}T{match['time']}{match['zone'].upper()}")
    except ValueError:
        raise QuantityError(f"“{written}” is not a date and time; {_FIX}") from None
    if instant.tzinfo is None:
        raise QuantityError(f"“{written}” does not say in which time zone; {_FIX}")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise QuantityError(f"“{written}” is too far away to be a time in UTC; {_FIX}") from None


def _past_the_end(match: re.Match[str]) -> QuantityError:
    """Say which instant follows: ``24:00`` ends a day, and a second 60 a minute."""
    is_day = match["hour"] == "24"
    written, next_ = ("the hour 24", "day") if is_day else ("a second 60", "minute")
    what = f"“{match[0]}” has {written}, which is the beginning of the next {next_}"
    if is_day and (match["minute"] or "00") + (match["second"] or "00") != "0000":
        return QuantityError(f"“{match[0]}” is not a date and time; {_FIX}")
    try:
        day = datetime.fromisoformat(match["date"])
        hour, minute = (24, 0) if is_day else (int(match["hour"]), int(match["minute"]) + 1)
        following = day + timedelta(hours=hour, minutes=minute)
    except (ValueError, OverflowError):
        return QuantityError(f"“{match[0]}” is not a date and time; {_FIX}")
    return QuantityError(f"{what}; write {following.isoformat()}{match['zone'].upper() or 'Z'}")


def read_stored(text: str) -> datetime:
    """Read an instant that this program wrote down, in whatever zone it stands there.

    Raises
    ------
    TypeError, ValueError, OverflowError
        Raised if it is not a time, or has no zone: a database is not trusted.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return instant.astimezone(UTC)


def describe_instant(instant: datetime) -> str:
    """Say an instant to the minute: ``31 Jan 2030 18:00 UTC``."""
    return f"{instant.astimezone(UTC):%d %b %Y %H:%M} UTC"


def describe_second(instant: datetime) -> str:
    """Say an instant to the second: ``2030-01-31 18:00:00 UTC``."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def describe_age(since: datetime, now: datetime) -> str:
    """Say for how long something has been so: ``12 s``, ``5 min``, ``3 h``, ``2 days``."""
    age = max(now - since, timedelta())
    if age < _MINUTE:
        return f"{age // _SECOND} s"
    if age < _HOUR:
        return f"{age // _MINUTE} min"
    if age < 2 * _DAY:
        return f"{age // _HOUR} h"
    return f"{age // _DAY} days"


def describe_length(duration: timedelta) -> str:
    """Say how long something is asked for: ``2 days`` if it is whole days, else ``1 d 8 h``."""
    days, rest = divmod(duration, _DAY)
    return f"{days} days" if days > 1 and not rest else describe_duration(duration)


def parse_duration(text: object) -> timedelta:
    """Read a duration such as ``30m``, ``8h``, ``1h30m`` or ``2d``.

    Raises
    ------
    QuantityError
        Raised if it is not a duration, is zero, or is more than :data:`LONGEST`.
    """
    fix = "write for example 30m, 8h or 2d"
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
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
    parts: list[str] = []
    for seconds, unit in _SHOWN:
        count, left = divmod(left, seconds)
        if count and len(parts) < 2:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"
