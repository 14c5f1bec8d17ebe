"""Finds the storage class of a claim that names none."""

from typing import Final

from jupyterhub_platform.core.manifests import Manifest, part

DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"


def is_default(found: Manifest) -> bool:
    """Tell whether a storage class is the one of volumes that name none."""
    return part(found, "metadata", "annotations").get(DEFAULT) == "true"
