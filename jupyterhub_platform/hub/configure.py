"""``configure(c)``: all that a ``jupyterhub_config.py`` needs, merged with what a site has set."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from jupyterhub.auth import Authenticator
from jupyterhub.spawner import Spawner
from jupyterhub.user import User
from traitlets.config.loader import LazyConfigValue

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.local_accounts import why_no_password
from jupyterhub_platform.hub.audit.callers import COMMAND_LINE
from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.auth.governed_authenticator import (
    GovernedAuthenticator,
    wrap_authenticator,
)
from jupyterhub_platform.hub.branding import find_branding
from jupyterhub_platform.hub.configuration.errors import ConfigurationError
from jupyterhub_platform.hub.configuration.hardening import HARD_PROFILE, harden, read_added
from jupyterhub_platform.hub.configuration.loopback import find_loopback
from jupyterhub_platform.hub.configuration.site_settings import check_shapes, is_on, load_class
from jupyterhub_platform.hub.configuration_check import say_overwritten
from jupyterhub_platform.hub.landing import land
from jupyterhub_platform.hub.navigation import find_navigation
from jupyterhub_platform.hub.pages.files import TEMPLATE_DIRECTORY
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.routes import surround_routes
from jupyterhub_platform.hub.servers.lifetimes import list_endings
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from jupyterhub_platform.hub.spawner.explain import list_ended
from jupyterhub_platform.hub.upstream.error_messages import give_errors_messages
from jupyterhub_platform.hub.upstream.loaded_groups import load_groups_beside_managed
from jupyterhub_platform.hub.upstream.log_scrubbing import scrub_log
from jupyterhub_platform.hub.upstream.no_store import keep_secrets_out_of_caches
from jupyterhub_platform.hub.upstream.redirects import reject_invalid_redirects
from jupyterhub_platform.hub.upstream.secure_cookies import keep_cookies_secure
from jupyterhub_platform.hub.upstream.server_counts import keep_server_counts
from jupyterhub_platform.hub.upstream.server_timeout import explain_unanswered_starts
from jupyterhub_platform.hub.upstream.service_environment import keep_environments_out_of_database
from jupyterhub_platform.hub.upstream.stale_sessions import end_stale_sessions_quietly
from jupyterhub_platform.hub.upstream.startup_errors import exit_with_a_sentence
from jupyterhub_platform.hub.upstream.token_hashing import speed_up_token_hashing
from jupyterhub_platform.hub.upstream.unix_sockets import use_unix_sockets
from jupyterhub_platform.settings import Settings
from jupyterhub_platform.shared_templates.files import SHARED_TEMPLATES
from jupyterhub_platform.usecases.explanations import Explanation

DEFAULT_SERVICE_URL: Final = "http://127.0.0.1:8190"
_PLACES: Final = {
    "state_dir": "PLATFORM_STATE_DIR",
    "policy_file": "PLATFORM_FILE",
    "database_url": "PLATFORM_DB_URL",
}
_STOCK_SPAWNERS: Final = frozenset(
    {
        "",
        "kubernetes",
        "kubespawner.kubespawner",
        "kubespawner.spawner.kubespawner",
        "localprocess",
        "jupyterhub.spawner.localprocessspawner",
        "simple",
        "jupyterhub.spawner.simplelocalprocessspawner",
    }
)
"""Stock spawners, in small letters, each for a place to run: the platform's own replaces them."""


def configure(c: Any) -> None:
    """Put the platform into a Hub's configuration. Call it last; calling it again is harmless.

    Services, roles, scopes and templates of the site are extended, never overwritten. Operators set
    ``c.Platform.…``. It works on a laptop and in Zero to JupyterHub's ``hub.extraConfig``.

    Raises
    ------
    ConfigurationError
        Raised with what cannot be governed, which the Hub shows as a sentence.
    """
    try:
        _configure(c)
    except ConfigurationError:
        raise
    except PlatformError as error:
        raise ConfigurationError(str(error)) from error


def _configure(c: Any) -> None:
    exit_with_a_sentence(say_overwritten)
    load_groups_beside_managed()
    hub = c.JupyterHub
    check_shapes(hub)
    authenticator = _authenticator(hub)
    hub.authenticator_class = authenticator
    hub.spawner_class = _spawner(hub)
    settings = _settings(c)
    hub.spawner_class.complete(c, settings.policy_file)
    hub.custom_scopes.update(dict(roles.CUSTOM_SCOPES))
    if not is_on(c, authenticator, "manage_roles"):
        # Otherwise the Hub takes no roles for users from here: the authenticator has it load ours.
        _add_named(hub, "load_roles", roles.level_roles())
    _add_templates(hub)
    local_credentials = issubclass(authenticator, PlatformAuthenticator)
    hub.template_vars.update(
        {
            "platform_local_credentials": local_credentials and _may_have_password,
            "platform_endings": _list_endings,
            "platform_ended": _list_ended,
            "platform_navigation": find_navigation,
            "platform_branding": find_branding,
        }
    )
    GovernedAuthenticator.surround_routes = surround_routes
    keep_environments_out_of_database()
    scrub_log()
    reject_invalid_redirects()
    keep_secrets_out_of_caches()
    give_errors_messages()
    keep_cookies_secure()
    explain_unanswered_starts()
    use_unix_sockets()
    keep_server_counts()
    end_stale_sessions_quietly()
    speed_up_token_hashing()
    _add_service(hub, _service(c, settings, local_credentials))
    _command_line(hub)
    _set_default(hub, "allow_named_servers", True)
    _set_default(hub, "default_url", land)
    # Servers outlive the Hub; a restart finds them again.
    _set_default(hub, "cleanup_servers", False)
    _set_default(c.Spawner, "default_url", "/lab")
    harden(c, hard=_is_hard(c))


def _add_named(section: Any, trait: str, entries: Iterable[Mapping[str, Any]]) -> None:
    """Add entries to a list, except names that it has already: those of the site stay."""
    present = {entry.get("name") for entry in read_added(section[trait])}
    section[trait].extend(dict(entry) for entry in entries if entry["name"] not in present)


def _add_service(hub: Any, service: Mapping[str, Any]) -> None:
    """Add a service of the platform; a site's service of that name would be mistaken for it."""
    for entry in read_added(hub.services):
        if entry.get("name") == service["name"] and entry.get("command") != service.get("command"):
            raise ConfigurationError(
                f"c.JupyterHub.services has a service {service['name']}, and the platform's own "
                "has that name. Give yours another"
            )
    _add_named(hub, "services", [service])


def _add_templates(hub: Any) -> None:
    """Put the platform's templates after those of the site and before those of the Hub."""
    paths = hub.template_paths
    for ours in map(str, (TEMPLATE_DIRECTORY, SHARED_TEMPLATES)):
        if ours in read_added(paths):
            continue
        if isinstance(paths, LazyConfigValue):
            paths.insert(len(paths.to_dict().get("inserts", ())), ours)
        else:
            paths.append(ours)


def _command_line(hub: Any) -> None:
    """Let ``jhp`` on this machine talk to this Hub, with a token that only its owner can read."""
    token = os.environ.get("PLATFORM_COMMAND_TOKEN")
    if token:
        role = {"name": roles.COMMAND_LINE_ROLE, "services": [COMMAND_LINE]}
        _add_service(hub, {"name": COMMAND_LINE, "api_token": token})
        _add_named(hub, "load_roles", [{**role, "scopes": list(roles.COMMAND_LINE_SCOPES)}])


def _is_hard(c: Any) -> bool:
    return bool(c.Platform.get("hard_profile", os.environ.get(HARD_PROFILE) == "1"))


def _may_have_password(user: Any) -> bool:
    """Tell whether the Hub's pages offer a user to change a password."""
    if not isinstance(user, User):
        return False
    return not why_no_password(platform_of(user.settings).snapshot.policy, user.name)


def _list_endings(user: Any) -> list[dict[str, Any]]:
    """Return what the Hub's pages say about the deadlines of a user's servers."""
    return list_endings(user, datetime.now(UTC)) if isinstance(user, User) else []


def _list_ended(user: Any) -> list[Explanation]:
    """Return what the Hub's pages say about a user's servers that ended unexpectedly."""
    return list_ended(user) if isinstance(user, User) else []


def _set_default(section: Any, name: str, value: Any) -> None:
    if name not in section:
        section[name] = value


def _authenticator(hub: Any) -> type[Authenticator]:
    chosen = hub.get("authenticator_class")
    if not chosen:
        return PlatformAuthenticator
    return wrap_authenticator(load_class(hub, "authenticator_class", Authenticator))


def _spawner(hub: Any) -> Any:
    chosen = hub.get("spawner_class")
    if isinstance(chosen, type):
        name = f"{chosen.__module__}.{chosen.__name__}"
    else:
        name = str(chosen or "")
    if name.lower() in _STOCK_SPAWNERS:
        return _default_spawner(name)
    spawner = load_class(hub, "spawner_class", Spawner)
    if issubclass(spawner, AdmissionMixin):
        return spawner
    if any(each.__module__.partition(".")[0] == "kubespawner" for each in spawner.__mro__):
        from jupyterhub_platform.hub.kubernetes.site_spawner import wrap_spawner

        return wrap_spawner(spawner)
    raise ConfigurationError(
        f"The spawner {spawner.__module__}.{spawner.__name__} starts servers that no quota "
        "sees; use platform or platform-local, a subclass of KubeSpawner, or a class of yours with "
        "AdmissionMixin first, in c.JupyterHub.spawner_class"
    )


def _default_spawner(stock: str) -> Any:
    """Return the spawner for where the Hub runs; neither needs the libraries of the other."""
    if "kube" in stock.lower() or (not stock and "KUBERNETES_SERVICE_HOST" in os.environ):
        from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner

        return PlatformKubeSpawner
    from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner

    return PlatformLocalSpawner


def _settings(c: Any) -> Settings:
    """Return where things are: from the configuration, then the environment."""
    told = {
        variable: str(c.Platform[trait])
        for trait, variable in _PLACES.items()
        if c.Platform.get(trait)
    }
    return Settings.from_environment({**os.environ, **told})


def _render_branding(c: Any) -> dict[str, str]:
    """Return how the service's pages look, which are the Hub's in everything else."""
    names = ("site_name", "accent_color", "help_links", "logo_file_dark")
    told = {name: c.Platform.get(name) for name in names if c.Platform.get(name)}
    return {"PLATFORM_BRANDING": json.dumps(told)} if told else {}


def _service(c: Any, settings: Settings, local_credentials: bool) -> dict[str, Any]:
    """Return the admin service, which has no permissions of its own: only those of its callers."""
    url = c.Platform.get("service_url") or os.environ.get("PLATFORM_SERVICE_URL")
    environment = {**settings.render_environment(), "PLATFORM_HUB_PID": str(os.getpid())}
    environment |= {**_render_branding(c), **find_loopback(c.JupyterHub)}
    if local_credentials:
        environment["PLATFORM_LOCAL_CREDENTIALS"] = "1"
    for name in ("PLATFORM_SERVICE_BIND", "PLATFORM_SERVICE_COOKIE_SECRET"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return {
        "name": roles.SERVICE_NAME,
        "url": url or DEFAULT_SERVICE_URL,
        "command": [sys.executable, "-m", "jupyterhub_platform.service"],
        "environment": environment,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [
            f"access:services!service={roles.SERVICE_NAME}",
            "custom:platform",
            "delete:servers",
            "read:users:name!user",
            "read:users:groups!user",
        ],
    }
