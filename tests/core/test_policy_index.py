"""The index of a policy follows a change, and is then what it would be if it were made anew."""

from collections.abc import Iterable
from typing import Any

from jupyterhub_platform.core.confusables import draw_skeleton
from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.look_alikes import LookAlikes
from jupyterhub_platform.core.policy import Policy

PEOPLE = [f"user{n}" for n in range(30)]


def compile_groups(members: dict[str, list[str]]) -> Policy:
    document: dict[str, Any] = {
        "version": 1,
        "users": {"root": {"level": "admin"}, **dict.fromkeys(PEOPLE)},
        "groups": {name: {"members": each} for name, each in members.items()},
        "images": {"lab": {"reference": "example/lab:1"}},
        "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
    }
    return compile_policy(document)


def place(names: Iterable[str], begin: str) -> dict[str, list[str]]:
    return {f"{begin}{name}": [name] for name in names}


def test_users_who_move_from_their_only_groups_are_in_the_new_ones_alone() -> None:
    # Which of the two changes of a user comes first is by chance: a set's order.
    names = PEOPLE
    empty: dict[str, list[str]] = {
        f"{begin}{name}": [] for name in names for begin in ("old-", "new-")
    }
    before = compile_groups({**empty, **place(names, "old-")})
    after = compile_groups({**empty, **place(names, "new-")})
    followed = before.with_parts(groups=after.groups)
    assert {name: followed.declared_groups(name) for name in names} == {
        name: {f"new-{name}"} for name in names
    }
    assert followed._index == after._index


def test_a_name_that_takes_the_place_of_its_look_alike_is_the_only_one() -> None:
    one, other = "\u043eab", "\u03bfab"
    assert draw_skeleton(one) == draw_skeleton(other) == "oab"
    followed = LookAlikes.of([one]).follow({one, other}, {other})
    assert followed.by_skeleton["oab"] == {other}
