"""The programs are built once, from what is pinned and nothing else."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cluster import program_sets
from tests.cluster.building import build, find_cache
from tests.cluster.errors import ClusterError
from tests.cluster.program_sets import FAMILIES, PINS, read_version

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Only our own: Go would compile its library anew.
    monkeypatch.setenv(
        "GOCACHE", os.environ.get("GOCACHE") or str(find_cache().parent / "go-build")
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "jupyterhub-platform" / "kubernetes"


def list_built(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.name.startswith("."))


def build_in_another_process(_: int) -> subprocess.CompletedProcess[str]:
    code = "from tests.cluster.building import build; print(build('probe')['own'])"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.cluster
def test_two_runs_at_once_build_once(empty_cache: Path) -> None:
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(build_in_another_process, range(2))

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout == second.stdout
    assert (Path(first.stdout.strip()) / "probe").is_file()
    assert (first.stderr + second.stderr).count("Building own") == 1
    assert list_built(empty_cache) == [Path(first.stdout.strip()).name, "own.log"]


@pytest.mark.cluster
def test_source_that_is_not_pinned_is_not_built(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = tmp_path / "pins"
    shutil.copytree(PINS / "cni", pins / "own")
    (pins / "own" / "go.sum").write_text("")
    monkeypatch.setattr(program_sets, "PINS", pins)

    with pytest.raises(ClusterError, match=r"missing go\.sum entry"):
        build("probe")
    assert list_built(empty_cache) == ["own.log"]


def test_machine_without_go_is_told_what_to_do(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))

    with pytest.raises(ClusterError, match=r"Go >= 1\.26.*make setup-test.*KUBERNETES=off"):
        build("probe")


def test_go_that_is_too_old_is_not_taken(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go version go1.25.9 linux/amd64\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))

    with pytest.raises(ClusterError, match=r"Go >= 1\.26"):
        build("probe")


def test_change_of_a_pin_builds_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tmp_path / "pins"
    shutil.copytree(PINS / "cni", pins / "cni")
    before = FAMILIES["cni"].key
    monkeypatch.setattr(program_sets, "PINS", pins)
    assert FAMILIES["cni"].key == before

    with (pins / "cni" / "go.sum").open("a") as pinned:
        pinned.write("\n")
    assert FAMILIES["cni"].key != before


def test_modules_of_kubernetes_are_of_one_release() -> None:
    release = read_version("kubernetes", "k8s.io/kubernetes")
    staged = release.replace("v1.", "v0.", 1)
    replaced = [
        line.split()[-1]
        for line in (PINS / "kubernetes" / "go.mod").read_text().splitlines()
        if line.startswith("replace k8s.io/")
    ]
    assert set(replaced) == {staged}


def test_cache_is_where_the_user_wants_it(empty_cache: Path) -> None:
    assert find_cache() / "kubernetes" == empty_cache
