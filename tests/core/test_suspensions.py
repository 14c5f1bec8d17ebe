"""A suspended user starts nothing, by any caller, for as long as it is in force."""

import json
from datetime import timedelta

import pytest

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.core.question import ask, subject_of
from jupyterhub_platform.core.question_json import question_from_json, question_to_json
from jupyterhub_platform.core.suspensions import RevokedShare, Suspension
from tests.support.policies import NOW, Held, make_policy

SOON = NOW + timedelta(hours=1)
DECLARED = make_policy({"users": {"dev": {"suspended": {"reason": "away", "until": str(SOON)}}}})
PLAIN = make_policy()


def judge(policy, suspension):
    subject = subject_of(policy, "dev", frozenset(), suspension)
    options = read_options({"tier": "small", "account": "vision"})
    return decide(ask(policy, Held(), subject, "", options, now=NOW, revision=1))


def test_denies_with_the_end_and_offers_nothing():
    decision = judge(PLAIN, Suspension("secret reason", SOON))
    assert not decision.admitted
    assert decision.codes == ("person.suspended",)
    assert decision.sentence == "dev is suspended until 02 Mar 2026 10:30 UTC. Ask an admin."
    assert decision.fits == ()
    assert "secret reason" not in json.dumps(decision.to_json())


def test_an_observing_tier_does_not_let_them_in():
    observing = make_policy({"tiers": {"small": {"observe": True}}})
    assert not judge(observing, Suspension("away")).admitted


def test_question_is_asked_again_with_the_same_answer():
    question = judge(PLAIN, Suspension("away", SOON)).question
    assert question_from_json(json.loads(json.dumps(question_to_json(question)))) == question


@pytest.mark.parametrize(
    ("policy", "others", "at", "path"),
    [
        (PLAIN, {}, NOW, None),
        (PLAIN, {"dev": Suspension("away")}, NOW, ""),
        (PLAIN, {"dev": Suspension("away", SOON)}, SOON - timedelta(seconds=1), ""),
        (PLAIN, {"dev": Suspension("away", SOON)}, SOON, None),
        (DECLARED, {}, NOW, "users.dev.suspended"),
        (DECLARED, {"dev": Suspension("away")}, NOW, "users.dev.suspended"),
        (DECLARED, {"dev": Suspension("away")}, SOON, ""),
        (DECLARED, {}, SOON, None),
    ],
)
def test_suspension_is_in_force_until_its_end_and_declared_ones_first(policy, others, at, path):
    found = policy.suspension_of("dev", others, at)
    assert (found and found.path) == path if path else found is None or found.path == path
    assert (found is None) == (path is None)
    assert policy.list_suspended(others, at) == (() if path is None else ("dev",))
    assert policy.suspension_of("eve", others, at) is None


@pytest.mark.parametrize(("kind", "people"), [("user", {"owner", "visitor"}), ("group", {"owner"})])
def test_a_share_ends_with_each_person_whom_it_is_of(kind, people):
    share = RevokedShare("owner", "owner", "", kind, "visitor", "access", 1, 2, 3, NOW)
    assert share.people == people


def test_an_admin_whom_a_suspension_keeps_out_is_not_let_in():
    assert PLAIN.admins_let_in({}, NOW) == PLAIN.admins()
    (admin,) = PLAIN.admins()
    assert PLAIN.admins_let_in({admin: Suspension("away", SOON)}, NOW) == ()
    assert PLAIN.admins_let_in({admin: Suspension("away", SOON)}, SOON) == (admin,)
