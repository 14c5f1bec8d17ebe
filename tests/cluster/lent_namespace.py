"""A lent namespace, as the tests may get one: all rights in it, and none anywhere else."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubernetes.client import CoreV1Api, RbacAuthorizationV1Api

from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import wait_for

_OWNER = "owner"


@contextmanager
def lending(cluster: ControlPlane, folder: Path) -> Iterator[Path]:
    """Make a namespace, and give the kubeconfig of a user who may do everything there."""
    core: Any = CoreV1Api(cluster.client)
    namespace = f"lent-{secrets.token_hex(4)}"
    core.create_namespace({"metadata": {"name": namespace}})
    try:
        _make_owner(cluster, namespace)
        token = core.create_namespaced_service_account_token(_OWNER, namespace, {"spec": {}})
        document = json.loads(cluster.kubeconfig.read_text())
        document["users"][0]["user"] = {"token": token.status.token}
        document["contexts"][0]["context"]["namespace"] = namespace
        kubeconfig = folder / f"{namespace}.kubeconfig"
        kubeconfig.touch(0o600)
        kubeconfig.write_text(json.dumps(document))
        yield kubeconfig
    finally:
        core.delete_namespace(namespace)


def _make_owner(cluster: ControlPlane, namespace: str) -> None:
    core: Any = CoreV1Api(cluster.client)
    rbac: Any = RbacAuthorizationV1Api(cluster.client)
    core.create_namespaced_service_account(namespace, {"metadata": {"name": _OWNER}})
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    rbac.create_namespaced_role(namespace, {"metadata": {"name": _OWNER}, "rules": rules})
    binding = {
        "metadata": {"name": _OWNER},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": _OWNER},
        "subjects": [{"kind": "ServiceAccount", "name": _OWNER, "namespace": namespace}],
    }
    rbac.create_namespaced_role_binding(namespace, binding)
    # The controllers give every namespace these two, and no test is to take them for its own.
    wait_for(
        lambda: (
            core.list_namespaced_config_map(namespace).items
            and len(core.list_namespaced_service_account(namespace).items) > 1
        ),
        "what every namespace has",
    )
