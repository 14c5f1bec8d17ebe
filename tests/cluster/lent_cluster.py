"""A lent cluster, which the tests use and of which they delete only what they made."""

import contextlib
import os
import secrets
import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config
from kubernetes.client import AppsV1Api, CoreV1Api, NetworkingV1Api, RbacAuthorizationV1Api
from kubernetes.client.exceptions import ApiException

from tests.cluster.api import connect
from tests.cluster.building import build
from tests.cluster.errors import ClusterError
from tests.cluster.images import copy_program, write_archive
from tests.cluster.objects import PROBE_IMAGE, wait_for
from tests.cluster.processes import run

LOADER = "TEST_IMAGE_LOAD"

_FORBIDDEN, _NOT_FOUND = 403, 404
_LOAD_SECONDS = 300
_GONE_SECONDS = 60
_KINDS: tuple[tuple[Callable[..., Any], tuple[str, ...]], ...] = (
    (AppsV1Api, ("deployment", "stateful_set")),
    (
        CoreV1Api,
        (
            *("pod", "service", "persistent_volume_claim", "config_map", "secret"),
            *("service_account", "resource_quota", "limit_range"),
        ),
    ),
    (RbacAuthorizationV1Api, ("role_binding", "role")),
    (NetworkingV1Api, ("network_policy", "ingress")),
)


class LentCluster:
    """The cluster that a given kubeconfig names."""

    def __init__(self, kubeconfig: Path) -> None:
        if not kubeconfig.is_file():
            raise ClusterError(f"TEST_KUBECONFIG names {kubeconfig}, and there is no such file.")
        self.kubeconfig = kubeconfig
        self.client = connect(kubeconfig)
        # The API server writes into each object by whom it was made.
        self._signature = f"jupyterhub-platform-test-{secrets.token_hex(4)}"
        self.client.user_agent = f"{self._signature}/1"
        _, context = config.list_kube_config_contexts(str(kubeconfig))
        self.only_namespace: str = context["context"].get("namespace", "default")

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def has_made(self, namespace: str) -> bool:
        """Tell whether a namespace is one that the tests made, and not the one that is lent."""
        return namespace != self.only_namespace

    def load(self, archive: Path) -> None:
        """Put an image onto the nodes, with the command that is there for it."""
        command = os.environ.get(LOADER)
        if not command:
            pytest.skip(
                f"by choice: the tests put no image into the cluster of TEST_KUBECONFIG; {LOADER}="
                "'kind load image-archive' or the like would be told the archive"
            )
        run(*shlex.split(command), archive, seconds=_LOAD_SECONDS)

    def image(self, root: Path, reference: str, entrypoint: Sequence[str]) -> None:
        """Make an image of a folder, and put it onto the nodes."""
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "image.tar"
            write_archive(archive, root, reference, entrypoint)
            self.load(archive)

    def load_probe(self) -> None:
        """Put the program that the cluster's own tests run onto the nodes."""
        with copy_program(build("probe")["own"] / "probe") as root:
            self.image(root, PROBE_IMAGE, ["/probe"])

    @contextlib.contextmanager
    def lend_namespace(self) -> Iterator[str]:
        """Give the one namespace that there is, and delete afterwards what was made there."""
        before = {found.metadata.uid for _, _, found in self._list_objects()}
        try:
            yield self.only_namespace
        finally:
            self._delete_made(before)

    def _delete_made(self, before: set[str]) -> None:
        def list_made() -> list[tuple[Any, str, str]]:
            return [
                (api, kind, found.metadata.name)
                for api, kind, found in self._list_objects()
                if found.metadata.uid not in before and self._is_signed(found)
            ]

        for api, kind, name in list_made():
            _delete(api, kind, name, self.only_namespace)
        wait_for(lambda: not list_made(), "what a test made to be gone", _GONE_SECONDS)

    def _is_signed(self, found: Any) -> bool:
        """Tell whether an object was made by us; an empty one does not say by whom."""
        fields = found.metadata.managed_fields
        return not fields or any(each.manager == self._signature for each in fields)

    def _list_objects(self) -> Iterator[tuple[Any, str, Any]]:
        for door, kinds in _KINDS:
            api = door(self.client)
            for kind in kinds:
                for found in _list(api, kind, self.only_namespace):
                    yield api, kind, found


def _list(api: Any, kind: str, namespace: str) -> list[Any]:
    try:
        found: list[Any] = getattr(api, f"list_namespaced_{kind}")(namespace).items
    except ApiException as error:
        if error.status != _FORBIDDEN:
            raise
        return []
    return found


def _delete(api: Any, kind: str, name: str, namespace: str) -> None:
    try:
        getattr(api, f"delete_namespaced_{kind}")(name, namespace)
    except ApiException as error:
        if error.status != _NOT_FOUND:
            raise
