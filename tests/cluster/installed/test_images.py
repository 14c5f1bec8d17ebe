"""What the images hold, and what they do not: looked at as they are built, and from within."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cluster.installed.images import build_images
from tests.cluster.installed.installation import Installation
from tests.cluster.objects import render_pod, wait_for

pytestmark = pytest.mark.node

LABEL = "org.opencontainers.image."
LOOK = """
import importlib, json, os, shutil, sys
from importlib.metadata import distributions
from pathlib import Path

def imports(name):
    try:
        importlib.import_module(name)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""

programs = "as c++ cc clang cpp g++ gcc ld make".split()
print(json.dumps({
    "who": [os.getuid(), os.getgid()],
    "prefix": sys.prefix,
    "is_writable": os.access(sys.prefix, os.W_OK),
    "installed": {each.name.lower(): each.version for each in distributions()},
    "compilers": [name for name in programs if shutil.which(name)],
    "failed": [why for why in map(imports, sys.argv[1:]) if why],
    "sbom": json.loads(Path(sys.prefix, "sbom.cdx.json").read_text()),
}))
"""
CONFINED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@dataclass(frozen=True)
class Image:
    """An image of ours, and what is to be in it: its user, its environment, and what that holds."""

    name: str
    user: str
    prefix: str
    packages: tuple[str, ...]
    imports: tuple[str, ...]
    absent: tuple[str, ...] = ()


HUB = Image(
    "jupyterhub-platform",
    "1000:1000",
    "/opt/platform",
    ("jupyterhub-platform", "jupyterhub", "jupyterhub-kubespawner"),
    ("jupyterhub_platform", "pycurl", "psycopg", "psycopg2", "kubespawner"),
    ("pip", "setuptools"),
)
SERVER = Image(
    "jupyterhub-platform-singleuser",
    "1000:100",
    "/opt/jupyter",
    ("jupyterhub", "jupyterlab"),
    ("jupyterhub.singleuser", "jupyterlab", "ipykernel"),
)
IMAGES = [pytest.param(image, id=image.name) for image in (HUB, SERVER)]


def read_config(image: Image) -> dict[str, Any]:
    """Return what the archive says of how the image is run."""
    (archive,) = (path for path in build_images() if path.stem.rpartition("-")[0] == image.name)
    with tarfile.open(archive) as tar:
        (manifest,) = json.load(open_member(tar, "manifest.json"))
        config: dict[str, Any] = json.load(open_member(tar, manifest["Config"]))["config"]
    return config


def open_member(tar: tarfile.TarFile, name: str) -> Any:
    member = tar.extractfile(name)
    assert member is not None, f"{name} is no file"
    return member


@contextmanager
def looking(platform: Installation, image: Image) -> Iterator[dict[str, Any]]:
    """Run a pod of an image where Pod Security ``restricted`` holds, and give what it saw."""
    pod = render_pod("looking", image=f"localhost/{image.name}:test")
    pod["spec"]["securityContext"] = {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    pod["spec"]["automountServiceAccountToken"] = False
    (container,) = pod["spec"]["containers"]
    container |= {"securityContext": CONFINED, "args": ["python", "-c", LOOK, *image.imports]}
    container["resources"]["limits"]["memory"] = "512Mi"
    core, namespace = platform.core, platform.namespace
    core.create_namespaced_pod(namespace, pod)

    def read_phase() -> str:
        phase = core.read_namespaced_pod("looking", namespace).status.phase
        return phase if phase in {"Succeeded", "Failed"} else ""

    try:
        phase = wait_for(read_phase, "the image to be looked at", 60)
        log = core.read_namespaced_pod_log("looking", namespace, _preload_content=False).data
        assert phase == "Succeeded", log
        yield json.loads(log)
    finally:
        core.delete_namespaced_pod("looking", namespace)
        wait_for(lambda: not is_there(platform), "the pod to be gone")


def is_there(platform: Installation) -> bool:
    pods = platform.core.list_namespaced_pod(platform.namespace).items
    return any(pod.metadata.name == "looking" for pod in pods)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is_and_does_not_run_as_root(
    image: Image, platform_on_node: Installation
) -> None:
    config = read_config(image)
    with looking(platform_on_node, image) as seen:
        components = {each["name"]: each.get("version") for each in seen["sbom"]["components"]}

        assert config["User"] == image.user
        assert ":".join(map(str, seen["who"])) == image.user
        assert config["Labels"][f"{LABEL}title"] == image.name
        assert config["Labels"][f"{LABEL}licenses"] == "BSD-3-Clause"
        assert config["Labels"][f"{LABEL}description"]
        assert config["Labels"][f"{LABEL}revision"]
        if image is HUB:
            version = config["Labels"][f"{LABEL}version"]
            assert version == seen["installed"]["jupyterhub-platform"]

        assert (seen["prefix"], seen["is_writable"]) == (image.prefix, False)
        assert (seen["compilers"], seen["failed"]) == ([], [])
        assert not seen["installed"].keys() & set(image.absent)
        for name in image.packages:
            assert components[name] == seen["installed"][name]
