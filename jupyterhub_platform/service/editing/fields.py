"""The fields of each kind of form, as the policy in force offers them."""

from collections.abc import Iterable
from typing import Final

from jupyterhub_platform.core.levels import LEVELS, Level
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.resource_names import CPU, MEMORY, SERVERS, is_accelerator
from jupyterhub_platform.service.editing.documents import Field
from jupyterhub_platform.usecases.holdings import describe_resource

_HINTS: Final = {CPU: "Such as 4 or 500m.", MEMORY: "Such as 8Gi."}
_NAMES: Final = "User names, one on a line; a name with blanks in double quotes."
_ACCOUNT: Final = (
    "The group that is charged for starts that name none. Empty: the one that was charged last."
)
_PROVIDED: Final = (
    "Exactly as it calls them, one on a line: whom it puts there is a member, too. A name with "
    "blanks in double quotes."
)
_GROUPS: Final = "One on a line. A group that is managed in the Hub lists its members itself."


def list_fields(kind: Kind, policy: Policy) -> tuple[Field, ...]:
    """Return the fields of the form for a kind of object."""
    match kind:
        case Kind.USER:
            return tuple(_user())
        case Kind.GROUP:
            return tuple(_group(policy))
        case Kind.TIER:
            return tuple(_tier(policy))
        case Kind.IMAGE:
            return tuple(_image())
        case Kind.GRANT:
            return tuple(_grant(policy))


def _user() -> Iterable[Field]:
    yield Field(("title",), "Full name", hint="Or what the user is here for.")
    options = tuple((level, f"{level}: {rule.summary}") for level, rule in LEVELS.items())
    yield Field(("level",), "Level", "choice", options=options)
    yield Field(("groups",), "Groups of the policy file", "names", _GROUPS)
    yield Field(("account",), "Default account", hint=_ACCOUNT)


def _group(policy: Policy) -> Iterable[Field]:
    yield Field(("title",), "Title", hint="What people call the group.")
    yield Field(("members",), "Members", "names", _NAMES)
    yield Field(("managers",), "Managers", "names", "People of the level manager or admin.")
    default = "It is charged for members who name no account and have no other default"
    yield Field(("default",), default, "check")
    yield Field(("from",), "Groups of the identity provider", "names", _PROVIDED)
    yield from _amounts("quota", "All members together may hold", policy, servers=True)
    yield from _amounts("member_quota", "Each member may hold", policy, servers=True)


def _tier(policy: Policy) -> Iterable[Field]:
    yield Field(("title",), "Title", hint="What people call it.")
    yield Field(("description",), "What it is good for", "text")
    yield from _amounts("requests", "Reserved, and counted by quotas", policy, servers=False)
    yield from _amounts("limits", "A server may use at most", policy, servers=False)
    # Their order is what a user chooses from, so that boxes to tick would not do.
    hint = f"One on a line, the first is preselected: {', '.join(policy.images)}."
    yield Field(("images",), "Images", "names", hint)
    yield Field(("access", "groups"), "Only for these groups", "names", "None: for everybody.")
    yield Field(("access", "levels"), "Only for these levels", "choices", "", _levels())
    yield Field(("access", "users"), "Only for these people", "names", _NAMES)
    for key, whose in (
        ("user", "Of one person"),
        ("account", "Of a group"),
        ("platform", "Of all"),
    ):
        yield Field(("at_once", key), whose, "count", group="Servers that may run at once")
    yield Field(("max_lifetime",), "Ends after", hint="Such as 12h.")
    yield Field(("idle_timeout",), "Ends without use after", hint="Such as 60m.")
    yield Field(("requestable",), "People who may not use it see it, and may ask for it", "check")
    yield Field(("observe",), "Only record what would be denied, and admit", "check")


def _image() -> Iterable[Field]:
    yield Field(("title",), "Title", hint="What people read when they choose.")
    yield Field(("description",), "What it is good for", "text")
    hint = "Such as quay.io/jupyter/scipy-notebook:2025-03-31; a digest cannot change."
    yield Field(("reference",), "Reference", hint=hint)
    hint = "Instead of a reference, such as quay.io/acme/*: users name an image of it themselves."
    yield Field(("pattern",), "Pattern", hint=hint)


def _grant(policy: Policy) -> Iterable[Field]:
    yield Field(("user",), "User", hint="Whom it is for; or name a group instead.")
    yield Field(("group",), "Group", hint="Instead of a user: for all its members together.")
    yield Field(("account",), "Within the group", hint="For a user: the group in which it counts.")
    yield from _amounts("add", "What may be held on top", policy, servers=True)
    tiers = tuple((tier.name, tier.title or tier.name) for tier in policy.tiers.values())
    yield Field(("tier",), "Tier", "choice", "A tier that is open meanwhile.", tiers)
    yield Field(("level",), "Level", "choice", "Of a user, meanwhile; no group.", _levels())
    hint = "How long from now, such as 2d; or a time, such as 2030-01-31T18:00:00Z."
    yield Field(("until",), "Until", "instant", hint, required=True)
    yield Field(("from",), "From", "instant", "Empty: from now on.")
    yield Field(("reason",), "What it is for", hint="The user reads it.", required=True)


def _amounts(section: str, whose: str, policy: Policy, *, servers: bool) -> Iterable[Field]:
    found = {name for tier in policy.tiers.values() for name in tier.demand}
    accelerators = sorted(filter(is_accelerator, found))
    for name in (*((SERVERS,) if servers else ()), CPU, MEMORY, *accelerators):
        hint = _HINTS.get(name, "" if name == SERVERS else name)
        yield Field((section, name), describe_resource(name), "amount", hint, group=whose)


def _levels() -> tuple[tuple[str, str], ...]:
    return tuple((level, level) for level in Level)
