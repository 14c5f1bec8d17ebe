"""Compiles ``identity:``: providers, and the rules from their claims to people."""

from typing import Final

from jupyterhub_platform.core.claims import Condition, IdentityRule, read_scalar
from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote
from jupyterhub_platform.core.document.schema_front_end import DeclaredFrontEnd
from jupyterhub_platform.core.document.schema_identity import DeclaredIdentity, DeclaredRule
from jupyterhub_platform.core.document.schema_providers import DeclaredClient, DeclaredProvider
from jupyterhub_platform.core.document.schema_secrets import DeclaredSecret
from jupyterhub_platform.core.identity_providers import (
    AUTHENTICATOR,
    GITHUB,
    HEADER,
    OIDC,
    OWN_NAME,
    Client,
    FrontEnd,
    Identity,
    LocalAccounts,
    Provider,
    SecretPlace,
)
from jupyterhub_platform.core.levels import ELEVATED, Level

IDENTITY_RULES: Final[KeyPath] = ("identity", "rules")
_SCOPES: Final = {
    OIDC: ("openid", "profile", "email"),
    GITHUB: ("read:user", "user:email", "read:org"),
    HEADER: (),
    AUTHENTICATOR: (),
}
_ISSUERS: Final = {
    OIDC: "",
    GITHUB: "https://github.com",
    HEADER: "front-end:{key}",
    AUTHENTICATOR: "authenticator:{key}",
}


def read_identity(declared: DeclaredIdentity, default: Level, faults: FaultCollector) -> Identity:
    """Return how people prove who they are; ``default`` is the level where a rule names none."""
    return Identity(
        local=LocalAccounts(declared.local),
        providers={key: _read_provider(key, each) for key, each in declared.providers.items()},
        rules=tuple(
            _read_rule(path, each, default, faults)
            for path, each in faults.number(IDENTITY_RULES, declared.rules)
        ),
    )


def _read_provider(key: str, declared: DeclaredProvider) -> Provider:
    is_own = declared.kind == AUTHENTICATOR
    return Provider(
        key=key,
        title=declared.title or key,
        kind=declared.kind,
        issuer=declared.issuer or _ISSUERS[declared.kind].format(key=key),
        client=_read_client(declared.client),
        scopes=_SCOPES[declared.kind] if declared.scopes is None else declared.scopes,
        names=(OWN_NAME,) if is_own else declared.name,
        assigns_names=is_own or declared.names == "assigned",
        groups=declared.groups,
        trust_email=declared.trust_email,
        parameters=declared.parameters,
        userinfo=declared.userinfo,
        logout=declared.logout,
        logout_hint=declared.logout_hint,
        refresh=declared.refresh,
        grace=declared.grace,
        front_end=_read_front_end(declared.front_end),
    )


def _read_client(declared: DeclaredClient | None) -> Client | None:
    if declared is None:
        return None
    secret, key = _read_place(declared.secret), _read_place(declared.key)
    return Client(declared.id, declared.auth, secret, key)


def _read_front_end(declared: DeclaredFrontEnd | None) -> FrontEnd | None:
    if declared is None:
        return None
    return FrontEnd(
        subject=declared.subject,
        claims=declared.claims,
        lists=frozenset(declared.lists),
        separator=declared.separator,
        proxies=declared.proxies,
        secret_header=declared.secret.header if declared.secret else "",
        secret=_read_place(declared.secret),
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
