"""The values of Zero to JupyterHub, as this package ships them, with a site's names filled in.

``helm-values/`` at the top of the repository has the same files with their placeholders.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jupyterhub_platform.core.document.schema_deployment import SECRET, DeclaredDeployment

FOLDER: Final = Path(__file__).parent / "values"
_GOVCLOUD: Final = "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com"
_ENDPOINTS: Final = "10.0.64.0/24"


def read_shipped(name: str) -> str:
    """Return one of the files that this package ships."""
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def list_layers(deployment: DeclaredDeployment) -> list[str]:
    """Return which of the shipped files a deployment needs, in the order in which Helm has them."""
    layers = ["base"]
    if deployment.database_kind == "sqlite":
        layers.append("local")
    if deployment.target in {"eks", "eks-govcloud"}:
        layers.append("aws")
    if deployment.target == "eks-govcloud":
        layers.append("aws-govcloud")
    return layers


def fill(name: str, deployment: DeclaredDeployment) -> str:
    """Return a shipped file with the site's own names in place of its placeholders.

    What a placeholder stands for is exact: one that is not in the file is a fault of this package.
    """
    text, filled = read_shipped(name), dict(_placeholders(name, deployment))
    if missing := [each for each in filled if each not in text]:
        raise AssertionError(f"{name}.yaml has no {missing[0]!r}")
    # In one go, the longest first: what is filled in may look like another placeholder.
    found = "|".join(map(re.escape, sorted(filled, key=len, reverse=True)))
    return re.sub(found, lambda each: filled[each[0]], text) if filled else text


def split_reference(reference: str) -> tuple[str, str]:
    """Split an image reference as the chart wants it: a name, and what follows the colon."""
    name, _, digest = reference.partition("@")
    front, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        # Without a tag: what the chart joins with a colon is the digest.
        return (f"{name}@sha256", digest.removeprefix("sha256:")) if digest else (name, "latest")
    return front, f"{tag}@{digest}" if digest else tag


def _placeholders(name: str, deployment: DeclaredDeployment) -> Iterator[tuple[str, str]]:
    host = urlsplit(deployment.address or "").hostname or "localhost"
    if name in {"base", "local"}:
        registry = "registry.example.com" if name == "base" else "localhost"
        for image, reference in _images(deployment).items():
            kept, tag = split_reference(reference)
            shipped = f'name: {registry}/{image}\n    tag: "0.1.0"'
            yield shipped, f'name: {kept}\n    tag: "{tag}"'
    if name == "base":
        yield " Both values are placeholders.\n", "\n"
        yield f"{{name: {SECRET}, key:", f"{{name: {deployment.secrets.name}, key:"
    if name == "aws":
        yield "  # A placeholder.\n  hosts: [hub.example.com]", f"  hosts: [{host}]"
    if name == "aws-govcloud":
        ranges = deployment.egress.allow
        yield _NOTE, _NO_NOTE
        yield _GOVCLOUD, deployment.images.registry or ""
        yield "us-gov-west-1", deployment.region or ""
        yield (
            f"- ipBlock: {{cidr: {_ENDPOINTS}}}",
            "\n          ".join(f"- ipBlock: {{cidr: {each}}}" for each in ranges),
        )
        yield "  hosts: [hub.example.gov]", f"  hosts: [{host}]"


def _images(deployment: DeclaredDeployment) -> Mapping[str, str]:
    return {
        "jupyterhub-platform": deployment.images.hub,
        "jupyterhub-platform-singleuser": deployment.images.singleuser,
    }


_NOTE: Final = """\
# Over base.yaml and aws.yaml: AWS GovCloud (US), in a network without a way out. Account, region
# and the network's range are placeholders, wherever they stand: 123456789012, us-gov-west-1,
# 10.0.64.0/24. AWS is the partition aws-us-gov here: an ARN or an endpoint of the other one leads
# nowhere.
"""
_NO_NOTE: Final = """\
# Over base.yaml and aws.yaml: AWS GovCloud (US), in a network without a way out. AWS is the
# partition aws-us-gov here: an ARN or an endpoint of the other one leads nowhere.
"""
