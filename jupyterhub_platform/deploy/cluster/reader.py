"""Reads from a cluster what the checks need; what may not be read is a fact, too."""

from collections.abc import Iterable, Mapping
from typing import Final

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.deploy.cluster.connection import (
    METADATA_ONLY,
    ClusterRefusedError,
    ClusterUnreachableError,
    Connection,
)
from jupyterhub_platform.deploy.doctor.facts import Cluster, Objects
from jupyterhub_platform.deploy.doctor.rules.hub_pod import find_hub, service_account_of
from jupyterhub_platform.deploy.role import RIGHTS, Right

_CORE: Final = "/api/v1/namespaces/{namespace}"
KINDS: Final[Mapping[str, str]] = {
    "namespaces": _CORE,
    "deployments": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "pods": f"{_CORE}/pods?labelSelector=component%21%3Dsingleuser-server",
    "events": f"{_CORE}/events?fieldSelector=involvedObject.kind%3DPod%2Ctype%3DWarning",
    "resourcequotas": f"{_CORE}/resourcequotas",
    "limitranges": f"{_CORE}/limitranges",
    "persistentvolumeclaims": f"{_CORE}/persistentvolumeclaims",
    "serviceaccounts": f"{_CORE}/serviceaccounts",
    "networkpolicies": "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
    "dns": "/api/v1/namespaces/kube-system/services/kube-dns",
    "dnsendpoints": (
        "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
        "?labelSelector=kubernetes.io%2Fservice-name%3Dkube-dns"
    ),
    "nodes": "/api/v1/nodes",
    "daemonsets": "/apis/apps/v1/daemonsets",
    "leases": "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
    "storageclasses": "/apis/storage.k8s.io/v1/storageclasses",
    "priorityclasses": "/apis/scheduling.k8s.io/v1/priorityclasses",
    "runtimeclasses": "/apis/node.k8s.io/v1/runtimeclasses",
    "resourceclaimtemplates": (
        "/apis/resource.k8s.io/v1/namespaces/{namespace}/resourceclaimtemplates"
    ),
    "deviceclasses": "/apis/resource.k8s.io/v1/deviceclasses",
    "deviceapi": "/apis/resource.k8s.io/v1",
    "nodepools": "/apis/karpenter.sh/v1/nodepools",
    "autoscalers": "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status",
}
"""What is read, and where; no pods of servers. From the templates on, not every cluster has it."""

_REVIEWS: Final = "/apis/authorization.k8s.io/v1"
_NOT_FOUND: Final = 404


def read_cluster(
    connection: Connection, namespace: str, account: str | None, accounts: Iterable[str]
) -> Cluster:
    """Read all that there is to know.

    Parameters
    ----------
    namespace
        Where the Hub and the servers are.
    account
        The Hub's service account; by default that of the Hub that is found there.
    accounts
        The service accounts of servers.
    """
    if unreachable := _find_obstacle(connection):
        return Cluster(connection.address, namespace, unreachable)
    objects = {
        kind: _read(connection, path.format(namespace=namespace)) for kind, path in KINDS.items()
    }
    account = account or service_account_of(find_hub(objects["deployments"].listed)) or "hub"
    names = _pull_secrets(objects["serviceaccounts"].listed, frozenset(accounts))
    return Cluster(
        connection.address,
        namespace,
        account=account,
        rights={right: _may(connection, namespace, account, right) for right in RIGHTS},
        objects=objects,
        secrets={name: _has_secret(connection, namespace, name) for name in names},
        answered_at=connection.answered_at,
        ahead_seconds=connection.ahead_seconds,
    )


def _find_obstacle(connection: Connection) -> str:
    """Say why no API server answers here; empty if one does."""
    other = "something else than an API server answers there, such as a login page"
    try:
        version = connection.get("/version")
    except ClusterUnreachableError as error:
        return str(error)
    except ClusterRefusedError as error:
        if error.status == 401:
            return "it does not know you (401), so the token or certificate has expired or is wrong"
        if error.status == 403:
            # Some clusters keep the version from those who may read other things.
            return "" if str(error) else f"{other} (403)"
        reason = f"{error.status}: {error}".removesuffix(": ")
        return f"it refuses to tell its version ({reason})"
    return "" if "gitVersion" in version else other


def _read(connection: Connection, path: str) -> Objects:
    try:
        answer = connection.get(path)
    except ClusterRefusedError as error:
        if error.status == _NOT_FOUND:
            return Objects()
        reason = f"may not be read ({error.status})"
        return Objects(unread=reason, as_hub=connection.is_inside)
    except ClusterUnreachableError as error:
        return Objects(unread=f"were not answered ({error})", as_hub=connection.is_inside)
    return Objects(items(answer, "items") if "items" in answer else (answer,))


def _may(connection: Connection, namespace: str, account: str, right: Right) -> bool | None:
    """Ask for the Hub's account; in a pod only one's own rights can be asked for."""
    asked = {"namespace": namespace, "resource": right.resource, "verb": right.verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    path = f"{_REVIEWS}/selfsubjectaccessreviews"
    if not connection.is_inside:
        everybody = ("system:serviceaccounts", "system:authenticated")
        review["kind"] = "LocalSubjectAccessReview"
        review["metadata"] = {"namespace": namespace}
        review["spec"] = {
            "resourceAttributes": asked,
            "user": f"system:serviceaccount:{namespace}:{account}",
            "groups": [*everybody, f"system:serviceaccounts:{namespace}"],
        }
        path = f"{_REVIEWS}/namespaces/{namespace}/localsubjectaccessreviews"
    try:
        return connection.review(path, review)
    except (ClusterRefusedError, ClusterUnreachableError):
        return None


def _pull_secrets(accounts: Iterable[Manifest], used: frozenset[str]) -> list[str]:
    return sorted(
        {
            str(secret.get("name"))
            for account in accounts
            if part(account, "metadata").get("name") in used
            for secret in items(account, "imagePullSecrets")
        }
    )


def _has_secret(connection: Connection, namespace: str, name: str) -> bool | None:
    try:
        connection.get(f"/api/v1/namespaces/{namespace}/secrets/{name}", METADATA_ONLY)
    except ClusterRefusedError as error:
        return False if error.status == _NOT_FOUND else None
    except ClusterUnreachableError:
        return None
    return True
