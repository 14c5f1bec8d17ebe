"""Makes a document complete and valid: what the platform does not accept is taken out, and said."""

import re
from collections.abc import Mapping
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.deploy.importing.draft import MEMBERS, Draft
from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.people import STAND_IN
from jupyterhub_platform.deploy.importing.site import Site
from jupyterhub_platform.documents import parse_policy, render_mapping

_SECTIONS: Final = (
    *("version", "name", "quota", "defaults", "users", "groups", "images", "tiers"),
    *("identity", "deployment"),
)
PLACEHOLDER: Final = "quay.io/jupyter/base-notebook:2025-03-31"
_MAX_REPAIRS: Final = 40
_QUOTED: Final = re.compile(r"“[^”]*”")
_NO_ADMIN: Final = f"names no admin, and a platform has one: replace “{STAND_IN}”"
_NO_IMAGE: Final = "names no image that can be used; one stands in, write the right one"
_STAND_IN: Final = "stand-in"
_NO_TIER: Final = "has nothing that can be started as it is: one tier stands in"


def complete(site: Site, draft: Draft) -> None:
    """Add what every document needs, and put its sections in order."""
    users = draft.document.setdefault("users", {})
    if not any(_is_active_admin(each) for each in users.values()):
        users[STAND_IN] = {"level": "admin", "groups": [MEMBERS]}
        draft.findings.impossible(site.whole, _NO_ADMIN, ("users", STAND_IN))
    draft.add_members()
    if not draft.get("tiers"):
        _add_stand_in(site, draft)
    tiers = draft.document["tiers"]
    for name in tiers:
        _keep_images(site, draft, name)
    default = next((name for name, tier in tiers.items() if _is_open(tier)), "")
    if default:
        draft.put(("defaults", "tier"), default)
    elif draft.get("defaults", "tier"):
        del draft.document["defaults"]["tier"]
    groups = draft.document["groups"]
    # Of several groups with default, the first is charged: that of everybody is the last.
    groups[MEMBERS] = groups.pop(MEMBERS)
    draft.document = {key: draft.document[key] for key in _SECTIONS if draft.document.get(key)}


def _is_active_admin(user: Mapping[str, Any]) -> bool:
    return user.get("level") == "admin" and "suspended" not in user


def _is_open(tier: Mapping[str, Any]) -> bool:
    sizes = tier.get("sizes", {}).values()
    return "access" not in tier and (not sizes or any("access" not in each for each in sizes))


def _keep_images(site: Site, draft: Draft, name: str) -> None:
    """Have a tier name images that are there, or else the one that stands in."""
    tier, images = draft.document["tiers"][name], draft.document.setdefault("images", {})
    known = [each for each in tier.get("images", ()) if each in images]
    if not any("reference" in images[each] for each in known):
        known.insert(0, _STAND_IN)
        images.setdefault(_STAND_IN, {"title": "Stand-in", "reference": PLACEHOLDER})
        source = draft.find_source(("tiers", name)) or site.whole
        draft.findings.impossible(source, _NO_IMAGE, ("tiers", name, "images"))
    tier["images"] = known


def _add_stand_in(site: Site, draft: Draft) -> None:
    amounts = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": 1, "memory": "2Gi"}}
    tier = {"title": "Stand-in", **amounts, "images": []}
    draft.document.setdefault("tiers", {})[_STAND_IN] = tier
    draft.findings.impossible(site.whole, _NO_TIER, ("tiers", _STAND_IN))


def repair(site: Site, draft: Draft) -> None:
    """Take out what the platform does not accept, until the document validates."""
    for _ in range(_MAX_REPAIRS):
        faults = {each.path: each for each in find_faults(draft.document)}
        if not faults:
            return
        for path in _in_reverse(list(faults)):
            why = f"is not accepted here: {_QUOTED.sub('it', faults[path].what)}"
            _take_out(draft, path, why, site.whole)
        complete(site, draft)
    _start_anew(site, draft)


def _in_reverse(paths: list[KeyPath]) -> list[KeyPath]:
    """Return paths so that what is taken out moves nothing that comes after."""
    keys = [
        [(isinstance(k, int), k if isinstance(k, int) else 0, str(k)) for k in p] for p in paths
    ]
    return [path for _, path in sorted(zip(keys, paths, strict=True), reverse=True)]


def find_faults(document: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return what is wrong with a document, as ``jhp validate`` finds it."""
    try:
        parse_policy(render_mapping(document).encode(), "platform.yaml")
    except PolicyError as error:
        return error.faults
    return ()


def _take_out(draft: Draft, path: KeyPath, why: str, whole: Entry) -> None:
    """Remove what stands at a path, or the nearest thing above it; never a whole document."""
    source = draft.find_source(path)
    holder: Any = draft.document
    at: list[str | int] = []
    for key in path:
        below = _find_below(holder, key)
        if below is None:
            break
        at.append(key)
        holder = below
    if at and at[0] != "version":
        _remove(draft.document, at)
        draft.findings.forget(tuple(at))
    draft.findings.impossible(source or whole, why)


def _find_below(holder: Any, key: str | int) -> Any:
    if isinstance(holder, dict):
        return holder.get(key)
    is_place = isinstance(holder, list) and isinstance(key, int) and 0 <= key < len(holder)
    return holder[int(key)] if is_place else None


def _remove(document: Any, at: list[str | int]) -> None:
    holder = document
    for key in at[:-1]:
        holder = holder[key]
    del holder[at[-1]]


def _start_anew(site: Site, draft: Draft) -> None:
    """Give up what was read of a source that nothing valid can be made of."""
    for key in list(draft.document):
        draft.findings.forget((key,))
    draft.document = {"version": 1}
    draft.findings.impossible(site.whole, "cannot be made a document; begin with this one")
    complete(site, draft)
