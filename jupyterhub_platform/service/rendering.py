"""Pages in the Hub's own look: its templates, its theme, its navigation."""

import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub import __version__ as hub_version
from jupyterhub._data import DATA_FILES_PATH

from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.times import describe_age, describe_duration, describe_second
from jupyterhub_platform.core.typed_names import render_command
from jupyterhub_platform.shared_templates.files import SHARED_TEMPLATES
from jupyterhub_platform.usecases.holdings import describe_resource

HERE: Final = Path(__file__).parent
TEMPLATES: Final = HERE / "templates"
STATIC: Final = HERE / "static"
HTMX: Final = "htmx.min.js"
"""Brought by npm when the package is built; without it, forms show their effect on request."""


class NonceLoader(BaseLoader):
    """Loads templates of the Hub, and adds the page's nonce to their scripts.

    The Hub's page has inline scripts. The nonce goes into the source of the template, before it is
    rendered, so that an injected script has none and does not run.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files = FileSystemLoader([str(path) for path in paths])

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return the source of a template with nonces in its scripts."""
        source, file, is_fresh = self._files.get_source(environment, template)
        return source.replace("<script", '<script nonce="{{ csp_nonce }}"'), file, is_fresh


@cache
def make_environment(template_paths: tuple[Path, ...] = ()) -> Environment:
    """Create the environment in which the service's pages extend the Hub's, or a site's own."""
    hub = Path(DATA_FILES_PATH) / "templates"
    own = FileSystemLoader([str(TEMPLATES), str(SHARED_TEMPLATES)])
    loader = ChoiceLoader(
        [
            PrefixLoader({"platform": own, "templates": NonceLoader([hub])}),
            NonceLoader([*template_paths, hub]),
        ]
    )
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals["htmx"] = HTMX if (STATIC / HTMX).is_file() else ""
    environment.filters["ago"] = describe_age
    environment.filters["amount"] = lambda amount, name: describe_amount(name, amount)
    environment.filters["duration"] = describe_duration
    environment.filters["command"] = render_command
    environment.filters["resource"] = describe_resource
    environment.filters["utc"] = describe_second
    return environment


def hub_namespace(
    user: dict[str, Any] | None, *, hub_host: str, hub_prefix: str, prefix: str, admin: bool
) -> dict[str, Any]:
    """Return the variables that the Hub's own page needs."""
    base = f"{hub_host}{hub_prefix}"

    def static_url(path: str, include_version: bool = True) -> str:
        version = f"?v={hub_version}" if include_version else ""
        return f"{base}static/{path}{version}"

    shown = None
    if user is not None:
        shown = {"name": user["name"], "json_escaped_name": escape_for_script(str(user["name"]))}
    return {
        "user": shown,
        "base_url": base,
        "prefix": f"{hub_host}{hub_prefix.removesuffix('hub/')}",
        "login_url": f"{base}login",
        "logout_url": f"{base}logout",
        "static_url": static_url,
        "version_hash": "",
        "services": [{"name": "platform", "href": prefix}],
        "parsed_scopes": {"admin-ui": {}} if admin else {},
        "no_spawner_check": True,
    }


def escape_for_script(text: str) -> str:
    """Escape a text for a string literal of an inline script."""
    escaped = json.dumps(text)[1:-1]
    for character in "<>&'":
        escaped = escaped.replace(character, f"\\u{ord(character):04x}")
    return escaped
