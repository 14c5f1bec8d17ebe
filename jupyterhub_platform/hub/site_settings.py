"""What a site has set before ``configure(c)``: read as the Hub would, or refused in a sentence."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Final

from traitlets import TraitType
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue
from traitlets.utils.importstring import import_item

from jupyterhub_platform.hub.hardening import read_added, read_setting
from jupyterhub_platform.hub.misconfigured import ConfigurationError

_ADDED_TO: Final[Mapping[str, type]] = {
    "services": list,
    "load_roles": list,
    "template_paths": list,
    "template_vars": dict,
    "custom_scopes": dict,
}
_OF_MAPPINGS: Final = ("services", "load_roles")


def check_shapes(hub: Any) -> None:
    """Refuse settings that cannot be added to, and make lists of tuples, as the Hub does.

    Raises
    ------
    ConfigurationError
        Raised with the first setting that is of the wrong kind.
    """
    for trait, kind in _ADDED_TO.items():
        value = hub.get(trait)
        if value is None or isinstance(value, LazyConfigValue):
            continue
        if isinstance(value, tuple) and kind is list:
            value = hub[trait] = list(value)
        # Never the value itself: services have tokens.
        if not isinstance(value, kind):
            raise ConfigurationError(
                f"c.JupyterHub.{trait} is a {type(value).__name__}, and the Hub takes a "
                f"{kind.__name__}. Write it as one"
            )
    for trait in _OF_MAPPINGS:
        for number, entry in enumerate(read_added(hub.get(trait)) or ()):
            if not isinstance(entry, Mapping):
                raise ConfigurationError(
                    f"c.JupyterHub.{trait}[{number}] is a {type(entry).__name__}, and the Hub "
                    "takes a dict with a name. Write it as one"
                )


def load_class(hub: Any, trait: str, kind: type) -> Any:
    """Return the class that a setting names, by an entry point, an import path or itself.

    Raises
    ------
    ConfigurationError
        Raised if it names nothing that can be loaded, or nothing of this kind.
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
            f"c.JupyterHub.{trait} is {chosen!r}, which is no class of a {kind.__name__}. Name one"
        )
    return found


def is_on(c: Config, kind: type[Any], trait: str) -> bool:
    """Tell whether a setting of a class is on: as configured, else as the class has it."""
    of_the_class = getattr(kind, trait)
    if not isinstance(of_the_class, TraitType):
        return bool(of_the_class)  # fixed by a class of the site
    is_set, value = read_setting(c, kind, trait)
    return bool(value if is_set else of_the_class.default())
