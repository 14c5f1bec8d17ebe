"""Reads and changes users and groups of the Hub's database by ids, many with one statement.

With an object of a user, JupyterHub loads all groups, roles and shares of theirs.
"""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from typing import Any

from jupyterhub import orm, roles

ROLE_OF_USERS = "user"
"""The role that JupyterHub gives to every user, and the only one to users who are no admins."""


def find_ids(database: Any, names: Collection[str]) -> dict[str, int]:
    """Return the ids of those whom the Hub knows, by name."""
    query = database.query(orm.User.name, orm.User.id)
    return dict(query.filter(orm.User.name.in_(names)).all())


def add_users(database: Any, names: Collection[str]) -> dict[str, int]:
    """Add users with their default role; return their ids by name.

    ``assign_default_roles`` takes one user, with four queries and a commit: 20 users a second.
    """
    database.execute(orm.User.__table__.insert(), [{"name": name} for name in names])
    query = database.query(orm.User.name, orm.User.id).filter(orm.User.name.in_(names))
    ids: dict[str, int] = dict(query.all())
    role_id = database.query(orm.Role.id).filter(orm.Role.name == ROLE_OF_USERS).scalar()
    rows = [{"user_id": user_id, "role_id": role_id} for user_id in ids.values()]
    database.execute(orm.Base.metadata.tables["user_role_map"].insert(), rows)
    expire_attribute(database, orm.Role, role_id, "users")
    return ids


def find_or_add(database: Any, name: str) -> tuple[int, bool]:
    """Return the id of a user, and whether they are an admin in the Hub."""
    found = database.query(orm.User.id, orm.User.admin).filter(orm.User.name == name).first()
    if found is not None:
        return found.id, found.admin
    user = orm.User(name=name)
    database.add(user)
    database.flush()
    roles.assign_default_roles(database, entity=user)
    return user.id, user.admin


def list_member_names(database: Any, group: str) -> list[str]:
    """Return the names of the members of a group of the Hub."""
    pairs = orm.user_group_map.c
    query = database.query(orm.User.name)
    query = query.join(orm.user_group_map, pairs.user_id == orm.User.id)
    query = query.join(orm.Group, pairs.group_id == orm.Group.id)
    return [name for (name,) in query.filter(orm.Group.name == group)]


def list_groups_of(database: Any, user_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Return the ids of the groups of users by name, for each user's id."""
    found: dict[int, dict[str, int]] = {each: {} for each in user_ids}
    pairs = orm.user_group_map.c
    query = database.query(pairs.user_id, orm.Group.name, orm.Group.id)
    theirs = query.join(orm.Group, pairs.group_id == orm.Group.id)
    for user_id, name, group_id in theirs.filter(pairs.user_id.in_(user_ids)):
        found[user_id][name] = group_id
    return found


def list_members(database: Any, groups: Collection[str]) -> dict[str, set[str]]:
    """Return those of these groups that each user is in, by the user's name."""
    found: dict[str, set[str]] = {}
    pairs = orm.user_group_map.c
    query = database.query(orm.User.name, orm.Group.name)
    query = query.filter(orm.User.id == pairs.user_id, orm.Group.id == pairs.group_id)
    for user, group in query.filter(orm.Group.name.in_(groups)):
        found.setdefault(user, set()).add(group)
    return found


def find_or_add_groups(database: Any, names: AbstractSet[str]) -> dict[str, int]:
    """Return the ids of groups by name."""
    if not names:
        return {}
    query = database.query(orm.Group.name, orm.Group.id).filter(orm.Group.name.in_(names))
    found = dict(query.all())
    fresh = [orm.Group(name=name) for name in sorted(names - found.keys())]
    database.add_all(fresh)
    database.flush()
    return {**found, **{group.name: group.id for group in fresh}}


def change_members(
    database: Any, leaves: Collection[tuple[int, int]], joins: Collection[tuple[int, int]]
) -> None:
    """Change the members of groups: which user, by id, leaves and joins which group.

    Rows rather than lists of objects: for each user who joins or leaves, SQLAlchemy would walk
    through all other members of the group.
    """
    pairs = orm.user_group_map
    for group_id in {group for _, group in leaves}:
        users = [user for user, group in leaves if group == group_id]
        same = (pairs.c.group_id == group_id, pairs.c.user_id.in_(users))
        database.execute(pairs.delete().where(*same))
    if joins:
        rows = [{"user_id": user, "group_id": group} for user, group in joins]
        database.execute(pairs.insert(), rows)
    for user_id in {user for user, _ in (*leaves, *joins)}:
        expire_attribute(database, orm.User, user_id, "groups")
    for group_id in {group for _, group in (*leaves, *joins)}:
        expire_attribute(database, orm.Group, group_id, "users")


def expire_attribute(database: Any, kind: Any, identifier: int, attribute: str) -> None:
    """Have an attribute of an object in the Hub's memory reloaded when it is needed."""
    key = kind.__mapper__.identity_key_from_primary_key((identifier,))
    known = database.identity_map.get(key)
    if known is not None:
        database.expire(known, [attribute])


def end_access(database: Any, user_ids: Collection[int]) -> int:
    """End every session and every token of users, and return how many tokens there were.

    Cookies carry an id, which is replaced. Share codes let others in, as tokens do.
    """
    found = [
        *database.query(orm.APIToken).filter(orm.APIToken.user_id.in_(user_ids)),
        *database.query(orm.OAuthCode).filter(orm.OAuthCode.user_id.in_(user_ids)),
        *database.query(orm.ShareCode).filter(orm.ShareCode.owner_id.in_(user_ids)),
    ]
    for each in found:
        database.delete(each)
    rows = [{"id": each, "cookie_id": orm.new_token()} for each in user_ids]
    database.bulk_update_mappings(orm.User, rows)
    for user_id in user_ids:
        expire_attribute(database, orm.User, user_id, "cookie_id")
    database.commit()
    return sum(isinstance(each, orm.APIToken) for each in found)


def find_sharing(database: Any, user_ids: Collection[int]) -> frozenset[int]:
    """Return which users gave shares, or were given some alone, by their ids."""
    given, taken = orm.Share.owner_id, orm.Share.user_id
    return frozenset(
        user_id
        for side in (given, taken)
        for (user_id,) in database.query(side).filter(side.in_(user_ids)).distinct()
    )
