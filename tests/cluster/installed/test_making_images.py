"""``make images`` builds both images for real, pushes them, and says what and where they are."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.cluster.installed.images import ROOT, write_buildah
from tests.support.registry import serve_registry

pytestmark = pytest.mark.node

NAMES = {"hub": "jupyterhub-platform", "singleuser": "jupyterhub-platform-singleuser"}


def make_images(tools: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "images.py", "--into", tools / "made", *arguments],
        env={
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_REGISTRIES_CONF": str(tools / "registries.conf"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Path]:
    """What builds images, as a reader has it in PATH; what it has built is forgotten afterwards."""
    program = write_buildah(tmp_path)
    before = list_images(program)
    yield tmp_path
    if made := sorted(list_images(program) - before):
        subprocess.run([program, "rmi", *made], check=True, capture_output=True)


def list_images(program: Path) -> set[str]:
    command = [program, "images", "--format", "{{.Name}}:{{.Tag}}", "--filter", "dangling=false"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.long
def test_both_images_are_built_pushed_and_named_by_digest(tools: Path) -> None:
    with serve_registry() as registry:
        (tools / "registries.conf").write_text(
            f'[[registry]]\nlocation = "{registry.place}"\ninsecure = true\n'
        )
        done = make_images(tools, "--builder", "buildah", "--registry", f"{registry.place}/team/")
        assert done.returncode == 0, done.stderr
        told = json.loads((tools / "made" / "images.json").read_text())
        values = YAML(typ="safe").load((tools / "made" / "values.yaml").read_text())
        assert told.keys() == values.keys() == NAMES.keys()
        for key, name in NAMES.items():
            image, digest = told[key], told[key]["digest"]
            assert image["name"] == f"{registry.place}/team/{name}"
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
            manifest = registry.read_manifest(f"team/{name}", digest)
            assert manifest == registry.read_manifest(f"team/{name}", image["tag"])
            layers = {(f"team/{name}", layer["digest"]) for layer in manifest["layers"]}
            assert layers <= registry.blobs
            assert values[key] == {
                "image": {"name": image["name"], "tag": f"{image['tag']}@{digest}"}
            }
            assert f"{image['name']}:{image['tag']} {digest}" in done.stderr
    parts = {
        key: {each["name"] for each in json.loads(path.read_text())["components"]}
        for key, name in NAMES.items()
        for path in [tools / "made" / f"{name}.sbom.cdx.json"]
    }
    assert "jupyterhub-platform" in parts["hub"]
    assert {"jupyterhub", "jupyterlab"} <= parts["singleuser"]


def test_a_registry_that_does_not_answer_is_named(tools: Path) -> None:
    (tools / "registries.conf").write_text("")
    done = make_images(tools, "--builder", "buildah", "--registry", "127.0.0.1:1/team")
    assert done.returncode == 1
    assert "buildah push failed" in done.stderr
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_anything_that_builds_it_says_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "images.py", "--into", tmp_path],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "buildah or podman or docker" in done.stderr
