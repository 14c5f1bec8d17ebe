"""What roles of a site give over other people, held to whom their bearer is not below.

A role may let members of a group start and open servers of a collaboration account
(``admin:servers!user=…``), or those of a course (``!group=…``). Levels change while the Hub runs,
by a reload, an edit or a grant, and groups change with them: a check at the start would be true for
a moment alone. So each use asks whose level is whose now.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from jupyterhub_platform.core.levels import Level, is_above
from jupyterhub_platform.core.policy import Policy

POWER_OVER_SERVERS: Final = frozenset(
    {
        *("access:servers", "admin:server_state", "admin:servers"),
        *("delete:servers", "servers", "start:servers"),
    }
)
"""Scopes that, for the servers of one user, let their bearer act as that user."""


def narrow_scopes(
    scopes: Iterable[str],
    bearer: str,
    policy: Policy,
    members_of: Callable[[str], Collection[str]],
) -> frozenset[str]:
    """Return the expanded ``scopes`` of a user without power over users above them.

    ``members_of`` returns the members of a group of the Hub, by name.
    """
    person = policy.people.get(bearer)
    level = person.level if person else None
    if level is Level.ADMIN:
        return frozenset(scopes)

    def is_higher(name: str) -> bool:
        other = policy.people.get(name)
        return name != bearer and is_above(other.level if other else None, level)

    return frozenset(_narrow(scopes, is_higher, members_of))


def _narrow(
    scopes: Iterable[str],
    is_higher: Callable[[str], bool],
    members_of: Callable[[str], Collection[str]],
) -> Iterator[str]:
    for scope in scopes:
        name, _, condition = scope.partition("!")
        kind, _, value = condition.partition("=")
        if name not in POWER_OVER_SERVERS or kind not in {"user", "server", "group"}:
            yield scope
        elif kind != "group":
            if not is_higher(value.partition("/")[0]):
                yield scope
        else:
            members = members_of(value)
            if any(map(is_higher, members)):
                yield from (f"{name}!user={each}" for each in members if not is_higher(each))
            else:
                yield scope
