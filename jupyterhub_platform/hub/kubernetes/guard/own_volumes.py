"""The platform's own volumes in a pod: directories of volumes that hold other people's, too.

A mount without its sub path, or with another one, would open the homes of everybody.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from jupyterhub_platform.core.manifests import Manifest, containers, items
from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK

_OWN: Final = f"spec.containers[{NOTEBOOK}]"


def find_changed_volumes(
    spec: Manifest, volumes: Sequence[Manifest], mounts: Sequence[Manifest]
) -> Iterator[tuple[str, str]]:
    """Yield where volumes that others have a part in are not, or are used, as admitted."""
    for volume in volumes:
        name = volume["name"]
        admitted = [each for each in mounts if each["name"] == name]
        if not ("nfs" in volume or any("subPath" in each for each in admitted)):
            continue
        if [each for each in items(spec, "volumes") if each.get("name") == name] != [volume]:
            yield f"spec.volumes[{name}]", "is not the admitted volume, once"
        for path, container in containers(spec):
            found = [each for each in items(container, "volumeMounts") if each.get("name") == name]
            at = f"{path}.volumeMounts[{name}]"
            if path == _OWN and found != admitted:
                yield at, "is not what was admitted"
            elif not all(any(_opens_no_more(each, one) for one in admitted) for each in found):
                yield at, "opens more of the volume than the server has"


def _opens_no_more(found: Manifest, admitted: Manifest) -> bool:
    same = found.get("subPath") == admitted.get("subPath") and not found.get("subPathExpr")
    return same and (not admitted.get("readOnly") or found.get("readOnly") is True)
