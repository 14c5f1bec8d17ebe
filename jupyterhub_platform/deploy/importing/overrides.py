"""What members of groups get: from ``group_overrides`` to sizes and volumes of groups."""

from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.deploy.importing.amounts import OF_AMOUNTS, Asked, Traits
from jupyterhub_platform.deploy.importing.draft import Draft
from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.names import make_name
from jupyterhub_platform.deploy.importing.placement import read_environment
from jupyterhub_platform.deploy.importing.volumes import Storage, Volumes

_TAKEN: Final = (
    "is where another group has a volume, and a user may be in both: write one of them, and under "
    "writers which levels may write there"
)


def read_group_overrides(entry: Entry, draft: Draft, shared: Traits, tier: str) -> None:
    """Put what overrides give to groups; ``tier`` is the one of all, empty if there are several."""
    if entry.why_unknown:
        draft.findings.impossible(entry, entry.why_unknown)
    for each in sorted(entry.items(), key=lambda one: one.name):
        override = each.get("spawner_override")
        provided = [one.text() for one in each.entries_at("groups")]
        names = [name for one in provided if (name := draft.add_group(one, each))]
        if override is None or not names:
            draft.findings.impossible(each, each.why_unknown or "names no groups, or no settings")
            continue
        for name in names:
            # An override came by itself, so that the group is charged where no other is named.
            draft.document["groups"][name]["default"] = True
            draft.findings.carried(each, ("groups", name))
        _read_override(override, draft, shared, names, tier)


def _read_override(
    override: Entry, draft: Draft, shared: Traits, names: list[str], tier: str
) -> None:
    traits = {each.name: each for each in override.items()}
    if any(name in OF_AMOUNTS for name in traits):
        _add_size(override, draft, {**shared, **traits}, names, tier)
    for name, entry in traits.items():
        if name == "environment":
            for group in names:
                read_environment(entry, ("groups", group), draft)
        elif name == "volume_mounts":
            _add_volumes(entry, draft, shared, names)
        elif name not in OF_AMOUNTS:
            draft.findings.impossible(entry, "is nothing that a group of the platform gives")


def _add_size(override: Entry, draft: Draft, traits: Traits, names: list[str], tier: str) -> None:
    if not tier:
        why = "changes amounts of every profile; write tiers or sizes that are open to the group"
        draft.findings.impossible(override, why)
        return
    sizes = draft.get("tiers", tier, "sizes") or {}
    key = make_name(names[0], "size", sizes)
    at: KeyPath = ("tiers", tier, "sizes", key)
    title = str((draft.get("groups", names[0]) or {}).get("title") or key)
    draft.put((*at, "title"), title, override)
    asked = Asked(draft, at)
    asked.read({name: entry for name, entry in traits.items() if name in OF_AMOUNTS})
    for part, amounts in asked.settle(override).items():
        draft.put((*at, part), amounts)
    draft.put((*at, "access"), {"groups": sorted(set(names))}, override)
    draft.findings.carried(override, at)


def add_standard_size(draft: Draft, tier: str, whole: Entry) -> None:
    """Have a size of what the tier itself says, for everybody, behind those of groups."""
    declared = draft.get("tiers", tier)
    if not declared or not declared.get("sizes"):
        return
    own: dict[str, Any] = {"title": "Standard"}
    key = make_name("standard", "size", declared["sizes"])
    for part in ("requests", "limits"):
        if part in declared:
            own[part] = declared.pop(part)
            at: KeyPath = ("tiers", tier, part)
            draft.findings.move(at, ("tiers", tier, "sizes", key, part))
    draft.put(("tiers", tier, "sizes", key), own, whole)


def _add_volumes(entry: Entry, draft: Draft, shared: Traits, names: list[str]) -> None:
    storage = Storage.of({**shared, "volume_mounts": entry})
    own = [each.value for each in Storage.of(shared).mounts]
    more = [each for each in storage.mounts if each.value not in own]
    for mount in more:
        path = mount.value.get("mountPath") if isinstance(mount.value, dict) else ""
        if path in _list_mounts(draft):
            draft.findings.impossible(mount, _TAKEN)
            continue
        for name in names[:1]:
            one = Storage(storage.volumes, (mount,))
            Volumes(draft, _only_used(one, mount), ("groups", name), is_kept=False).read()
    if not more:
        draft.findings.carried(entry, why="is as for everybody")


def _only_used(storage: Storage, mount: Entry) -> Storage:
    name = mount.text_at("name")
    used = {key: volume for key, volume in storage.volumes.items() if key == name}
    return Storage(used, (mount,))


def _list_mounts(draft: Draft) -> list[str]:
    groups = draft.get("groups") or {}
    return [str(each["mount"]) for group in groups.values() for each in group.get("volumes", ())]
