"""Decides who may invite whom, when an invite is made and again when it is used.

An invite sets a password, so its holder becomes that user. A manager who could send one to any
member would gain everything that the member has elsewhere.
"""

from datetime import UTC, datetime

from jupyterhub import orm
from jupyterhub.scopes import get_scopes_for

from jupyterhub_platform.core.delegation import why_raised
from jupyterhub_platform.core.identity import LEVEL_GROUP_PREFIX
from jupyterhub_platform.hub.audit.callers import COMMAND_LINE, is_command_line
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import Platform


def why_not_for_manager(
    platform: Platform, manager: str, name: str, memberships: frozenset[str], *, has_password: bool
) -> str:
    """Say why a manager may not invite a user; empty if they may.

    ``memberships`` are the Hub's groups of the user, which may be more than the policy declares.
    """
    policy = platform.snapshot.policy
    managed = policy.managed_groups(manager)
    groups = policy.declared_groups(name) | {
        group for group in memberships if not group.startswith(LEVEL_GROUP_PREFIX)
    }
    # Nothing is disclosed about users outside the manager's groups.
    if name not in policy.people or not groups & managed or not platform.lets_in(manager):
        return f"Inviting {name} needs the scope {roles.ADMIN}."
    if why_not := why_raised(policy, name, datetime.now(UTC)):
        return why_not
    if not groups <= managed:
        return f"{name} is also in groups that are not yours. Ask an admin to invite them."
    if policy.people[name].claimed is not None:
        return f"{name} logs in by an identity provider. Ask an admin to invite them."
    if has_password:
        return f"{name} has a password already. Ask an admin to reset it."
    if not platform.lets_in(name):
        return f"{name} is suspended. Ask an admin."
    return ""


def is_still_good(platform: Platform, name: str, by: str, *, has_password: bool) -> bool:
    """Tell whether the maker of an invite may still make it.

    They may have lost their level since, or the user has joined other groups.
    """
    database = platform.app.db
    service = COMMAND_LINE if is_command_line(by) else by
    inviter = orm.Service.find(database, service) or orm.User.find(database, by)
    scopes = get_scopes_for(inviter) if inviter is not None else frozenset()
    is_person = isinstance(inviter, orm.User)
    if roles.ADMIN in scopes and (not is_person or platform.lets_in(by)):
        return True
    if roles.MANAGE not in scopes or not is_person:
        return False
    invited = orm.User.find(database, name)
    memberships = frozenset(group.name for group in invited.groups) if invited else frozenset()
    return not why_not_for_manager(platform, by, name, memberships, has_password=has_password)
