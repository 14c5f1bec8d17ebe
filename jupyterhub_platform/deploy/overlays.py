"""Checks a site's own values of the chart, which go over all rendered ones.

The chart's schema knows no class of JupyterHub's, no partition of AWS, and not what the platform
sets itself. What is a secret would be in git for ever.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.document.lines import Files
from jupyterhub_platform.core.document.schema_deployment import DeclaredDeployment
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.documents import FileParser

Traits = Callable[[str], frozenset[str] | None]
"""Returns the settings of a class of the Hub by its name; ``None`` if there is no such class."""

_SECRET_KEY: Final = re.compile(
    r"(?:password|passwd|secret|secret_?token|cookie_?secret|api_?token|client_secret|private_key)$",
    re.IGNORECASE,
)
_PLATFORM: Final = "zz-platform"
_NO_EFFECT: Final[Mapping[KeyPath, str]] = {
    ("singleuser", "profileList"): "tiers are what users choose from",
    ("singleuser", "cpu"): "tiers say what a server gets",
    ("singleuser", "memory"): "tiers say what a server gets",
    ("singleuser", "defaultUrl"): "the image says it, or a tier's environment",
}
_REFUSED: Final[Mapping[tuple[KeyPath, object], tuple[str, str]]] = {
    (("singleuser", "cloudMetadata", "blockWithIptables"), True): (
        "makes a privileged container, which the namespace refuses",
        "remove it: network policies keep servers from the cloud's metadata",
    ),
    (("rbac", "create"), True): (
        "makes a Role with which the Hub reads every Secret of the namespace",
        "remove it: manifests/role.yaml is what the Hub needs",
    ),
    (("cull", "enabled"), True): (
        "starts a second culler, with an admin's rights",
        "remove it: tiers say how long a server may idle",
    ),
}


@dataclass(frozen=True, slots=True)
class OverlayFaults:
    """What is wrong with a file of values, and what is probably a mistake."""

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def check_overlay(
    text: bytes, file: str, deployment: DeclaredDeployment, traits: Traits
) -> OverlayFaults:
    """Check the bytes of a file of values; ``file`` is its name in messages."""
    parser = FileParser()
    try:
        part = parser.parse(file, text)
    except PolicyError as error:
        return OverlayFaults(error.faults)
    if part.faults:
        # Helm reads anchors, and we do not: what cannot be read is not judged.
        what = "is not checked, since it has what is not read here"
        return OverlayFaults((), (Fault((), what, "write its anchors out", file, 1),))
    if not isinstance(part.document, dict):
        return OverlayFaults()
    places = Files({parser.number(file): file})

    def place(found: Iterator[Fault]) -> tuple[Fault, ...]:
        placed = (each.at(places.find(part.mark, each.path)) for each in found)
        return tuple(sorted(placed, key=lambda each: each.line))

    values = part.document
    return OverlayFaults(
        place(_find_faults(values, deployment, traits)), place(_find_warnings(values))
    )


def _find_faults(
    values: Mapping[str, Any], deployment: DeclaredDeployment, traits: Traits
) -> Iterator[Fault]:
    for path, value in _walk(values, ()):
        text = value if isinstance(value, str) else ""
        if text and _SECRET_KEY.search(str(path[-1])) and path[:2] != ("hub", "extraConfig"):
            yield Fault(path, "is a secret in git", "remove it: the Secret of the Hub is its place")
        if (path, value) in _REFUSED:
            yield Fault(path, *_REFUSED[path, value])
        yield from _check_partition(path, text, deployment)
    yield from _check_classes(_get(values, "hub", "config"), traits)
    for name in _get(values, "hub", "extraConfig"):
        if str(name) >= _PLATFORM:
            what = "runs after the platform, and could undo what it sets"
            fix = f"choose a name that is sorted before {_PLATFORM}"
            yield Fault(("hub", "extraConfig", str(name)), what, fix)


def _find_warnings(values: Mapping[str, Any]) -> Iterator[Fault]:
    for path, why in _NO_EFFECT.items():
        node: Any = values
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        if node:
            yield Fault(path, "has no effect", f"remove it: {why}")


def _check_partition(path: KeyPath, text: str, deployment: DeclaredDeployment) -> Iterator[Fault]:
    partition = deployment.partition
    for found in re.findall(r"arn:(aws[a-z-]*):", text):
        if partition is not None and found != partition:
            what = f"is an ARN of the partition {found}, and the target is in {partition}"
            yield Fault(path, what, f"write arn:{partition}:…")
    if partition == "aws-us-gov":
        for host in re.findall(r"[\w.-]+\.(?:amazonaws\.com|api\.aws)\b", text):
            if "us-gov-" not in host:
                what = f"“{host}” is an endpoint of AWS outside of GovCloud"
                yield Fault(path, what, "name the region's own endpoint, with us-gov- in it")
    registry = deployment.images.registry
    if registry and path[-2:] == ("image", "name") and not text.startswith(f"{registry}/"):
        yield Fault(path, f"“{text}” is not in the mirror “{registry}”", "mirror it there")


def _check_classes(config: Mapping[str, Any], traits: Traits) -> Iterator[Fault]:
    for name, settings in config.items():
        path: KeyPath = ("hub", "config", str(name))
        known = traits(str(name))
        if known is None:
            fix = "name the class that has the setting, such as JupyterHub"
            yield Fault(path, "is no class of the Hub, its authenticator or its spawner", fix)
            continue
        for key in settings if isinstance(settings, dict) else ():
            if str(key) not in known:
                close = get_close_matches(str(key), sorted(known), n=1)
                fix = f"did you mean {close[0]}?" if close else "remove it"
                yield Fault((*path, str(key)), f"is no setting of {name}", fix)


def _get(values: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    found: Any = values
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _walk(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(node, dict):
        for key, below in node.items():
            yield from _walk(below, (*path, str(key)))
    elif isinstance(node, list):
        for number, below in enumerate(node):
            yield from _walk(below, (*path, number))
    else:
        yield path, node
