"""Which account is charged for a start that names none, and what says so."""

from typing import Any

import pytest

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.document.compile import EARLIEST, compile_policy
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.managed import Key, Kind, Sources
from jupyterhub_platform.core.options import CHARGED_LAST, NO_ACCOUNT, ONLY_ONE, choose_account
from jupyterhub_platform.core.options import read_options as read
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import Question, Subject, ask, subject_of
from jupyterhub_platform.usecases.book import Book


def document(dev: dict[str, Any] | None = None, defaults: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "version": 1,
        "defaults": {"tier": "small"},
        "users": {"root": {"level": "admin"}, "dev": dev or {}},
        "groups": {
            name: {"members": ["dev"], "default": name in defaults} for name in ("text", "vision")
        }
        | {"music": {"default": "music" in defaults}},
        "images": {"lab": {"reference": "example/lab:1"}},
        "tiers": {
            "small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]},
            "big": {
                "requests": {"cpu": 2, "memory": "2Gi"},
                "images": ["lab"],
                "access": {"groups": ["text"]},
            },
        },
    }


def policy(dev: dict[str, Any] | None = None, defaults: tuple[str, ...] = ()) -> Policy:
    return compile_policy(document(dev, defaults))


def dev_in(found: Policy, *groups: str) -> Subject:
    return subject_of(found, "dev", frozenset(groups), None)


def question(
    found: Policy, options: dict[str, str], *, last: str = "", remembered: bool = False
) -> Question:
    asked = read(options, remembered=remembered)
    subject = dev_in(found)
    return ask(found, Book(), subject, "", asked, now=EARLIEST, revision=1, last_account=last)


@pytest.mark.parametrize(
    ("dev", "defaults", "used", "chosen"),
    [
        ({}, (), (), NO_ACCOUNT),
        ({"account": "vision"}, (), ("text",), ("vision", "users.dev.account")),
        ({"account": "vision"}, ("text",), (), ("vision", "users.dev.account")),
        ({"account": "music"}, (), ("text",), ("text", CHARGED_LAST)),
        ({"account": "music"}, (), (), NO_ACCOUNT),
        ({}, ("vision",), ("text",), ("text", CHARGED_LAST)),
        ({}, ("vision",), ("", "gone", "music"), ("vision", "groups.vision.default")),
        ({}, ("music", "vision"), (), ("vision", "groups.vision.default")),
        ({}, ("vision", "text"), (), ("text", "groups.text.default")),
    ],
)
def test_what_comes_first_is_charged(
    dev: dict[str, Any], defaults: tuple[str, ...], used: tuple[str, ...], chosen: tuple[str, str]
):
    found = policy(dev, defaults)
    assert choose_account(found, dev_in(found), used) == chosen


def test_the_only_account_needs_no_default():
    found = policy()
    alone = Subject("dev", None, ("text",))
    assert choose_account(found, alone) == ("text", ONLY_ONE)
    assert choose_account(found, alone).say_why("your") == ""


def test_the_reason_is_told():
    found = policy({"account": "vision"}, ("text",))
    asker = dev_in(found)
    assert choose_account(found, asker).say_why("your") == "It is your default account."
    last = choose_account(policy(), asker, ("text",))
    assert last.say_why("dev's") == "It was charged for dev's last server."
    marked = choose_account(policy({}, ("text",)), asker)
    assert marked.say_why("your") == "It is the default account of this platform."


def test_only_what_a_request_names_now_is_refused():
    found = policy({"account": "vision"})
    assert question(found, {}).account == "vision"
    named = question(found, {"account": "music"})
    assert [d.code for d in decide(named).denials] == ["account.not_member"]
    nothing = question(policy({"account": "music"}), {})
    assert [d.code for d in decide(nothing).denials] == ["options.account"]


def test_the_default_comes_before_what_a_server_was_started_with():
    found = policy({"account": "vision"})
    again = question(found, {"tier": "small", "account": "text"}, remembered=True)
    assert (again.account, again.tier, again.passed_over) == ("vision", "small", ())


def test_a_tier_of_one_account_alone_is_charged_there_again():
    found = policy({"account": "vision"})
    again = question(found, {"tier": "big", "account": "text"}, remembered=True)
    assert (again.account, again.tier, again.passed_over) == ("text", "big", ())


def test_an_account_that_was_left_gives_way_to_the_last_one():
    found = policy()
    again = question(found, {"account": "music"}, last="text", remembered=True)
    assert (again.account, again.passed_over) == ("text", ("account music",))


def test_an_undeclared_account_is_a_fault():
    with pytest.raises(PolicyError) as caught:
        policy({"account": "vison"})
    (fault,) = caught.value.faults
    assert fault.path == ("users", "dev", "account")
    assert fault.what == "“vison” is not declared under groups"


def test_a_managed_group_is_default_until_it_is_retired():
    sources = Sources(document({}, ("vision",)))
    key, before = Key(Kind.GROUP, "video"), sources.unite()
    sources, after = sources.change(before, key, {"default": True}, "root", EARLIEST)
    assert after.default_groups == ("vision", "video")
    person = Key(Kind.USER, "kim")
    sources, after = sources.change(after, person, {"account": "video"}, "root", EARLIEST)
    assert after.people["kim"].account == "video"
    with pytest.raises(PolicyError, match=r"is still named by users\.kim"):
        sources.retire(after, key, EARLIEST)
    sources, after = sources.change(after, person, {}, "root", EARLIEST)
    assert sources.retire(after, key, EARLIEST)[1].default_groups == ("vision",)
