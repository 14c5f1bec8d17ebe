"""What a deployment is rendered to: the shipped values filled in, manifests, and both engines."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyterhub_platform.core.document.schema_deployment import read_deployment
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.deploy.render.lock import read_lock
from jupyterhub_platform.deploy.render.rendering import Rendered, render
from jupyterhub_platform.deploy.render.value_files import FOLDER, split_reference
from jupyterhub_platform.documents import parse_files, render_mapping
from jupyterhub_platform.file_texts import FileText
from tests.helm.values import FOLDER as SHOWN
from tests.helm.values import load_place, merge

MIRROR = "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com"
POLICY: dict[str, Any] = {
    "version": 1,
    "users": {"root": {"level": "admin"}},
    "images": {"lab": {"reference": f"{MIRROR}/lab:1"}},
    "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
}
PEOPLE = b"users: {kim: {level: user}}\n"


def render_all(deployment: dict[str, Any], **more: Any) -> Rendered:
    document = POLICY | more | {"deployment": deployment}
    files = [FileText("platform.yaml", render_mapping(document).encode())]
    if "include" in document:
        files.append(FileText("people/a.yaml", PEOPLE))
    read = parse_files(files, "platform.yaml")
    found = read_deployment(read.document)
    assert found is not None
    return render(read, found)


def load_values(rendered: Rendered, environment: str = "") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path in rendered.values[environment]:
        values = merge(values, yaml.safe_load(rendered.files[path]) or {})
    return values


@pytest.mark.parametrize("file", sorted(path.name for path in FOLDER.glob("*.yaml")))
def test_values_at_the_top_of_the_repository_are_those_that_are_rendered(file: str) -> None:
    assert (SHOWN / file).read_text() == (FOLDER / file).read_text()


PLACES: dict[str, tuple[str, dict[str, Any]]] = {
    "local": ("local", {"target": "cluster"}),
    "aws": (
        "aws",
        {
            "target": "eks",
            "address": "https://hub.example.com",
            "region": "eu-central-1",
            "account": "123456789012",
            "images": {
                "hub": "registry.example.com/jupyterhub-platform:0.1.0",
                "singleuser": "registry.example.com/jupyterhub-platform-singleuser:0.1.0",
            },
        },
    ),
    "govcloud": (
        "aws-govcloud",
        {
            "target": "eks-govcloud",
            "address": "https://hub.example.gov",
            "region": "us-gov-west-1",
            "account": "123456789012",
            "images": {
                "registry": MIRROR,
                "hub": f"{MIRROR}/jupyterhub-platform:0.1.0",
                "singleuser": f"{MIRROR}/jupyterhub-platform-singleuser:0.1.0",
            },
            "egress": {"internet": False, "allow": ["10.0.64.0/24"]},
        },
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_deployment_with_the_names_of_the_placeholders_is_the_shown_place(place: str) -> None:
    shown, deployment = PLACES[place]
    values, expected = load_values(render_all(deployment)), load_place(shown)
    public_url = values["hub"]["config"]["JupyterHub"].pop("public_url", None)
    assert public_url == deployment.get("address")
    assert values == expected


def test_names_of_the_site_are_where_placeholders_were() -> None:
    deployment = PLACES["govcloud"][1] | {
        "region": "us-gov-east-1",
        "account": "999999999999",
        "address": "https://hub.agency.gov",
        "egress": {"internet": False, "allow": ["10.1.0.0/24", "10.2.0.0/24"]},
        "storage_class": "fast",
        "images": PLACES["govcloud"][1]["images"] | {"pull_secret": "pull"},
    }
    rendered = render_all(deployment)
    text = "\n".join(rendered.files.values())
    assert "10.0.64.0/24" not in text
    assert "example.gov" not in text
    values = load_values(rendered)
    assert values["hub"]["extraEnv"]["AWS_REGION"] == "us-gov-east-1"
    https, agent = values["singleuser"]["networkPolicy"]["egress"]
    assert [each["ipBlock"]["cidr"] for each in https["to"]] == ["10.1.0.0/24", "10.2.0.0/24"]
    assert agent["to"] == [{"ipBlock": {"cidr": "169.254.170.23/32"}}]
    assert values["singleuser"]["storage"]["dynamic"]["storageClass"] == "fast"
    assert values["imagePullSecrets"] == ["pull"]
    assert values["ingress"]["hosts"] == ["hub.agency.gov"]


def test_ingress_is_as_it_is_said() -> None:
    ingress = {"class": "nginx", "tls": "secret", "secret": "hub-tls"}
    deployment = {"target": "cluster", "address": "https://hub.site.org", "ingress": ingress}
    values = load_values(render_all(deployment))
    assert values["ingress"] == {
        "enabled": True,
        "hosts": ["hub.site.org"],
        "ingressClassName": "nginx",
        "tls": [{"hosts": ["hub.site.org"], "secretName": "hub-tls"}],
    }
    of_eks = PLACES["aws"][1] | {
        "ingress": {"public": True, "certificate": "arn:aws:acm:eu-central-1:1:certificate/1"}
    }
    annotations = load_values(render_all(of_eks))["ingress"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/scheme"] == "internet-facing"
    assert annotations["alb.ingress.kubernetes.io/certificate-arn"].endswith("certificate/1")


def test_an_included_folder_is_a_config_map_that_the_hub_mounts() -> None:
    rendered = render_all({"target": "cluster"}, include=["people"])
    kustomization = yaml.safe_load(rendered.files["kustomization.yaml"])
    assert {each["name"]: each["files"] for each in kustomization["configMapGenerator"]} == {
        "jupyterhub-platform": ["platform.yaml"],
        "jupyterhub-platform-people": ["people/a.yaml"],
    }
    hub = load_values(rendered)["hub"]
    assert {each["name"] for each in hub["extraVolumes"]} == {
        "platform-policy",
        "jupyterhub-platform-people",
    }
    assert hub["extraVolumeMounts"][-1]["mountPath"] == "/etc/jupyterhub-platform/people"


@pytest.mark.parametrize("place", ["local", "aws"])
def test_a_folder_takes_no_volume_of_the_shipped_values_away(place: str) -> None:
    shown, deployment = PLACES[place]
    hub = load_values(render_all(deployment, include=["people"]))["hub"]
    for key in ("extraVolumes", "extraVolumeMounts"):
        assert hub[key][:-1] == load_place(shown)["hub"][key]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="by choice: kubectl is not here")
def test_kustomize_makes_of_it_what_is_meant(tmp_path: Path) -> None:
    rendered = render_all({"target": "cluster", "namespace": "science"}, include=["people"])
    files = dict(rendered.files) | {
        "platform.yaml": "version: 1\n",
        "people/a.yaml": PEOPLE.decode(),
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    done = subprocess.run(
        ["kubectl", "kustomize", tmp_path], capture_output=True, text=True, check=True
    )
    made = {(e["kind"], e["metadata"]["name"]): e for e in yaml.safe_load_all(done.stdout)}
    assert made["ConfigMap", "jupyterhub-platform"]["data"] == {"platform.yaml": "version: 1\n"}
    assert made["ConfigMap", "jupyterhub-platform-people"]["data"] == {"a.yaml": PEOPLE.decode()}
    namespaces = {e["metadata"].get("namespace") for e in made.values() if e["kind"] != "Namespace"}
    assert namespaces == {"science"}
    assert ("Namespace", "science") in made


def test_a_secret_of_a_provider_comes_from_the_secret_that_is_named() -> None:
    provider = {"issuer": "https://id.site.org", "client": {"id": "x", "secret": {"env": "A_B"}}}
    secrets = {"backend": "external-secrets", "store": "aws", "path": "/hub", "name": "mine"}
    rendered = render_all(
        {"target": "other", "secrets": secrets}, identity={"providers": {"login": provider}}
    )
    environment = load_values(rendered)["hub"]["extraEnv"]
    assert environment["A_B"] == {"valueFrom": {"secretKeyRef": {"name": "mine", "key": "a-b"}}}
    assert environment["COOKIE_SECRET"]["valueFrom"]["secretKeyRef"]["name"] == "mine"
    external = yaml.safe_load(rendered.files["manifests/external-secret.yaml"])
    assert [each["secretKey"] for each in external["spec"]["data"]] == [
        "cookie-secret",
        "crypt-keys",
        "proxy-token",
        "command-token",
        "hub-database-url",
        "database-url",
        "a-b",
    ]


ENVIRONMENTS = {
    "staging": {"namespace": "staging", "address": "https://s.site.org", "branch": "staging"},
    "prod": {},
}
GIT = "https://git.site.org/hub.git"


@pytest.mark.parametrize("engine", ["argocd", "flux"])
def test_each_environment_follows_its_branch_into_its_namespace(engine: str) -> None:
    rendered = render_all(
        {
            "target": "cluster",
            "address": "https://hub.site.org",
            "gitops": {"engine": engine, "repository": GIT},
            "environments": ENVIRONMENTS,
        }
    )
    assert load_values(rendered, "staging")["hub"]["config"]["JupyterHub"]["public_url"] == (
        "https://s.site.org"
    )
    found = {
        (each["kind"], each["metadata"]["name"]): each
        for path, text in rendered.files.items()
        if path.startswith(f"gitops/{engine}/")
        for each in yaml.safe_load_all(text)
    }
    if engine == "argocd":
        policy = found["Application", "jupyterhub-policy-staging"]["spec"]
        assert policy["source"]["targetRevision"] == "staging"
        assert policy["source"]["kustomize"] == {"namespace": "staging"}
        # A directory of manifests would lose what does not parse, silently.
        assert "directory" not in str(found)
        hub = found["Application", "jupyterhub-prod"]["spec"]["sources"]
        assert [each.get("ref") or each["chart"] for each in hub] == ["jupyterhub", "values"]
        values = [each.removeprefix("$values/") for each in hub[0]["helm"]["valueFiles"]]
        assert tuple(values) == rendered.values["prod"]
    else:
        policy = found["Kustomization", "jupyterhub-policy-staging"]["spec"]
        assert (policy["path"], policy["targetNamespace"]) == ("./", "staging")
        release = found["HelmRelease", "jupyterhub-staging"]
        keys = [each["valuesKey"] for each in release["spec"]["valuesFrom"]]
        root = yaml.safe_load(rendered.files["kustomization.yaml"])
        (given,) = [e for e in root["configMapGenerator"] if e["name"] == "hub-values"]
        known = dict(each.split("=") for each in given["files"])
        assert tuple(known[key] for key in keys) == rendered.values["staging"]


STAND_IN = """\
#!/bin/sh
case "$*" in "config current-context") echo kind-hub; exit;; esac
for each in "$@"; do last=$each; done
[ -f "$last/kustomization.yaml" ] && grep '^namespace:' "$last/kustomization.yaml" >> "$LOG"
echo "$(basename "$0") $*" >> "$LOG"
"""


def deploy(folder: Path, rendered: Rendered, *arguments: str) -> tuple[int, list[str], str]:
    """Run the script with stand-ins for kubectl and helm, and return what they were told."""
    for path, text in rendered.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("kubectl", "helm"):
        (programs / name).write_text(STAND_IN)
        (programs / name).chmod(0o755)
    log = folder.parent / "log"
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LOG": str(log)}
    done = subprocess.run(
        ["sh", folder / "deploy.sh", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, log.read_text().splitlines() if log.exists() else [], done.stderr


def test_the_script_applies_the_policy_and_then_the_chart(tmp_path: Path) -> None:
    code, told, _ = deploy(tmp_path / "a", render_all({"target": "cluster"}))
    assert code == 0
    assert told[0] == "namespace: jupyterhub"
    assert told[1].startswith("kubectl apply --server-side --field-manager=jhp")
    assert told[2] == (
        "helm upgrade --install hub jupyterhub --repo https://hub.jupyter.org/helm-chart/ "
        "--version 4.4.0 --namespace jupyterhub --wait --timeout 15m -f helm-values/00-base.yaml "
        "-f helm-values/10-local.yaml -f helm-values/20-deployment.yaml"
    )


def test_the_script_brings_one_environment_into_force_and_asks_which(tmp_path: Path) -> None:
    deployment = {
        "target": "cluster",
        "address": "https://hub.site.org",
        "environments": ENVIRONMENTS,
    }
    rendered = render_all(deployment)
    assert deploy(tmp_path / "a", rendered)[::2] == (2, "Name one of staging, prod.\n")
    code, told, _ = deploy(tmp_path / "a", rendered, "staging")
    assert code == 0
    assert told[0] == "namespace: staging"
    assert "--namespace staging" in told[2]
    assert told[2].endswith("-f helm-values/30-staging.yaml")


def test_the_script_refuses_another_context(tmp_path: Path) -> None:
    rendered = render_all({"target": "cluster", "context": "prod"})
    code, told, error = deploy(tmp_path / "a", rendered)
    assert (code, told) == (1, [])
    assert error == "kubectl is not at the context prod. Nothing was changed.\n"
    rendered = render_all({"target": "cluster", "context": "kind-hub"})
    assert deploy(tmp_path / "b", rendered)[0] == 0


@pytest.mark.parametrize(
    ("reference", "name", "tag"),
    [
        ("a/b:1", "a/b", "1"),
        ("a/b", "a/b", "latest"),
        ("h:5000/b", "h:5000/b", "latest"),
        ("h:5000/b:2", "h:5000/b", "2"),
        (f"a/b:1@sha256:{'0' * 64}", "a/b", f"1@sha256:{'0' * 64}"),
        (f"a/b@sha256:{'0' * 64}", "a/b@sha256", "0" * 64),
    ],
)
def test_references_are_split_so_that_the_chart_joins_them_again(
    reference: str, name: str, tag: str
) -> None:
    assert split_reference(reference) == (name, tag)
    joined = f"{name}:{tag}"
    assert joined in {reference, f"{reference}:latest"}


def test_a_lock_that_is_none_is_refused_with_what_to_do() -> None:
    assert read_lock("") == {}
    with pytest.raises(PlatformError, match="Take it from git again, or delete it"):
        read_lock("- a\n")
    with pytest.raises(PlatformError, match="names no rendered files"):
        read_lock("rendered: [a]\n")
