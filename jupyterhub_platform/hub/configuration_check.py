"""Checks that what ``configure(c)`` set is still there once the Hub reads the configuration.

A file sets values in order, and the command line comes after all of them: replacing what the
platform depends on would leave a Hub that governs nothing, and does not say so.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from jupyterhub_platform.hub.auth.governed_authenticator import GovernedAuthenticator
from jupyterhub_platform.hub.configuration.site_settings import is_on
from jupyterhub_platform.hub.pages.files import TEMPLATE_DIRECTORY
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from jupyterhub_platform.shared_templates.files import SHARED_TEMPLATES

TEMPLATE_VARS: Final = ("platform_local_credentials", "platform_endings", "platform_ended")
_LAST: Final = (
    "Set it before configure(c), which is the last line of the configuration, and not on the "
    "command line"
)


def say_overwritten(app: Any) -> str:
    """Say which settings were changed after ``configure(c)``; empty if none that matter were."""
    undone = list(_find_overwritten(app))
    return f"{'; '.join(undone)}. {_LAST}" if undone else ""


def _find_overwritten(app: Any) -> Iterator[str]:
    for trait, governed, what in (
        ("authenticator_class", GovernedAuthenticator, "lets people in whatever the policy says"),
        ("spawner_class", AdmissionMixin, "starts servers that no quota sees"),
    ):
        chosen = getattr(app, trait)
        if not issubclass(chosen, governed):
            name = f"{chosen.__module__}.{chosen.__name__}"
            yield f"c.JupyterHub.{trait} is {name} after configure(c), which {what}"
    for trait, needed in _list_needed(app).items():
        if missing := [each for each in needed if each not in _list_present(app, trait)]:
            yield (
                f"c.JupyterHub.{trait} was set after configure(c), which takes "
                f"{', '.join(missing)} from it"
            )


def _list_needed(app: Any) -> Mapping[str, Collection[str]]:
    # With manage_roles the authenticator has the Hub load the platform's roles.
    loads_roles = not is_on(app.config, app.authenticator_class, "manage_roles")
    return {
        "services": (roles.SERVICE_NAME,),
        "load_roles": tuple(roles.LEVEL_ROLES) if loads_roles else (),
        "custom_scopes": tuple(roles.CUSTOM_SCOPES),
        "template_paths": (str(TEMPLATE_DIRECTORY), str(SHARED_TEMPLATES)),
        "template_vars": TEMPLATE_VARS,
    }


def _list_present(app: Any, trait: str) -> list[Any]:
    return [each.get("name") if isinstance(each, Mapping) else each for each in getattr(app, trait)]
