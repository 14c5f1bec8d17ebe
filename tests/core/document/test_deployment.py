"""What ``deployment:`` may say, and what does not fit its target."""

from typing import Any

import pytest

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.document.schema_deployment import read_deployment
from jupyterhub_platform.core.errors import PolicyError
from tests.core.document.test_compile import document

MIRROR = "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com"
GOVCLOUD = {
    "target": "eks-govcloud",
    "address": "https://hub.agency.gov",
    "region": "us-gov-west-1",
    "account": "123456789012",
    "images": {"registry": MIRROR, "hub": f"{MIRROR}/hub:1", "singleuser": f"{MIRROR}/lab:1"},
}
EKS = {"target": "eks", "address": "https://hub.site.org", "region": "eu-central-1"}
EKS |= {"account": "123456789012"}
CLUSTER = {"target": "cluster", "address": "http://hub.site.org"}
KEY = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1"


def faults_of(deployment: dict[str, Any], image: str = "example/lab:1") -> dict[str, str]:
    images = {"lab": {"reference": image}}
    try:
        compile_policy(document(images=images, deployment=deployment))
    except PolicyError as error:
        return {".".join(map(str, each.path)): each.what for each in error.faults}
    return {}


@pytest.mark.parametrize(
    "deployment",
    [
        {"target": "laptop"},
        {"target": "cluster"},
        CLUSTER | {"ingress": {"tls": "secret", "secret": "hub-tls", "class": "nginx"}},
        CLUSTER | {"gitops": {"engine": "argocd", "repository": "git@git.site.org:hub/hub.git"}},
        EKS | {"ingress": {"certificate": "arn:aws:acm:eu-central-1:123456789012:certificate/1"}},
        EKS | {"address": "http://hub.site.org", "ingress": {"tls": "none"}},
        EKS | {"pools": {"cpu": {"capacity": {"cpu": 16, "memory": "64Gi"}, "nodes": 4}}},
        EKS | {"secrets": {"backend": "external-secrets", "store": "aws", "path": "/hub/prod"}},
        EKS | {"pipeline": {"provider": "github", "role": "arn:aws:iam::123456789012:role/ci"}},
        CLUSTER | {"secrets": {"backend": "sops", "key": "age1qqq"}},
        CLUSTER | {"environments": {"staging": {"namespace": "staging"}, "prod": {}}},
        CLUSTER | {"egress": {"internet": False, "allow": ["10.0.64.0/24"]}},
    ],
)
def test_is_valid_where_it_fits(deployment: dict[str, Any]) -> None:
    assert faults_of(deployment) == {}


def test_govcloud_is_valid_with_its_mirror_and_a_key_of_kms() -> None:
    deployment = GOVCLOUD | {"secrets": {"backend": "sops", "key": KEY}}
    assert faults_of(deployment, f"{MIRROR}/lab:1") == {}


@pytest.mark.parametrize(
    ("deployment", "at", "what"),
    [
        ({"target": "laptop", "context": "kind"}, "context", "means nothing on a laptop"),
        ({"target": "laptop", "secrets": {}}, "secrets", "means nothing on a laptop"),
        (
            {"target": "laptop", "gitops": {"engine": "flux", "repository": "https://g/x"}},
            "gitops.engine",
            "needs a cluster",
        ),
        (CLUSTER | {"region": "eu-central-1"}, "region", "means nothing on cluster"),
        ({"target": "eks", "region": "eu-central-1"}, "", "has no account, which eks needs"),
        (
            {k: v for k, v in EKS.items() if k != "address"},
            "",
            "has no address, and on eks users come in through a load balancer",
        ),
        (EKS | {"address": "http://hub.site.org"}, "address", "is plain HTTP"),
        (
            EKS | {"environments": {"prod": {"address": "http://hub.site.org"}}},
            "environments.prod.address",
            "is plain HTTP",
        ),
        (EKS | {"region": "us-gov-west-1"}, "region", "is not a region of the partition aws"),
        (GOVCLOUD | {"region": "us-east-1"}, "region", "not a region of the partition aws-us-gov"),
        (
            GOVCLOUD | {"pipeline": {"role": "arn:aws:iam::123456789012:role/ci"}},
            "pipeline.role",
            "is an ARN of the partition aws,",
        ),
        (
            GOVCLOUD | {"gitops": {"repository": "https://git.us-east-1.amazonaws.com/hub"}},
            "gitops.repository",
            "endpoint of AWS outside of GovCloud",
        ),
        (
            {k: v for k, v in GOVCLOUD.items() if k != "images"},
            "images",
            "has no registry, and GovCloud reaches no public one",
        ),
        (
            GOVCLOUD | {"images": {"registry": MIRROR, "hub": "quay.io/a:1"}},
            "images.hub",
            "is not in the mirror",
        ),
        (
            GOVCLOUD | {"secrets": {"backend": "sops", "key": "age1qqq"}},
            "secrets.key",
            "whose cryptography is not validated",
        ),
        (CLUSTER | {"secrets": {"backend": "sops"}}, "secrets", "names no key to encrypt with"),
        (
            CLUSTER
            | {
                "secrets": {"backend": "sops", "key": "age1qqq"},
                "gitops": {"engine": "argocd", "repository": "https://g/x"},
            },
            "secrets.backend",
            "cannot be decrypted by Argo CD",
        ),
        (
            CLUSTER | {"secrets": {"backend": "external-secrets", "store": "aws"}},
            "secrets",
            "names no path",
        ),
        (CLUSTER | {"gitops": {"engine": "argocd"}}, "gitops", "names no repository for argocd"),
        (CLUSTER | {"ingress": {"tls": "secret"}}, "ingress.tls", "names no Secret"),
        (CLUSTER | {"ingress": {"secret": "tls"}}, "ingress.secret", "means nothing here"),
        (
            CLUSTER | {"ingress": {"certificate": "arn:aws:acm:a:1:certificate/1"}},
            "ingress.certificate",
            "is of AWS alone",
        ),
        (
            CLUSTER | {"pipeline": {"role": "arn:aws:iam::1:role/a"}},
            "pipeline.role",
            "of AWS alone",
        ),
        ({"target": "cluster", "ingress": {}}, "ingress", "has no host to be reached at"),
        (CLUSTER | {"alerts": ["AKIAABCDEFGHIJKLMNOP@x.org"]}, "alerts.0", "looks like a secret"),
        (CLUSTER | {"context": "CHANGEME"}, "context", "“CHANGEME” is a placeholder"),
        (
            CLUSTER | {"environments": {"a": {}, "b": {}}},
            "environments.b",
            "is in the same place as “a”",
        ),
        (CLUSTER | {"environments": {"a/b": {}}}, "environments.a/b", "a/b"),
        (
            CLUSTER | {"pools": {"p": {"capacity": {"memory": "64Qi"}, "nodes": 1}}},
            "pools.p.capacity.memory",
            "is not an amount of memory",
        ),
        (CLUSTER | {"address": "hub.site.org"}, "address", "is not an address of a Hub"),
        (CLUSTER | {"address": "https://u:p@h"}, "address", "is not an address of a Hub"),
        (CLUSTER | {"chart": {"version": ">=4"}}, "chart.version", "is not one version"),
        (
            CLUSTER | {"gitops": {"repository": "https://u:p@g/x"}},
            "gitops.repository",
            "has a password in it",
        ),
        (
            CLUSTER | {"gitops": {"repository": "nowhere"}},
            "gitops.repository",
            "is not the address of a repository",
        ),
        (CLUSTER | {"egress": {"allow": ["10.0.64.1/24"]}}, "egress.allow.0", "is not a range"),
    ],
)
def test_what_does_not_fit_is_a_fault_at_its_key(
    deployment: dict[str, Any], at: str, what: str
) -> None:
    found = faults_of(deployment, f"{MIRROR}/lab:1" if "registry" in str(deployment) else "a/b:1")
    key = f"deployment.{at}".rstrip(".")
    assert key in found, found
    assert what in found[key]


def test_an_image_of_a_tier_is_in_the_mirror_too() -> None:
    found = faults_of(GOVCLOUD, "quay.io/jupyter/base-notebook:1")
    assert list(found) == ["images.lab.reference"]


def test_a_secret_is_not_repeated_in_what_is_said_of_it() -> None:
    (what,) = faults_of(CLUSTER | {"alerts": ["AKIAABCDEFGHIJKLMNOP@x.org"]}).values()
    assert "AKIA" not in what


def test_what_is_not_said_suits_the_target() -> None:
    def read(**keys: Any) -> Any:
        return read_deployment({"deployment": keys})

    assert read_deployment({}) is None
    assert [read(target=each).database_kind for each in ("laptop", "cluster", "eks", "other")] == [
        "sqlite",
        "sqlite",
        "postgresql",
        "postgresql",
    ]
    assert read(target="eks", database={"kind": "sqlite"}).database_kind == "sqlite"
    assert [read(target=each).partition for each in ("eks", "eks-govcloud", "other")] == [
        "aws",
        "aws-us-gov",
        None,
    ]
    assert not read(target="laptop").is_on_cluster
