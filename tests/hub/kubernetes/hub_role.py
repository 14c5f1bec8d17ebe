"""The account of a Hub in a cluster: what its Role says, and nothing else."""

from pathlib import Path
from typing import Any, Final

from kubernetes.client import AuthorizationV1Api, CoreV1Api, RbacAuthorizationV1Api
from ruamel.yaml import YAML

from tests.cluster.fixtures import Cluster
from tests.cluster.objects import wait_for

ROLE: Final = YAML(typ="safe").load(Path("helm-values/role.yaml"))
ACCOUNT: Final = "hub"


def give(cluster: Cluster, namespace: str, role: Any) -> str:
    """Give the Hub's account a Role, wait until it is in force, and return its token."""
    core: Any = CoreV1Api(cluster.client)
    rbac: Any = RbacAuthorizationV1Api(cluster.client)
    core.create_namespaced_service_account(namespace, {"metadata": {"name": ACCOUNT}})
    rbac.create_namespaced_role(namespace, role)
    api, name = "rbac.authorization.k8s.io", role["metadata"]["name"]
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT}],
    }
    rbac.create_namespaced_role_binding(namespace, binding)
    _wait_until_in_force(cluster, namespace, role)
    token = core.create_namespaced_service_account_token(ACCOUNT, namespace, {"spec": {}})
    return str(token.status.token)


def change(cluster: Cluster, namespace: str, role: Any) -> None:
    """Change the Role of the Hub's account, and wait until that is in force."""
    rbac = RbacAuthorizationV1Api(cluster.client)
    rbac.replace_namespaced_role(role["metadata"]["name"], namespace, role)
    _wait_until_in_force(cluster, namespace, role)


def _wait_until_in_force(cluster: Cluster, namespace: str, role: Any) -> None:
    asking: Any = AuthorizationV1Api(cluster.client)

    def can(resource: str, verb: str) -> bool:
        asked = {"namespace": namespace, "resource": resource, "verb": verb}
        user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
        review = {
            "metadata": {"namespace": namespace},
            "spec": {"user": user, "resourceAttributes": asked},
        }
        # A user who was given one namespace may ask about it, and about no other.
        answer = asking.create_namespaced_local_subject_access_review(namespace, review)
        return bool(answer.status.allowed)

    given, every = _list_rights(role), _list_rights(ROLE)
    wait_for(
        lambda: all(can(*right) is (right in given) for right in every), "the rights of the Hub"
    )


def _list_rights(role: Any) -> set[tuple[str, str]]:
    return {(rule["resources"][0], verb) for rule in role["rules"] for verb in rule["verbs"]}
