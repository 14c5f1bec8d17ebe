"""Unites what the files of a policy say into one document; each object stands in one of them.

The first file includes the others, which declare objects only. Nothing overrides: what two files
say of one name is a fault with both places.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath, join, quote
from jupyterhub_platform.core.document.lines import (
    Files,
    Mark,
    Marks,
    below_of,
    find_line,
    line_of,
)
from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.document.schema import SECTIONS, Declaration
from jupyterhub_platform.core.document.value_types import describe_value
from jupyterhub_platform.core.errors import Fault

INCLUDE: Final = "include"
GRANTS: Final = "grants"


@dataclass(frozen=True, slots=True)
class Part:
    """What one file says, with the line of all of it, and what its reader found wrong.

    ``entry`` is the number of the entry of ``include`` that names it.
    """

    document: Any
    mark: Mark = 1
    faults: tuple[Fault, ...] = ()
    unreadable: tuple[KeyPath, ...] = ()
    entry: int = 0


def list_includes(document: object) -> list[tuple[int, str]]:
    """Return what a document includes, each with its number; not what is no text."""
    entries = document.get(INCLUDE) if isinstance(document, dict) else None
    listed = enumerate(entries if isinstance(entries, list) else ())
    return [(n, each.removesuffix("/")) for n, each in listed if isinstance(each, str)]


def find_include_fault(entry: str) -> tuple[str, str] | None:
    """Return why a text names no file or folder beside the policy file, and the fix."""
    parts = entry.removesuffix("/").split("/")
    if not entry.isprintable() or not all(parts):
        what = f"{quote(entry)} is no path below the folder of this file"
        return what, "write for example people/vision.yaml, or people for all files there"
    if any(part.startswith(".") for part in parts):
        what = f"{quote(entry)} has a part that begins with a dot"
        return what, "name what is below the folder of this file, and is not hidden"
    return None


def unite_parts(parts: Sequence[Part], files: Files) -> Part:
    """Return what all files say together; the first is the one that includes the others."""
    main, *others = parts
    if not others or not isinstance(main.document, dict):
        return main
    union = _Union(main, files)
    for part in others:
        union.add(part)
    return union.whole()


@dataclass(slots=True)
class _Union:
    main: Part
    files: Files
    document: dict[str, Any] = field(init=False)
    marks: Marks = field(init=False)
    faults: list[Fault] = field(init=False)
    unreadable: list[KeyPath] = field(init=False)
    people: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.document = dict(self.main.document)
        self.marks = dict(below_of(self.main.mark))
        self.faults, self.unreadable = list(self.main.faults), list(self.main.unreadable)
        for section in SECTIONS:
            found = self.document.get(section)
            if isinstance(found, dict | list):
                self.document[section] = found.copy()
                mark = self.marks[section]
                self.marks[section] = line_of(mark), dict(below_of(mark))
        users = self.document.get("users")
        self.people = {fold_user(each): each for each in users} if isinstance(users, dict) else {}

    def whole(self) -> Part:
        """Return what has been united."""
        mark = line_of(self.main.mark), self.marks
        return Part(self.document, mark, tuple(self.faults), tuple(self.unreadable))

    def add(self, part: Part) -> None:
        """Add what an included file says."""
        grants = self.document.get(GRANTS)
        moved = len(grants) if isinstance(grants, list) else 0
        self.faults += (replace(each, path=_move(each.path, moved)) for each in part.faults)
        self.unreadable += (_move(each, moved) for each in part.unreadable)
        if part.document is None:
            what = "the file is empty"
            self._refuse(part, (), what, f"declare something in it, or remove it from {INCLUDE}")
        elif not isinstance(part.document, dict):
            what = f"is {describe_value(part.document)}, not keys and values"
            self._refuse(part, (), what, "write KEY: VALUE lines")
        else:
            for section, found in part.document.items():
                self._add_section(part, section, found)

    def _add_section(self, part: Part, section: str, found: object) -> None:
        if section not in SECTIONS:
            self._refuse(part, (section,), *self._explain_key(part, section))
            return
        kind, words = (list, "a list") if section == GRANTS else (dict, "keys and values")
        if not isinstance(found, kind):
            what = f"is {describe_value(found)}, not {words}"
            self._refuse(part, (section,), what, "write what it declares below it, or remove it")
            self.unreadable.append((section,))
            return
        mark = below_of(part.mark)[section]
        if section not in self.document:
            self.document[section], self.marks[section] = kind(), (line_of(mark), {})
        united, below = self.document[section], below_of(self.marks[section])
        if isinstance(united, list) and isinstance(found, list):
            first = len(united)
            united += found
            below |= {str(first + int(number)): each for number, each in below_of(mark).items()}
        elif isinstance(united, dict) and isinstance(found, dict):
            for name, each in found.items():
                if self._is_new(part, section, name):
                    united[name] = each
                    below[name] = below_of(mark)[name]
        # Otherwise what the first file says is wrong, and said of the whole document.

    def _is_new(self, part: Part, section: str, name: str) -> bool:
        """Tell whether no other file declares an object, or report both places."""
        first = self.people.setdefault(fold_user(name), name) if section == "users" else name
        if first not in self.document[section]:
            return True
        at = self.files.find((0, self.marks), (section, first))
        alike = "" if first == name else f" as {quote(first)}, who is the same person,"
        what = f"is declared already{alike} at {at}"
        self._refuse(part, (section, name), what, "keep it in one file, and remove it here")
        return False

    def _explain_key(self, part: Part, key: str) -> tuple[str, str]:
        at = self.files.find(self.main.mark, (INCLUDE, part.entry))
        if key == INCLUDE:
            return f"stands in {at.file} alone, which includes this file at {at}", (
                "name the files there, and remove it here"
            )
        if key in Declaration.model_fields:
            return f"stands in {at.file} alone", "move it there"
        close = get_close_matches(key[:64], SECTIONS, n=1)
        known = f"remove it; an included file has {join(SECTIONS)}"
        return "there is no such key", f"did you mean {quote(close[0])}?" if close else known

    def _refuse(self, part: Part, path: KeyPath, what: str, fix: str) -> None:
        place = self.files.place(find_line(part.mark, path))
        self.faults.append(Fault(path, what, fix).at(place))


def _move(path: KeyPath, grants: int) -> KeyPath:
    """Return the path in the united document of what stands at ``path`` in a file."""
    match path:
        case (str() as section, int() as number, *rest) if section == GRANTS:
            return (section, number + grants, *rest)
    return path
