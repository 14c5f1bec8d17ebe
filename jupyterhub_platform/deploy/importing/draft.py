"""The document while it is made: what is put where, and of which setting of the source it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import is_level_group, normalise_user
from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.findings import Findings
from jupyterhub_platform.deploy.importing.names import is_usable_name, make_name

MEMBERS: Final = "members"
"""The group of everybody: a server is charged to a group, and most sources have none."""
_MAX_TITLE: Final = 200
_MAX_TEXT: Final = 2000


@dataclass(slots=True)
class Draft:
    """Collects the document, in the order in which its sections are read."""

    findings: Findings
    document: dict[str, Any] = field(default_factory=dict)
    sources: dict[KeyPath, Entry] = field(default_factory=dict)
    group_prefix: str = ""
    """What the provider's names of groups begin with, where a source leaves that out."""
    _groups: dict[str, str] = field(default_factory=dict)
    _images: dict[str, str] = field(default_factory=dict)

    def put(self, path: KeyPath, value: Any, entry: Entry | None = None) -> None:
        """Set what stands at a path; ``entry`` is the setting that says so."""
        holder: Any = self.document
        for key in path[:-1]:
            holder = holder.setdefault(key, {})
        holder[path[-1]] = value
        if entry is not None:
            self.sources[path] = entry

    def get(self, *path: str) -> Any:
        """Return what stands at a path; nothing if it is not there."""
        found: Any = self.document
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def append(self, path: KeyPath, value: Any, entry: Entry) -> KeyPath:
        """Add to the list at a path, unless it has the same, and return where it is."""
        listed = self.get(*map(str, path))
        if listed is None:
            self.put(path, listed := [])
        if value not in listed:
            listed.append(value)
        at = (*path, listed.index(value))
        self.sources.setdefault(at, entry)
        return at

    def find_source(self, path: KeyPath) -> Entry | None:
        """Return the setting that says what stands at a path, or above it."""
        ends = range(len(path), 0, -1)
        return next((self.sources[path[:end]] for end in ends if path[:end] in self.sources), None)

    def add_group(self, provided: str, entry: Entry) -> str:
        """Return the name of the group that a source calls ``provided``; empty if none can be."""
        if not provided.startswith(self.group_prefix):
            provided = f"{self.group_prefix}{provided}"
        if provided in self._groups:
            return self._groups[provided]
        if not provided.strip() or not provided.isprintable() or is_level_group(provided):
            self.findings.impossible(entry, "names a group as no group of the platform can be")
            return ""
        listed = self.document.setdefault("groups", {})
        last = provided.rstrip("/").rpartition("/")[2]
        name = provided if is_usable_name(provided, "group") else make_name(last, "group", listed)
        if name in listed and name != MEMBERS:
            name = make_name(name, "group", listed)
        group = listed.setdefault(name, {"title": provided[:_MAX_TITLE].strip()})
        if name != provided or entry.name != "load_groups":
            group["from"] = [*group.get("from", ()), provided.strip()]
        self._groups[provided] = name
        self.sources[("groups", name)] = entry
        return name

    def add_members(self) -> None:
        """Have the group of everybody, which is charged where no other is named."""
        group = self.document.setdefault("groups", {}).setdefault(MEMBERS, {"title": "Everybody"})
        group["default"] = True

    def add_user(self, written: str, entry: Entry, **keys: Any) -> str:
        """Declare a user, and return their name; empty if it can be none."""
        try:
            name = normalise_user(written)
        except IdentityError:
            self.findings.impossible(entry, "is not the name of a user here; rename that user")
            return ""
        user = self.document.setdefault("users", {}).setdefault(name, {"groups": [MEMBERS]})
        user.update(keys)
        self.sources.setdefault(("users", name), entry)
        return name

    def add_image(self, reference: str, entry: Entry, key: str = "", title: str = "") -> str:
        """Return the name of the image with a reference."""
        if reference not in self._images:
            listed = self.document.setdefault("images", {})
            last = reference.partition("@")[0].rpartition("/")[2].partition(":")[0]
            name = make_name(key or last, "image", listed)
            listed[name] = {"title": shorten(title or last, name), "reference": reference}
            self._images[reference] = name
            self.sources[("images", name)] = entry
        return self._images[reference]


def shorten(text: str, otherwise: str) -> str:
    """Return a title as a document can have one: one line that can be seen."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:_MAX_TITLE].strip() or otherwise


def shorten_text(text: str) -> str:
    """Return a description as a document can have one; it may be empty."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
    return shown[:_MAX_TEXT].strip()
