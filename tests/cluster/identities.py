"""Who asks the API server for what: a token and a kubeconfig for each part of a cluster."""

import base64
import json
import secrets
from pathlib import Path
from typing import Any

NODE_NAME = "node1"

# Each part has what a production cluster gives it, and no part is an administrator.
_GROUPS = {
    "admin": ("admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
    "proxy": ("system:kube-proxy", ""),
    "coredns": ("test:coredns", ""),
    "policies": ("test:policies", ""),
    "volumes": ("test:volumes", ""),
}

_RULES = {
    "test:coredns": [
        {
            "apiGroups": [""],
            "resources": ["services", "pods", "namespaces"],
            "verbs": ["list", "watch"],
        },
        {
            "apiGroups": ["discovery.k8s.io"],
            "resources": ["endpointslices"],
            "verbs": ["list", "watch"],
        },
    ],
    "test:policies": [
        {
            "apiGroups": [""],
            "resources": ["nodes", "namespaces", "pods", "services", "endpoints"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "apiGroups": ["discovery.k8s.io", "networking.k8s.io"],
            "resources": ["endpointslices", "networkpolicies"],
            "verbs": ["get", "list", "watch"],
        },
    ],
    "test:volumes": [
        {
            "apiGroups": [""],
            "resources": ["persistentvolumes"],
            "verbs": ["get", "list", "watch", "create", "delete"],
        },
        {
            "apiGroups": [""],
            "resources": ["persistentvolumeclaims"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "apiGroups": ["storage.k8s.io"],
            "resources": ["storageclasses"],
            "verbs": ["get", "list"],
        },
    ],
}


class Identities:
    """The parts of one cluster, as its API server knows them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._tokens = {name: secrets.token_hex(16) for name in _GROUPS}
        self.tokens = folder / "tokens.csv"
        self.tokens.touch(0o600)
        rows = (
            f'{self._tokens[name]},{user},{user},"{group}"\n'
            for name, (user, group) in _GROUPS.items()
        )
        self.tokens.write_text("".join(rows))

    def write_kubeconfigs(self, server: str, authority: Path) -> None:
        """Write the kubeconfig of every part, which trusts this authority and no other."""
        encoded = base64.b64encode(authority.read_bytes()).decode()
        for name, token in self._tokens.items():
            cluster = {"server": server, "certificate-authority-data": encoded}
            context = {"cluster": "test", "user": name, "namespace": "default"}
            document = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "test", "cluster": cluster}],
                "users": [{"name": name, "user": {"token": token}}],
                "contexts": [{"name": "test", "context": context}],
                "current-context": "test",
            }
            path = self.get_kubeconfig(name)
            path.touch(0o600)
            path.write_text(json.dumps(document, indent=2))  # which is YAML, too

    def get_kubeconfig(self, name: str) -> Path:
        """Return the file that a part of the cluster reaches the API server with."""
        return self._folder / f"{name}.kubeconfig"


def list_roles() -> list[Any]:
    """Return the roles of those parts that Kubernetes itself has none for, and their bindings."""
    api = "rbac.authorization.k8s.io"
    made: list[Any] = []
    for user, rules in _RULES.items():
        made += [
            {
                "apiVersion": f"{api}/v1",
                "kind": "ClusterRole",
                "metadata": {"name": user},
                "rules": rules,
            },
            {
                "apiVersion": f"{api}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": user},
                "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": user},
                "subjects": [{"apiGroup": api, "kind": "User", "name": user}],
            },
        ]
    return made
