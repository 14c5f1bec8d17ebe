"""The Role that the Hub is given is the one that the doctor asks for."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from jupyterhub_platform.deploy.cluster.reader import KINDS
from jupyterhub_platform.deploy.role import RIGHTS


def load(name: str) -> Any:
    return YAML(typ="safe").load(Path(f"helm-values/{name}"))


def list_rights(name: str) -> list[tuple[str, str]]:
    return [
        (resource, verb)
        for rule in load(name)["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def test_the_rights_that_are_asked_for_are_those_of_the_role() -> None:
    assert sorted(RIGHTS) == sorted(list_rights("role.yaml"))
    assert {group for rule in load("role.yaml")["rules"] for group in rule["apiGroups"]} == {""}


def test_the_role_of_the_doctor_reads_what_is_looked_at_and_changes_nothing() -> None:
    # What versions of a group there are, everybody may ask.
    paths = [path for path in KINDS.values() if not path.endswith("/v1")]
    resources = {path.partition("?")[0].rstrip("/").split("/")[-1] for path in paths}
    resources = {"services" if each == "kube-dns" else each for each in resources}
    resources = {"configmaps" if each.startswith("cluster-") else each for each in resources}
    resources = {"namespaces" if each == "{namespace}" else each for each in resources}
    rights = list_rights("doctor-role.yaml")
    reviews = {("localsubjectaccessreviews", "create")}
    assert {resource for resource, _ in set(rights) - reviews} == resources
    assert {verb for _, verb in set(rights) - reviews} == {"get", "list"}
