"""From a list of profiles to tiers with sizes and images, which all formats have in common.

An option whose choices differ in images is a choice of images, one whose choices differ in amounts
and nodes is a choice of sizes. Every other option makes a tier of each of its choices.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.deploy.importing.amounts import OF_AMOUNTS, Asked, Traits
from jupyterhub_platform.deploy.importing.draft import Draft, shorten, shorten_text
from jupyterhub_platform.deploy.importing.entries import Entry, merge_entries
from jupyterhub_platform.deploy.importing.image_choices import (
    OF_IMAGES,
    add_unlisted,
    read_image,
)
from jupyterhub_platform.deploy.importing.names import make_name
from jupyterhub_platform.deploy.importing.placement import OF_PLACEMENT, read_placement
from jupyterhub_platform.deploy.importing.volumes import OF_VOLUMES, Storage, Volumes

_MAX_TIERS: Final = 200
_MAX_SIZES: Final = 60
_OF_SIZES: Final = frozenset({*OF_AMOUNTS, "node_selector"})
OF_TIERS: Final = frozenset({*OF_AMOUNTS, *OF_PLACEMENT, *OF_VOLUMES})
"""What a tier can say beside its images."""
_KNOWN: Final = frozenset(
    {
        *("display_name", "description", "slug", "default", "profile_options", "enabled"),
        *("kubespawner_override", "access", "users", "groups", "allowed_groups", "allowed_teams"),
    }
)
_ACCESS: Final = ("allowed_groups", "allowed_teams", "groups")


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of an option."""

    key: str
    title: str
    traits: Traits
    entry: Entry
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a profile, with its choices, the default first."""

    entry: Entry
    choices: tuple[Choice, ...]
    unlisted: Entry | None = None

    @property
    def changes(self) -> frozenset[str]:
        """Which settings its choices change."""
        return frozenset(name for each in self.choices for name in each.traits)


@dataclass(slots=True)
class Profiles:
    """Makes the tiers of a document; ``shared`` are the settings of all servers."""

    draft: Draft
    shared: Traits
    closed: str = ""
    """Why only admins get what is offered: code decides for whom it is. Empty if it is known."""
    _volumes_of_tiers: bool = False
    _default: str = field(default="")

    def read(self, profiles: Iterable[Entry]) -> None:
        """Make tiers of profiles, the default first."""
        listed = [each for each in profiles if self._is_profile(each)]
        traits = [(each.get("kubespawner_override") or each.with_value({})) for each in listed]
        self._volumes_of_tiers = any(
            name in OF_VOLUMES[:2]
            for each in (*traits, *_list_overrides(listed))
            for name in _keys(each)
        )
        for each in sorted(listed, key=lambda one: not _is_default(one)):
            self._read_profile(each)

    def read_volumes(self) -> None:
        """Put the volumes of all servers, unless profiles have their own."""
        storage = Storage.of(self.shared)
        if self._volumes_of_tiers:
            return
        volumes = Volumes(self.draft, storage, ("defaults",), is_kept=True)
        volumes.read()
        for name in self.draft.get("tiers") or {}:
            for empty, entry in volumes.empty_dirs:
                self.draft.append(("tiers", name, "empty_dirs"), dict(empty), entry)

    def _is_profile(self, entry: Entry) -> bool:
        if isinstance(entry.value, dict) and isinstance(entry.value.get("display_name"), str):
            return True
        why = entry.why_unknown or "is no profile: it has no display_name"
        self.draft.findings.impossible(entry, why)
        return False

    def _read_profile(self, entry: Entry) -> None:
        for each in entry.items():
            if each.name not in _KNOWN:
                self.draft.findings.impossible(each, "is not known of a profile")
        own = _merge(self.shared, entry.get("kubespawner_override"))
        if (override := entry.get("kubespawner_override")) and override.why_unknown:
            self.draft.findings.impossible(override, override.why_unknown)
        images, sizes, others = self._sort(list(self._list_options(entry)))
        count = prod(len(each.choices) for each in others)
        made = len(self.draft.get("tiers") or {})
        if count + made > _MAX_TIERS:
            self.draft.findings.impossible(entry, f"would make {count} tiers; write those meant")
            return
        for combination in product(*(each.choices for each in others)):
            traits, title = own, entry.value["display_name"]
            for choice in combination:
                traits = {**traits, **_merge(traits, choice.traits)}
                title = f"{title}, {choice.title}"
            keys = (
                entry.text_at("slug") or entry.value["display_name"],
                *(c.key for c in combination),
            )
            name = make_name("-".join(keys), "tier", self.draft.get("tiers") or {})
            path = ("tiers", name)
            self.draft.put((*path, "title"), shorten(title, name), entry)
            self.draft.sources[path] = entry
            for choice in combination:
                self.draft.findings.changed(choice.entry, "is a tier of its own", path)
            self._fill(path, entry, traits, images, sizes)

    def _sort(self, options: list[Option]) -> tuple[list[Option], list[Option], list[Option]]:
        images = [each for each in options if _chooses_images(each)]
        rest = [each for each in options if each not in images]
        sizes = [each for each in rest if each.changes <= _OF_SIZES]
        if prod(len(each.choices) for each in sizes) > _MAX_SIZES:
            for each in sizes[1:]:
                self.draft.findings.impossible(each.entry, "would make too many sizes; write some")
            sizes = sizes[:1]
        return images[:1], sizes, [each for each in rest if each not in sizes and each.choices]

    def _fill(
        self, path: KeyPath, entry: Entry, traits: Traits, images: list[Option], sizes: list[Option]
    ) -> None:
        """Put everything that a tier says."""
        draft = self.draft
        if description := entry.text_at("description"):
            draft.put((*path, "description"), shorten_text(description) or "-", entry)
        for key in ("display_name", "description", "slug", "default"):
            if each := entry.get(key):
                draft.findings.carried(each, path)
        combinations = list(product(*(each.choices for each in sizes))) if sizes else []
        if combinations:
            for combination in combinations[:_MAX_SIZES]:
                self._add_size(path, traits, combination)
        else:
            asked = Asked(draft, path)
            asked.read(traits)
            for part, amounts in asked.settle(entry).items():
                draft.put((*path, part), amounts)
        self._add_images(path, entry, traits, images)
        self._add_access(path, entry)
        beside = {*OF_AMOUNTS, *OF_IMAGES, *OF_VOLUMES}
        read_placement({n: e for n, e in traits.items() if n not in beside}, path, draft)
        if self._volumes_of_tiers:
            volumes = Volumes(draft, Storage.of(traits), path, is_kept=False)
            volumes.read()
            for empty, at in volumes.empty_dirs:
                draft.append((*path, "empty_dirs"), empty, at)
        if _is_default(entry) and not self.closed:
            self._default = self._default or str(path[1])

    def _add_size(self, path: KeyPath, traits: Traits, choices: tuple[Choice, ...]) -> None:
        for choice in choices:
            traits = _merge(traits, choice.traits)
        sizes = self.draft.get(*map(str, path), "sizes") or {}
        name = make_name("-".join(each.key for each in choices), "size", sizes)
        at = (*path, "sizes", name)
        title = shorten(", ".join(each.title for each in choices), name)
        self.draft.put((*at, "title"), title, choices[0].entry)
        asked = Asked(self.draft, at)
        asked.read(traits)
        for part, amounts in asked.settle(choices[0].entry).items():
            self.draft.put((*at, part), amounts)
        for choice in choices:
            self.draft.findings.carried(choice.entry, at)
            for each in choice.traits.get("node_selector", choice.entry.with_value({})).items():
                self.draft.put((*at, "node_selector", each.name), each.text(), each)

    def _add_images(
        self, path: KeyPath, entry: Entry, traits: Traits, images: list[Option]
    ) -> None:
        names: list[str] = []
        for option in images:
            for choice in option.choices:
                name = read_image(self.draft, choice.traits, choice.key, choice.title)
                beside = {n: e for n, e in choice.traits.items() if n not in OF_IMAGES}
                read_placement(beside, path, self.draft)
                if name and name not in names:
                    names.append(name)
                    self.draft.findings.carried(choice.entry, ("images", name))
        own = read_image(self.draft, traits, "", "") if not names else ""
        names += [own] if own else []
        for option in images:
            if option.unlisted and (name := add_unlisted(self.draft, option.unlisted)):
                names.append(name)
        self.draft.put((*path, "images"), names, entry)

    def _add_access(self, path: KeyPath, entry: Entry) -> None:
        if self.closed != "":
            self.draft.put((*path, "access"), {"levels": ["admin"]}, entry)
            self.draft.findings.changed(entry, self.closed, (*path, "access"))
            return
        access: dict[str, list[str]] = {}
        for key in _ACCESS:
            for each in entry.entries_at(key):
                if name := self.draft.add_group(each.text(), each):
                    access.setdefault("groups", []).append(name)
                    self.draft.findings.carried(each, (*path, "access", "groups"))
        for each in entry.entries_at("users"):
            if name := self.draft.add_user(each.text(), each):
                access.setdefault("users", []).append(name)
                self.draft.findings.carried(each, (*path, "access", "users"))
        is_named = any(entry.get(key) is not None for key in (*_ACCESS, "users"))
        if access:
            self.draft.put((*path, "access"), {k: sorted({*v}) for k, v in access.items()}, entry)
        elif is_named:
            # Some were meant, and not everybody.
            self.draft.put((*path, "access"), {"levels": ["admin"]}, entry)

    def _list_options(self, entry: Entry) -> Iterator[Option]:
        options = entry.get("profile_options")
        if options is not None and options.why_unknown:
            self.draft.findings.impossible(options, options.why_unknown)
        for each in entry.items_at("profile_options"):
            choices = [
                Choice(
                    one.name,
                    one.text_at("display_name") or one.name,
                    _merge({}, one.get("kubespawner_override")),
                    one,
                    _is_default(one),
                )
                for one in each.items_at("choices")
                if self._is_choice(one)
            ]
            unlisted = each.get("unlisted_choice")
            enabled = each.get("unlisted_choice", "enabled")
            is_open = enabled is not None and enabled.flag() is True
            choices.sort(key=lambda one: not one.is_default)
            yield Option(each, tuple(choices), unlisted if is_open else None)

    def _is_choice(self, entry: Entry) -> bool:
        if isinstance(entry.value, dict):
            return True
        why = entry.why_unknown or "is no choice of an option"
        self.draft.findings.impossible(entry, why)
        return False


def _chooses_images(option: Option) -> bool:
    """Tell whether choices differ in images, and else in what no tier can say."""
    beside = option.changes - OF_IMAGES
    return beside.isdisjoint(OF_TIERS) and (bool(option.changes & OF_IMAGES) or not beside)


def _merge(traits: Traits, override: "Entry | Traits | None") -> dict[str, Entry]:
    """Lay an override over settings, as KubeSpawner does: mappings merge, the rest is replaced."""
    merged = dict(traits)
    entries = override if isinstance(override, Mapping) else {}
    if isinstance(override, Entry):
        entries = {each.name: each for each in override.items()}
    for name, entry in entries.items():
        below = merged.get(name)
        if below is not None and isinstance(below.value, dict) and isinstance(entry.value, dict):
            entry = merge_entries(below, entry)
        merged[name] = entry
    return merged


def _list_overrides(profiles: Iterable[Entry]) -> Iterator[Entry]:
    for profile in profiles:
        for option in profile.items_at("profile_options"):
            for each in option.items_at("choices"):
                if override := each.get("kubespawner_override"):
                    yield override


def _keys(entry: Entry) -> Iterable[str]:
    return entry.value if isinstance(entry.value, dict) else ()


def _is_default(entry: Entry) -> bool:
    found = entry.get("default")
    return found is not None and found.flag() is True
