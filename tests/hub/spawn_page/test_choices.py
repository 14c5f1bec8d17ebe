"""Choices inside a card: sizes, images that are open to the user, an image that they name."""

from dataclasses import replace
from typing import Any

from jupyterhub_platform.core.access import Access
from jupyterhub_platform.core.image_references import parse_pattern
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Image, Size
from jupyterhub_platform.hub.spawn_page.form_data import options_from_form
from jupyterhub_platform.hub.spawn_page.render import render_form
from tests.hub.spawn_page.policies import amounts, cards_of, make_book, make_policy, view, with_tier


def size(name: str, access: Access | None = None, **asked: Any) -> Size:
    given = Resources.of(amounts(**asked))
    return Size(name, name.title(), "", given, given, access or Access())


ADMINS = Access(levels=frozenset({Level.ADMIN}))
SIZES = (
    size("little", cpu=1, memory="2Gi"),
    size("big", cpu=4, memory="16Gi"),
    size("huge", ADMINS, cpu=8, memory="32Gi"),
)


def sized() -> Policy:
    policy = make_policy()
    images = {
        **policy.images,
        "own": Image("own", "", "", pattern=parse_pattern("quay.io/acme/*")),
        "closed": Image("closed", "", "example/closed:1", access=ADMINS),
    }
    return with_tier(
        replace(policy, images=images),
        "medium",
        sizes=SIZES,
        requests=SIZES[0].requests,
        limits=SIZES[0].limits,
        images=("closed", "lab", "own"),
    )


def test_a_tier_with_sizes_is_one_card_with_those_that_are_open():
    card = cards_of(view(sized()))["medium"]
    assert [(s.name, s.gives, s.fits, s.chosen) for s in card.sizes] == [
        ("little", "1 CPU, 2 GiB", True, True),
        ("big", "4 CPU, 16 GiB", True, False),
    ]
    assert [each.text for each in card.gives] == ["1 CPU", "2 GiB"]
    assert [(each.name, each.chosen) for each in card.images] == [("lab", True)]
    assert card.patterns == ("quay.io/acme/*",)


def test_the_size_that_was_asked_for_or_started_last_is_chosen():
    asked = cards_of(view(sized(), preselect={"tier": "medium", "size": "big"}))["medium"]
    assert [each.name for each in asked.sizes if each.chosen] == ["big"]
    assert [each.text for each in asked.gives] == ["4 CPU", "16 GiB"]
    last = cards_of(view(sized(), stored_options={"tier": "medium", "size": "big"}))["medium"]
    assert [each.name for each in last.sizes if each.chosen] == ["big"]
    assert last.checked
    other = cards_of(view(sized(), stored_options={"tier": "small", "size": "big"}))["medium"]
    assert [each.name for each in other.sizes if each.chosen] == ["little"]


def test_a_size_that_does_not_fit_is_said_and_cannot_be_chosen():
    book = make_book(sized(), ("dev1", "a", "vision", "large"))
    page = view(sized(), book, preselect={"tier": "medium", "size": "big"})
    card = cards_of(page)["medium"]
    assert [(each.name, each.fits, each.chosen) for each in card.sizes] == [
        ("little", True, True),
        ("big", False, False),
    ]
    html = " ".join(render_form(page).split())
    assert '<option value="big" disabled>Big: 4 CPU, 16 GiB (does not fit)</option>' in html
    assert '<option value="little" selected >Little: 1 CPU, 2 GiB</option>' in html


def test_an_image_of_ones_own_is_asked_for_where_a_pattern_is_open():
    stored = {"tier": "medium", "image": "quay.io/acme/x:1"}
    html = " ".join(render_form(view(sized(), stored_options=stored)).split())
    assert 'name="named-image:medium" value="quay.io/acme/x:1"' in html
    assert "With a tag or digest, of quay.io/acme/*" in html
    assert "example/closed" not in html
    assert html.count("named-image:") == 1


def test_the_choices_of_the_chosen_card_are_the_options():
    form = {
        "tier": ["medium"],
        "account": ["vision"],
        "size:medium": ["big"],
        "size:large": ["huge"],
        "image:medium": ["lab"],
        "named-image:medium": [" quay.io/acme/x:1 "],
        "named-image:large": ["quay.io/acme/y:1"],
    }
    expected = {"tier": "medium", "size": "big", "account": "vision", "image": "quay.io/acme/x:1"}
    assert options_from_form(form) == expected
    form["named-image:medium"] = [""]
    assert options_from_form(form) == {**expected, "image": "lab"}
    form["size:medium"] = ["big", "huge"]
    assert read_options(options_from_form(form)).faults == (
        "The option size is a name, not a list.",
    )
