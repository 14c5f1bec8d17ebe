"""May this server start: every reason against, in words, and what would fit instead."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jupyterhub_platform.core.decision import decide, list_fitting
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.question import ask, subject_of
from jupyterhub_platform.core.question_json import question_from_json
from jupyterhub_platform.core.sentences import join_remedies
from jupyterhub_platform.usecases.decisions import address_decision
from tests.support.policies import (
    GIB,
    GPU,
    NOW,
    Held,
    hold,
    judge,
    list_exceeded,
    make_grant,
    make_policy,
    make_reservation,
    pose,
)

POLICY = make_policy()
GIVE_GPU = {"groups": {"vision": {"member_quota": {GPU: 1}}}}


def member(**quota: Any) -> Mapping[str, Any]:
    return {"groups": {"vision": {"member_quota": quota}}}


# -- who and what: denials without a limit ---------------------------------------------------------


def test_a_start_within_all_limits_is_admitted():
    decision = judge(POLICY)
    assert decision.admitted
    assert (decision.denials, decision.codes, decision.observed) == ((), (), False)
    assert decision.sentence == "small fits."
    assert dict(decision.demand) == {"cpu": 500, "memory": 2 * GIB, "servers": 1}


@pytest.mark.parametrize(
    ("user", "options", "code", "sentence"),
    [
        (
            "dev",
            {"tier": "small", "account": "vision", "cpu": 64},
            "options.invalid",
            (
                "'cpu' is not an option. Name a tier, a size, an account and an image, or leave "
                "them out. What fits now: small, large."
            ),
        ),
        (
            "mallory",
            {"tier": "small", "account": "vision"},
            "person.unknown",
            "mallory is not declared on this platform. Ask an admin to add them.",
        ),
        (
            "vic",
            {"tier": "small", "account": "vision"},
            "level.may_not_start",
            (
                "vic has the level viewer, which opens what is shared with them. "
                "Ask an admin for the level user."
            ),
        ),
        (
            "aud",
            {"tier": "small", "account": "vision"},
            "level.may_not_start",
            (
                "aud has the level auditor, which reads everything, changes nothing. "
                "Ask an admin for the level user."
            ),
        ),
        (
            "lone",
            {"tier": "small"},
            "account.none",
            (
                "lone is in no group that a server can be charged to. Ask an admin to be added to "
                "a group."
            ),
        ),
        (
            "lone",
            {"tier": "small", "account": "vision"},
            "account.none",
            (
                "lone is in no group that a server can be charged to. Ask an admin to be added to "
                "a group."
            ),
        ),
        (
            "dev",
            {"tier": "small"},
            "options.account",
            "dev is in text and vision. Name the account that is charged.",
        ),
        (
            "eve",
            {"tier": "small", "account": "text"},
            "account.not_member",
            "eve is not a member of 'text'. Charge vision, or ask to be added to that group.",
        ),
        (
            "dev",
            {"tier": "small", "account": "other"},
            "account.not_member",
            (
                "dev is not a member of 'other'. Charge text or vision, or ask to be added to that "
                "group."
            ),
        ),
        (
            "eve",
            {"tier": "small", "account": "vision", "image": "nosuch"},
            "options.image",
            (
                "The tier small has no image 'nosuch'. Name one of lab, sci. "
                "What fits now: small, large."
            ),
        ),
        (
            "dev",
            {"account": "vision"},
            "options.tier",
            "No tier is named. Name one of small, large. What fits now: small, large.",
        ),
        (
            "dev",
            {"account": "vision", "tier": "huge"},
            "options.tier",
            "There is no tier 'huge'. Name one of small, large. What fits now: small, large.",
        ),
        (
            "dev",
            {"account": "vision", "tier": "large", "image": "sci"},
            "options.image",
            "The tier large has no image 'sci'. Name one of lab. What fits now: small, large.",
        ),
    ],
)
def test_a_denial_says_what_is_in_the_way_and_what_to_do(user, options, code, sentence):
    decision = judge(POLICY, user, options)
    assert not decision.admitted
    assert decision.codes == (code,)
    assert decision.sentence == sentence


@pytest.mark.parametrize(
    ("requestable", "who"), [(False, "an admin"), (True, "a manager of vision (mia)")]
)
def test_a_tier_that_is_not_open_says_who_opens_it(requestable, who):
    closed = {"access": {"users": ["root"]}, "requestable": requestable}
    policy = make_policy({"tiers": {"gpu": closed}}, GIVE_GPU)
    decision = judge(policy, options={"account": "vision", "tier": "gpu"})
    assert decision.codes == ("tier.not_granted",)
    assert decision.sentence == (
        f"The tier gpu is not open to dev in vision. Ask {who} for it, or use small or large. "
        "What fits now: small, large."
    )


def test_a_tier_that_is_open_in_no_account_is_said_to_be_open_nowhere():
    policy = make_policy({"tiers": {"gpu": {"access": {"users": ["root"]}}}})
    decision = judge(policy, options={"tier": "gpu"})
    assert "The tier gpu is not open to dev. " in decision.sentence


def test_a_person_to_whom_no_tier_is_open_gets_none():
    closed = {name: {"access": {"users": ["root"]}} for name in ("small", "large", "gpu")}
    policy = make_policy({"tiers": closed})
    named = judge(policy)
    assert named.codes == ("tier.not_granted",)
    assert named.sentence == ("The tier small is not open to dev in vision. Ask an admin for it.")
    unnamed = judge(policy, options={"account": "vision"})
    assert unnamed.sentence == "No tier is named. Ask an admin for a tier."
    assert named.fits == unnamed.fits == ()


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("mallory", "mallory is not declared on this platform. {} Ask an admin to add them."),
        (
            "lone",
            (
                "lone is in no group that a server can be charged to. {} Ask an admin to be added "
                "to a group."
            ),
        ),
        (
            "vic",
            (
                "vic has the level viewer, which opens what is shared with them. {} Ask an admin "
                "for the level user."
            ),
        ),
    ],
)
def test_a_user_who_can_start_nothing_is_not_told_to_ask_for_a_tier_as_well(user: str, why: str):
    gone, unnamed = judge(POLICY, user, {"tier": "gone"}), judge(POLICY, user, {})
    after = " After that, name another tier."
    assert gone.sentence == why.format("There is no tier 'gone'.") + after
    assert unnamed.sentence == why.format("No tier is named.") + " After that, name one."


@pytest.mark.parametrize(
    ("access", "user", "account", "open_"),
    [
        ({}, "eve", "vision", True),
        ({"groups": ["vision"]}, "dev", "vision", True),
        ({"groups": ["vision"]}, "dev", "text", False),
        ({"users": ["eve"]}, "eve", "vision", True),
        ({"users": ["eve"]}, "dev", "vision", False),
        ({"levels": ["developer"]}, "dev", "text", True),
        ({"levels": ["developer"]}, "eve", "vision", False),
        ({"levels": ["developer"], "users": ["eve"]}, "eve", "vision", True),
    ],
)
def test_a_tier_is_open_to_groups_users_and_levels(access, user, account, open_):
    policy = make_policy({"tiers": {"small": {"access": access}}})
    decision = judge(policy, user, {"tier": "small", "account": account})
    assert decision.admitted is open_
    assert decision.codes == (() if open_ else ("tier.not_granted",))


def test_every_reason_is_given_at_once_and_options_come_first():
    policy = make_policy(
        {"tiers": {"small": {"access": {"users": ["root"]}}}}, member(servers=0, memory="1Gi")
    )
    options = {"tier": "small", "account": "vision", "image": "no", "x": 1, "y": 2}
    decision = judge(policy, "eve", options)
    assert decision.codes == (
        "options.invalid",
        "tier.not_granted",
        "options.image",
        "quota.servers",
        "quota.memory",
    )
    assert len(decision.denials) == 6


def test_names_in_a_sentence_cannot_pass_for_anything_else():
    options = {"tier": "<b>small</b>", "account": "vi\u0455ion", "image": "'; --"}
    decision = judge(POLICY, options=options)
    assert decision.codes == ("account.not_member", "options.tier")
    assert r"'vi\u0455ion'" in decision.sentence
    assert decision.sentence.isascii()


# -- limits, word by word --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "tier", "code", "reason", "remedy"),
    [
        (
            member(servers=2),
            "small",
            "quota.servers",
            "dev holds 2 of 2 servers in vision, and small is 1 more.",
            "Stop a server, or ask a manager of vision (mia).",
        ),
        (
            member(servers=1),
            "small",
            "quota.servers",
            "dev holds 2 of 1 server in vision (over by 1 server), and small is 1 more.",
            "Stop a server, or ask a manager of vision (mia).",
        ),
        (
            member(cpu="4"),
            "large",
            "quota.cpu",
            "dev holds 2.5 of 4 CPU in vision, and large asks for 2 CPU.",
            "Stop a server, or ask a manager of vision (mia).",
        ),
        (
            member(memory="8Gi"),
            "large",
            "quota.memory",
            "dev holds 6 of 8 GiB in vision, and large asks for 4 GiB.",
            "Stop a server, or ask a manager of vision (mia).",
        ),
        (
            member(memory="4Gi"),
            "large",
            "quota.memory",
            "dev holds 6 of 4 GiB in vision (over by 2 GiB), and large asks for 4 GiB.",
            "Stop a server, or ask a manager of vision (mia).",
        ),
        (
            member(memory="1Gi"),
            "small",
            "quota.memory",
            "dev holds 6 of 1 GiB in vision (over by 5 GiB), and small asks for 2 GiB.",
            "Ask a manager of vision (mia).",
        ),
        (
            {"users": {"dev": {"quota": {"memory": "6Gi"}}}},
            "small",
            "quota.memory",
            "dev holds 6 of 6 GiB, and small asks for 2 GiB.",
            "Stop a server, or ask an admin (root).",
        ),
        (
            {"groups": {"vision": {"quota": {"memory": "9Gi"}}}},
            "small",
            "quota.memory",
            "vision holds 8 of 9 GiB, and small asks for 2 GiB.",
            "Wait until a server stops, or ask an admin (root).",
        ),
        (
            {"quota": {"memory": "9Gi"}},
            "small",
            "capacity.memory",
            "The platform holds 8 of 9 GiB, and small asks for 2 GiB.",
            "Wait until a server stops, or ask an admin (root).",
        ),
        (
            {"quota": {"servers": 3}},
            "small",
            "capacity.servers",
            "The platform holds 3 of 3 servers, and small is 1 more.",
            "Wait until a server stops, or ask an admin (root).",
        ),
        (
            {"tiers": {"large": {"at_once": {"user": 1}}}},
            "large",
            "quota.tier",
            "dev holds 1 of 1 large server, and large is 1 more.",
            "Stop a server, or ask an admin (root).",
        ),
        (
            {"tiers": {"small": {"at_once": {"account": 2}}}},
            "small",
            "quota.tier",
            "vision holds 2 of 2 small servers, and small is 1 more.",
            "Wait until a server stops, or ask an admin (root).",
        ),
        (
            {"tiers": {"small": {"at_once": {"platform": 2}}}},
            "small",
            "capacity.tier",
            "All together hold 2 of 2 small servers, and small is 1 more.",
            "Wait until a server stops, or ask an admin (root).",
        ),
        (
            {"tiers": {"small": {"at_once": {"platform": 1}}}},
            "small",
            "capacity.tier",
            "All together hold 2 of 1 small server (over by 1 server), and small is 1 more.",
            "Wait until a server stops, or ask an admin (root).",
        ),
        (
            {},
            "gpu",
            "quota.nvidia.com/gpu",
            "dev holds 0 of 0 GPU in vision, and gpu asks for 1 GPU.",
            "Ask a manager of vision (mia).",
        ),
    ],
)
def test_an_exceeded_limit_says_held_limit_asked_and_who_raises_it(
    changes, tier, code, reason, remedy
):
    policy = make_policy(changes)
    held = (
        hold(POLICY, "small", "dev", "a", "vision"),
        hold(POLICY, "large", "dev", "b", "vision"),
        hold(POLICY, "small", "eve", "", "vision"),
    )
    decision = judge(policy, options={"account": "vision", "tier": tier}, held=held)
    assert not decision.admitted
    (denial,) = decision.denials
    assert (denial.code, denial.reason, denial.remedy) == (code, reason, remedy)
    fits = f"What fits now: {', '.join(decision.fits)}." if decision.fits else "No tier fits now."
    assert decision.sentence == f"{reason} {remedy} {fits}"


def test_a_group_without_managers_sends_to_an_admin():
    policy = make_policy({"groups": {"text": {"member_quota": {"servers": 1}}}})
    held = (hold(policy, "small", "dev", "a", "text"),)
    decision = judge(policy, options={"account": "text", "tier": "small"}, held=held)
    assert decision.denials[0].remedy == "Stop a server, or ask an admin (root)."


# -- advice that the caller can follow ------------------------------------------------------------

MIA_TOO = {"groups": {"vision": {"members": ["mia"]}}}
MAX = {"users": {"max": {"level": "manager"}}, "groups": {"vision": {"managers": ["mia", "max"]}}}
SECOND_ADMIN = {"users": {"ruth": {"level": "admin"}}}
CLOSED_GPU = {"tiers": {"gpu": {"access": {"users": ["eve"]}, "requestable": True}}}


@pytest.mark.parametrize(
    ("changes", "user", "account", "remedy"),
    [
        ([MIA_TOO, MAX], "mia", "vision", "Stop a server, or ask a manager of vision (max)."),
        ([MIA_TOO], "mia", "vision", "Stop a server, or ask an admin (root)."),
        ([], "root", "text", "Stop a server, or raise it in the policy."),
        ([SECOND_ADMIN], "root", "text", "Stop a server, or ask an admin (ruth)."),
    ],
)
def test_no_user_is_told_to_ask_themselves_to_raise_a_limit(changes, user, account, remedy):
    quota = {"groups": {account: {"member_quota": {"servers": 1}}}}
    policy = make_policy(quota, *changes)
    held = (hold(policy, "small", user, "a", account),)
    decision = judge(policy, user, {"account": account, "tier": "small"}, held=held)
    assert [denial.remedy for denial in decision.denials] == [remedy]


@pytest.mark.parametrize(
    ("changes", "user", "account", "remedy"),
    [
        ([MIA_TOO, MAX], "mia", "vision", "Ask a manager of vision (max) for it"),
        ([MIA_TOO], "mia", "vision", "Ask an admin (root) for it"),
        ([], "dev", "text", "Ask an admin (root) for it"),
        ([], "root", "text", "Open it in the policy"),
        ([SECOND_ADMIN], "root", "text", "Ask an admin (ruth) for it"),
    ],
)
def test_no_user_is_told_to_ask_themselves_for_a_tier(changes, user, account, remedy):
    policy = make_policy(CLOSED_GPU, *changes)
    decision = judge(policy, user, {"account": account, "tier": "gpu"})
    assert decision.denials[0].remedy == f"{remedy}, or use small or large."


def test_an_admin_is_told_what_to_write_into_the_policy():
    closed = {name: {"access": {"users": ["eve"]}} for name in ("small", "large", "gpu")}
    policy = make_policy({"tiers": closed})
    named = judge(policy, "root", {"account": "text", "tier": "small"})
    assert named.denials[0].remedy == "Open it in the policy."
    unnamed = judge(policy, "root", {"account": "text"})
    assert unnamed.denials[0].remedy == "Open a tier in the policy."
    alone = make_policy({"groups": {"text": {"members": ["dev"]}}})
    nowhere = judge(alone, "root", {"tier": "small"})
    assert nowhere.denials[0].remedy == "Add them to a group in the policy."


def test_remedy_for_several_limits_is_given_once():
    policy = make_policy(
        {"users": {"dev": {"quota": {"cpu": 1}}, "root": {"quota": {"cpu": 1}}}},
        {"groups": {"text": {"quota": {"memory": "6Gi"}}}, "quota": {"memory": "6Gi"}},
    )
    held = (hold(policy, "large", "eve", "a", "text"),)
    large = {"account": "text", "tier": "large"}
    decision = judge(policy, options=large, held=held)
    assert [denial.remedy for denial in decision.denials] == [
        "Ask an admin (root).",
        "Wait until a server stops, or ask an admin (root).",
        "Wait until a server stops, or ask an admin (root).",
    ]
    assert decision.remedies == ("Ask an admin (root).",)
    assert decision.sentence.endswith("asks for 4 GiB. Ask an admin (root). What fits now: small.")
    own = judge(policy, "root", large, held=held)
    assert own.sentence.endswith("asks for 4 GiB. Raise it in the policy. What fits now: small.")


def test_tiers_that_do_not_fit_now_are_not_recommended():
    policy = make_policy(CLOSED_GPU, GIVE_GPU, member(servers=1))
    held = (hold(policy, "small", "dev", "a", "vision"),)
    closed = judge(policy, options={"account": "vision", "tier": "gpu"}, held=held)
    assert closed.sentence == (
        "The tier gpu is not open to dev in vision. dev holds 1 of 1 server in vision, and gpu is "
        "1 more. Ask a manager of vision (mia) for it. Stop a server, or ask a manager of vision "
        "(mia). No tier fits now."
    )
    small_only = make_policy(CLOSED_GPU, GIVE_GPU, member(memory="5Gi"))
    (denial,) = judge(small_only, options={"account": "vision", "tier": "gpu"}, held=held).denials
    assert denial.remedy == "Ask a manager of vision (mia) for it, or use small."
    unnamed = judge(policy, options={"account": "vision"}, held=held)
    assert unnamed.sentence == "No tier is named. Name one of small, large. No tier fits now."


def test_amounts_of_different_size_each_have_their_unit():
    policy = make_policy(
        member(memory="1Gi"), {"tiers": {"small": {"requests": {"memory": "768Mi"}}}}
    )
    held = (hold(policy, "small", "dev", "a", "vision"),)
    (denial,) = judge(policy, held=held).denials
    assert denial.reason == "dev holds 768 MiB of 1 GiB in vision, and small asks for 768 MiB."


def test_a_denial_carries_its_numbers():
    policy = make_policy(member(memory="7Gi"))
    held = (hold(policy, "large", "dev", "a", "vision"),)
    decision = judge(policy, options={"account": "vision", "tier": "large"}, held=held)
    assert decision.denials[0].to_json() == {
        "code": "quota.memory",
        "reason": "dev holds 4 of 7 GiB in vision, and large asks for 4 GiB.",
        "remedy": "Stop a server, or ask a manager of vision (mia).",
        "scope": {"kind": "member", "account": "vision", "user": "dev"},
        "resource": "memory",
        "limit": 7 * GIB,
        "held": 4 * GIB,
        "left": 3 * GIB,
        "path": "groups.vision.member_quota.memory",
        "granted": 0,
        "raised_by": ["mia"],
        "raised_by_managers": True,
        "by_pods": 0,
        "asked": 4 * GIB,
        "missing": GIB,
    }


def test_every_exceeded_limit_is_named_from_the_nearest_to_the_widest():
    policy = make_policy(
        member(servers=1),
        {
            "users": {"dev": {"quota": {"servers": 1}}},
            "groups": {"vision": {"quota": {"servers": 1}}},
            "quota": {"servers": 1},
            "tiers": {"small": {"at_once": {"user": 1, "account": 1, "platform": 1}}},
        },
    )
    decision = judge(policy, held=(hold(policy, "small", "dev", "a", "vision"),))
    assert [denial.limit.scope.kind for denial in decision.denials if denial.limit] == [
        *("member", "user", "account", "platform"),
        *("tier-user", "tier-account", "tier"),
    ]
    assert decision.codes == ("quota.servers", "capacity.servers", "quota.tier", "capacity.tier")
    assert decision.sentence.count("Stop a server, or ask an admin (root).") == 1


def test_lowering_a_limit_stops_nothing_and_says_over_by_how_much():
    before, after = make_policy(member(servers=3)), make_policy(member(servers=1))
    held = [hold(before, "small", "dev", server, "vision") for server in ("a", "b", "c")]
    assert judge(before, held=held[:2]).admitted
    decision = judge(after, held=held)
    assert decision.denials[0].reason == (
        "dev holds 3 of 1 server in vision (over by 2 servers), and small is 1 more."
    )
    assert decision.denials[0].missing == 3


def test_exceeded_limit_of_a_resource_that_a_tier_does_not_use_does_not_deny_it():
    policy = make_policy(member(**{GPU: 1}), {"users": {"dev": {"quota": {GPU: 0}}}})
    held = (hold(policy, "gpu", "dev", "a", "vision"),)
    assert judge(policy, held=held).admitted
    assert judge(policy, held=held, options={"account": "vision", "tier": "gpu"}).codes == (
        "quota.nvidia.com/gpu",
    )


# -- accelerators and grants -----------------------------------------------------------------------


def test_grant_to_a_group_is_shared_by_its_members():
    policy = make_policy({"grants": [make_grant(group="vision", add={GPU: 1})]})
    first = hold(policy, "gpu", "dev", "one", "vision")
    assert judge(policy, "dev", {"tier": "gpu", "account": "vision"}).admitted
    decision = judge(policy, "eve", {"tier": "gpu", "account": "vision"}, [first])
    assert [d.limit.scope.kind for d in decision.denials if d.limit] == ["account"]


def test_grant_to_a_user_counts_once_over_all_accounts():
    policy = make_policy({"grants": [make_grant(user="dev", add={GPU: 1})]})
    first = hold(policy, "gpu", "dev", "one", "vision")
    assert judge(policy, "dev", {"tier": "gpu", "account": "text"}).admitted
    decision = judge(policy, "dev", {"tier": "gpu", "account": "text"}, [first])
    assert [d.limit.scope.kind for d in decision.denials if d.limit] == ["user"]


@pytest.mark.parametrize(
    "changes",
    [
        member(**{GPU: 1}),
        {"groups": {"vision": {"quota": {GPU: 1}}}},
        {"users": {"dev": {"quota": {GPU: 1}}}},
        {"groups": {"vision": {"users": {"dev": {GPU: "unlimited"}}}}},
        {"defaults": {"user_quota": {GPU: 1}}},
    ],
)
def test_an_accelerator_is_denied_unless_a_rule_grants_it(changes):
    options = {"account": "vision", "tier": "gpu"}
    assert judge(POLICY, options=options).codes == ("quota.nvidia.com/gpu",)
    assert judge(make_policy({"quota": {GPU: 8}}), options=options).codes == (
        "quota.nvidia.com/gpu",
    )
    assert judge(make_policy(changes), options=options).admitted


@pytest.mark.parametrize(
    ("grant", "user", "account", "admitted"),
    [
        ({"user": "dev"}, "dev", "vision", True),
        ({"user": "dev"}, "dev", "text", True),
        ({"user": "dev"}, "eve", "vision", False),
        ({"user": "dev", "account": "vision"}, "dev", "vision", True),
        ({"user": "dev", "account": "vision"}, "dev", "text", False),
        ({"group": "vision"}, "dev", "vision", True),
        ({"group": "vision"}, "eve", "vision", True),
        ({"group": "vision"}, "dev", "text", False),
        ({"user": "dev", "from": "2026-03-02T09:30:00Z"}, "dev", "vision", True),
        ({"user": "dev", "from": "2026-03-02T09:30:01Z"}, "dev", "vision", False),
        ({"user": "dev", "until": "2026-03-02T09:30:01Z"}, "dev", "vision", True),
        ({"user": "dev", "until": "2026-03-02T09:30:00Z"}, "dev", "vision", False),
    ],
)
def test_a_grant_adds_while_it_lives_to_whom_it_is_for(grant, user, account, admitted):
    policy = make_policy({"grants": [make_grant(add={GPU: 1}, **grant)]})
    decision = judge(policy, user, {"account": account, "tier": "gpu"})
    assert decision.admitted is admitted
    assert decision.codes == (() if admitted else ("quota.nvidia.com/gpu",))


@pytest.mark.parametrize(
    ("grant", "user", "account", "admitted"),
    [
        ({"user": "dev"}, "dev", "text", True),
        ({"user": "dev", "account": "text"}, "dev", "vision", False),
        ({"group": "vision"}, "eve", "vision", True),
        ({"group": "vision"}, "dev", "text", False),
        ({"user": "dev", "until": "2026-03-02T09:00:00Z"}, "dev", "text", False),
    ],
)
def test_a_grant_opens_a_tier_while_it_lives(grant, user, account, admitted):
    policy = make_policy(
        {
            "tiers": {"large": {"access": {"users": ["root"]}}},
            "grants": [make_grant(tier="large", **grant)],
        }
    )
    decision = judge(policy, user, {"account": account, "tier": "large"})
    assert decision.admitted is admitted
    assert decision.codes == (() if admitted else ("tier.not_granted",))


def test_a_grant_of_one_tier_opens_no_other():
    closed = {name: {"access": {"users": ["root"]}} for name in ("small", "large")}
    policy = make_policy({"tiers": closed, "grants": [make_grant(user="dev", tier="large")]})
    assert judge(policy, options={"account": "vision", "tier": "large"}).admitted
    assert not judge(policy, options={"account": "vision", "tier": "small"}).admitted


def test_an_ended_grant_leaves_servers_running_and_says_over_by_how_much():
    policy = make_policy(
        member(servers=1),
        {"grants": [make_grant(user="dev", add={"servers": 1}, until="2026-03-02T10:00:00Z")]},
    )
    held = [hold(policy, "small", "dev", "a", "vision")]
    assert judge(policy, held=held).admitted
    held.append(hold(policy, "small", "dev", "b", "vision"))
    later = judge(policy, held=held, now=NOW + timedelta(hours=1))
    assert "2 of 1 server in vision (over by 1 server)" in later.sentence


# -- tiers that observe ----------------------------------------------------------------------------


def test_a_tier_that_observes_is_admitted_over_its_limits_and_says_so():
    policy = make_policy(member(servers=0), {"tiers": {"small": {"observe": True}}})
    decision = judge(policy)
    assert decision.admitted
    assert decision.observed
    assert decision.codes == ("quota.servers",)
    assert decision.to_json()["observed"] is True
    assert decision.fits == ()
    assert decision.sentence.startswith("dev holds 0 of 0 servers in vision, and small is 1 more.")


def test_a_tier_that_observes_within_its_limits_is_nothing_special():
    decision = judge(make_policy({"tiers": {"small": {"observe": True}}}))
    assert (decision.admitted, decision.observed) == (True, False)


@pytest.mark.parametrize(
    ("user", "options"),
    [
        ("dev", {"tier": "small", "account": "vision", "cpu": 1}),
        ("dev", {"tier": "small", "account": "vision", "image": "no"}),
        ("dev", {"tier": "small"}),
        ("eve", {"tier": "small", "account": "text"}),
        ("vic", {"tier": "small", "account": "vision"}),
        ("mallory", {"tier": "small", "account": "vision"}),
        ("lone", {"tier": "small", "account": "vision"}),
    ],
)
def test_a_tier_that_observes_denies_what_is_no_matter_of_limits(user, options):
    policy = make_policy(member(servers=0), {"tiers": {"small": {"observe": True}}})
    decision = judge(policy, user, options)
    assert not decision.admitted
    assert not decision.observed


# -- what fits -------------------------------------------------------------------------------------


def test_fitting_tiers_are_those_admitted_in_the_order_of_the_policy():
    policy = make_policy(member(memory="7Gi", **{GPU: 1}))
    held = (hold(policy, "large", "dev", "a", "vision"),)
    decision = judge(policy, options={"account": "vision", "tier": "large"}, held=held)
    assert decision.fits == ("small", "gpu")
    assert decision.sentence.endswith("What fits now: small, gpu.")


def test_nothing_fits_a_user_who_may_not_start_or_has_no_account():
    for user, options in (
        ("vic", {"tier": "small", "account": "vision"}),
        ("mallory", {"tier": "small", "account": "vision"}),
        ("dev", {"tier": "small"}),
        ("eve", {"tier": "small", "account": "text"}),
    ):
        assert judge(POLICY, user, options).fits == ()


# -- properties ------------------------------------------------------------------------------------

USERS = ("root", "mia", "dev", "eve")
TIERS = ("small", "large", "gpu")
ACCOUNTS = {"dev": ("vision", "text"), "eve": ("vision",), "mia": ("vision",), "root": ("text",)}


def quotas() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "servers": st.integers(0, 4) | st.just("unlimited"),
            "cpu": st.sampled_from([0, "500m", 1, "2500m", 4, "unlimited"]),
            "memory": st.sampled_from(["0", "2Gi", "5Gi", "8Gi"]),
            GPU: st.integers(0, 2),
        },
    )


def counts() -> st.SearchStrategy[dict[str, int]]:
    return st.fixed_dictionaries(
        {}, optional={key: st.integers(1, 3) for key in ("platform", "account", "user")}
    )


def instants() -> st.SearchStrategy[str]:
    # Before, at and after the time of the question.
    hours = st.sampled_from([-2, -1, 1, 2])
    return hours.map(lambda hour: (NOW + timedelta(hours=hour)).isoformat())


@st.composite
def grants(draw: st.DrawFn) -> dict[str, Any]:
    who = draw(
        st.sampled_from(
            [
                {"user": "dev"},
                {"user": "dev", "account": "text"},
                {"group": "vision"},
                {"user": "eve"},
            ]
        )
    )
    add = draw(st.fixed_dictionaries({}, optional={"servers": st.just(1), GPU: st.just(1)}))
    starts, until = sorted(draw(st.tuples(instants(), instants())))
    tier = draw(st.sampled_from([{}, {"tier": "gpu"}]))
    return make_grant(add=add, **who, **tier, **{"from": starts, "until": until})


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "quota": draw(
            st.fixed_dictionaries({}, optional={"servers": st.integers(1, 5), GPU: st.just(1)})
        ),
        "defaults": {
            "user_quota": draw(quotas()),
            "member_quota": draw(quotas()),
            "group_quota": draw(quotas()),
        },
        "groups": {
            "vision": {
                "quota": draw(quotas()),
                "member_quota": draw(quotas()),
                "users": {"dev": draw(quotas())},
            }
        },
        "users": {"dev": {"level": "developer", "quota": draw(quotas())}},
        "tiers": {
            "small": {"at_once": draw(counts())},
            "large": {"at_once": draw(counts()), "observe": draw(st.booleans())},
            "gpu": {
                "access": draw(st.sampled_from([{}, {"users": ["eve"]}, {"groups": ["text"]}])),
                "requestable": draw(st.booleans()),
            },
        },
        "grants": draw(st.lists(grants(), max_size=2)),
    }


HOLDINGS = st.lists(
    st.sampled_from([(u, a, t) for u, of in ACCOUNTS.items() for a in of for t in TIERS]),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(
    changes(),
    HOLDINGS,
    st.sampled_from([(u, a) for u, of in ACCOUNTS.items() for a in of]),
    st.sampled_from(TIERS),
)
def test_a_server_is_admitted_exactly_if_it_exceeds_no_limit(change, holdings, who, tier):
    try:
        policy = make_policy(change)
    except PolicyError:
        assume(False)
    user, account = who
    held = [hold(policy, t, u, str(n), a) for n, (u, a, t) in enumerate(holdings)]
    new = hold(policy, tier, user, "new", account)

    def may_use(name: str) -> bool:
        level = policy.people[user].level
        return policy.may_use(policy.tiers[name], user, level, account, NOW)

    decision = judge(policy, user, {"tier": tier, "account": account}, held)
    exceeded = list_exceeded(policy, held, new)
    assert [
        (d.limit.scope, d.limit.resource) for d in decision.denials if d.limit is not None
    ] == exceeded
    within = not exceeded and may_use(tier)
    assert decision.admitted is (within or (may_use(tier) and policy.tiers[tier].observe))
    assert decision.observed is (decision.admitted and not within)
    fitting = tuple(
        name
        for name in policy.tiers
        if may_use(name)
        and not list_exceeded(policy, held, hold(policy, name, user, "new", account))
    )
    assert list_fitting(decision.question) == fitting
    assert decision.fits == ((tier,) if within else fitting)


@settings(max_examples=100, deadline=None)
@given(
    changes(),
    HOLDINGS,
    st.sampled_from([*USERS, "vic", "lone", "mallory"]),
    st.builds(
        Options,
        tier=st.sampled_from(["", *TIERS, "nosuch"]),
        account=st.sampled_from(["", "vision", "text", "nosuch"]),
        image=st.sampled_from(["", "lab", "sci", "nosuch"]),
        faults=st.sampled_from([(), ("'cpu' is not an option.",)]),
    ),
)
def test_a_decision_can_be_made_again_from_what_was_written_down(change, holdings, user, options):
    try:
        policy = make_policy(change)
    except PolicyError:
        assume(False)
    held = [hold(policy, t, u, str(n), a) for n, (u, a, t) in enumerate(holdings)]
    subject = subject_of(policy, user, frozenset(), None)
    question = ask(policy, Held(tuple(held)), subject, "s", options, now=NOW, revision=1)
    decision = decide(question)
    written = json.loads(json.dumps(decision.to_json()))
    again = decide(question_from_json(written["question"]))
    assert again == decision
    assert again.to_json() == decision.to_json() == written
    assert decision.sentence
    assert "  " not in decision.sentence
    assert decision.sentence.isprintable()


def test_a_decision_as_json_has_all_of_it():
    data = judge(make_policy(member(servers=0))).to_json()
    assert set(data) == {
        *("admitted", "observed", "sentence", "codes", "denials", "fits", "user", "server"),
        *("tier", "size", "account", "image", "demand", "question"),
    }
    assert data["question"]["at"] == datetime(2026, 3, 2, 9, 30, tzinfo=UTC).isoformat()
    assert data["question"]["revision"] == 4
    assert (data["tier"], data["account"], data["image"]) == ("small", "vision", "lab")


def test_reservations_of_unknown_tiers_count_towards_everything_else():
    policy = make_policy(member(servers=1))
    held = (make_reservation(tier="retired"),)
    assert judge(policy, held=held).codes == ("quota.servers",)
    assert pose(policy, held=held).candidates[0].limits == ()


# -- said to the user themselves -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "options", "told"),
    [
        (
            "vic",
            {"tier": "small", "account": "vision"},
            "You have the level viewer, which opens what is shared with you.",
        ),
        ("stranger", {"tier": "small", "account": "vision"}, "You are not declared on this"),
        ("dev", {"tier": "large", "account": "vision"}, "large is not open to you in vision."),
        ("eve", {"tier": "small", "account": "text"}, "You are not a member of 'text'."),
    ],
)
def test_users_are_addressed_in_their_own_denials(
    user: str, options: dict[str, str], told: str
) -> None:
    closed = make_policy({"tiers": {"large": {"access": {"users": ["root"]}}}})
    decision = judge(closed, user=user, options=options)
    said = decision.say_to(user)
    assert told in said
    assert f"{user} " not in said
    assert told not in decision.sentence
    addressed, recorded = decision.to_json(to=user), decision.to_json()
    assert (addressed["sentence"], recorded["sentence"]) == (said, decision.sentence)
    reasons = [denial["reason"] for denial in addressed["denials"]]
    assert reasons == [denial.say_to(user) for denial in decision.denials]
    assert address_decision(recorded, user) == addressed


def test_a_limit_of_their_own_is_said_to_the_user_and_that_of_a_group_is_not() -> None:
    own = make_policy(member(servers=0))
    (denial,) = judge(own).denials
    assert denial.say_to("dev").startswith("You hold 0 of 0 servers in vision")
    # Even if the group is called as they are.
    shared = make_policy({"groups": {"vision": {"quota": {"servers": 0}}}})
    (denial,) = judge(shared).denials
    assert denial.say_to("vision") == denial.reason
    assert denial.reason.startswith("vision holds 0 of 0 servers")


def test_a_remedy_that_another_one_says_too_is_said_once() -> None:
    both = ("Ask a manager of vision (mia) for it.", "Ask a manager of vision (mia).")
    assert join_remedies(both) == both[:1]
    assert join_remedies(("Ask an admin.", "Ask an admiral.")) == (
        "Ask an admin.",
        "Ask an admiral.",
    )
