"""Pods in a form in which those of two spawners can be compared.

What is not part of the meaning is taken out: the order of variables and volumes, names of volumes,
and how an amount is written. What the Hub itself puts into a server's environment counts as there,
whatever it says.
"""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias

from kubernetes.utils.quantity import parse_quantity

Value: TypeAlias = Any
Difference: TypeAlias = tuple[str, Value, Value]
"""Where, what it was before, and what it is now; ``None`` where it is not."""

_OF_THE_HUB: Final = ("JUPYTERHUB_", "JPY_API_TOKEN", "MEM_", "CPU_")
_LEFT: Final = {"JUPYTERHUB_USER", "JUPYTERHUB_SERVER_NAME"}
_ANY: Final = "*"


def normalise(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pod in the form to compare."""
    spec = dict(pod["spec"])
    volumes = {each["name"]: _without(each, "name") for each in spec.pop("volumes", None) or ()}
    found: dict[str, Any] = {"metadata": pod["metadata"], "spec": spec}
    for kind in ("containers", "initContainers"):
        spec[kind] = {each["name"]: _container(each, volumes) for each in spec.get(kind) or ()}
    spec["tolerations"] = sorted(map(_text, spec.get("tolerations") or ()))
    mounted = {
        _text(each["of"])
        for kind in ("containers", "initContainers")
        for one in spec[kind].values()
        for each in one["volumeMounts"].values()
    }
    spec["volumes"] = sorted({_text(each) for each in volumes.values()} - mounted)
    return dict(_prune(found))


def find_differences(
    before: Value, after: Value, path: tuple[str, ...] = ()
) -> Iterator[Difference]:
    """Yield where two values differ, as deep as it can be said."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from find_differences(before.get(key), after.get(key), (*path, key))
    elif before != after:
        yield " > ".join(path), before, after


def matches(listed: Mapping[str, Any], found: Difference) -> bool:
    """Tell whether a difference is one that is listed."""
    where, before, after = found
    return fnmatchcase(where, listed["where"]) and all(
        value is not None if (wanted := listed.get(side)) == _ANY else wanted == value
        for side, value in (("before", before), ("after", after))
    )


def _container(one: Mapping[str, Any], volumes: Mapping[str, Any]) -> dict[str, Any]:
    mounts = {
        each["mountPath"]: {
            "of": volumes[each["name"]],
            "subPath": each.get("subPath"),
            "readOnly": each.get("readOnly"),
        }
        for each in one.get("volumeMounts") or ()
    }
    resources = {
        kind: {name: _amount(amount) for name, amount in (amounts or {}).items()}
        for kind, amounts in (one.get("resources") or {}).items()
        if kind in {"limits", "requests"}
    }
    for amounts in resources.values():
        for name in [name for name, amount in amounts.items() if amount == "0"]:
            del amounts[name]
    env = {each["name"]: _variable(each) for each in one.get("env") or ()}
    return {**one, "name": None, "env": env, "volumeMounts": mounts, "resources": resources}


def _amount(written: str) -> str:
    return f"{parse_quantity(written).normalize():f}"


def _variable(one: Mapping[str, Any]) -> Value:
    if one["name"].startswith(_OF_THE_HUB) and one["name"] not in _LEFT:
        return "(of the Hub)"
    return one.get("valueFrom", one.get("value"))


def _prune(value: Value) -> Value:
    """Leave out what is empty: nothing and no entry mean the same."""
    if isinstance(value, Mapping):
        pruned = {key: _prune(each) for key, each in value.items()}
        return {key: each for key, each in pruned.items() if each not in (None, {}, [], "")}
    return [_prune(each) for each in value] if isinstance(value, list) else value


def _without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def _text(value: Value) -> str:
    return json.dumps(value, sort_keys=True)
