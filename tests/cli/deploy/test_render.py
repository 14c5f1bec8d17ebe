"""``jhp render``: what it writes, what it keeps, and what a pipeline sees."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.main import main
from jupyterhub_platform.deploy.repository.contents import make_contents
from tests.deploy.repository.sites import PLACES


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for path, text in make_contents(PLACES["cluster"]).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def run(repository: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["render", str(repository / "platform.yaml"), *options])


def edit(repository: Path, old: str, new: str) -> None:
    file = repository / "platform.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_what_was_rendered_is_rendered_again_the_same(repository: Path) -> None:
    done = run(repository, "--check")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Nothing to do: 9 files as rendered." in done.stderr


def test_a_change_is_written_once_and_a_pipeline_sees_that_it_was_not(repository: Path) -> None:
    edit(repository, "namespace: jupyterhub", "namespace: science")
    assert run(repository, "--check").exit_code == 1
    done = run(repository)
    assert done.exit_code == 0
    assert "changed  kustomization.yaml" in done.stdout
    assert "namespace: science" in (repository / "kustomization.yaml").read_text()
    assert run(repository, "--check").exit_code == 0


def test_what_was_changed_by_hand_is_kept_until_it_may_go(repository: Path) -> None:
    file = repository / "helm-values" / "20-deployment.yaml"
    file.write_text(file.read_text() + "debug: {enabled: true}\n")
    edit(repository, "namespace: jupyterhub", "namespace: science")
    done = run(repository, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["edited"] == ["helm-values/20-deployment.yaml"]
    assert "Move your changes to platform.yaml or helm-values/overlays/" in done.stderr
    assert "debug" in file.read_text()
    assert "science" not in (repository / "kustomization.yaml").read_text()
    assert run(repository, "--force").exit_code == 0
    assert "debug" not in file.read_text()


def test_values_of_ones_own_come_last_and_stay(repository: Path) -> None:
    own = repository / "helm-values" / "overlays" / "mine.yaml"
    own.write_text("debug: {enabled: true}\n")
    edit(
        repository,
        "gitops: {engine: none}",
        'gitops: {engine: argocd, repository: "https://git.site.org/hub.git"}',
    )
    assert run(repository).exit_code == 0
    application = (repository / "gitops" / "argocd" / "hub.yaml").read_text()
    layers = [line.strip("- ") for line in application.splitlines() if "$values" in line]
    assert layers[-1] == "$values/helm-values/overlays/mine.yaml"
    assert own.read_text() == "debug: {enabled: true}\n"


def test_another_engine_takes_the_files_of_the_first_away(repository: Path) -> None:
    edit(
        repository,
        "gitops: {engine: none}",
        'gitops: {engine: argocd, repository: "https://git.site.org/hub.git"}',
    )
    run(repository)
    edit(repository, "engine: argocd", "engine: flux")
    done = run(repository)
    assert "removed  gitops/argocd/hub.yaml" in done.stdout
    assert not (repository / "gitops" / "argocd" / "hub.yaml").exists()
    assert (repository / "gitops" / "flux" / "hub.yaml").exists()


def test_a_lock_leads_to_no_file_outside_of_the_repository(repository: Path) -> None:
    outside = repository.parent / "outside.yaml"
    outside.write_text("mine")
    lock = repository / "platform.lock"
    lock.write_text(lock.read_text() + "  ../outside.yaml: 00\n")
    run(repository, "--force")
    assert outside.read_text() == "mine"


def test_a_policy_without_a_deployment_says_what_to_write(tmp_path: Path) -> None:
    text = make_contents(PLACES["cluster"])["platform.yaml"].partition("# Where it runs.")[0]
    (tmp_path / "platform.yaml").write_text(text)
    done = run(tmp_path)
    assert done.exit_code == 1
    assert "says nothing of a deployment. Write deployment: {target: …}" in done.stderr
