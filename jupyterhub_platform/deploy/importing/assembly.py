"""From the settings of a Hub to a document that validates."""

from collections.abc import Callable
from typing import Final

from jupyterhub_platform.deploy.importing.amounts import OF_AMOUNTS
from jupyterhub_platform.deploy.importing.draft import Draft
from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.findings import Findings
from jupyterhub_platform.deploy.importing.image_choices import OF_IMAGES
from jupyterhub_platform.deploy.importing.lifetimes import open_devices, read_bounds, read_services
from jupyterhub_platform.deploy.importing.overrides import add_standard_size, read_group_overrides
from jupyterhub_platform.deploy.importing.people import People
from jupyterhub_platform.deploy.importing.profiles import Profiles
from jupyterhub_platform.deploy.importing.repair import complete, repair
from jupyterhub_platform.deploy.importing.site import Site
from jupyterhub_platform.deploy.importing.staying import note_staying
from jupyterhub_platform.deploy.importing.volumes import OF_VOLUMES

OF_ALL_TIERS: Final = frozenset(
    {
        *(*OF_AMOUNTS, *OF_IMAGES, *OF_VOLUMES),
        *("node_selector", "tolerations", "service_account"),
    }
)
"""Settings of all servers that tiers say; the others stay where they are."""
_LOST_FORMS: Final = frozenset(
    {
        *("options_form", "options_from_form", "profile_form_template"),
        "additional_profile_form_template_paths",
    }
)
_CODE: Final = (
    "is offered by code, which is not executed: only admins have it until you write for whom it is"
)


def assemble(site: Site, findings: Findings, more: Callable[[Draft], None] | None = None) -> Draft:
    """Make the document of a site; ``more`` adds what a format says beside a Hub's settings."""
    draft = Draft(findings, group_prefix=site.group_prefix)
    draft.put(("version",), 1)
    People(site, draft).read()
    _read_servers(site, draft)
    cullers = read_services(site, draft)
    read_bounds(site, draft)
    if more is not None:
        more(draft)
    open_devices(draft)
    _read_rest(site, draft, cullers)
    _note_forgotten(site, draft)
    complete(site, draft)
    repair(site, draft)
    return draft


def _read_servers(site: Site, draft: Draft) -> None:
    own = dict(site.list_spawner_settings())
    shared = {name: entry for name, entry in own.items() if name in OF_ALL_TIERS}
    listed = own.get("profile_list")
    profiles = Profiles(draft, shared)
    offered = list(listed.entries()) if listed is not None else []
    if listed is not None and not offered and listed.value not in ([], None):
        offered = site.profiles
        profiles.closed = _CODE
        why = f"{listed.why_unknown or 'is no list'}; {_say_found(len(offered))}"
        draft.findings.impossible(listed, why, *([("tiers",)] if offered else []))
    profiles.read(offered)
    if not draft.get("tiers"):
        _add_only_tier(site, draft, profiles)
    only = next(iter(draft.get("tiers") or {}), "")
    tier = "" if offered else only
    if (overrides := own.get("group_overrides")) is not None:
        read_group_overrides(overrides, draft, shared, tier)
        add_standard_size(draft, tier, site.whole)
    profiles.read_volumes()


def _say_found(number: int) -> str:
    if not number:
        return "write its profiles as tiers"
    return f"{number} profiles that are written out in the code are tiers"


def _add_only_tier(site: Site, draft: Draft, profiles: Profiles) -> None:
    """Have one tier of what all servers get, where a site has no profiles."""
    closed, profiles.closed = profiles.closed, ""
    value = {"display_name": "Standard", "slug": "standard", "default": True}
    profiles.read([site.whole.with_value(value)])
    if closed:
        why = "offers no profile that can be read: one tier has what all servers get"
        draft.findings.impossible(site.whole, why, ("tiers", "standard"))


def _read_rest(site: Site, draft: Draft, cullers: frozenset[str]) -> None:
    """Note the settings that nothing above has read."""
    for name, entry in site.settings.items():
        section, _, trait = name.partition(".")
        if section.endswith("Spawner"):
            if trait not in OF_ALL_TIERS:
                _note_spawner(trait, entry, draft)
        elif section == "JupyterHub":
            _note_hub(trait, entry, draft, cullers)
        elif not _is_of_authenticator(site, section):
            note_staying(entry, draft.findings)


def _note_forgotten(site: Site, draft: Draft) -> None:
    """Note settings of which nothing has been said: each has its line in the report."""
    noted = {each.key for each in draft.findings}
    for entry in site.settings.values():
        below = f"{entry.dotted}."
        if not entry.line or entry.dotted in noted or any(key.startswith(below) for key in noted):
            continue
        if entry.value in (None, False, "", [], {}):
            draft.findings.carried(entry, why="sets nothing, and neither does the document")
        else:
            draft.findings.stays(entry, "is read by nothing that the document has")


def _is_of_authenticator(site: Site, section: str) -> bool:
    bases = site.bases.get(section, ())
    return any(each.endswith("Authenticator") for each in (section, *bases))


def _note_spawner(trait: str, entry: Entry, draft: Draft) -> None:
    if trait in {"profile_list", "group_overrides"}:
        return
    if trait in _LOST_FORMS:
        draft.findings.impossible(entry, "has no effect: the spawn page shows the tiers")
    elif trait == "modify_pod_hook" or trait.endswith("_hook"):
        why = "is code and stays; the pod is checked after it, and amounts stay the tier's"
        draft.findings.changed(entry, why, stays=True)
    else:
        note_staying(entry, draft.findings)


def _note_hub(trait: str, entry: Entry, draft: Draft, cullers: frozenset[str]) -> None:
    if trait in _READ_ABOVE:
        return
    if trait == "load_groups":
        _read_groups(entry, draft)
    elif trait == "load_roles":
        _note_roles(entry, draft, cullers)
    elif trait == "spawner_class" and entry.why_unknown:
        why = (
            "is code, and stays behind admission; what it mounts of a volume that platform.yaml "
            "has now is written there, with levels"
        )
        draft.findings.changed(entry, why, stays=True)
    elif trait == "spawner_class":
        draft.findings.stays(entry, "is put behind admission")
    elif trait == "admin_access":
        draft.findings.changed(entry, "has had no effect since JupyterHub 2")
    else:
        note_staying(entry, draft.findings)


_READ_ABOVE: Final = frozenset(
    {
        *("authenticator_class", "allow_named_servers", "named_server_limit_per_user"),
        *("active_server_limit", "services"),
    }
)


def _read_groups(entry: Entry, draft: Draft) -> None:
    if entry.why_unknown:
        draft.findings.impossible(entry, entry.why_unknown)
    for each in entry.items():
        name = draft.add_group(each.name, entry)
        listed = each.get("users") if isinstance(each.value, dict) else each
        for user in listed.entries() if listed else ():
            known = draft.add_user(user.text(), user) if name else ""
            members = draft.document["groups"][name].setdefault("members", []) if name else []
            if known and known not in members:
                members.append(known)
        if name:
            draft.findings.carried(each, ("groups", name))


def _note_roles(entry: Entry, draft: Draft, cullers: frozenset[str]) -> None:
    renamed = {
        provided: name
        for name, group in (draft.get("groups") or {}).items()
        for provided in group.get("from", ())
        if provided != name
    }
    for each in entry.entries():
        services = [one.text() for one in each.entries_at("services")]
        groups = [one.text() for one in each.entries_at("groups")]
        if services and cullers.issuperset(services):
            draft.findings.carried(each, ("tiers",), why="was the culler's")
        elif any(one in renamed for one in groups):
            names = ", ".join(sorted({renamed[one] for one in groups if one in renamed}))
            why = f"stays, and names groups as the provider does: write {names} there"
            draft.findings.changed(each, why, stays=True)
        else:
            draft.findings.stays(each)
    if entry.why_unknown:
        why = "stays, and is computed by code: where it names groups, write those of platform.yaml"
        draft.findings.changed(entry, why, stays=True)
