"""Reports a configuration that JupyterHub refuses in one sentence, in place of a traceback.

JupyterHub checks most settings against each other while it starts, by a ValueError that
nothing catches. If a site's setting and one that ``configure(c)`` adds exclude each other, the
operator would read a traceback of two programs.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: JupyterHub exits with the sentence itself.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from jupyterhub.app import JupyterHub
from traitlets import TraitError

STEPS: Final[Mapping[str, str]] = {
    "init_secrets": "c.JupyterHub.cookie_secret",
    "init_db": "c.JupyterHub.db_url",
    "init_internal_ssl": "c.JupyterHub.internal_ssl",
    "init_hub": "c.JupyterHub.hub_bind_url and hub_connect_url",
    "init_proxy": "c.JupyterHub.proxy_class",
    "init_oauth": "c.JupyterHub.subdomain_host",
    "init_role_creation": "c.JupyterHub.load_roles, custom_scopes and the authenticator",
    "init_users": "c.Authenticator.admin_users and allowed_users",
    "init_groups": "c.JupyterHub.load_groups",
    "init_services": "c.JupyterHub.services",
    "init_api_tokens": "c.JupyterHub.api_tokens and service_tokens",
    "init_role_assignment": "c.JupyterHub.load_roles",
    "init_tornado_settings": "c.JupyterHub.tornado_settings and template_paths",
}
"""The steps of a start that read settings, with those settings."""

KNOWN: Final[Mapping[str, str]] = {
    "When authenticator manages roles": "c.Authenticator.manage_roles is on, and then c.JupyterHub."
    "load_roles may give roles to services alone. Have the authenticator give the others, or turn "
    "manage_roles off",
    "When `reset_managed_roles_on_startup`": "c.Authenticator.reset_managed_roles_on_startup is "
    "on, and the authenticator has no roles to reset to. Turn it off",
}
"""Refusals whose text does not explain itself, by its beginning."""

_PATCHED: Final = "_platform_refuses_in_a_sentence"


def exit_with_a_sentence(say_overwritten: Callable[[Any], str]) -> None:
    """Have a Hub that cannot start with its settings exit with a sentence. Idempotent.

    ``say_overwritten`` is called before the first step, when every setting has its final
    value; its result is a reason not to start.
    """
    first: Any = JupyterHub.init_eventlog
    if not hasattr(first, _PATCHED):

        @functools.wraps(first)
        def start_unless_overwritten(app: Any) -> Any:
            if undone := say_overwritten(app):
                app.log.critical("The Hub does not start: %s.", undone)
                raise SystemExit(1)
            return first(app)

        setattr(start_unless_overwritten, _PATCHED, True)
        JupyterHub.init_eventlog = start_unless_overwritten
        JupyterHub.update_config = _refusing_values(JupyterHub.update_config)
    for name, settings in STEPS.items():
        step = getattr(JupyterHub, name, None)
        if step is not None and not hasattr(step, _PATCHED):
            setattr(JupyterHub, name, _refusing(step, settings))


def _refusing_values(update_config: Any) -> Any:
    """Turn a value that JupyterHub's own checks fail on into a configuration error."""

    @functools.wraps(update_config)
    def update(app: Any, config: Any) -> Any:
        try:
            return update_config(app, config)
        except TraitError:
            raise
        except Exception as error:
            refusal = say_refusal(error, "the value that it speaks of")
            raise TraitError(refusal) from error

    return update


def _refusing(step: Any, settings: str) -> Any:
    if inspect.iscoroutinefunction(step):

        @functools.wraps(step)
        async def wrapped(app: Any, *arguments: Any) -> Any:
            try:
                return await step(app, *arguments)
            except Exception as error:
                _tell(app, error, settings)
                raise SystemExit(1) from error
    else:

        @functools.wraps(step)
        def wrapped(app: Any, *arguments: Any) -> Any:
            try:
                return step(app, *arguments)
            except Exception as error:
                _tell(app, error, settings)
                raise SystemExit(1) from error

    setattr(wrapped, _PATCHED, True)
    return wrapped


def _tell(app: Any, error: Exception, settings: str) -> None:
    app.log.critical("The Hub does not start: %s.", say_refusal(error, settings))
    app.log.debug("Where that comes from:", exc_info=True)


def say_refusal(error: Exception, settings: str) -> str:
    """Return what is wrong, where to look, and what to do, in a line."""
    # The text of a KeyError is the repr of its message.
    message = error.args[0] if len(error.args) == 1 else error
    text = " ".join(str(message).split()).rstrip(".") or type(error).__name__
    known = next((what for begins, what in KNOWN.items() if text.startswith(begins)), None)
    return known or f"{text}. Look at {settings} in the configuration; --debug shows where"
