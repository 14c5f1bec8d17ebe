"""Brings the Hub's users, groups and admins in line with the policy."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from jupyterhub import orm, roles

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.levels import Level, level_group
from jupyterhub_platform.core.memberships import (
    declared_memberships,
    list_declared,
    list_moved,
    settle_memberships,
)
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.people.privileges import strip_roles_of_admins
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.hub.upstream.event_loop import Turn, freeze_heap, gc_paused
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.snapshot import InForce

Memberships: TypeAlias = Mapping[str, frozenset[str]]

USERS_AT_A_TIME = 200
"""Users whose groups are read in one query, which blocks the Hub's loop for a few milliseconds."""

NEW_USERS_AT_A_TIME = 20
"""New users who are added by the same statements, which takes a few milliseconds, too."""

ROLE_OF_USERS = "user"
"""The role that JupyterHub gives to every user, and the only one to users who are no admins."""


async def apply_memberships(
    app: Any,
    policy: Policy,
    policies: Policies,
    is_in_force: Callable[[], bool],
    *,
    levels_only: bool = False,
) -> None:
    """Settle all memberships, in steps that yield the Hub's loop to others.

    Memberships are remembered before they are applied: a Hub that is killed in between still knows
    afterwards which of them came from the policy. With ``levels_only`` groups without a level are
    left as they are. It ends early if ``policy`` is no longer in force.

    Raises
    ------
    StoreError
        Raised if something cannot be remembered; again does no harm.
    """
    if levels_only:
        await _settle(app, policy, {}, is_in_force, levels_only=True)
        return
    with gc_paused():
        declared, both = await in_store_thread(_remember, policy, policies)
        freeze_heap()
    if not await _settle(app, policy, both, is_in_force):
        return  # which of them were applied is remembered still
    with gc_paused():
        await in_store_thread(policies.record_applied, declared)


async def apply_to_moved(
    app: Any, before: Policy, after: InForce, policies: Policies, *, levels_only: bool = False
) -> frozenset[str]:
    """Settle those whose level or groups differ from an earlier policy; return their names.

    As :func:`apply_memberships` does for all users, and at the cost of those who moved.

    Raises
    ------
    StoreError
        Raised if it cannot be remembered; settling all users repeats it.
    """
    policy = after.snapshot.policy
    moved = await in_store_thread(list_moved, before, policy)
    was = {name: declared_memberships(before, name) for name in moved}
    now = {name: declared_memberships(policy, name) for name in moved}
    if not levels_only:
        both = {name: was[name] | now[name] for name in moved}
        await in_store_thread(policies.change_applied, {}, both)
    turn = Turn()
    left = sorted(moved - app.authenticator.blocked_users)
    while left:
        names, left = left[:NEW_USERS_AT_A_TIME], left[NEW_USERS_AT_A_TIME:]
        # As it is now: the file may have been read again meanwhile.
        declared = [name for name in names if name in after.snapshot.policy.people]
        added = add_people(app.db, after.snapshot.policy, declared, levels_only=levels_only)
        for name in (each for each in names if each not in added):
            if turn.is_over:
                app.db.commit()
                await turn.yield_if_due()
            policy = after.snapshot.policy
            if name in policy.people or orm.User.find(app.db, name) is not None:
                settle_person(app.db, policy, name, was[name], levels_only=levels_only)
        app.db.commit()
        await turn.yield_if_due()
    app.db.commit()
    if not levels_only:
        await in_store_thread(policies.change_applied, was, now)
    return moved


def _remember(policy: Policy, policies: Policies) -> tuple[Memberships, Memberships]:
    """Return the declared memberships, and those with the applied ones, which are remembered."""
    declared = list_declared(policy)
    before = policies.list_applied()
    both = {
        name: before.get(name, frozenset()) | declared.get(name, frozenset())
        for name in before.keys() | declared.keys()
    }
    policies.record_applied(both)
    return declared, both


async def _settle(
    app: Any,
    policy: Policy,
    applied: Memberships,
    is_in_force: Callable[[], bool],
    *,
    levels_only: bool = False,
) -> bool:
    """Settle all users; ``False`` if another policy came into force meanwhile."""
    turn = Turn()
    current = await _read_memberships(app.db, turn)
    freeze_heap()
    # The Hub itself has revoked everything from users whom a site blocks.
    blocked = app.authenticator.blocked_users
    added: set[str] = set()
    absent = sorted(policy.people.keys() - current.keys() - blocked)
    for first in range(0, len(absent), NEW_USERS_AT_A_TIME):
        names = absent[first : first + NEW_USERS_AT_A_TIME]
        added |= add_people(app.db, policy, names, levels_only=levels_only)
        app.db.commit()
        await turn.yield_if_due()
        if not is_in_force():
            return False
    known_before = applied.keys() | policy.people.keys() | current.keys()
    for name in sorted(known_before - blocked - added):
        if turn.is_over:
            app.db.commit()
            await turn.yield_if_due()
            if not is_in_force():
                return False
        was = current.get(name)
        theirs = applied.get(name, frozenset())
        if was is None and name not in policy.people:
            continue
        # A level that was given by hand is also revoked from users whom no policy ever knew.
        known = name in policy.people or name in applied or any(map(is_level_group, was or ()))
        shall = settle_memberships(
            policy, name, was or frozenset(), theirs, levels_only=levels_only
        )
        if known and was != shall:
            settle_person(app.db, policy, name, theirs, levels_only=levels_only)
    app.db.commit()
    return True


async def _read_memberships(database: Any, turn: Turn) -> dict[str, frozenset[str]]:
    """Read the groups of every user of the Hub, some users at a time."""
    memberships: dict[str, frozenset[str]] = {}
    pairs = orm.user_group_map.c
    newest = database.query(orm.User.id).order_by(orm.User.id.desc()).first()
    for first in range(0, newest.id + 1 if newest else 0, USERS_AT_A_TIME):
        last = first + USERS_AT_A_TIME - 1
        names = dict(database.query(orm.Group.id, orm.Group.name).all())
        groups: defaultdict[int, set[str]] = defaultdict(set)
        # Without a join: for some of the users, SQLite would read the groups of all of them.
        for user, group in database.query(pairs.user_id, pairs.group_id).filter(
            pairs.user_id.between(first, last)
        ):
            groups[user].add(names[group])
        users = database.query(orm.User.id, orm.User.name)
        for user, name in users.filter(orm.User.id.between(first, last)):
            memberships[name] = frozenset(groups[user])
        await turn.yield_if_due()
    return memberships


def add_people(
    database: Any, policy: Policy, names: Collection[str], *, levels_only: bool = False
) -> frozenset[str]:
    """Add declared users whom the Hub does not know, with their groups; return their names.

    Left to :func:`settle_person` are those whom the Hub knows by now, and admins. The caller
    commits.
    """
    nothing: frozenset[str] = frozenset()
    shall = {
        name: settle_memberships(policy, name, nothing, nothing, levels_only=levels_only)
        for name in names
    }
    users = [name for name in names if level_group(Level.ADMIN) not in shall[name]]
    known = database.query(orm.User.name).filter(orm.User.name.in_(users)).all()
    fresh = sorted(set(users) - {name for (name,) in known})
    if not fresh:
        return nothing
    ids = _add_users(database, fresh)
    groups = _find_or_add_groups(database, nothing.union(*(shall[name] for name in fresh)))
    rows = [
        {"user_id": ids[name], "group_id": groups[group]} for name in fresh for group in shall[name]
    ]
    if rows:
        database.execute(orm.user_group_map.insert(), rows)
    for group_id in groups.values():
        _expire(database, orm.Group, group_id, "users")
    return frozenset(fresh)


def settle_person(
    database: Any,
    policy: Policy,
    name: str,
    applied: frozenset[str],
    *,
    levels_only: bool = False,
) -> None:
    """Put a user into the groups that they belong in, and grant or revoke admin status.

    Their groups are read once more: other tasks may have run since all were read. The caller
    commits.
    """
    user_id, was_admin = _find_or_add(database, name)
    current = _list_groups(database, user_id)
    shall = settle_memberships(policy, name, frozenset(current), applied, levels_only=levels_only)
    leaves = [current[group] for group in current.keys() - shall]
    joins = sorted(_find_or_add_groups(database, shall - current.keys()).values())
    if leaves or joins:
        _change_rows(database, user_id, leaves, joins)
    is_admin = level_group(Level.ADMIN) in shall
    is_ours = name in policy.people or level_group(Level.ADMIN) in current
    if is_ours and was_admin is not is_admin:
        user = orm.User.find(database, name)
        user.admin = is_admin
        database.flush()
        roles.assign_default_roles(database, entity=user)
        if not is_admin:
            strip_roles_of_admins(database, user)


def _add_users(database: Any, names: Collection[str]) -> dict[str, int]:
    """Add users with their default role; return their ids by name.

    ``assign_default_roles`` takes one user, with four queries and a commit: 20 users a second.
    """
    database.execute(orm.User.__table__.insert(), [{"name": name} for name in names])
    query = database.query(orm.User.name, orm.User.id).filter(orm.User.name.in_(names))
    ids: dict[str, int] = dict(query.all())
    role_id = database.query(orm.Role.id).filter(orm.Role.name == ROLE_OF_USERS).scalar()
    rows = [{"user_id": user_id, "role_id": role_id} for user_id in ids.values()]
    database.execute(orm.Base.metadata.tables["user_role_map"].insert(), rows)
    _expire(database, orm.Role, role_id, "users")
    return ids


def _find_or_add(database: Any, name: str) -> tuple[int, bool]:
    """Return the id of a user, and whether they are an admin in the Hub."""
    found = database.query(orm.User.id, orm.User.admin).filter(orm.User.name == name).first()
    if found is not None:
        return found.id, found.admin
    user = orm.User(name=name)
    database.add(user)
    database.flush()
    roles.assign_default_roles(database, entity=user)
    return user.id, user.admin


def _list_groups(database: Any, user_id: int) -> dict[str, int]:
    """Return the ids of a user's groups by name."""
    pairs = orm.user_group_map.c
    query = database.query(orm.Group.name, orm.Group.id)
    theirs = query.join(orm.user_group_map, pairs.group_id == orm.Group.id)
    return dict(theirs.filter(pairs.user_id == user_id).all())


def _find_or_add_groups(database: Any, names: AbstractSet[str]) -> dict[str, int]:
    """Return the ids of groups by name."""
    if not names:
        return {}
    query = database.query(orm.Group.name, orm.Group.id).filter(orm.Group.name.in_(names))
    found = dict(query.all())
    fresh = [orm.Group(name=name) for name in sorted(names - found.keys())]
    database.add_all(fresh)
    database.flush()
    return {**found, **{group.name: group.id for group in fresh}}


def _change_rows(
    database: Any, user_id: int, leaves: Collection[int], joins: Collection[int]
) -> None:
    """Change the members of groups, by ids.

    Rows rather than lists of objects: for each user who joins or leaves, SQLAlchemy would walk
    through all other members of the group.
    """
    pairs = orm.user_group_map
    if leaves:
        of_user = pairs.c.user_id == user_id
        database.execute(pairs.delete().where(of_user, pairs.c.group_id.in_(leaves)))
    if joins:
        rows = [{"user_id": user_id, "group_id": group_id} for group_id in joins]
        database.execute(pairs.insert(), rows)
    _expire(database, orm.User, user_id, "groups")
    for group_id in (*leaves, *joins):
        _expire(database, orm.Group, group_id, "users")


def _expire(database: Any, kind: Any, identifier: int, attribute: str) -> None:
    """Have an attribute of an object in the Hub's memory reloaded when it is needed."""
    key = kind.__mapper__.identity_key_from_primary_key((identifier,))
    known = database.identity_map.get(key)
    if known is not None:
        database.expire(known, [attribute])
