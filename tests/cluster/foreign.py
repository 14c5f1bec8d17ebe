"""Somebody's cluster, which the tests use and of which they delete only what they made."""

import os
import shlex
from pathlib import Path

import pytest
from kubernetes import config

from tests.cluster.api import connect
from tests.cluster.errors import ClusterError
from tests.cluster.processes import run

LOADER = "TEST_IMAGE_LOAD"


class ForeignCluster:
    """The cluster that a kubeconfig of somebody's names."""

    def __init__(self, kubeconfig: Path) -> None:
        if not kubeconfig.is_file():
            raise ClusterError(f"TEST_KUBECONFIG names {kubeconfig}, and there is no such file.")
        self.kubeconfig = kubeconfig
        self.client = connect(kubeconfig)
        _, context = config.list_kube_config_contexts(str(kubeconfig))
        self.namespace: str = context["context"].get("namespace", "default")

    def load(self, archive: Path) -> None:
        """Put an image onto the nodes, with the command that is there for it."""
        command = os.environ.get(LOADER)
        if not command:
            pytest.skip(
                f"by choice: no image can be put into the cluster of TEST_KUBECONFIG; {LOADER}="
                "'kind load image-archive' or the like would be told the archive"
            )
        run(*shlex.split(command), archive, seconds=300)
