"""JupyterHub settings that the platform makes safer, each with its reason.

A site's own value stays; where it is weaker, the Hub says so when it starts, and so does the
operator's page. Protection that has no setting is listed beside them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

from jupyterhub_platform.core.errors import PlatformError

HARD_PROFILE: Final = "PLATFORM_HARD_PROFILE"
IDENTITY_ARGUMENT: Final = "--HubOAuth.cache_max_age"
IDENTITY_SECONDS: Final = 5
"""How long a server trusts the Hub's answer about a visitor: a suspension takes effect by then."""
HOUR: Final = 3600
DAY: Final = 24 * HOUR
TOKEN_IN_URL: Final = "JUPYTERHUB_ALLOW_TOKEN_IN_URL"  # noqa: S105 - the name of a variable
SERVER_SCOPES: Final = ("access:servers!server", "users:activity!user")
"""The most that a server's token may do: let visitors in, and report activity."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: its safe value, what goes wrong without it, and which values are as safe.

    ``value`` is used where a site sets nothing; ``None`` leaves JupyterHub's own default, which is
    safe. ``hard`` ones need TLS and a DNS name, and are set by the hard profile alone.
    """

    section: str
    trait: str
    value: Any
    reason: str
    is_safe: Callable[[Any], bool]
    hard: bool = False

    @property
    def name(self) -> str:
        """The setting, as a configuration file names it."""
        return f"c.{self.section}.{self.trait}"


def _is_on(value: Any) -> bool:
    return value is True


def _at_most(maximum: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and 0 < value <= maximum


def _is_limit(value: Any) -> bool:
    return callable(value) or (isinstance(value, int) and value > 0)


def _are_scopes_of_a_server(value: Any) -> bool:
    # A callable is the site's own rule, evaluated for every server.
    return callable(value) or set(value or ()) <= set(SERVER_SCOPES)


def _keeps_tokens_out_of_urls(value: Any) -> bool:
    allowed = str((value or {}).get(TOKEN_IN_URL, "")).lower()
    return allowed in {"", "0", "false", "no"}


def _asks_often_enough(value: Any) -> bool:
    given = [word.partition("=") for word in value or () if isinstance(word, str)]
    seconds = [text for name, _, text in given if name == IDENTITY_ARGUMENT]
    return all(text.isdecimal() and int(text) <= IDENTITY_SECONDS for text in seconds)


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "Authenticator",
        "auth_refresh_strict",
        True,
        "the token of a user whom the identity provider refuses keeps working",
        _is_on,
    ),
    Setting(
        "Authenticator",
        "auth_refresh_age",
        60,
        "a removed user keeps what they had until the Hub checks again",
        _at_most(60),
    ),
    Setting(
        "Authenticator",
        "refresh_pre_spawn",
        True,
        "a user whom the identity provider refuses can still start a server",
        _is_on,
    ),
    Setting(
        "JupyterHub",
        "token_expires_in_max_seconds",
        7 * DAY,
        "a token that leaks works for ever",
        _at_most(30 * DAY),
    ),
    Setting(
        "JupyterHub",
        "oauth_token_expires_in",
        12 * HOUR,
        "a browser that was left open reaches servers for two weeks",
        _at_most(DAY),
    ),
    Setting(
        "JupyterHub",
        "named_server_limit_per_user",
        20,
        "one person can fill the Hub's database with servers that never start",
        _is_limit,
    ),
    Setting(
        "JupyterHub",
        "concurrent_spawn_limit",
        None,
        "a burst of starts makes the cluster's API unavailable to all",
        _is_limit,
    ),
    Setting(
        "Spawner",
        "server_token_scopes",
        None,
        "whatever runs in a server acts as its owner, with the token that it finds there",
        _are_scopes_of_a_server,
    ),
    Setting(
        "Spawner",
        "environment",
        None,
        f"with {TOKEN_IN_URL} tokens end up in logs, in histories and with other sites",
        _keeps_tokens_out_of_urls,
    ),
    Setting(
        "Spawner",
        "args",
        None,
        f"with {IDENTITY_ARGUMENT} above {IDENTITY_SECONDS}, a suspended user stays a "
        "visitor of other people's servers",
        _asks_often_enough,
    ),
    Setting(
        "JupyterHub",
        "cookie_host_prefix_enabled",
        True,
        "a page on one user's server can plant cookies that the Hub takes for its own",
        _is_on,
        hard=True,
    ),
    Setting(
        "JupyterHub",
        "subdomain_host",
        None,
        "a page on one user's server reads the Hub's pages as the user who opens it",
        bool,
        hard=True,
    ),
)

LEFT_OUT: Final[Mapping[str, str]] = {
    "c.JupyterHub.admin_access": "deprecated and without effect since JupyterHub 2: access to "
    "servers is a scope, and no level has it",
    "c.JupyterHub.active_server_limit": "the policy's quota for the whole platform counts the same "
    "servers, and nothing passes between counting and starting",
    "c.Authenticator.allow_all": "on with local accounts: the policy is the list of who comes in, "
    "and is asked for every authenticator",
    "jupyterhub-idle-culler": "idle_timeout and max_lifetime of a tier do the same, know a busy "
    "kernel, and need no service with a token over all users' servers",
}
"""What is often advised and not set here, with the reason."""


ALWAYS_ON: Final[Mapping[str, str]] = {
    "Nothing starts from a GET": "any page could start servers for its visitors",
    "Options only name things": "values in them would be resources that nothing counts",
    "The pod is looked at last": "hooks and overrides could add what was not reserved, or the node",
    "No pod has a token for the cluster": "whatever runs in it would act as the Hub's neighbour",
    "No pod of another is touched": "two Hubs in a namespace give the same names",
    "No manifest is logged": "it holds the token of its server",
}
"""Protection that no setting turns off, with the consequences of its absence."""


@dataclass(frozen=True, slots=True)
class Weakened:
    """A setting that a site made weaker than the platform's default."""

    setting: Setting
    value: Any

    @property
    def sentence(self) -> str:
        """What is weaker, and what goes wrong."""
        setting = self.setting
        if isinstance(self.value, dict):
            return f"{setting.name} is weaker than the platform's own: {setting.reason}."
        return (
            f"{setting.name} is {self.value!r}, weaker than the platform's own: {setting.reason}."
        )


def find_weakened(config: Config, classes: Mapping[str, type], *, hard: bool) -> Iterator[Weakened]:
    """Yield every setting that is weaker than the platform's default.

    ``classes`` are the ones in use, by the section that all of their kind read.
    """
    for setting in SETTINGS:
        if setting.hard and not hard:
            continue
        is_set, value = read_setting(config, classes[setting.section], setting.trait)
        if is_set and not _is_safe(setting, value):
            yield Weakened(setting, value)
        if setting.trait == "server_token_scopes":
            # The Hub takes them from its role `server` where the trait is unset.
            own = (each for each in _list_roles(config) if each.get("name") == "server")
            asked = (_without_refused(each.get("scopes", [])) for each in own)
            wide = [scopes for scopes in asked if not setting.is_safe(scopes)]
            yield from (Weakened(setting, scopes) for scopes in wide)


def _without_refused(scopes: Any) -> list[Any]:
    """Return the scopes of the role ``server`` without the one that it never gets."""
    return [scope for scope in scopes if scope != "inherit"]


def _is_safe(setting: Setting, value: Any) -> bool:
    try:
        return setting.is_safe(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise PlatformError(
            f"{setting.name} is a {type(value).__name__}, which it cannot be. Look at what kind of "
            "value it has with `jupyterhub --help-all`, and write it as one"
        ) from error


def _list_roles(config: Config) -> list[Mapping[str, Any]]:
    roles = read_added(config.JupyterHub.get("load_roles", []))
    return [each for each in roles if isinstance(each, Mapping)]


def read_setting(config: Config, kind: type, trait: str) -> tuple[bool, Any]:
    """Tell whether ``trait`` of a class is set in a configuration, and its value."""
    for each in kind.__mro__:
        section = config.get(each.__name__)
        if section is not None and trait in section:
            return True, read_added(section[trait])
    return False, None


def read_added(value: Any) -> Any:
    """Return a configured value; where a site only extended a default, what it added."""
    if not isinstance(value, LazyConfigValue):
        return value
    changes = value.to_dict()
    if "update" in changes:
        return changes["update"]
    inserted = [entry for _, entry in changes.get("inserts", ())]
    return [*inserted, *changes.get("prepend", ()), *changes.get("extend", ())]


def harden(c: Config, *, hard: bool) -> None:
    """Set what a site leaves unset to its safe value."""
    for setting in SETTINGS:
        section = c[setting.section]
        if setting.value is not None and (hard or not setting.hard):
            section.setdefault(setting.trait, setting.value)
    if hard and (origin := secure_origin(c)):
        c.JupyterHub.setdefault("subdomain_host", origin)


def secure_origin(c: Config) -> str:
    """Return ``https://NAME`` under which users reach the Hub; empty if it is unknown."""
    for trait in ("public_url", "bind_url"):
        url = urlsplit(str(c.JupyterHub.get(trait) or ""))
        host = url.hostname or ""
        if url.scheme == "https" and "." in host and not host.replace(".", "").isdigit():
            return f"https://{url.netloc}"
    return ""


def check_hard_profile(config: Config) -> None:
    """Refuse a hard profile without its requirements.

    Raises
    ------
    PlatformError
        Raised if no TLS and no DNS name is configured.
    """
    if not secure_origin(config) and not config.JupyterHub.get("subdomain_host"):
        raise PlatformError(
            "The hard profile needs TLS and a DNS name with a wildcard below it. Set "
            "c.JupyterHub.public_url = 'https://hub.example.org', and let *.hub.example.org lead "
            "there too; or turn c.Platform.hard_profile off"
        )
