"""A dry run of a login: who a user with some claims would be by a file alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.core.errors import Place
from jupyterhub_platform.core.managed import Sources
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.documents import ReadPolicy
from jupyterhub_platform.usecases.claims_of_login import (
    check_new_name,
    choose_name,
    find_provider,
    say_refused_login,
    take_claims,
)


@dataclass(frozen=True, slots=True)
class Trial:
    """Who a user would be by a file: their groups, each with the key path that says so.

    ``lines`` says where each key path is.
    """

    name: str
    person: Person
    groups: Mapping[str, str]
    lines: Mapping[str, Place]
    is_let_in: bool
    why_not: str


def try_claims(read: ReadPolicy, identity: ProviderIdentity, now: datetime) -> Trial:
    """Say who a user with these claims would be by a file alone, at their first login.

    Raises
    ------
    ClaimsError
        Raised if their claims give no name, cannot be read, or it is a name that they may not have.
    """
    provider = find_provider(read.policy, identity)
    name = choose_name(identity, provider)
    check_new_name(read.policy, name, provider, is_taken=False)
    login = replace(take_claims(None, identity, provider, now), name=name)
    policy = Sources(read.document).log_in(read.policy, login, now)[1]
    person = policy.people[name]
    groups = {g: policy.membership_path(name, g) for g in sorted(policy.declared_groups(name))}
    is_let_in = person.is_let_in(now)
    why_not = "" if is_let_in else say_refused_login(read.policy, identity, person.claimed, now)
    return Trial(name, person, groups, read.policy.lines, is_let_in, why_not)
