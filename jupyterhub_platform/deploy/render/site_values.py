"""The values that a deployment itself decides: the last generated layer, over the shipped ones."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from jupyterhub_platform.core.document.schema_deployment import (
    ON_AWS,
    DeclaredDeployment,
    DeclaredIngress,
)
from jupyterhub_platform.core.identity_providers import Identity
from jupyterhub_platform.deploy.render.value_files import split_reference

POLICY_DIRECTORY: Final = "/etc/jupyterhub-platform"
_MOUNTED: Final = (("platform-policy", "jupyterhub-platform", POLICY_DIRECTORY),)
_MOUNTED_ON_AWS: Final = (*_MOUNTED, ("database-ca", "database-ca", "/etc/database-ca"))
"""What the shipped values mount: a volume, its ConfigMap, and where."""
_POD_IDENTITY: Final = "169.254.170.23/32"


def make_site_values(
    deployment: DeclaredDeployment, folders: Sequence[str] = (), variables: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the values as plain mappings, without what is as the shipped layers say.

    ``folders`` are those that the policy includes: each is a ConfigMap of its own. ``variables``
    are those of the Hub's environment in which the policy says that secrets are.
    """
    values: dict[str, Any] = {}
    _put(values, ("hub", "image"), _image(deployment.images.hub))
    _put(values, ("singleuser", "image"), _image(deployment.images.singleuser))
    if deployment.address:
        _put(values, ("hub", "config", "JupyterHub", "public_url"), deployment.address)
    if deployment.images.pull_secret:
        values["imagePullSecrets"] = [deployment.images.pull_secret]
    if deployment.images.registry:
        _put_mirror(values, deployment.images.registry)
    if deployment.storage_class:
        _put(values, ("singleuser", "storage", "dynamic", "storageClass"), deployment.storage_class)
        if deployment.database_kind == "sqlite":
            _put(values, ("hub", "db", "pvc", "storageClassName"), deployment.storage_class)
    if deployment.ingress is not None or deployment.target in ON_AWS:
        values["ingress"] = _ingress(deployment, deployment.ingress or DeclaredIngress())
    for variable in variables:
        key = {"name": deployment.secrets.name, "key": name_key(variable)}
        _put(values, ("hub", "extraEnv", variable), {"valueFrom": {"secretKeyRef": key}})
    if folders:
        _put_folders(values, deployment, folders)
    _put_egress(values, deployment)
    return values


def list_variables(identity: Identity) -> tuple[str, ...]:
    """Return the variables of the Hub's environment in which secrets of providers are."""
    places = (
        place
        for provider in identity.providers.values()
        if provider.client is not None
        for place in (provider.client.secret, provider.client.key)
    )
    return tuple(sorted({place.env for place in places if place is not None and place.env}))


def name_key(variable: str) -> str:
    """Return the key of the Secret that a variable comes from: LOGIN_SECRET is login-secret."""
    return variable.lower().replace("_", "-")


def name_config_map(folder: str) -> str:
    """Return the name of the ConfigMap that has the files of an included folder."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in folder.lower())
    return f"jupyterhub-platform-{plain.strip('-')}"


def _put(values: dict[str, Any], path: Sequence[str], value: object) -> None:
    *above, last = path
    for key in above:
        values = values.setdefault(key, {})
    values[last] = value


def _image(reference: str) -> Mapping[str, str]:
    name, tag = split_reference(reference)
    return {"name": name, "tag": tag}


def _put_mirror(values: dict[str, Any], registry: str) -> None:
    """Name all images of the chart that are used in the mirror, with the chart's own tags."""
    _put(values, ("proxy", "chp", "image", "name"), f"{registry}/configurable-http-proxy")
    _put(values, ("scheduling", "userPlaceholder", "image", "name"), f"{registry}/pause")
    _put(values, ("prePuller", "pause", "image", "name"), f"{registry}/pause")


def _ingress(deployment: DeclaredDeployment, ingress: DeclaredIngress) -> dict[str, Any]:
    host = urlsplit(deployment.address or "").hostname
    found: dict[str, Any] = {"enabled": True, "hosts": [host]}
    if ingress.class_name:
        found["ingressClassName"] = ingress.class_name
    if ingress.tls == "secret":
        found["tls"] = [{"hosts": [host], "secretName": ingress.secret}]
    if deployment.target in ON_AWS:
        of_alb = "alb.ingress.kubernetes.io"
        annotations = {f"{of_alb}/scheme": "internet-facing" if ingress.public else "internal"}
        if ingress.certificate:
            annotations[f"{of_alb}/certificate-arn"] = ingress.certificate
        found["annotations"] = annotations
    return found


def _put_folders(
    values: dict[str, Any], deployment: DeclaredDeployment, folders: Sequence[str]
) -> None:
    """Mount each folder below the policy. Helm replaces lists: what is there is repeated."""
    there = _MOUNTED_ON_AWS if deployment.target in ON_AWS else _MOUNTED
    volumes = [_volume(name, config_map) for name, config_map, _ in there]
    mounts = [_mount(name, path) for name, _, path in there]
    for folder in folders:
        name = name_config_map(folder)
        volumes.append(_volume(name, name))
        mounts.append(_mount(name, f"{POLICY_DIRECTORY}/{folder}"))
    _put(values, ("hub", "extraVolumes"), volumes)
    _put(values, ("hub", "extraVolumeMounts"), mounts)


def _volume(name: str, config_map: str) -> Mapping[str, Any]:
    return {"name": name, "configMap": {"name": config_map}}


def _mount(name: str, path: str) -> Mapping[str, Any]:
    return {"name": name, "mountPath": path, "readOnly": True}


def _put_egress(values: dict[str, Any], deployment: DeclaredDeployment) -> None:
    egress = deployment.egress
    if egress.internet and deployment.target == "eks-govcloud":
        _put(values, ("singleuser", "networkPolicy", "egressAllowRules", "nonPrivateIPs"), True)
    if not egress.internet:
        _put(values, ("singleuser", "networkPolicy", "egressAllowRules", "nonPrivateIPs"), False)
    if not egress.allow:
        return
    at_https = {"protocol": "TCP", "port": 443}
    rules: list[dict[str, Any]] = [
        {"to": [{"ipBlock": {"cidr": each}} for each in egress.allow], "ports": [at_https]}
    ]
    if deployment.target in ON_AWS:
        # The agent of EKS Pod Identity, on the node itself.
        agent = {"to": [{"ipBlock": {"cidr": _POD_IDENTITY}}]}
        rules.append(agent | {"ports": [{"protocol": "TCP", "port": 80}]})
    _put(values, ("singleuser", "networkPolicy", "egress"), rules)
