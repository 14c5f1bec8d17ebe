"""What the platform needs of a namespace beside the chart: plain objects, brought by Kustomize.

Nothing is a directory of manifests to an engine: a file that does not parse would be skipped there,
and what it made be pruned.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from jupyterhub_platform.core.document.schema_deployment import SECRET, DeclaredDeployment
from jupyterhub_platform.deploy.render.site_values import name_config_map, name_key
from jupyterhub_platform.deploy.render.value_files import read_shipped
from jupyterhub_platform.documents import render_mapping

POLICY: Final = "platform.yaml"
CONFIG_MAP: Final = "jupyterhub-platform"
VALUES_CONFIG_MAP: Final = "hub-values"
KEYS: Final = ("cookie-secret", "crypt-keys", "proxy-token", "command-token")
DATABASE_KEYS: Final = ("hub-database-url", "database-url")


def list_keys(deployment: DeclaredDeployment, variables: Sequence[str]) -> tuple[str, ...]:
    """Return the keys that the Secret of Hub and proxy must have."""
    has_server = deployment.database_kind == "postgresql"
    return (*KEYS, *(DATABASE_KEYS if has_server else ()), *map(name_key, variables))


def make_manifests(deployment: DeclaredDeployment, variables: Sequence[str]) -> dict[str, str]:
    """Return the texts of ``manifests/``, by their names."""
    texts = {
        "namespace.yaml": render_mapping(_namespace(deployment)),
        "role.yaml": read_shipped("role"),
        "role-binding.yaml": read_shipped("role-binding"),
    }
    if deployment.secrets.backend == "external-secrets":
        texts["external-secret.yaml"] = render_mapping(
            _external_secret(deployment, list_keys(deployment, variables))
        )
    return texts


def make_kustomization(
    deployment: DeclaredDeployment, manifests: Sequence[str], files: Sequence[str]
) -> dict[str, Any]:
    """Return the root of all that Kustomize brings: manifests, and the policy's files."""
    main, *others = files
    # The Hub looks for it by this name, whatever the file is called here.
    folders = {".": [POLICY if main == POLICY else f"{POLICY}={main}"]}
    for name in others:
        folders.setdefault(str(PurePosixPath(name).parent), []).append(name)
    generators = [
        {
            "name": CONFIG_MAP if folder == "." else name_config_map(folder),
            "files": names,
            # The Hub reads a change where it is: a name of its own would restart it.
            "options": {"disableNameSuffixHash": True},
        }
        for folder, names in folders.items()
    ]
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": deployment.namespace,
        "resources": [f"manifests/{name}" for name in manifests],
        "configMapGenerator": generators,
    }


def make_values_generator(paths: Sequence[str]) -> dict[str, Any]:
    """Return the generator of the ConfigMap in which Flux finds the values of the chart."""
    return {
        "name": VALUES_CONFIG_MAP,
        "files": [f"{key_of(path)}={path}" for path in paths],
        "options": {
            "disableNameSuffixHash": True,
            # A change is taken at once, not when the release is due.
            "labels": {"reconcile.fluxcd.io/watch": "Enabled"},
        },
    }


def key_of(path: str) -> str:
    """Return the key that a file of values has in that ConfigMap."""
    return path.partition("/")[2].replace("/", ".")


def _namespace(deployment: DeclaredDeployment) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": deployment.namespace,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }


def _external_secret(deployment: DeclaredDeployment, keys: Sequence[str]) -> Mapping[str, Any]:
    secrets = deployment.secrets
    remote = [
        {"secretKey": key, "remoteRef": {"key": secrets.path, "property": key}} for key in keys
    ]
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": secrets.name or SECRET},
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "SecretStore", "name": secrets.store},
            "target": {"name": secrets.name, "creationPolicy": "Owner"},
            "data": remote,
        },
    }
