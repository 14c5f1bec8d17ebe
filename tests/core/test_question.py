"""What is asked: options are names and nothing else, defaults are filled in, held is looked up."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.levels import LEVELS, Level
from jupyterhub_platform.core.options import (
    OPTION_NAMES,
    PROFILE,
    Options,
    keep_meant,
    read_options,
)
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import (
    Question,
    Subject,
    ask,
    limit_to_json,
    may_start_servers,
    raised_by,
    subject_of,
)
from jupyterhub_platform.core.question_json import question_from_json, question_to_json
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resources import Resources
from tests.support.policies import (
    GIB,
    GPU,
    NOW,
    Held,
    hold,
    make_grant,
    make_policy,
    make_reservation,
    pose,
)

POLICY = make_policy()
OF_ANOTHER = "options that name nothing"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
LIKE_OPTIONS = st.dictionaries(st.sampled_from((*OPTION_NAMES, PROFILE)) | st.text(), JSON)


def test_options_that_were_left_out_are_left_open():
    assert read_options(None) == read_options({}) == Options()


def test_options_are_read():
    found = read_options({"tier": "small", "account": "vision", "image": "lab"})
    assert found == Options("small", "vision", "lab")


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ([], "Options are an object with the keys tier, size, account and image."),
        ("small", "Options are an object with the keys tier, size, account and image."),
        ({"profile": 3}, "The option profile is a name, not a number."),
        ({"mem_limit": "64G"}, "'mem_limit' is not an option."),
        ({"<script>\u202e": 1}, r"'<script>\u202e' is not an option."),
        ({"k" * 65: 1}, f"{'k' * 64!r} is not an option."),
        ({1: "small"}, "'1' is not an option."),
        ({"tier": 3}, "The option tier is a name, not a number."),
        ({"tier": 0.5}, "The option tier is a name, not a number."),
        ({"tier": True}, "The option tier is a name, not a truth value."),
        ({"tier": None}, "The option tier is a name, not a null."),
        ({"image": ["lab"]}, "The option image is a name, not a list."),
        ({"account": {"name": "vision"}}, "The option account is a name, not a structure."),
        ({"tier": "s" * 65}, "The option tier is not a name."),
        ({"tier": "small\n"}, "The option tier is not a name."),
        ({"tier": "small\0"}, "The option tier is not a name."),
        ({"tier": "\u202esmall"}, "The option tier is not a name."),
        ({"tier": "\ud800"}, "The option tier is not a name."),
    ],
)
def test_option_that_is_no_name_is_a_fault(raw, fault):
    assert read_options(raw) == Options(faults=(fault,))


@pytest.mark.parametrize("also", [{}, {"tier": ""}, {"tier": "small"}])
def test_a_profile_is_a_tier_by_another_name(also):
    assert read_options({"profile": "small", **also}) == Options("small")
    assert read_options({"profile": "", **also}) == Options(also.get("tier", ""))


def test_a_profile_that_is_not_the_tier_is_a_fault():
    fault = "The options tier and profile name different tiers."
    assert read_options({"tier": "small", "profile": "gpu"}) == Options("small", faults=(fault,))


def test_the_longest_name_is_read():
    assert read_options({"tier": "s" * 64}) == Options("s" * 64)


def test_a_fault_leaves_the_other_names_as_they_are():
    found = read_options({"tier": "small", "image": 7, "cpu": 4})
    assert (found.tier, found.image, len(found.faults)) == ("small", "", 2)


def test_many_faults_stay_few():
    found = read_options({**{f"option{n}": n for n in range(10_000)}, "tier": "small"})
    assert (found.tier, len(found.faults)) == ("small", 6)
    assert found.faults[-1] == "There are more faults in the options."


@given(JSON | LIKE_OPTIONS)
def test_reading_options_never_fails_and_lets_nothing_but_names_through(raw):
    found = read_options(raw)
    sent = raw if isinstance(raw, dict) else {}
    for name in OPTION_NAMES:
        value = getattr(found, name)
        given = (sent.get(name), sent.get(PROFILE) if name == "tier" else None)
        assert value == "" or (value in given and len(value) <= 64 and value.isprintable())
    well_formed = raw is None or (
        isinstance(raw, dict)
        and all(
            key in (*OPTION_NAMES, PROFILE)
            and isinstance(value, str)
            and len(value) <= 64
            and value.isprintable()
            for key, value in raw.items()
        )
        and raw.get("tier", "") in ("", raw.get(PROFILE) or raw.get("tier", ""))
    )
    assert bool(found.faults) is not well_formed
    assert all(fault.isprintable() and len(fault) < 800 for fault in found.faults)


def test_the_only_account_is_charged_where_none_is_named():
    assert pose(POLICY, "eve", {}).account == "vision"
    assert pose(POLICY, "dev", {}).account == ""
    assert pose(POLICY, "dev", {"account": "text"}).account == "text"


def test_the_default_tier_is_asked_for_where_none_is_named():
    assert pose(POLICY, "eve", {}).tier == ""
    default = make_policy({"defaults": {"tier": "small"}})
    assert pose(default, "eve", {}).tier == "small"
    assert pose(default, "eve", {"tier": "large"}).tier == "large"


def test_the_first_image_of_a_tier_is_started_where_none_is_named():
    assert pose(POLICY, "eve", {"tier": "small"}).image == "lab"
    assert pose(POLICY, "eve", {"tier": "small", "image": "sci"}).image == "sci"
    assert pose(POLICY, "eve", {"tier": "nosuch"}).image == ""


def test_memberships_of_the_hub_count_beside_the_declared_ones():
    assert subject_of(POLICY, "eve", frozenset({"text"}), None).accounts == ("text", "vision")
    assert subject_of(POLICY, "lone", frozenset(), None).accounts == ()


def test_only_groups_of_the_policy_are_accounts():
    memberships = frozenset({"level:admin", "book-club", "text"})
    assert subject_of(POLICY, "eve", memberships, None) == Subject(
        "eve", Level.USER, ("text", "vision")
    )


def test_a_person_whom_the_policy_does_not_know_has_no_level():
    assert subject_of(POLICY, "mallory", frozenset({"vision"}), None).level is None
    assert not may_start_servers(subject_of(POLICY, "mallory", frozenset({"vision"}), None))


def test_no_tier_is_open_to_a_person_whom_the_policy_does_not_know():
    assert [each.granted for each in pose(POLICY, "dev").candidates] == [True, True, True]
    assert [each.granted for each in pose(POLICY, "mallory").candidates] == [False, False, False]


@pytest.mark.parametrize("level", Level)
def test_levels_that_start_servers_are_those_of_the_table(level):
    assert may_start_servers(Subject("x", level, ())) is LEVELS[level].may_start


def test_managers_raise_limits_of_members_and_admins_all_others():
    assert raised_by(POLICY, Scope("member", "vision", "dev")) == ("mia",)
    assert raised_by(POLICY, Scope("member", "text", "dev")) == ("root",)
    assert raised_by(POLICY, Scope("member", "vision", "mia")) == ("root",), (
        "no user raises their own limit"
    )
    for scope in (
        Scope("platform"),
        Scope("account", "vision"),
        Scope("user", user="dev"),
        Scope("tier", tier="small"),
        Scope("tier-account", "vision", tier="small"),
        Scope("tier-user", user="dev", tier="small"),
    ):
        assert raised_by(POLICY, scope) == ("root",)


def test_a_limit_comes_with_what_is_held_and_what_is_granted():
    policy = make_policy(
        {
            "groups": {"vision": {"member_quota": {"memory": "4Gi"}}},
            "grants": [make_grant(user="dev", add={"memory": "2Gi"})],
        }
    )
    held = (hold(policy, "small", "dev", "a", "vision"), hold(policy, "large", "dev", "b", "text"))
    limit = next(lim for lim in pose(policy, held=held).limits if lim.resource == "memory")
    assert limit_to_json(limit) == {
        "scope": {"kind": "member", "account": "vision", "user": "dev"},
        "resource": "memory",
        "limit": 6 * GIB,
        "held": 2 * GIB,
        "left": 4 * GIB,
        "path": "groups.vision.member_quota.memory",
        "granted": 2 * GIB,
        "raised_by": ["mia"],
        "raised_by_managers": True,
        "by_pods": 0,
    }


def test_remaining_amount_is_never_negative():
    policy = make_policy({"groups": {"vision": {"member_quota": {"servers": 1}}}})
    held = [hold(policy, "small", "dev", server, "vision") for server in ("a", "b", "c")]
    limit = next(lim for lim in pose(policy, held=held).limits if lim.scope.kind == "member")
    assert (limit.held, limit.maximum, limit.left) == (3, 1, 0)


@given(
    user=st.sampled_from(["root", "dev", "eve", "vic", "lone", "mallory"]),
    options=LIKE_OPTIONS
    | st.fixed_dictionaries(
        {},
        optional={
            "tier": st.sampled_from(["small", "large", "gpu", "nosuch"]),
            "account": st.sampled_from(["vision", "text", "other"]),
            "image": st.sampled_from(["lab", "sci"]),
        },
    ),
    server=st.text(max_size=5),
    seconds=st.integers(0, 10**8),
)
def test_a_question_is_the_same_after_it_was_written_down(user, options, server, seconds):
    policy = make_policy(
        {
            "quota": {"servers": 9, "memory": "900Gi"},
            "groups": {"vision": {"member_quota": {"servers": 2}}},
            "tiers": {"gpu": {"requestable": True, "access": {"users": ["root"]}, "observe": True}},
            "grants": [make_grant(group="vision", add={"servers": 1, "nvidia.com/gpu": 1})],
        }
    )
    pod = make_reservation("p", server="pod/w-1", demand=Resources.of({"memory": GIB}))
    held = (hold(policy, "large", "dev", "a", "vision"), pod)
    now = NOW + timedelta(seconds=seconds)
    question = replace(pose(policy, user, options, held, now=now), server=server)
    written = json.dumps(question_to_json(question))
    assert question_from_json(json.loads(written)) == question
    assert {each.by_pods for each in question.limits if each.resource == "memory"} == {GIB}


def pose_options(policy: Policy, user: str, options: Options) -> Question:
    """Ask with options that were read before, while nothing is held."""
    subject = subject_of(policy, user, frozenset(), None)
    return ask(policy, Held(), subject, "", options, now=NOW, revision=1)


MOVED = make_policy(
    {
        "defaults": {"tier": "small"},
        "tiers": {"large": {"access": {"levels": ["developer"]}}},
        "groups": {"vision": {"member_quota": {GPU: 1}}},
    }
)


@pytest.mark.parametrize(
    ("stored", "settled", "passed_over"),
    [
        # Still there, and still theirs: as the last time.
        ({"tier": "gpu", "account": "vision"}, ("gpu", "vision", "lab"), ()),
        ({"tier": "small", "image": "sci"}, ("small", "vision", "sci"), ()),
        ({}, ("small", "vision", "lab"), ()),
        (None, ("small", "vision", "lab"), ()),
        # Gone: the default.
        ({"tier": "huge"}, ("small", "vision", "lab"), ("tier huge",)),
        ({"profile": "huge"}, ("small", "vision", "lab"), ("tier huge",)),
        ({"account": "archive"}, ("small", "vision", "lab"), ("account archive",)),
        ({"image": "lab:1"}, ("small", "vision", "lab"), ("image lab:1",)),
        ({"tier": "gpu", "image": "sci"}, ("gpu", "vision", "lab"), ("image sci",)),
        ({"tier": "huge", "image": "sci"}, ("small", "vision", "sci"), ("tier huge",)),
        (
            {"tier": "huge", "account": "archive", "image": "old"},
            ("small", "vision", "lab"),
            ("tier huge", "account archive", "image old"),
        ),
        # There, and not theirs any more.
        ({"account": "text"}, ("small", "vision", "lab"), ("account text",)),
        ({"tier": "large"}, ("small", "vision", "lab"), ("tier large",)),
        # What another program left there.
        ({"image--unlisted-choice": "x"}, ("small", "vision", "lab"), (OF_ANOTHER,)),
        (["huge"], ("small", "vision", "lab"), (OF_ANOTHER,)),
    ],
)
def test_remembered_choice_gives_way_to_the_default_when_it_is_gone(stored, settled, passed_over):
    options = read_options(stored, remembered=True)
    found = pose_options(MOVED, "eve", options)
    assert (found.tier, found.account, found.image) == settled
    assert found.passed_over == passed_over
    assert decide(found).admitted
    assert all(each in decide(found).sentence for each in passed_over)
    assert question_from_json(json.loads(json.dumps(question_to_json(found)))) == found


@pytest.mark.parametrize("stored", [{"tier": "huge"}, {"account": "text"}, {"image": "old"}])
def test_named_choice_is_refused_when_it_does_not_exist(stored):
    named = pose_options(MOVED, "eve", read_options(stored))
    assert named.passed_over == ()
    assert not decide(named).admitted


def test_a_quota_that_is_full_is_no_choice_to_pass_over():
    policy = make_policy({"groups": {"vision": {"member_quota": {"memory": "3Gi"}}}})
    found = pose_options(policy, "eve", read_options({"tier": "large"}, remembered=True))
    assert found.tier == "large"
    assert decide(found).codes == ("quota.memory",)


def test_a_user_without_a_default_is_told_what_was_passed_over():
    found = pose_options(POLICY, "eve", read_options({"tier": "huge"}, remembered=True))
    sentence = decide(found).sentence
    assert "tier huge" in sentence
    assert "No tier is named." in sentence


def test_questions_of_before_know_of_no_remembered_choices():
    data = question_to_json(pose(POLICY, "eve", {"tier": "small"}))
    del data["passed_over"], data["options"]["remembered"]
    assert question_from_json(data) == pose(POLICY, "eve", {"tier": "small"})


@pytest.mark.parametrize(
    ("raw", "meant", "kept"),
    [
        ({"tier": "gone", "account": "vision"}, Options(account="vision"), {"account": "vision"}),
        ({"profile": "gone"}, Options(), {}),
        ({"profile": "small"}, Options(tier="small"), {"profile": "small"}),
        (
            {"tier": "small", "odd": 5, "site": [1]},
            Options(tier="small"),
            {"tier": "small", "site": [1]},
        ),
        ({"image": ["lab"]}, Options(image="lab"), {}),
    ],
)
def test_valid_part_of_stored_options_is_kept(
    raw: dict[str, object], meant: Options, kept: dict[str, object]
) -> None:
    assert keep_meant(raw, meant, ["site"]) == kept
