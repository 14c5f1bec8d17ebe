"""A cluster, read by an account that has the doctor's role and nothing more."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import AppsV1Api, CoreV1Api, RbacAuthorizationV1Api, StorageV1Api
from ruamel.yaml import YAML

from jupyterhub_platform.deploy.cluster.connection import Connection
from jupyterhub_platform.deploy.cluster.reader import read_cluster
from jupyterhub_platform.deploy.doctor.facts import DoctorFacts, File
from jupyterhub_platform.deploy.doctor.findings import Result
from jupyterhub_platform.deploy.doctor.rules.service_accounts import list_service_accounts
from jupyterhub_platform.deploy.doctor.table import examine
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import FOREIGN, Cluster
from tests.support.policies import make_policy

RBAC = "rbac.authorization.k8s.io"


def load_role(name: str) -> Any:
    """Return a role that is shipped."""
    return YAML(typ="safe").load(Path(f"helm-values/{name}"))


@dataclass(frozen=True)
class Looking:
    """A reader of a namespace, and the administrator who changes what is seen."""

    cluster: ControlPlane
    namespace: str
    kubeconfig: Path

    @property
    def core(self) -> CoreV1Api:
        return CoreV1Api(self.cluster.client)

    @property
    def apps(self) -> AppsV1Api:
        return AppsV1Api(self.cluster.client)

    @property
    def storage(self) -> StorageV1Api:
        return StorageV1Api(self.cluster.client)

    @property
    def rbac(self) -> RbacAuthorizationV1Api:
        return RbacAuthorizationV1Api(self.cluster.client)

    def look(
        self, code: str, *changes: Mapping[str, Any], namespace: str = "", **facts: Any
    ) -> Result:
        """Return what one check says now, with a policy that has these changes."""
        policy = make_policy(*changes)
        with closing(Connection.outside(self.kubeconfig, None)) as connection:
            place = namespace or connection.namespace
            cluster = read_cluster(connection, place, None, list_service_accounts(policy))
        assert cluster.unreachable == ""
        results = examine(DoctorFacts(file=File("platform.yaml", policy), cluster=cluster, **facts))
        (result,) = (each for each in results if each.check.code == code)
        return result

    def bind(self, role: str, *, account: str, cluster_wide: bool = False) -> None:
        """Give a service account of the namespace a role."""
        binding = {
            "metadata": {"name": f"{self.namespace}-{account}-{role}"},
            "roleRef": {
                "apiGroup": RBAC,
                "kind": "ClusterRole" if cluster_wide else "Role",
                "name": role,
            },
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": self.namespace}],
        }
        if cluster_wide:
            self.rbac.create_cluster_role_binding(binding)
        else:
            self.rbac.create_namespaced_role_binding(self.namespace, binding)

    @contextmanager
    def made(
        self, make: Callable[..., Any], remove: Callable[..., Any], body: Any
    ) -> Iterator[None]:
        """Have an object of the whole cluster for a while."""
        make(body)
        try:
            yield
        finally:
            remove(body["metadata"]["name"])


@pytest.fixture
def looking(api_cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Looking]:
    """Look as an account with the doctor's role in a cluster of our own."""
    if not isinstance(api_cluster, ControlPlane):
        pytest.skip(f"by choice: {FOREIGN} names a cluster whose nodes and roles are not ours")
    kubeconfig = tmp_path / "kubeconfig"
    looking = Looking(api_cluster, namespace, kubeconfig)
    looking.core.create_namespaced_service_account(namespace, {"metadata": {"name": "reader"}})
    role = load_role("doctor-role.yaml")
    role["metadata"]["name"] = f"doctor-{secrets.token_hex(4)}"
    looking.rbac.create_cluster_role(role)
    looking.bind(role["metadata"]["name"], account="reader", cluster_wide=True)
    write_kubeconfig(looking, "reader")
    yield looking
    name = role["metadata"]["name"]
    looking.rbac.delete_cluster_role_binding(f"{namespace}-reader-{name}")
    looking.rbac.delete_cluster_role(name)


def write_kubeconfig(looking: Looking, account: str) -> None:
    """Write the kubeconfig of a service account of the namespace."""
    token = looking.core.create_namespaced_service_account_token(
        account, looking.namespace, {"spec": {}}
    )
    document = json.loads(looking.cluster.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": token.status.token}
    document["contexts"][0]["context"]["namespace"] = looking.namespace
    looking.kubeconfig.write_text(json.dumps(document))
