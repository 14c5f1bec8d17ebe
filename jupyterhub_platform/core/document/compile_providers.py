"""Makes the providers of a policy from those that a document declares."""

from collections.abc import Iterator, Mapping
from typing import Final

from jupyterhub_platform.core.document.schema_providers import (
    DeclaredClient,
    DeclaredFrontEnd,
    DeclaredFrontEndSecret,
    DeclaredProvider,
    DeclaredSecret,
)
from jupyterhub_platform.core.providers import (
    GITHUB,
    Client,
    FrontEnd,
    Provider,
    ProviderKind,
    SecretReference,
)

_SCOPES: Final = {
    ProviderKind.OIDC: ("openid", "profile", "email"),
    ProviderKind.GITHUB: ("read:user", "user:email", "read:org"),
    ProviderKind.HEADER: (),
}


def compile_providers(declared: Mapping[str, DeclaredProvider]) -> Iterator[Provider]:
    """Yield the providers, in their order on the login page."""
    for key, each in declared.items():
        issuer = GITHUB if each.kind is ProviderKind.GITHUB else f"front-end:{key}"
        yield Provider(
            key=key,
            title=each.title or key,
            kind=each.kind,
            issuer=each.issuer or issuer,
            client=_compile_client(each.client),
            scopes=_SCOPES[each.kind] if each.scopes is None else each.scopes,
            parameters=each.parameters,
            name=each.name,
            groups=each.groups,
            userinfo=each.userinfo,
            logout=each.logout,
            refresh=each.refresh,
            grace=each.grace,
            front_end=_compile_front_end(each.front_end),
        )


def _compile_client(declared: DeclaredClient | None) -> Client:
    if declared is None:
        return Client()
    return Client(
        declared.id, declared.auth, _compile_secret(declared.secret), _compile_secret(declared.key)
    )


def _compile_front_end(declared: DeclaredFrontEnd | None) -> FrontEnd:
    if declared is None:
        return FrontEnd()
    return FrontEnd(
        subject=declared.subject,
        claims=declared.claims,
        lists=frozenset(declared.lists),
        separator=declared.separator,
        proxies=declared.proxies,
        secret_header=declared.secret.header if declared.secret else "",
        secret=_compile_secret(declared.secret),
    )


def _compile_secret(
    declared: DeclaredSecret | DeclaredFrontEndSecret | None,
) -> SecretReference | None:
    return declared and SecretReference(declared.env or "", declared.file or "")
