"""Brings the Hub's users, groups and admins to what the policy declares."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from jupyterhub import orm, roles

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.levels import Level, level_group
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.usecases.memberships import list_declared, settle_memberships
from jupyterhub_platform.usecases.policies import Policies

CHANGES_AT_A_TIME = 10
"""Users that are changed before others get a turn: a change costs the Hub about a millisecond."""


async def apply_memberships(app: Any, policy: Policy, policies: Policies) -> None:
    """Settle everybody's memberships, in chunks that leave the Hub's loop to others.

    What is about to be applied is remembered first, so that a Hub that is killed half-way still
    knows afterwards which memberships were the policy's.
    """
    loop = asyncio.get_running_loop()
    declared = dict(list_declared(policy))
    try:
        before = await loop.run_in_executor(None, policies.list_applied)
        both = {
            name: before.get(name, frozenset()) | declared.get(name, frozenset())
            for name in before.keys() | declared.keys()
        }
        await loop.run_in_executor(None, policies.record_applied, both)
    except StoreError as error:
        app.log.warning("Memberships are not settled: %s", error)
        return
    await _settle(app, policy, both)
    try:
        await loop.run_in_executor(None, policies.record_applied, declared)
    except StoreError as error:
        app.log.warning("Which memberships were applied is not remembered yet: %s", error)


async def _settle(app: Any, policy: Policy, applied: Mapping[str, frozenset[str]]) -> None:
    current = read_memberships(app.db)
    # A level that somebody gave by hand is taken from people whom no policy ever knew, too.
    raised = {name for name, groups in current.items() if any(map(is_level_group, groups))}
    changes = 0
    for name in sorted(applied.keys() | policy.people.keys() | raised):
        was = current.get(name)
        if was is None and name not in policy.people:
            continue
        theirs = applied.get(name, frozenset())
        if was == settle_memberships(policy, name, was or frozenset(), theirs):
            continue
        settle_person(app.db, policy, name, theirs)
        changes += 1
        if changes % CHANGES_AT_A_TIME == 0:
            await asyncio.sleep(0)


def read_memberships(database: Any) -> dict[str, frozenset[str]]:
    """Read the groups of every user of the Hub in one query."""
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for user, group in database.query(orm.User.name, orm.Group.name).outerjoin(orm.User.groups):
        groups[user] |= {group} if group else set()
    return {user: frozenset(names) for user, names in groups.items()}


def settle_person(database: Any, policy: Policy, name: str, applied: frozenset[str]) -> None:
    """Put a user into the groups that they shall be in, and make them an admin or not.

    Their groups are read once more: since all were read, others may have had a turn.
    """
    user = orm.User.find(database, name)
    if user is None:
        user = orm.User(name=name)
        database.add(user)
    current = frozenset(group.name for group in user.groups)
    shall = settle_memberships(policy, name, current, applied)
    was_admin = level_group(Level.ADMIN) in current
    user.groups = [_group(database, group) for group in sorted(shall)]
    is_admin = level_group(Level.ADMIN) in shall
    if name in policy.people or was_admin:
        user.admin = is_admin
    database.flush()
    roles.assign_default_roles(database, entity=user)
    database.commit()


def _group(database: Any, name: str) -> Any:
    group = orm.Group.find(database, name)
    if group is None:
        group = orm.Group(name=name)
        database.add(group)
    return group
