"""What a site has set for its spawner, and nothing comes of here, is said."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from jupyterhub_platform.hub.configuration.ineffective_settings import find_ineffective
from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner


def lost(config: Config, spawner: type = PlatformKubeSpawner) -> list[str]:
    return list(find_ineffective(SimpleNamespace(config=config, spawner_class=spawner)))


@pytest.mark.parametrize(
    "value", [[{"display_name": "Large"}], lambda spawner: []], ids=["list", "callable"]
)
@pytest.mark.parametrize("section", ["KubeSpawner", "PlatformKubeSpawner"])
def test_profiles_of_a_site_are_lost_with_what_they_override(section: str, value: Any) -> None:
    config = Config()
    config[section].profile_list = value
    (sentence,) = lost(config)
    assert sentence.startswith(f"c.{section}.profile_list has no effect. Lost is its choices")
    assert "volumes" in sentence
    assert "as a tier of platform.yaml" in sentence


def test_profiles_of_the_platform_are_not_reported() -> None:
    config = Config()
    PlatformKubeSpawner.complete(config, Path("platform.yaml"))
    assert config.KubeSpawner.profile_list
    assert lost(config) == []


def test_setting_that_is_unset_or_of_another_spawner_is_not_reported() -> None:
    config = Config()
    assert lost(config) == []
    config.KubeSpawner.profile_list = [{"display_name": "Large"}]
    assert lost(config, PlatformLocalSpawner) == []
    config.Spawner.options_form = ""
    assert lost(config, PlatformLocalSpawner) == []
    config.Spawner.options_form = "<input>"
    assert len(lost(config, PlatformLocalSpawner)) == 1
