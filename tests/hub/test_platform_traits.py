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
