"""Whom a label names, in each of the forms that a name may have there."""

import pytest
from kubespawner.slugs import escape_slug

from jupyterhub_platform.hub.kubernetes.pod_users import LabelledUsers, slug_of

NAMES = ("kim", "o'malley@uni.edu", "josé", "a.b", "a--b", "kim-2dlee", "김", "x" * 100)
PEOPLE = dict.fromkeys(NAMES)


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_found_by_its_slug(name: str) -> None:
    assert await LabelledUsers().find(slug_of(name), PEOPLE) == (name,)


@pytest.mark.parametrize("name", [name for name in NAMES if len(escape_slug(name)) <= 63])
async def test_a_name_is_found_as_kubespawner_wrote_it_before(name: str) -> None:
    assert await LabelledUsers().find(escape_slug(name), PEOPLE) == (name,)


async def test_a_name_is_found_as_it_is_whatever_its_case() -> None:
    assert await LabelledUsers().find("Kim", PEOPLE) == ("kim",)


@pytest.mark.parametrize(
    "value", ["lee", "kim---00000000", "lee---d9a2c4f1", "-", "--", "-ff", "-2", "k-69m", "_kim"]
)
async def test_what_is_no_form_of_a_name_names_nobody(value: str) -> None:
    assert await LabelledUsers().find(value, PEOPLE) == ()


async def test_a_value_that_may_name_two_names_both() -> None:
    both = dict.fromkeys(["kim-2dlee", "kim-lee"])
    assert await LabelledUsers().find("kim-2dlee", both) == ("kim-2dlee", "kim-lee")


async def test_users_who_come_and_go_are_known_as_they_are_now() -> None:
    users, slug = LabelledUsers(), slug_of("josé")
    assert await users.find(slug, {"kim": None}) == ()
    assert await users.find(slug, {"kim": None, "josé": None}) == ("josé",)
    assert await users.find(slug, {"kim": None}) == ()
