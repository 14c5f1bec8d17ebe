"""Read what a site has set before ``configure(c)`` as the Hub would, or refuse it in a sentence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Annotated, Any, Final, Required
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter, ValidationError
from traitlets import TraitType
from traitlets.config import Config
from traitlets.utils.importstring import import_item
from typing_extensions import TypedDict

from jupyterhub_platform.hub.configuration.errors import ConfigurationError
from jupyterhub_platform.hub.configuration.hardening import read_added, read_setting

_Names = list[str]


class _Role(TypedDict, total=False):
    name: Required[Annotated[str, Field(pattern=r"^[a-z][a-z0-9\-_~.]{1,253}[a-z0-9]$")]]
    description: str
    scopes: _Names
    users: _Names
    groups: _Names
    services: _Names


class _Service(TypedDict, total=False):
    name: Required[Annotated[str, Field(min_length=1)]]
    url: str | None
    api_token: str
    command: str | _Names
    environment: dict[str, Any]


class _Members(TypedDict, total=False):
    users: _Names
    properties: dict[str, Any]


class _CustomScope(TypedDict, total=False):
    description: Required[str]
    scopes: _Names
    subscopes: _Names


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a setting has to be written: its type, its content, and an example."""

    kind: Any
    entries: TypeAdapter[Any]
    example: str


_SHAPES: Final[Mapping[str, _Shape]] = {
    "services": _Shape(
        list, TypeAdapter(list[_Service]), '[{"name": "cull", "command": ["cull-idle"]}]'
    ),
    "load_roles": _Shape(
        list,
        TypeAdapter(list[_Role]),
        '[{"name": "reader", "scopes": ["read:hub"], "groups": ["vision"]}]',
    ),
    "load_groups": _Shape(dict, TypeAdapter(dict[str, _Members]), '{"vision": {"users": ["kim"]}}'),
    "custom_scopes": _Shape(
        dict,
        TypeAdapter(dict[str, _CustomScope]),
        '{"custom:site:read": {"description": "Read what the site has"}}',
    ),
    "template_paths": _Shape(list, TypeAdapter(_Names), '["/srv/templates"]'),
    "template_vars": _Shape(dict, TypeAdapter(dict[str, Any]), '{"announcement": "Hello"}'),
}
_PATH: Final = re.compile(r"[A-Za-z0-9/._~@:-]*")
"""What can be a prefix of every address: it is matched literally, and also as a pattern."""


def check_shapes(hub: Any) -> None:
    """Refuse settings that the Hub cannot read, and turn tuples into lists, as the Hub does.

    Raises
    ------
    ConfigurationError
        Raised with the first setting of the wrong type.
    """
    _check_prefix(hub)
    for trait, shape in _SHAPES.items():
        value = hub.get(trait)
        if value is None:
            continue
        if isinstance(value, tuple) and shape.kind is list:
            value = hub[trait] = list(value)
        entries: Any = read_added(value)
        # Never the value itself: services have tokens.
        if not isinstance(entries, shape.kind):
            raise ConfigurationError(
                f"c.JupyterHub.{trait} is a {type(value).__name__}, and the Hub takes a "
                f"{shape.kind.__name__}. Write it as one: {shape.example}"
            )
        if trait == "load_groups":
            entries = {
                name: members if isinstance(members, Mapping) else {"users": members}
                for name, members in entries.items()
            }
        try:
            shape.entries.validate_python(entries)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = "".join(f"[{key!r}]" for key in first["loc"])
            raise ConfigurationError(
                f"c.JupyterHub.{trait}{where} cannot be read: {first['msg']}. "
                f"Write it like this: {shape.example}"
            ) from error


def _check_prefix(hub: Any) -> None:
    for trait in ("base_url", "bind_url"):
        value = hub.get(trait)
        if not isinstance(value, str):
            continue  # the Hub says so itself
        try:
            path = value if trait == "base_url" else urlsplit(value).path
        except ValueError as error:
            raise ConfigurationError(f"c.JupyterHub.{trait} is not an address: {error}") from error
        # A browser takes // at the beginning for a host, and removes dots before it asks.
        names = path.removeprefix("/").removesuffix("/").split("/")
        is_odd = names != [""] and not {"", ".", ".."}.isdisjoint(names)
        if is_odd or not _PATH.fullmatch(path):
            raise ConfigurationError(
                f"c.JupyterHub.{trait} is {value!r}, and a page's address cannot begin so. Use "
                "letters of ASCII, digits, - . _ ~, and one / between names, for example /jupyter/"
            )


def load_class(hub: Any, trait: str, kind: type) -> Any:
    """Return the class that a setting names, by an entry point, an import path or itself.

    Raises
    ------
    ConfigurationError
        Raised if it names nothing that can be loaded, or something of another kind.
    """
    chosen = hub[trait]
    group = f"jupyterhub.{kind.__name__.lower()}s"
    found = chosen
    if isinstance(chosen, str):
        named = [each for each in entry_points(group=group) if each.name == chosen.lower()]
        try:
            found = named[0].load() if named else import_item(chosen)
        except Exception as error:
            known = sorted(each.name for each in entry_points(group=group))
            what = " ".join(str(error).split()) or type(error).__name__
            raise ConfigurationError(
                f"c.JupyterHub.{trait} is {chosen!r}, which cannot be loaded ({what}). Install "
                f"its package, or name a class or one of {', '.join(known)}"
            ) from error
    if not isinstance(found, type) or not issubclass(found, kind):
        raise ConfigurationError(
            f"c.JupyterHub.{trait} is {chosen!r}, not a subclass of {kind.__name__}. Name one"
        )
    return found


def is_on(c: Config, kind: type[Any], trait: str) -> bool:
    """Tell whether a setting of a class is on: as configured, else the class's default."""
    of_the_class = getattr(kind, trait)
    if not isinstance(of_the_class, TraitType):
        return bool(of_the_class)  # fixed by a class of the site
    is_set, value = read_setting(c, kind, trait)
    return bool(value if is_set else of_the_class.default())
