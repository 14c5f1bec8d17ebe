"""The settings that a Hub has: of JupyterHub's classes, and of what is installed beside it."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final

from jupyterhub.app import JupyterHub
from traitlets.config import Configurable

from jupyterhub_platform.hub.platform import Platform

_GROUPS: Final = ("jupyterhub.authenticators", "jupyterhub.spawners", "jupyterhub.proxies")


@cache
def find_traits(name: str) -> frozenset[str] | None:
    """Return the settings of a class by its name; ``None`` if there is no such class.

    Classes that cannot be imported here, since what they need is not installed, are not known.
    """
    found = [each for each in _list_classes() if each.__name__ == name]
    if not found:
        return None
    return frozenset().union(*(each.class_trait_names(config=True) for each in found))


@cache
def _list_classes() -> frozenset[type[Configurable]]:
    return frozenset(
        above
        for each in _find_installed()
        for above in each.__mro__
        if issubclass(above, Configurable) and above is not Configurable
    )


def _find_installed() -> Iterator[type[Configurable]]:
    yield from (JupyterHub, *JupyterHub().classes, Platform)
    for group in _GROUPS:
        for point in entry_points(group=group):
            loaded = _load(point)
            if isinstance(loaded, type) and issubclass(loaded, Configurable):
                yield loaded


def _load(point: Any) -> Any:
    try:
        return point.load()
    except ImportError:
        return None
