"""What a repository is made of: valid, the same each time, without secrets or other partitions."""

import json
import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from jupyterhub_platform.core.document.schema_deployment import read_deployment
from jupyterhub_platform.core.policy_warnings import find_warnings
from jupyterhub_platform.core.resource_names import CPU, MEMORY
from jupyterhub_platform.deploy.render.rendering import is_untouched, render
from jupyterhub_platform.deploy.repository.contents import ANSWERS, make_contents
from jupyterhub_platform.deploy.repository.pools import AnswerError
from jupyterhub_platform.deploy.repository.questions import QUESTIONS, read_answers
from jupyterhub_platform.documents import parse_policy
from tests.deploy.repository.sites import PLACES, answers

COMMERCIAL = re.compile(r"arn:aws:|[\w.-]+\.amazonaws\.com|\.api\.aws")
SECRET = re.compile(
    r"-----BEGIN|AKIA[0-9A-Z]{16}|password[ \t]*[:=][ \t]*\S"
    r"|secret[ \t]*[:=][ \t]*['\"]?[A-Za-z0-9+/]{16}"
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers())
def test_any_answers_make_a_valid_repository_that_renders_again_the_same(
    texts: dict[str, str],
) -> None:
    files = make_contents(texts)
    read = parse_policy(files["platform.yaml"].encode(), "platform.yaml")
    deployment = read_deployment(read.document)
    assert deployment is not None
    rendered = render(read, deployment).files
    assert {path: files[path] for path in rendered} == dict(rendered)
    for path, text in files.items():
        assert not SECRET.search(text), path
        assert "CHANGEME" not in text
        if path in rendered and path != "platform.lock":
            assert is_untouched(text)
        if path.endswith((".yaml", ".yml")):
            list(yaml.load_all(text, Loader=yaml.CSafeLoader))
        if deployment.target == "eks-govcloud":
            hosts = COMMERCIAL.findall(text)
            assert [each for each in hosts if "us-gov-" not in each] == [], path
    json.loads(files["tests/smoke.ipynb"])


@pytest.mark.parametrize("target", sorted(PLACES))
def test_answers_make_the_same_again(target: str) -> None:
    files = make_contents(PLACES[target])
    kept = {str(k): str(v) for k, v in yaml.safe_load(files[ANSWERS]).items()}
    assert make_contents(kept) == files


@pytest.mark.parametrize("target", sorted(PLACES))
def test_tiers_fit_the_nodes_and_warn_of_nothing_but_reach(target: str) -> None:
    files = make_contents(PLACES[target])
    policy = parse_policy(files["platform.yaml"].encode(), "platform.yaml").policy
    assert [each.what for each in find_warnings(policy)] == []
    limits = {name: policy.tiers[name].limits for name in policy.tiers}
    assert set(limits) == {"small", "medium", "large"}
    for amounts in limits.values():
        assert amounts[CPU] <= 16_000
        assert amounts[MEMORY] < 64 * 2**30


def test_gpu_tiers_are_asked_for() -> None:
    texts = PLACES["cluster"] | {"pools": "16 CPU 64Gi x 2, 8 CPU 32Gi 2 GPU x 1"}
    text = make_contents(texts)["platform.yaml"]
    policy = parse_policy(text.encode(), "platform.yaml").policy
    gpu = policy.tiers["gpu"]
    assert gpu.requests["nvidia.com/gpu"] == 1
    assert gpu.requestable
    assert policy.tiers["gpu"].description == "For training and for models. 2 fit a node."


def test_there_are_at_most_a_dozen_questions_each_with_help() -> None:
    assert len(QUESTIONS) <= 12
    assert all(each.help.endswith(".") and each.asks.endswith("?") for each in QUESTIONS)


@pytest.mark.parametrize(
    ("key", "text", "what"),
    [
        ("target", "moon", "“moon” is no target. Answer one of laptop, cluster"),
        ("target", "eks", "eks needs a region and an account"),
        ("target", "eks us-gov-west-1 123456789012", "is not a region of eks"),
        ("target", "laptop here", "laptop needs nothing after it"),
        ("address", "hub.site.org", "is not an address"),
        ("identity", "ldap", "Answer local, or oidc"),
        ("identity", "oidc http://id x", "Answer local, or oidc"),
        ("admin", "a b\x00", "a b"),
        ("groups", ",", "name at least one"),
        ("groups", "a: x, a: y", "“a” occurs twice"),
        ("groups", "a/b", "a/b"),
        ("pools", "many", "“many” is not a pool"),
        ("pools", "p5.48xlarge x 1", "The size of p5.48xlarge is not known here"),
        ("pools", ",", "Name at least one pool"),
        ("pools", "1..2 CPU 4Gi x 1", "1..2"),
        ("quota", "5, 2", "Answer two numbers"),
        ("home", "ten", "ten"),
        ("home", "10Gi a b", "Answer a size"),
        ("egress", "HTTP://x", "Answer internet, or the HOST/PATH"),
        ("egress", "registry.site.org 10.0.0.1/8", "is not a range"),
        ("egress", "internet a b", "Answer internet, or internet REGISTRY"),
        ("secrets", "vault", "Never the secret itself"),
        ("gitops", "argocd", "Answer none, push, argocd REPOSITORY"),
        ("alerts", "ops", "“ops” is not an e-mail address"),
    ],
)
def test_an_answer_that_cannot_be_taken_says_what_can(key: str, text: str, what: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read_answers(PLACES["cluster"] | {key: text})
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("target", "key", "text", "what"),
    [
        ("eks", "address", "none", "through a load balancer"),
        ("other", "address", "http://hub.site.org", "as plain text"),
        ("other", "egress", "internet", "answer internet REGISTRY"),
        ("eks-govcloud", "egress", "internet", "Answer your mirror"),
        ("eks-govcloud", "egress", "mirror.agency.gov", "Name the ranges"),
        ("eks-govcloud", "secrets", "sops age1x", "not validated"),
        ("laptop", "gitops", "flux https://g/x", "needs a cluster"),
    ],
)
def test_what_a_target_cannot_have_is_refused(target: str, key: str, text: str, what: str) -> None:
    with pytest.raises(AnswerError, match=what):
        read_answers(PLACES[target] | {key: text})
