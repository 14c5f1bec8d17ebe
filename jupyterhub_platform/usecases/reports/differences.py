"""Compares two documents for readers: each value that came, went or changed."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.file_texts import FileText

MAX_LINES: Final = 2000
"""How many changed lines of a file are compared; a longer difference is only counted."""
_CONTEXT: Final = 2


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs; an empty side says that it was not there. Lists are compared as sets.

    ``path`` is its key path below the object.
    """

    path: str
    before: str
    after: str


def compare_documents(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Difference, ...]:
    """Return each value that differs, in the order of their paths."""
    old, new = (dict(_flatten((), each or {})) for each in (before, after))
    paths = sorted({*old, *new})
    return tuple(filter(None, (_differ(path, old.get(path), new.get(path)) for path in paths)))


def compare_texts(before: str, after: str) -> tuple[str, ...] | None:
    """Return the lines that differ, as ``diff -u`` shows them; ``None`` if they are too many."""
    old, new = before.splitlines(), after.splitlines()
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    start = max(0, first - _CONTEXT)
    end = max(0, last - _CONTEXT)
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    if len(old) + len(new) > MAX_LINES:
        return None
    # The first two lines name the files.
    return tuple(difflib.unified_diff(old, new, n=_CONTEXT, lineterm=""))[2:]


def compare_files(before: Sequence[FileText], after: Sequence[FileText]) -> tuple[str, ...] | None:
    """Return the lines of files that differ, as :func:`compare_texts` does.

    Those of several begin with a line that names the file.
    """
    old, new = ({each.name: each.text.decode() for each in files} for files in (before, after))
    if len(before) == len(after) == 1:
        return compare_texts(*old.values(), *new.values())
    found = list[str]()
    for name in [*old, *(new.keys() - old.keys())]:
        lines = compare_texts(old.get(name, ""), new.get(name, ""))
        if lines is None:
            return None
        if lines:
            found += [f"diff {name}", *lines]
    return tuple(found) if len(found) <= MAX_LINES else None


def _flatten(path: tuple[str, ...], value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _flatten((*path, str(key)), each)
    elif path:
        yield ".".join(path), value


def _differ(path: str, old: Any, new: Any) -> Difference | None:
    if old == new and type(old) is type(new):
        return None
    if _is_plain_list(old) and _is_plain_list(new):
        gone = [_say(each) for each in old or () if each not in (new or ())]
        come = [_say(each) for each in new or () if each not in (old or ())]
        if gone or come:
            return Difference(path, ", ".join(gone), ", ".join(come))
    return Difference(path, _say(old), _say(new))


def _is_plain_list(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, list | tuple) and not any(
        isinstance(each, Mapping | list | tuple) for each in value
    )


def _say(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_say, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_say(each)}" for key, each in value.items()) or "nothing"
    return str(value)
