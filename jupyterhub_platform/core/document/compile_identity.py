"""Compiles ``identity:``: providers, and the rules from their claims to people."""

from typing import Final

from jupyterhub_platform.core.claims import Condition, IdentityRule, read_scalar
from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote
from jupyterhub_platform.core.document.schema_identity import (
    DeclaredIdentity,
    DeclaredProvider,
    DeclaredRule,
    DeclaredSecret,
)
from jupyterhub_platform.core.identity_providers import Client, Identity, Provider, SecretPlace
from jupyterhub_platform.core.levels import Level

RULES: Final[KeyPath] = ("identity", "rules")
ELEVATED: Final = frozenset({Level.MANAGER, Level.OPERATOR, Level.AUDITOR, Level.ADMIN})
"""Levels that a rule gives only where it says that it may."""


def read_identity(declared: DeclaredIdentity, default: Level, faults: FaultCollector) -> Identity:
    """Return how people prove who they are; ``default`` is the level where a rule names none."""
    return Identity(
        local=declared.local,
        providers={key: _read_provider(key, each) for key, each in declared.providers.items()},
        rules=tuple(
            _read_rule(path, each, default, faults)
            for path, each in faults.number(RULES, declared.rules)
        ),
    )


def _read_provider(key: str, declared: DeclaredProvider) -> Provider:
    client = declared.client
    return Provider(
        key=key,
        title=declared.title or key,
        kind=declared.kind,
        issuer=declared.issuer or "",
        client=None
        if client is None
        else Client(client.id, client.auth, _read_place(client.secret), _read_place(client.key)),
        scopes=declared.scopes,
        names=declared.name,
        assigns_names=declared.names == "assigned",
        groups=declared.groups,
        trust_email=declared.trust_email,
    )


def _read_place(declared: DeclaredSecret | None) -> SecretPlace | None:
    return None if declared is None else SecretPlace(declared.env or "", declared.file or "")


def _read_rule(
    path: KeyPath, declared: DeclaredRule, default: Level, faults: FaultCollector
) -> IdentityRule:
    level = declared.level or default
    if level in ELEVATED and not declared.allow_elevated and declared.refuse is None:
        faults.add(
            (*path, "level"),
            f"gives the level {level} to whomever a provider says so of",
            "write allow_elevated: true beside it if that is meant, or name the users under users",
            rests_on=[(*path, "allow_elevated"), ("defaults", "level")],
        )
    conditions = []
    for claim, wanted in declared.when.items():
        at = (*path, "when", claim)
        values = [read_scalar(each) for each in (wanted if isinstance(wanted, list) else [wanted])]
        if not values or None in values:
            faults.add(
                at,
                f"{quote(claim)} is compared with something that is no single value",
                "write a text, a number, true or false, or a list of them",
            )
        conditions.append(Condition.of(claim, filter(None, values)))
    return IdentityRule(
        path=".".join(map(str, path)),
        title=declared.title,
        provider=declared.provider,
        conditions=tuple(conditions),
        refusal=declared.refuse or "",
        level=level,
        groups=declared.groups,
        until=declared.until,
        within=declared.within,
    )
