"""Checks that users can log in by each identity provider, and that rules get what they need."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unknown, warning

NOTICED_SECONDS: Final = 10
BAD_SECONDS: Final = 60
"""ID tokens may be made this long after now, or have expired this long ago."""

_KINDS_WITH_CALLBACK: Final = frozenset({"oidc", "github"})
_DOCS: Final = "docs/identity-providers.md says how each is set up."
_GIVE: Final = (
    "Have the provider give it (a mapper, a scope), or correct identity.rules. "
    "jhp identity try CLAIMS.json says what would match."
)
_OFFERS: Final = {
    "claims": (
        "does not list {names} among its claims",
        "Rules that need it match nobody, if it is not given.",
        _GIVE,
    ),
    "scopes": (
        "does not list {names} among its scopes",
        "It may refuse each login, or leave out what goes with the scope.",
        "Allow it for the client there, or remove it from scopes.",
    ),
    "client_auth": (
        "does not list {names} among the ways in which a client proves itself",
        "It may refuse the platform as a client, after users have logged in there.",
        "Write another way as client.auth, and have the provider allow it for the client.",
    ),
}


def check_logins(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether each provider answers, and is the one that the policy means."""
    for each in list_providers(facts):
        if each["fault"]:
            yield failed(
                f"Nobody can log in by the identity provider {each['key']}: {each['fault']}.",
                "New logins fail, and who is logged in stays so only until grace is over.",
                f"See that the Hub reaches {each['issuer'] or 'it'}, and correct "
                f"identity.providers.{each['key']}. {_DOCS}",
            )


def check_callbacks(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether each provider leads users back to this Hub."""
    for each in _list_usable(facts):
        key, callback = each["key"], each["callback"]
        if not callback and each["kind"] in _KINDS_WITH_CALLBACK:
            yield unknown(
                f"The address at which users of {key} come back is not known.",
                "It has to be registered at the provider, exactly as users reach the Hub.",
                "Set c.JupyterHub.public_url, or name the Hub's public address with --url.",
            )
        elif each["is_registered"] is False:
            yield failed(
                f"The identity provider {key} does not begin a login that comes back to "
                f"{callback}.",
                "Either it does not know this address, or not the client: each login ends there.",
                f"Register {callback} as a redirect address of the client there, exactly so; or "
                "correct client.id.",
            )
        elif each["is_registered"] is None and each["kind"] in _KINDS_WITH_CALLBACK:
            yield unknown(
                f"The identity provider {key} does not say whether users may come back to "
                f"{callback}.",
                "If it does not know the address, each login ends at the provider.",
                f"Compare it with the redirect addresses of the client there, and log in once at "
                f"{callback.partition('/oauth_callback/')[0]}/oauth_login/{key}",
            )


def check_clocks(facts: DoctorFacts) -> Iterator[Finding]:
    """Compare each provider's clock with the Hub's."""
    for each in list_providers(facts):
        ahead = each["ahead_seconds"]
        if ahead is not None and abs(ahead) > NOTICED_SECONDS:
            side = "ahead of" if ahead > 0 else "behind"
            make = failed if abs(ahead) > BAD_SECONDS else warning
            yield make(
                f"The clock of the identity provider {each['key']} is {abs(ahead):.0f} s {side} "
                "the Hub's.",
                f"Beyond {BAD_SECONDS} s, its ID tokens have expired or are not valid yet: no "
                "login succeeds.",
                "Have the Hub's machine follow a time server; with systemd: timedatectl set-ntp "
                "true",
            )


def check_claims(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether each provider offers what the policy wants of it, and gives it."""
    for each in list_providers(facts):
        key, logins = each["key"], each["logins"]
        for kind, names in each["not_offered"].items():
            what, why, fix = _OFFERS[kind]
            listed = ", ".join(names)
            yield warning(f"The identity provider {key} {what.format(names=listed)}.", why, fix)
        for claim, absent in each["absent_claims"].items():
            # Some users are in no group, say; if nobody is, nobody is asked, or it is not given.
            if absent == logins:
                yield warning(
                    f"Of the last {logins} users of {key}, none came with the claim "
                    f"{claim}, or it was not verified.",
                    "Rules that need it match nobody.",
                    _GIVE,
                )


def list_providers(facts: DoctorFacts) -> list[Mapping[str, Any]]:
    """Return what the Hub found at each identity provider."""
    found = facts.hub.identity.get("providers") if facts.hub else None
    return found if isinstance(found, list) else []


def _list_usable(facts: DoctorFacts) -> list[Mapping[str, Any]]:
    return [each for each in list_providers(facts) if not each["fault"]]
