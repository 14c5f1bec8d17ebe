"""A site's own subclass of KubeSpawner with admission in front of it, as authenticators have it.

Its class comes after the platform's and before KubeSpawner: what the platform's methods hand on to
KubeSpawner passes the site's first. What it sets of a tier's amounts and image, the tier replaces;
what it makes of a pod is checked last, as a hook is.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kubespawner import KubeSpawner

from jupyterhub_platform.hub.configuration.errors import ConfigurationError
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner, PlatformKubeSpawner

REPLACED: Final[Mapping[str, str]] = {
    "_start": "Put what it does into start, before it calls super().start()",
    "_make_create_pod_request": "Change the pod in get_pod_manifest or modify_pod_hook",
    "_make_create_resource_request": "Change the object in get_pod_manifest or modify_pod_hook",
    "_make_delete_pod_request": "Put what comes before into stop",
    "poll": "Put what is to be seen into progress, and leave the state of the pod to the platform",
    "load_user_options": "Options only name a tier, a size, an account and an image; what they set "
    "belongs into tiers of platform.yaml, or into pre_spawn_hook",
    "server": "Use pre_spawn_hook and post_stop_hook",
}
"""Methods that admission needs to be its own, and where what a site does there belongs."""

HANDED_ON: Final = (
    *("__init__", "start", "stop", "get_pod_manifest", "get_state", "load_state", "clear_state"),
    *("apply_group_overrides", "get_env", "get_args", "_make_create_pvc_request"),
)
"""Methods of which admission needs what KubeSpawner's do: a site's own has to call those."""


def is_kubespawner(spawner: type[Any]) -> bool:
    """Tell whether a class starts pods as KubeSpawner does."""
    return issubclass(spawner, KubeSpawner)


def wrap_spawner(
    spawner: type[Any], gate: type[KubeTierSpawner] = PlatformKubeSpawner
) -> type[KubeTierSpawner]:
    """Return a site's own spawner with the ``gate`` of the platform in front of it.

    Raises
    ------
    ConfigurationError
        Raised with each method that admission needs and the class takes away.
    """
    name = f"{spawner.__module__}.{spawner.__name__}"
    found = list(_find_conflicts(spawner))
    if found:
        raise ConfigurationError(
            f"The spawner {name} overrides what admission needs: {'; '.join(found)}. Change it, or "
            "use platform in c.JupyterHub.spawner_class"
        )
    return type(f"Governed{spawner.__name__}", (gate, spawner), {"__module__": spawner.__module__})


def _find_conflicts(spawner: type[Any]) -> Iterator[str]:
    for cls in _list_own(spawner):
        for method, instead in REPLACED.items():
            if method in vars(cls):
                yield f"{cls.__name__}.{method} ({instead})"
        for method in (each for each in HANDED_ON if each in vars(cls)):
            if not _calls_super(vars(cls)[method]):
                yield f"{cls.__name__}.{method} (Have it call super().{method})"


def _list_own(spawner: type[Any]) -> list[type[Any]]:
    """Return the classes of a site, and of the packages that it builds on."""
    return [cls for cls in spawner.__mro__ if not issubclass(KubeSpawner, cls)]


def _calls_super(method: Any) -> bool:
    """Tell whether a method calls one of a class above it, by super or by that class's name."""
    function = inspect.unwrap(getattr(method, "__func__", method))
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    named = {*code.co_freevars, *code.co_names}
    return "__class__" in named or "super" in named or "KubeSpawner" in named
