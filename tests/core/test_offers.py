"""Choices inside a tier: sizes, images with access of their own, images that users name."""

from collections.abc import Mapping
from typing import Any

import pytest

from jupyterhub_platform.core.decision import Decision, decide, list_fitting
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.offers import (
    Asking,
    find_image,
    find_labelled,
    has_choice,
    list_variants,
)
from jupyterhub_platform.core.options import Options, read_options
from jupyterhub_platform.core.question import ask, subject_of
from jupyterhub_platform.core.question_json import question_from_json
from tests.support.policies import GIB, GPU, NOW, Held, judge, make_policy, make_reservation, pose

DIGEST = "sha256:" + "0a" * 32
DEVELOPERS = {"rules": [{"groups": ["vision"], "levels": ["developer"]}]}
SIZED: Mapping[str, Any] = {
    "images": {
        "own": {"pattern": "quay.io/acme/*", "access": {"levels": ["developer"]}},
        "secret": {"reference": "example/secret:1", "access": {"users": ["root"]}},
    },
    "tiers": {
        "work": {
            "requests": {"memory": "1Gi"},
            "limits": {"memory": "2Gi"},
            "images": ["secret", "lab", "own"],
            "node_selector": {"pool": "work"},
            "sizes": {
                "huge": {
                    "requests": {"cpu": 16, "memory": "64Gi"},
                    "limits": {"memory": "unlimited"},
                    "access": {"users": ["root"]},
                },
                "small": {"title": "Small", "requests": {"cpu": 1}},
                "large": {
                    "requests": {"cpu": 4, "memory": "8Gi"},
                    "limits": {"memory": "8Gi"},
                    "node_selector": {"type": "big"},
                    "access": DEVELOPERS,
                },
            },
        }
    },
}
POLICY = make_policy(SIZED)


def start(user: str = "dev", policy: Any = POLICY, **options: str) -> Decision:
    return judge(policy, user=user, options={"tier": "work", "account": "vision", **options})


def test_a_size_has_what_it_says_and_for_the_rest_what_the_tier_says():
    tier = POLICY.tiers["work"]
    huge, small, large = tier.variants
    assert dict(small.requests) == {"cpu": 1000, "memory": GIB}
    assert dict(small.limits) == {"cpu": 1000, "memory": 2 * GIB}
    assert dict(large.limits) == {"cpu": 4000, "memory": 8 * GIB}
    assert dict(huge.limits) == {"cpu": 16000}
    assert (large.label, large.path) == ("work/large", "tiers.work.sizes.large")
    assert large.pod.node_selector == {"pool": "work", "type": "big"}
    assert tier.sizes[0].title == "huge"
    assert (tier.label, tier.path) == ("work", "tiers.work")


@pytest.mark.parametrize(
    ("user", "size", "image"), [("dev", "small", "lab"), ("root", "huge", "secret")]
)
def test_what_is_left_open_is_the_first_that_is_open_to_the_user(user: str, size: str, image: str):
    account = "text" if user == "root" else "vision"
    decision = start(user, account=account)
    question = decision.question
    assert (question.size, question.image, decision.admitted) == (size, image, True)
    assert decision.sentence == f"work/{size} fits."


def test_quotas_count_the_chosen_size():
    assert dict(start(size="large").demand) == {"cpu": 4000, "memory": 8 * GIB, "servers": 1}
    policy = make_policy(SIZED, {"groups": {"vision": {"member_quota": {"cpu": 4}}}})
    assert start(policy=policy, size="large").admitted
    held = (make_reservation(tier="work", size="small"),)
    denied = judge(
        policy, options={"tier": "work", "size": "large", "account": "vision"}, held=held
    )
    assert denied.codes == ("quota.cpu",)
    assert "work/large asks for 4 CPU" in denied.sentence
    assert "What fits now: small, large, work/small." in denied.sentence


def test_a_tier_counts_as_one_whatever_the_size_of_its_servers():
    policy = make_policy(SIZED, {"tiers": {"work": {"at_once": {"user": 1}}}})
    held = (make_reservation(tier="work", size="large"),)
    denied = judge(policy, options={"tier": "work", "account": "vision"}, held=held)
    assert denied.codes == ("quota.tier",)
    assert "dev holds 1 of 1 work server" in denied.sentence


@pytest.mark.parametrize(
    ("user", "options", "code", "sentence"),
    [
        (
            "eve",
            {"size": "large"},
            "size.not_granted",
            "The size large of the tier work is not open to eve in vision. Name one of small.",
        ),
        (
            "dev",
            {"size": "large", "account": "text"},
            "size.not_granted",
            "The size large of the tier work is not open to dev in text. Name one of small.",
        ),
        (
            "dev",
            {"size": "xl"},
            "options.size",
            "The tier work has no size 'xl'. Name one of small",
        ),
        (
            "dev",
            {"tier": "small", "size": "large"},
            "options.size",
            "The tier small has no sizes. Leave the size out.",
        ),
        (
            "dev",
            {"tier": "work/large", "size": "small"},
            "options.invalid",
            "The options tier and size name different sizes.",
        ),
        (
            "dev",
            {"image": "secret"},
            "image.not_granted",
            "not open to dev in vision. Name one of lab, one within quay.io/acme/*.",
        ),
        ("eve", {"image": "own"}, "image.not_granted", "The image own is not open to eve"),
        ("dev", {"image": "own"}, "options.image", "The tier work has no image 'own'."),
        ("eve", {"image": "quay.io/acme/x:1"}, "options.image", "has no image 'quay.io/acme/x:1'"),
        ("dev", {"image": "quay.io/acme/x@evil"}, "options.image", "Name one of lab, one within"),
        ("dev", {"image": "quay.io/acme/x"}, "options.image", "has no image 'quay.io/acme/x'"),
        ("dev", {"image": "quay.io/other/x:1"}, "options.image", "has no image"),
    ],
)
def test_a_choice_that_is_not_theirs_is_denied(
    user: str, options: dict[str, str], code: str, sentence: str
):
    decision = start(user, **options)
    assert code in decision.codes
    assert sentence in decision.sentence


@pytest.mark.parametrize("image", ["quay.io/acme/x:1", f"quay.io/acme/x@{DIGEST}"])
def test_an_image_within_a_pattern_is_admitted_as_it_is_named(image: str):
    decision = start(image=image)
    assert (decision.admitted, decision.to_json()["image"]) == (True, image)


def test_a_tier_and_its_size_can_be_named_in_one_word():
    assert read_options({"tier": "work/large"}) == Options("work", size="large")
    assert read_options({"profile": "work/large", "size": "large"}) == Options("work", size="large")
    assert start(tier="work/large").question.size == "large"
    assert read_options({"tier": f"{'t' * 65}/a"}).faults
    assert read_options({"image": "i" * 501}).faults


def test_remembered_choices_fall_back_to_what_is_open():
    def remember(user: str = "dev", **options: str) -> Any:
        given = {"tier": "work", "account": "vision", **options}
        question = pose(POLICY, user=user)
        del question

        subject = subject_of(POLICY, user, frozenset(), None)
        read = read_options(given, remembered=True)
        return decide(ask(POLICY, Held(), subject, "", read, now=NOW, revision=1))

    kept = remember(size="large", image="quay.io/acme/x:1").question
    assert (kept.size, kept.image, kept.passed_over) == ("large", "quay.io/acme/x:1", ())
    fallen = remember("eve", size="large", image="quay.io/acme/x:1").question
    assert (fallen.size, fallen.image) == ("small", "lab")
    assert fallen.passed_over == ("size large", "image quay.io/acme/x:1")
    gone = remember(tier="retired", size="large").question
    assert (gone.tier, gone.size) == ("", "")


def test_sizes_that_fit_are_named_and_can_be_named_back():
    fits = list_fitting(pose(POLICY, options={"account": "vision"}))
    assert fits == ("small", "large", "work/small", "work/large")
    assert all(judge(POLICY, options={"tier": f, "account": "vision"}).admitted for f in fits)


def test_a_question_with_choices_can_be_asked_again():
    question = pose(POLICY, options={"tier": "work/large", "image": "quay.io/acme/x:1"})
    assert question_from_json(start().to_json()["question"]) == start().question
    assert question_from_json(judge(POLICY).to_json()["question"]) == judge(POLICY).question
    assert question.candidate is not None
    assert question.candidate.closed_images == ("secret",)


def test_a_tier_without_a_size_or_an_image_for_a_user_is_no_choice():
    tier = POLICY.tiers["work"]
    assert has_choice(POLICY, tier, Asking("eve", Level.USER, "vision"))
    closed = make_policy(SIZED, {"images": {"lab": {"access": {"users": ["root"]}}}})
    assert not has_choice(closed, closed.tiers["work"], Asking("eve", Level.USER, "vision"))
    denied = start("eve", policy=closed)
    assert "image.not_granted" in denied.codes
    assert "Ask an admin for an image." in denied.sentence
    sizes = {"small": {"access": {"users": ["root"]}}}
    unsized = make_policy(SIZED, {"tiers": {"work": {"sizes": sizes}}})
    assert not has_choice(unsized, unsized.tiers["work"], Asking("eve", Level.USER, "vision"))
    denied = start("eve", policy=unsized)
    assert "The size huge of the tier work is not open to eve in vision." in denied.sentence
    assert "Ask an admin for one." in denied.sentence


def test_every_size_is_a_variant_by_its_label():
    labels = [each.label for each in list_variants(POLICY)]
    assert labels == ["small", "large", "gpu", "work/huge", "work/small", "work/large"]
    assert [find_labelled(POLICY, each) for each in labels] == list(list_variants(POLICY))
    assert find_labelled(POLICY, "work/none") is find_labelled(POLICY, "none") is None


def test_accelerators_of_a_size_are_scarce():
    sizes = {"gpu": {"requests": {"cpu": 1, GPU: 1}}}
    policy = make_policy(SIZED, {"tiers": {"work": {"sizes": sizes}}})
    assert policy.accelerators == (GPU,)
    assert start(policy=policy, size="gpu").codes == (f"quota.{GPU}",)


def test_an_image_is_found_by_its_name_and_is_else_what_a_user_named():
    assert find_image(POLICY, "lab").reference == "example/lab:1"
    assert find_image(POLICY, "quay.io/acme/x:1").reference == "quay.io/acme/x:1"
