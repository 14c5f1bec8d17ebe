"""Give every claim of the default storage class a folder, as a provisioner of disks would a disk.

A process of the cluster: ``python -m tests.cluster.volumes KUBECONFIG FOLDER``. A volume belongs
to the node that its first pod was put on, and is deleted with its claim unless its class says
otherwise. Its size is remembered and not enforced.
"""

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kubernetes.client import ApiClient, CoreV1Api, StorageV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError

from tests.cluster.api import connect

PROVISIONER = "folders.jupyterhub-platform.test"
DEFAULT_CLASS = "local"

_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_CLAIMED_OF = "volume.kubernetes.io/storage-provisioner"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_NODE_LABEL = "kubernetes.io/hostname"
_ALREADY_THERE, _NOT_FOUND = 409, 404
_WATCH_SECONDS = 300
_PAUSE_SECONDS = 0.2


def render_class(name: str, *, is_default: bool = False, reclaim: str = "Delete") -> Any:
    """Return a storage class whose claims are served here."""
    default = {"storageclass.kubernetes.io/is-default-class": str(is_default).lower()}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": default},
        "provisioner": PROVISIONER,
        "reclaimPolicy": reclaim,
        # As disks in several zones: only a pod's place decides the volume's.
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def render_volume(claim: Any, reclaim: str, folder: Path) -> Any:
    """Return the volume of a claim."""
    node = (claim.metadata.annotations or {}).get(_SELECTED_NODE)
    where: dict[str, Any] = {"key": _NODE_LABEL, "operator": "Exists"}
    if node:
        where |= {"operator": "In", "values": [node]}
    return {
        "metadata": {"name": folder.name, "annotations": {_PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": claim.spec.resources.requests["storage"]},
            "accessModes": claim.spec.access_modes,
            "persistentVolumeReclaimPolicy": reclaim,
            "storageClassName": claim.spec.storage_class_name,
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [where]}]}},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": claim.metadata.namespace,
                "name": claim.metadata.name,
                "uid": claim.metadata.uid,
            },
        },
    }


class Folders:
    """The volumes of one cluster, each a folder."""

    def __init__(self, client: ApiClient, root: Path) -> None:
        self._core = CoreV1Api(client)
        self._storage = StorageV1Api(client)
        self._root = root

    def serve(self) -> None:
        """Follow claims and volumes for ever."""
        deleting = threading.Thread(
            target=_follow, args=(self._core.list_persistent_volume, self.delete), daemon=True
        )
        deleting.start()
        _follow(self._core.list_persistent_volume_claim_for_all_namespaces, self.provide)

    def provide(self, claim: Any) -> None:
        """Make the volume of a claim that waits for one."""
        annotations = claim.metadata.annotations or {}
        if claim.status.phase != "Pending" or annotations.get(_CLAIMED_OF) != PROVISIONER:
            return
        name = claim.spec.storage_class_name
        kind = self._storage.read_storage_class(name)
        waits = kind.volume_binding_mode == "WaitForFirstConsumer"
        if waits and _SELECTED_NODE not in annotations:
            return
        folder = self._root / f"pvc-{claim.metadata.uid}"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)  # a pod's group is given to it by the kubelet, as to a disk
        with _ignoring(_ALREADY_THERE):
            volume = render_volume(claim, kind.reclaim_policy or "Delete", folder)
            self._core.create_persistent_volume(volume)

    def delete(self, volume: Any) -> None:
        """Delete a volume whose claim is gone, if its class says so."""
        annotations = volume.metadata.annotations or {}
        is_ours = annotations.get(_PROVISIONED_BY) == PROVISIONER
        is_released = volume.status.phase == "Released"
        if not (is_ours and is_released):
            return
        if volume.spec.persistent_volume_reclaim_policy == "Delete":
            shutil.rmtree(self._root / volume.metadata.name, ignore_errors=True)
            with _ignoring(_NOT_FOUND):
                self._core.delete_persistent_volume(volume.metadata.name)


@contextlib.contextmanager
def _ignoring(status: int) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        if error.status != status:
            raise


def _follow(listing: Callable[..., Any], handle: Callable[[Any], None]) -> None:
    while True:
        try:
            limits = {"timeout_seconds": _WATCH_SECONDS, "_request_timeout": _WATCH_SECONDS + 10}
            for event in Watch().stream(listing, **limits):
                if event["type"] in {"ADDED", "MODIFIED"}:
                    handle(event["object"])
        except (ApiException, HTTPError) as error:
            # All of it comes again with the next list.
            sys.stderr.write(f"following once more: {error}\n")
            time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    Folders(connect(Path(sys.argv[1])), Path(sys.argv[2])).serve()
