"""Warns of valid policies that are probably mistaken: tiers start too late or end too early."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final, TypeAlias
from urllib.parse import quote

from jupyterhub_platform.core.errors import Fault
from jupyterhub_platform.core.levels import ELEVATED, LEVELS
from jupyterhub_platform.core.offers import Asking, list_sizes
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.core.policy import Limit, Policy
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.resource_names import CPU, MEMORY, SERVERS, is_storage
from jupyterhub_platform.core.tiers import JUPYTERLAB_CPU_SECONDS, Tier
from jupyterhub_platform.core.times import describe_duration

_MIN_CPU: Final = 250
_MIN_MEMORY: Final = 160 * 2**20
_MANY_CORES: Final = 256_000
_MUCH_STORAGE: Final = 2**50
_SHORTEST: Final = timedelta(minutes=1)
_MAX_LOOKED_AT: Final = 5_000
_TRUSTED: Final = "see that the provider lets only its administrators put users there"
_Warning: TypeAlias = tuple[tuple[str, ...], str, str]
"""Where in the tier, what, and the fix."""
MAX_ADDRESS: Final = 230
"""Of a name in an address, beside what JupyterHub writes around it into a column of 255."""
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""A moment at which no grant is live: a tier that only grants open counts as open to no user."""


def find_warnings(policy: Policy) -> tuple[Fault, ...]:
    """Return what is probably a mistake, or reaches far, people first; it is in force anyway."""
    elevated = (
        place_warning(policy, (*rule.path.split("."), "level"), what, _TRUSTED)
        for rule in policy.identity.rules
        if rule.level in ELEVATED and not rule.refusal
        for what in (f"a user who {rule.describe()} is {rule.level}",)
    )
    return *_check_names(policy), *elevated, *_find_in_tiers(policy)


def _find_in_tiers(policy: Policy) -> tuple[Fault, ...]:
    return tuple(
        place_warning(policy, ("tiers", tier.name, *key), what, fix)
        for tier in policy.tiers.values()
        for key, what, fix in (
            *(each for variant in tier.variants for each in _check_size(variant)),
            *_check_times(tier),
            *_check_users(policy, tier),
        )
    )


def place_warning(policy: Policy, path: tuple[str, ...], what: str, fix: str) -> Fault:
    """Return a warning where it belongs: at the key, or else at what stands above it."""
    words = (".".join(path[:end]) for end in range(len(path), 0, -1))
    at = next((policy.lines[each] for each in words if each in policy.lines), None)
    return Fault(path, what, fix) if at is None else Fault(path, what, fix).at(at)


def _check_names(policy: Policy) -> Iterator[Fault]:
    for name in policy.people:
        # In an address, a character takes twelve at most.
        if len(name) > MAX_ADDRESS // 12 and len(quote(name, safe="@~")) > MAX_ADDRESS:
            what = (
                f"takes more than {MAX_ADDRESS} characters in an address, which JupyterHub keeps "
                "in SQLite alone: with another database no server of theirs starts"
            )
            yield place_warning(
                policy, ("users", name), what, "have the provider give a shorter name"
            )


def _check_size(tier: Tier) -> Iterator[_Warning]:
    at = ("sizes", tier.size) if tier.size else ()
    cpu, memory = tier.limits.amount(CPU), tier.limits.amount(MEMORY)
    if 0 < cpu < _MIN_CPU:
        seconds = round(JUPYTERLAB_CPU_SECONDS / Fraction(cpu, 1000))
        what = (
            f"JupyterLab takes about {seconds} s to start with {describe_amount(CPU, cpu)}, "
            "and a start is given up after 30 s by default"
        )
        yield (*at, "limits", CPU), what, "write a limit of 500m or more"
    if 0 < memory < _MIN_MEMORY:
        what = (
            f"{describe_amount(MEMORY, memory)} is less than JupyterLab alone takes, so that "
            "servers are killed while they start"
        )
        yield (*at, "limits", MEMORY), what, "write a limit of 512Mi or more"
    for part, amounts in (("requests", tier.requests), ("limits", tier.limits)):
        if (cores := amounts.amount(CPU)) >= _MANY_CORES:
            what = f"{describe_amount(CPU, cores)} is more than most nodes have"
            yield (*at, part, CPU), what, f"write {cores // 1000}m if thousandths are meant"
            break
    for name, amount in {**tier.limits, **tier.requests}.items():
        if is_storage(name) and amount >= _MUCH_STORAGE:
            part = "requests" if tier.requests.amount(name) else "limits"
            what = f"{describe_amount(name, amount)} is more than any node has"
            yield (*at, part, name), what, "write it in Gi if that is meant, for example 8Gi"


def _check_times(tier: Tier) -> Iterator[_Warning]:
    lifetime, idle = tier.max_lifetime, tier.idle_timeout
    if lifetime is not None and lifetime < _SHORTEST:
        what = f"servers end {describe_duration(lifetime)} after their start, before users can work"
        yield ("max_lifetime",), what, "write for example 8h"
    if idle is not None and idle < _SHORTEST:
        what = f"servers end after {describe_duration(idle)} without use, while their users read"
        yield ("idle_timeout",), what, "write for example 30m"
    if lifetime is not None and idle is not None and idle > lifetime:
        what = (
            f"no server is without use for {describe_duration(idle)}: each ends "
            f"{describe_duration(lifetime)} after its start"
        )
        yield ("idle_timeout",), what, "write less than max_lifetime, or remove the key"


def _check_users(policy: Policy, tier: Tier) -> Iterator[_Warning]:
    """Find out whether any user of a tier could start it while nothing else runs."""
    # Whom rules let in is not known before they log in.
    if tier.observe or policy.identity.rules or any(_may_open(policy, tier)):
        return
    blocking: Limit | None = None
    looked = 0
    for looked, (person, account) in enumerate(_candidates(policy, tier), start=1):
        limits = policy.list_limits(person.name, account, _NEVER)
        sizes = list_sizes(tier, Asking(person.name, person.level, account))
        found = [
            _find_too_small(each, limits) for each in tier.variants if each.size in (*sizes, "")
        ]
        if None in found or looked >= _MAX_LOOKED_AT:
            return
        blocking = blocking or next(iter(found), None)
    if blocking is not None:
        yield _find_blocked(tier, blocking)
    elif looked == 0 and policy.people and not any(g.provided_by for g in policy.groups.values()):
        what = "no user whom the policy declares may use it"
        yield (
            ("access",),
            what,
            "name a group with members, a person or a level that starts servers",
        )


def _find_too_small(tier: Tier, limits: Iterable[Limit]) -> Limit | None:
    """Return a limit that keeps a tier, in a size, from starting while nothing else runs."""
    return next((at for at in limits if tier.demand.amount(at.resource) > at.maximum), None)


def _may_open(policy: Policy, tier: Tier) -> Iterator[bool]:
    for grant in policy.grants:
        asked = {name for variant in tier.variants for name in variant.demand}
        yield grant.tier == tier.name or any(name in asked for name in grant.add)


def _candidates(policy: Policy, tier: Tier) -> Iterator[tuple[Person, str]]:
    for person in policy.people.values():
        if LEVELS[person.level].may_start:
            for account in sorted(policy.declared_groups(person.name)):
                if tier.access.admits(person.name, person.level, account):
                    yield person, account


def _find_blocked(tier: Tier, limit: Limit) -> _Warning:
    name = limit.resource
    asked = describe_amount(name, tier.demand.amount(name))
    key = () if name == SERVERS else ("requests", name)
    what = (
        f"no user who may use it can start it: it asks for {asked}, and {limit.path} allows "
        f"{describe_amount(name, limit.maximum)}"
    )
    if " " in limit.path:
        what = f"no user who may use it can start it: it asks for {asked}, and {limit.path}"
    return key, what, f"raise a quota of {name}, lower what the tier asks for, or give a grant"


def list_warnings(policy: Policy) -> list[str]:
    """Return the warnings of a policy, a line each."""
    return [say_warning(each) for each in find_warnings(policy)]


def say_warning(warning: Fault) -> str:
    """Render a warning on one line, as compilers do: ``FILE:LINE: warning: …``."""
    text = str(warning)
    place = f"{warning.file}:{warning.line}: " if warning.line else ""
    return f"{place}warning: {text.removeprefix(place)}"
