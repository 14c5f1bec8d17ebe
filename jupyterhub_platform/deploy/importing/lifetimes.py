"""When servers end, and how many there may be: from cullers and bounds of a Hub to the document."""

import re
from collections.abc import Iterator
from typing import Final

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.times import parse_duration
from jupyterhub_platform.deploy.importing.draft import Draft
from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.site import Site

_ARGUMENT: Final = re.compile(r"--(timeout|max[-_]age)=(\d{1,9})")
_CULLER: Final = re.compile(r"idle[-_]culler|cull[-_]idle")
_MANY: Final = 1_000_000


def read_services(site: Site, draft: Draft) -> frozenset[str]:
    """Put what an idle culler among the services does into the tiers, and return its names."""
    services, cullers = site.get("JupyterHub.services"), set()
    for entry in services.entries() if services else ():
        words = [each.text() for each in entry.entries_at("command")]
        if not any(_CULLER.search(word) for word in words):
            _note_service(entry, draft)
            continue
        cullers.add(entry.text_at("name"))
        matches = filter(None, map(_ARGUMENT.fullmatch, words))
        found = {match[1].replace("_", "-"): match[2] for match in matches}
        set_lifetimes(draft, entry, found.get("timeout", "600"), found.get("max-age", "0"))
    if services is not None and services.why_unknown:
        draft.findings.stays(services)
    return frozenset(cullers)


def _note_service(entry: Entry, draft: Draft) -> None:
    if entry.why_unknown:
        draft.findings.stays(entry)
    elif entry.text_at("name") == "platform":
        draft.findings.impossible(entry, "has the name of the platform's own service; rename it")
    elif entry.get("api_token") or entry.get("apiToken"):
        why = "has a token, which is not written; keep it in a Secret or a variable of the Hub"
        draft.findings.changed(entry, why, stays=True)
    else:
        draft.findings.stays(entry)


def set_lifetimes(draft: Draft, entry: Entry, idle: str, whole: str) -> None:
    """Have all tiers end servers after so many seconds without use, and since their start."""
    paths = []
    for name in draft.get("tiers") or {}:
        for key, written in (("idle_timeout", idle), ("max_lifetime", whole)):
            seconds = _read_seconds(written)
            if seconds is None:
                draft.findings.impossible(entry, "is no number of seconds")
                return
            if seconds:
                draft.put(("tiers", name, key), _write_seconds(seconds), entry)
                paths.append(("tiers", name, key))
    if paths:
        draft.findings.carried(entry, *paths)
    else:
        draft.findings.carried(entry, why="ends no server, and neither does a tier")


def _read_seconds(written: str) -> int | None:
    if not written.isdecimal() or len(written) > 9:
        return None
    seconds = int(written)
    if not seconds:
        return 0
    try:
        parse_duration(f"{seconds}s")
    except QuantityError:
        return None
    return seconds


def _write_seconds(seconds: int) -> str:
    for unit, name in ((3600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds // unit}{name}"
    return f"{seconds}s"


def read_bounds(site: Site, draft: Draft) -> None:
    """Put how many servers there may be, of one user and of all."""
    named = site.get("JupyterHub.allow_named_servers")
    bound = site.get("JupyterHub.named_server_limit_per_user")
    is_open = named is not None and named.flag() is True
    at = ("defaults", "user_quota", "servers")
    if not is_open:
        draft.put(at, 1, named or site.whole)
        if named is None:
            why = "allows one server to a user where it says nothing of named servers"
            draft.findings.changed(site.whole, why, at)
        else:
            draft.findings.carried(named, at)
    else:
        more = bound.value if bound is not None else 0
        if isinstance(more, int) and not isinstance(more, bool) and 0 < more < _MANY:
            draft.put(at, int(more) + 1, bound)
        for each in filter(None, (named, bound)):
            draft.findings.carried(each, *([at] if draft.get(*at) else []))
    active = site.get("JupyterHub.active_server_limit")
    if active is not None:
        if isinstance(active.value, int) and 0 < active.value < _MANY:
            draft.put(("quota", "servers"), int(active.value), active)
            draft.findings.carried(active, ("quota", "servers"))
        else:
            draft.findings.carried(active, why="bounds nothing")


def open_devices(draft: Draft) -> None:
    """Leave devices as unbounded as before: the platform denies those that no quota names."""
    names = sorted(
        {
            name
            for tier in (draft.get("tiers") or {}).values()
            for asked in (tier, *tier.get("sizes", {}).values())
            for part in ("requests", "limits")
            for name in asked.get(part, {})
            if "/" in name
        }
    )
    for name in names:
        at = ("defaults", "member_quota", name)
        draft.put(at, "unlimited")
        entry = next(_list_sources(draft, name), None)
        if entry is not None:
            why = "had no quota, and is denied here unless one names it: write how many"
            draft.findings.changed(entry, why, at)


def _list_sources(draft: Draft, name: str) -> Iterator[Entry]:
    for path, entry in draft.sources.items():
        if path[0] == "tiers" and path[-1] == name:
            yield entry
