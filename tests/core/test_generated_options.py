"""Of many thousand options, those that name what the policy opens are admitted, and no others."""

import json
from typing import Any

import pytest

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.options import OPTION_NAMES, PROFILE, read_options
from jupyterhub_platform.core.question_json import question_from_json
from tests.support.hostile_input import any_options
from tests.support.policies import make_policy, pose
from tests.support.seeds import dice_for

CLOSED = {
    "requests": {"cpu": 64, "memory": "1Gi"},
    "images": ["lab"],
    "access": {"users": ["root"]},
}
POLICY = make_policy({"defaults": {"tier": "small"}, "tiers": {"closed": CLOSED}})
IMAGES = {"small": ("lab", "sci"), "large": ("lab",)}
"""What dev may start in vision or text: the tiers that are open, and the images of each."""


def is_good(options: Any) -> bool:
    """Tell whether options name what dev may start; dev is in two accounts and must say which."""
    known = (*OPTION_NAMES, PROFILE)
    if not isinstance(options, dict) or not set(options) <= set(known):
        return False
    named = {name: options.get(name, "") for name in known}
    if not all(isinstance(value, str) for value in named.values()):
        return False
    if named[PROFILE] and named["tier"] not in {"", named[PROFILE]}:
        return False
    tier = named["tier"] or named[PROFILE] or "small"
    images = IMAGES.get(tier, ())
    return named["account"] in {"vision", "text"} and (named["image"] or "lab") in images


@pytest.mark.parametrize("number", [5_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_options_are_admitted_if_they_name_what_is_open_and_nothing_else(number: int) -> None:
    dice, admitted = dice_for("options"), 0
    for _ in range(number):
        options = any_options(dice)
        question = pose(POLICY, "dev", options if options is not None else "null")
        decision = decide(question)
        assert decision.admitted is is_good(options), options
        assert decision.sentence.isprintable()
        assert len(decision.sentence) < 4_000
        if decision.admitted:
            admitted += 1
            assert decision.demand == POLICY.tiers[decision.question.tier].demand
        written = json.loads(json.dumps(decision.to_json()))
        assert decide(question_from_json(written["question"])) == decision
        named = read_options(options)
        assert not named.faults or "options.invalid" in decision.codes
    print(f"{number} options, {admitted} admitted")
    assert admitted > number / 500
