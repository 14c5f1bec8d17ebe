"""The release workflow: what can be seen of it without GitHub.

It parses, each action is pinned by its whole hash, no job may more than it needs, and nothing that
strangers can name is written into a command.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.test_repository import REGISTRY_HOSTS, ROOT

FOLDER = ROOT / ".github" / "workflows"
PINNED = re.compile(r"uses: actions/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
MAY = {
    "check": {"contents": "read"},
    "wheel": {"contents": "read", "id-token": "write", "attestations": "write"},
    "images": {
        "contents": "read",
        "packages": "write",
        "id-token": "write",
        "attestations": "write",
    },
    "publish": {"contents": "read", "id-token": "write"},
    "announce": {"contents": "write"},
}
"""What each job may do: who builds publishes nothing, and who publishes changes nothing here."""


def read(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = YAML(typ="safe").load(path.read_text())
    return workflow


RELEASE = read(FOLDER / "release.yaml")


def list_steps(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in workflow["jobs"].items():
        yield from ((name, step) for step in job["steps"])


def list_unpinned(text: str) -> list[str]:
    return [
        line.strip() for line in text.splitlines() if "uses:" in line and not PINNED.search(line)
    ]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*")), ids=lambda path: path.name)
def test_each_action_is_pinned_by_its_hash(path: Path) -> None:
    assert list_unpinned(path.read_text()) == []


def test_an_action_that_is_not_pinned_is_noticed() -> None:
    hashed = "3d3c42e5aac5ba805825da76410c181273ba90b1"
    assert list_unpinned(f"- uses: actions/checkout@{hashed}  # v7.0.1") == []
    for pin in ("v7", "main", hashed[:12], hashed):
        assert list_unpinned(f"- uses: actions/checkout@{pin}")
    assert list_unpinned(f"- uses: somewhere/else@{hashed}  # v1.0.0")


def test_one_version_of_each_action() -> None:
    used = {step["uses"] for _, step in list_steps(RELEASE) if "uses" in step}
    assert len(used) == len({each.partition("@")[0] for each in used})


def test_no_job_may_more_than_it_needs() -> None:
    assert RELEASE["permissions"] == {}
    assert {name: job["permissions"] for name, job in RELEASE["jobs"].items()} == MAY


def test_only_a_tag_releases_and_only_people_let_it_out() -> None:
    assert RELEASE["on"] == {"push": {"tags": ["v*"]}}
    outward = [name for name, job in RELEASE["jobs"].items() if job.get("environment") == "release"]
    assert outward == ["images", "publish"]
    assert set(RELEASE["jobs"]["publish"]["needs"]) == {"wheel", "images"}
    assert RELEASE["jobs"]["announce"]["needs"] == "publish"


def test_nothing_is_published_that_was_not_tested_and_attested() -> None:
    checks = [step.get("run", "") for name, step in list_steps(RELEASE) if name == "check"]
    assert any(command.endswith(".ci/run") for command in checks)
    assert RELEASE["jobs"]["wheel"]["needs"] == "check"
    assert RELEASE["jobs"]["images"]["needs"] == "wheel"
    attested = [
        (
            name,
            step["with"].get("subject-path") or step["with"]["subject-name"],
            "sbom-path" in step["with"],
        )
        for name, step in list_steps(RELEASE)
        if step.get("uses", "").startswith("actions/attest@")
    ]
    assert sorted(attested) == [
        ("images", "${{ steps.made.outputs.hub-name }}", False),
        ("images", "${{ steps.made.outputs.hub-name }}", True),
        ("images", "${{ steps.made.outputs.singleuser-name }}", False),
        ("images", "${{ steps.made.outputs.singleuser-name }}", True),
        ("images", "helm-values.tar.gz", False),
        ("wheel", "dist/*.whl", False),
    ]


def test_it_has_no_key_of_its_own() -> None:
    text = (FOLDER / "release.yaml").read_text()
    assert "secrets." not in text
    assert not re.search(
        r"\$\{\{[^}]*\}\}", "\n".join(s.get("run", "") for _, s in list_steps(RELEASE))
    )
    assert [host for host in REGISTRY_HOSTS if host in text] == []
    checkouts = [
        s for _, s in list_steps(RELEASE) if s.get("uses", "").startswith("actions/checkout")
    ]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_what_it_runs_is_there_and_is_shell() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for _, step in list_steps(RELEASE):
        if "run" not in step:
            continue
        subprocess.run(["bash", "-n", "-c", step["run"]], check=True)
        for target in re.findall(r"\bmake ([a-z]+)", step["run"]):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for path in re.findall(r"(?:requirements|tools|helm-values)/\w+\.\w+", step["run"]):
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize(
    ("tag", "is_version"), [("v0.1.0", True), ("v9.9.9", False), ("v0.1", False)]
)
def test_a_tag_that_is_not_the_version_ends_it(tag: str, is_version: bool) -> None:
    (command,) = (
        s["run"] for _, s in list_steps(RELEASE) if s.get("name", "").startswith("The tag")
    )
    if is_version:
        version = re.search(
            r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
        )
        assert version
        tag = f"v{version[1]}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env={"TAG": tag, "PATH": "/usr/bin:/bin"}, check=False
    )
    assert (done.returncode == 0) == is_version
