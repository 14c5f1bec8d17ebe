"""Brings the Hub's users, groups and admins in line with the policy."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import Any, TypeAlias

from jupyterhub import orm, roles

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.levels import Level, level_group
from jupyterhub_platform.core.memberships import (
    declared_memberships,
    list_declared,
    list_moved,
    list_refed,
    settle_memberships,
    share_sets,
)
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.people.hub_queries import (
    add_users,
    change_members,
    expire_attribute,
    find_or_add,
    find_or_add_groups,
    list_groups_of,
    list_members,
)
from jupyterhub_platform.hub.people.privileges import strip_roles_of_admins
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.hub.upstream.event_loop import Turn, freeze_heap, gc_paused
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.snapshot import InForce

Memberships: TypeAlias = Mapping[str, frozenset[str]]

USER_BATCH = 200
"""Users whose groups are read in one query, which blocks the Hub's loop for a few milliseconds."""

NEW_USER_BATCH = 20
"""New users who are added by the same statements, which takes a few milliseconds, too."""

MOVED_BATCH = 40
"""Users whose level or groups changed, and who are settled by the same statements."""


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
        # Not all that is there: a managed change may have put a user into a group meanwhile.
        await in_store_thread(policies.change_applied, both, declared)


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
        names, left = left[:MOVED_BATCH], left[MOVED_BATCH:]
        # As it is now: the file may have been read again meanwhile.
        settle_people(app.db, after.snapshot.policy, names, was, levels_only=levels_only)
        # Before others have a turn: they may undo what is not committed.
        app.db.commit()
        await turn.yield_if_due()
    app.db.commit()
    # Only forgotten: another file that was settled meanwhile may have taken more away.
    gone = {name: lost for name in moved if (lost := was[name] - now[name])}
    if gone and not levels_only:
        await in_store_thread(policies.change_applied, gone, {})
    return moved


async def apply_to_fed(
    app: Any, before: Policy, after: InForce, added_of: Callable[[str], frozenset[str]]
) -> None:
    """Put the people of providers' groups into what these feed now, and out of what they did.

    What a caller ``added_of`` them to in the Hub stays. Others come back at their next refresh if
    the provider has a group of that very name.
    """
    policy = after.snapshot.policy
    if policy.groups is before.groups:
        return  # as at each login
    lost, named = await in_store_thread(list_refed, before, policy)
    theirs = list_members(app.db, named) if named else {}
    turn = Turn()
    left = sorted(theirs.keys() - app.authenticator.blocked_users)
    while left:
        names, left = left[:MOVED_BATCH], left[MOVED_BATCH:]
        was = {
            name: frozenset(each for each in lost if lost[each] & theirs[name]) - added_of(name)
            for name in names
        }
        settle_people(app.db, after.snapshot.policy, names, was)
        app.db.commit()
        await turn.yield_if_due()


def _remember(policy: Policy, policies: Policies) -> tuple[Memberships, Memberships]:
    """Return the declared memberships, and those with the applied ones, which are remembered."""
    declared = list_declared(policy)
    before = policies.list_applied()
    both = share_sets(
        (name, before.get(name, frozenset()) | declared.get(name, frozenset()))
        for name in before.keys() | declared.keys()
    )
    policies.change_applied({}, both)
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
    with gc_paused():
        current = await _read_memberships(app.db, turn)
        freeze_heap()
    # The Hub itself has revoked everything from users whom a site blocks.
    blocked = app.authenticator.blocked_users
    added: set[str] = set()
    absent = await _list_absent(policy, {*current, *blocked}, turn)
    for first in range(0, len(absent), NEW_USER_BATCH):
        names = absent[first : first + NEW_USER_BATCH]
        added |= add_people(app.db, policy, names, levels_only=levels_only)
        app.db.commit()
        await turn.yield_if_due()
        if not is_in_force():
            return False
    done = {*blocked, *added}
    for name in chain(applied, policy.people, current):
        if turn.is_over:
            app.db.commit()
            await turn.yield_if_due()
            if not is_in_force():
                return False
        if name in done:
            continue
        done.add(name)
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


async def _list_absent(policy: Policy, known: Collection[str], turn: Turn) -> list[str]:
    """Return the users of a policy who are not known."""
    absent = []
    for name in policy.people:
        await turn.yield_if_due()
        if name not in known:
            absent.append(name)
    return absent


async def _read_memberships(database: Any, turn: Turn) -> dict[str, frozenset[str]]:
    """Read the groups of every user of the Hub, some users at a time."""
    memberships: dict[str, frozenset[str]] = {}
    known: dict[frozenset[str], frozenset[str]] = {}
    names: dict[int, str] = {}
    pairs = orm.user_group_map.c
    newest = database.query(orm.User.id).order_by(orm.User.id.desc()).first()
    for first in range(0, newest.id + 1 if newest else 0, USER_BATCH):
        last = first + USER_BATCH - 1
        groups: defaultdict[int, set[str]] = defaultdict(set)
        # Without a join: for some of the users, SQLite would read the groups of all of them.
        for user, group in database.query(pairs.user_id, pairs.group_id).filter(
            pairs.user_id.between(first, last)
        ):
            if group not in names:
                # Once, and again for each that has been added meanwhile.
                names = dict(database.query(orm.Group.id, orm.Group.name).all())
            groups[user].add(names[group])
        users = database.query(orm.User.id, orm.User.name)
        for user, name in users.filter(orm.User.id.between(first, last)):
            theirs = frozenset(groups[user])
            memberships[name] = known.setdefault(theirs, theirs)
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
    ids = add_users(database, fresh)
    groups = find_or_add_groups(database, nothing.union(*(shall[name] for name in fresh)))
    rows = [
        {"user_id": ids[name], "group_id": groups[group]} for name in fresh for group in shall[name]
    ]
    if rows:
        database.execute(orm.user_group_map.insert(), rows)
    for group_id in groups.values():
        expire_attribute(database, orm.Group, group_id, "users")
    return frozenset(fresh)


def settle_people(
    database: Any,
    policy: Policy,
    names: Collection[str],
    applied: Memberships,
    *,
    levels_only: bool = False,
) -> None:
    """Do for all of these what :func:`settle_person` does for one, with few statements.

    Names that neither the policy nor the Hub knows are passed over. The caller commits.
    """
    declared = [name for name in names if name in policy.people]
    added = add_people(database, policy, declared, levels_only=levels_only)
    rest = [name for name in names if name not in added]
    if not rest:
        return
    query = database.query(orm.User.name, orm.User.id, orm.User.admin)
    known = {row.name: row for row in query.filter(orm.User.name.in_(rest))}
    groups = list_groups_of(database, [row.id for row in known.values()])
    alone = [name for name in declared if name not in known and name not in added]
    leaves: list[tuple[int, int]] = []
    joins: dict[int, frozenset[str]] = {}
    for name, row in known.items():
        current = groups[row.id]
        was = applied.get(name, frozenset())
        shall = settle_memberships(policy, name, frozenset(current), was, levels_only=levels_only)
        if _is_of_admin(policy, name, current, shall, is_admin=row.admin):
            alone.append(name)
            continue
        leaves += [(row.id, current[group]) for group in sorted(current.keys() - shall)]
        joins[row.id] = shall - current.keys()
    ids = find_or_add_groups(database, frozenset().union(*joins.values()))
    entered = [(user, ids[each]) for user, theirs in joins.items() for each in sorted(theirs)]
    change_members(database, leaves, entered)
    for name in alone:
        theirs = applied.get(name, frozenset())
        settle_person(database, policy, name, theirs, levels_only=levels_only)


def _is_of_admin(
    policy: Policy, name: str, current: Collection[str], shall: Collection[str], *, is_admin: bool
) -> bool:
    """Tell whether admin status is to be granted or revoked, and by us."""
    admins = level_group(Level.ADMIN)
    return (name in policy.people or admins in current) and is_admin is not (admins in shall)


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
    user_id, was_admin = find_or_add(database, name)
    current = list_groups_of(database, [user_id])[user_id]
    shall = settle_memberships(policy, name, frozenset(current), applied, levels_only=levels_only)
    joins = find_or_add_groups(database, shall - current.keys())
    change_members(
        database,
        [(user_id, current[group]) for group in sorted(current.keys() - shall)],
        [(user_id, joins[group]) for group in sorted(joins)],
    )
    is_admin = level_group(Level.ADMIN) in shall
    if _is_of_admin(policy, name, current, shall, is_admin=was_admin):
        user = orm.User.find(database, name)
        user.admin = is_admin
        database.flush()
        roles.assign_default_roles(database, entity=user)
        if not is_admin:
            strip_roles_of_admins(database, user)
