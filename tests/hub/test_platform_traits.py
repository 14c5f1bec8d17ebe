"""Settings of the platform that refuse what would do harm."""

import pytest
from traitlets import TraitError

from jupyterhub_platform.hub.platform_traits import PlatformTraits


@pytest.mark.parametrize("name", ["tier", "account", "image", "profile"])
def test_an_option_that_admission_reads_is_left_to_no_other_package(name: str) -> None:
    with pytest.raises(TraitError, match=f"names {name}, which admission itself reads"):
        PlatformTraits(other_options=["env", name])


def test_options_of_other_packages_are_taken_out_and_no_others() -> None:
    traits = PlatformTraits(other_options=["env", "argv"])
    assert traits.own_options({"env": {}, "tier": "small", "cpu": 9}) == {"tier": "small", "cpu": 9}
    assert traits.own_options(None) is None
    assert traits.own_options(["env"]) == ["env"]
    assert PlatformTraits().own_options({"env": {}}) == {"env": {}}


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("accent_color", "red", "c.Platform.accent_color: 'red' is not a colour"),
        ("accent_color_dark", "#fff", "c.Platform.accent_color_dark: '#fff' is not a colour"),
        ("help_links", {"x": "javascript:1"}, "c.Platform.help_links: the link 'x' leads to"),
    ],
)
def test_a_look_that_cannot_be_used_is_refused(setting: str, value: object, words: str) -> None:
    with pytest.raises(TraitError, match=words):
        PlatformTraits(**{setting: value})
