"""From an authenticator of a Hub to an identity provider of the document."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from jupyterhub_platform.core.document.schema_providers import why_no_address
from jupyterhub_platform.deploy.importing.draft import Draft
from jupyterhub_platform.deploy.importing.entries import Entry

Settings = Mapping[str, Entry]
"""Settings of an authenticator, those of its own class before those of its bases."""

GITHUB: Final = "github"
_REALM: Final = re.compile(r"(https?://[^?#]+/realms/[^/?#]+)/protocol/openid-connect/.*")
_VERSIONED: Final = re.compile(r"(https://[^?#]+/oauth2(?:/[^/?#]+)?)/v1/.*")
_FIXED: Final[Mapping[str, str]] = {
    "accounts.google.com": "https://accounts.google.com",
    "auth.globus.org": "https://auth.globus.org",
    "cilogon.org": "https://cilogon.org",
    "gitlab.com": "https://gitlab.com",
}
_ALIASES: Final[Mapping[str, str]] = {
    "githuboauthenticator": GITHUB,
    "github": GITHUB,
    "githubenterpriseoauthenticator": "",
    "genericoauthenticator": "generic",
    "generic-oauth": "generic",
    "generic": "generic",
    "auth0oauthenticator": "auth0",
    "auth0": "auth0",
    "azureadoauthenticator": "azuread",
    "azuread": "azuread",
    "googleoauthenticator": "google",
    "google": "google",
    "cilogonoauthenticator": "cilogon",
    "cilogon": "cilogon",
    "gitlaboauthenticator": "gitlab",
    "gitlab": "gitlab",
    "globusoauthenticator": "globus",
    "globus": "globus",
    "oktaoauthenticator": "okta",
    "okta": "okta",
    "keycloakauthenticator": "generic",
}
_NAMES: Final[Mapping[str, str]] = {
    "auth0": "email",
    "azuread": "name",
    "cilogon": "eppn",
    "gitlab": "preferred_username",
    "globus": "preferred_username",
    "google": "email",
    "okta": "preferred_username",
}
"""The claim that each authenticator makes a user name of, unless it is told otherwise."""
PASSWORDS: Final = frozenset(
    {"dummy", "dummyauthenticator", "native", "nativeauthenticator", "firstuseauthenticator"}
    | {"firstuse", "tmp", "sharedpasswordauthenticator", "shared-password"}
)
"""Those that need no provider: the platform's own accounts take their place."""


def kind_of(name: str) -> str:
    """Return which provider an authenticator is of; empty if none that is known."""
    return _ALIASES.get(name.rpartition(".")[2].lower(), "")


def find_issuer(kind: str, settings: Settings) -> str:
    """Return the issuer that an authenticator's addresses belong to; empty if it is not known."""
    issuer = ""
    if kind == "azuread":
        tenant = _text(settings, "tenant_id")
        issuer = f"https://login.microsoftonline.com/{tenant}/v2.0" if tenant else ""
    elif kind == "auth0":
        subdomain, domain = _text(settings, "auth0_subdomain"), _text(settings, "auth0_domain")
        host = domain or (f"{subdomain}.auth0.com" if subdomain else "")
        issuer = f"https://{host}/" if host else ""
    elif kind in {"google", "cilogon", "globus"}:
        hosts = {"google": "accounts.google.com", "globus": "auth.globus.org"}
        issuer = _FIXED[hosts.get(kind, "cilogon.org")]
    elif kind == "gitlab":
        issuer = _text(settings, "gitlab_url") or _FIXED["gitlab.com"]
    if not issuer:
        issuer = _find_in_address(_text(settings, "authorize_url"))
    return issuer if issuer and not why_no_address(issuer) else ""


def _find_in_address(address: str) -> str:
    for pattern in (_REALM, _VERSIONED):
        if match := pattern.fullmatch(address):
            return match[1]
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    if host.endswith((".auth0.com", ".auth0.eu")):
        return f"https://{host}/"
    return _FIXED.get(host, "")


def make_provider(kind: str, settings: Settings, key: str, draft: Draft) -> dict[str, Any] | None:
    """Return the provider of an authenticator; nothing if its authenticator has to stay."""
    client = settings.get("client_id")
    issuer = find_issuer(kind, settings)
    if client is None or not client.text() or (kind != GITHUB and not issuer):
        return None
    secret = {"env": f"{key.upper().replace('-', '_').replace('.', '_')}_CLIENT_SECRET"}
    made: dict[str, Any] = {"title": TITLES.get(kind, "Log in")}
    if kind == GITHUB:
        made["kind"] = GITHUB
    else:
        made["issuer"] = issuer
    basic = settings.get("basic_auth")
    how = "client_secret_basic" if basic is not None and basic.flag() else "client_secret_post"
    made["client"] = {"id": client.text(), "auth": how, "secret": secret}
    at = ("identity", "providers", key)
    draft.findings.carried(client, (*at, "client", "id"))
    for name, read in _READERS.items():
        if name in settings:
            read(settings[name], made, draft, at)
    if kind == GITHUB:
        made["name"] = ["login"]
    made.setdefault("name", [_NAMES.get(kind, "preferred_username")])
    made["names"] = "assigned"
    if kind == "azuread":
        # Its userinfo says less than its ID token, and only this scope gives a refresh token.
        made["userinfo"] = False
        made["scopes"] = [*made.get("scopes", _SCOPES), "offline_access"]
    return made


_SCOPES: Final = ("openid", "profile", "email")


TITLES: Final[Mapping[str, str]] = {
    "github": "GitHub",
    "google": "Google",
    "azuread": "Microsoft",
    "gitlab": "GitLab",
    "globus": "Globus",
    "cilogon": "CILogon",
    "auth0": "Auth0",
    "okta": "Okta",
}


def _text(settings: Settings, name: str) -> str:
    return settings[name].text().strip() if name in settings else ""


def _read_scope(entry: Entry, made: dict[str, Any], draft: Draft, at: tuple[str, ...]) -> None:
    scopes = [each.text() for each in entry.entries() if each.text()]
    if made.get("kind") == GITHUB:
        draft.findings.carried(entry, at, why="what rules need is asked for anyway")
        return
    made["scopes"] = list(dict.fromkeys(["openid", *scopes]))
    draft.findings.carried(entry, (*at, "scopes"))


def _read_name(entry: Entry, made: dict[str, Any], draft: Draft, at: tuple[str, ...]) -> None:
    if isinstance(entry.value, str):
        made["name"] = [entry.value]
        why = (
            "names are as before, and whom a name belongs to is the provider's word: where users "
            "choose that claim themselves, write names: chosen"
        )
        draft.findings.changed(entry, why, (*at, "name"), (*at, "names"))
    else:
        draft.findings.impossible(entry, entry.why_unknown or "is no name of a claim")


def _read_groups(entry: Entry, made: dict[str, Any], draft: Draft, at: tuple[str, ...]) -> None:
    if not isinstance(entry.value, str):
        draft.findings.impossible(entry, entry.why_unknown or "is no name of a claim")
        return
    first, dot, rest = entry.value.partition(".")
    is_of_user = bool(dot) and first.endswith("user")
    made["groups"] = rest if is_of_user else entry.value
    draft.findings.carried(entry, (*at, "groups"))


def _read_title(entry: Entry, made: dict[str, Any], draft: Draft, at: tuple[str, ...]) -> None:
    if entry.text().strip():
        made["title"] = entry.text().strip()[:200]
        draft.findings.carried(entry, (*at, "title"))


def _read_parameters(entry: Entry, made: dict[str, Any], draft: Draft, at: tuple[str, ...]) -> None:
    for each in entry.items():
        if not each.text():
            draft.findings.impossible(each, each.why_unknown or "is no text that is written")
        else:
            made.setdefault("parameters", {})[each.name] = each.text()
            draft.findings.carried(each, (*at, "parameters", each.name))


_READERS: Final[Mapping[str, Callable[[Entry, dict[str, Any], Draft, tuple[str, ...]], None]]] = {
    "scope": _read_scope,
    "username_claim": _read_name,
    "username_key": _read_name,
    "claim_groups_key": _read_groups,
    "auth_state_groups_key": _read_groups,
    "login_service": _read_title,
    "extra_authorize_params": _read_parameters,
}
OF_PROVIDERS: Final = frozenset(
    {
        *_READERS,
        *("client_id", "client_secret", "tenant_id", "authorize_url", "token_url", "userdata_url"),
        *("auth0_subdomain", "auth0_domain", "gitlab_url", "oauth_callback_url", "tls_verify"),
        *("enable_auth_state", "manage_groups", "populate_teams_in_auth_state", "userdata_params"),
        *("userdata_token_method", "logout_redirect_url", "validate_server_cert", "basic_auth"),
    }
)
"""Settings that a provider has no more use for."""
