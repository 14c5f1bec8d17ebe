"""The log of a server on Kubernetes: what its container has written."""

from typing import Final

from jupyterhub_platform.core.manifests import items, part
from jupyterhub_platform.deploy.cluster.connection import Connection

_PODS: Final = "/api/v1/namespaces/{namespace}/pods"
_OF_SERVERS: Final = "?labelSelector=component%3Dsingleuser-server"
_USER: Final = "hub.jupyter.org/username"
_SERVER: Final = "hub.jupyter.org/servername"
_CONTAINER: Final = "notebook"


def find_pod(connection: Connection, namespace: str, user: str, server: str) -> str:
    """Return the name of the pod of a server; empty if there is none.

    Raises
    ------
    ClusterRefusedError
        Raised if pods may not be listed.
    ClusterUnreachableError
        Raised if there is no answer.
    """
    found = connection.get(_PODS.format(namespace=namespace) + _OF_SERVERS)
    for pod in items(found, "items"):
        # Labels are escaped and cut off: whose it is stands in the annotations.
        annotations = part(pod, "metadata", "annotations")
        if (annotations.get(_USER), annotations.get(_SERVER, "")) == (user, server):
            return str(part(pod, "metadata").get("name"))
    return ""


def read_log(connection: Connection, namespace: str, pod: str, lines: int) -> str:
    """Return the last lines that the server in a pod has written.

    Raises
    ------
    ClusterRefusedError
        Raised if it may not be read.
    ClusterUnreachableError
        Raised if there is no answer.
    """
    path = f"{_PODS.format(namespace=namespace)}/{pod}/log"
    return connection.get_text(f"{path}?container={_CONTAINER}&tailLines={lines}")
