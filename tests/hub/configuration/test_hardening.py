"""The table of hardened settings: set where a site is silent, told where a site is weaker."""

from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.configuration.hardening import (
    LEFT_OUT,
    SERVER_SCOPES,
    SETTINGS,
    Setting,
    check_hard_profile,
    find_weakened,
    read_setting,
)
from jupyterhub_platform.hub.configure import configure
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner

CLASSES = {
    "JupyterHub": JupyterHub,
    "Authenticator": PlatformAuthenticator,
    "Spawner": PlatformLocalSpawner,
}
WEAKER: dict[str, list[Any]] = {
    "auth_refresh_strict": [False],
    "auth_refresh_age": [0, 61, 300],
    "refresh_pre_spawn": [False],
    "token_expires_in_max_seconds": [0, 31 * 24 * 3600],
    "oauth_token_expires_in": [0, 14 * 24 * 3600],
    "named_server_limit_per_user": [0],
    "concurrent_spawn_limit": [0],
    "server_token_scopes": [["inherit"], ["access:servers!server", "servers!user"]],
    "environment": [{"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}],
    "args": [["--HubOAuth.cache_max_age=300"], ["--HubOAuth.cache_max_age=x"]],
    "cookie_host_prefix_enabled": [False],
    "subdomain_host": [""],
}
AS_SAFE: dict[str, list[Any]] = {
    "auth_refresh_age": [1, 30],
    "token_expires_in_max_seconds": [3600],
    "oauth_token_expires_in": [3600],
    "named_server_limit_per_user": [5, lambda handler: 5],
    "concurrent_spawn_limit": [64],
    "server_token_scopes": [[], ["users:activity!user"], lambda spawner: []],
    "environment": [{}, {"A": "b"}, {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "0"}],
    "args": [[], ["--debug"], ["--HubOAuth.cache_max_age=2"]],
    "subdomain_host": ["https://hub.example.org"],
}


def weakened(c: Config, *, hard: bool = False) -> list[str]:
    return [each.setting.trait for each in find_weakened(c, CLASSES, hard=hard)]


def hard_config() -> Config:
    c = Config()
    c.Platform.hard_profile = True
    c.JupyterHub.public_url = "https://hub.example.org/"
    return c


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_setting_is_safe_by_default(setting: Setting) -> None:
    c = hard_config() if setting.hard else Config()
    configure(c)
    is_set, value = read_setting(c, CLASSES[setting.section], setting.trait)
    assert is_set == (setting.value is not None or setting.trait == "subdomain_host")
    assert setting.is_safe(value) or not is_set
    assert weakened(c, hard=setting.hard) == []
    default = CLASSES[setting.section].class_traits()[setting.trait]
    assert default is not None, "a setting that this JupyterHub has"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_weaker_one_of_the_site_stays_and_is_told(setting: Setting) -> None:
    for value in WEAKER[setting.trait]:
        c = hard_config() if setting.hard else Config()
        c[setting.section][setting.trait] = value
        configure(c)
        assert read_setting(c, CLASSES[setting.section], setting.trait) == (True, value)
        assert weakened(c, hard=setting.hard) == [setting.trait]
        (found,) = find_weakened(c, CLASSES, hard=setting.hard)
        assert setting.name in found.sentence
        assert setting.reason in found.sentence


def test_scopes_of_a_server_are_looked_at_in_the_role_server_too() -> None:
    for scopes, found in (
        ([*SERVER_SCOPES, "tokens!user"], ["server_token_scopes"]),
        (["inherit"], []),  # refused of the role, and said there
    ):
        c = Config()
        c.JupyterHub.load_roles = [{"name": "server", "scopes": scopes}]
        configure(c)
        assert weakened(c, hard=False) == found
    c = Config()
    c.JupyterHub.load_roles = [
        {"name": "server", "scopes": list(SERVER_SCOPES)},
        {"name": "mine", "scopes": ["tokens!user"], "users": ["dev1"]},
    ]
    configure(c)
    assert weakened(c, hard=False) == []


@pytest.mark.parametrize("trait", AS_SAFE)
def test_setting_as_safe_as_the_default_is_not_reported(trait: str) -> None:
    setting = next(each for each in SETTINGS if each.trait == trait)
    for value in AS_SAFE[trait]:
        c = hard_config() if setting.hard else Config()
        c[setting.section][trait] = value
        configure(c)
        assert weakened(c, hard=setting.hard) == []


def test_a_setting_of_the_class_in_use_counts_too() -> None:
    c = Config()
    c.PlatformAuthenticator.auth_refresh_age = 3600
    c.PlatformLocalSpawner.args.append("--HubOAuth.cache_max_age=600")
    configure(c)
    assert weakened(c) == ["auth_refresh_age", "args"]


def test_values_of_an_environment_are_not_repeated() -> None:
    c = Config()
    c.Spawner.environment = {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1", "SECRET": "canary"}
    configure(c)
    (found,) = find_weakened(c, CLASSES, hard=False)
    assert "canary" not in found.sentence


def test_hard_settings_are_for_the_hard_profile_alone() -> None:
    c = Config()
    configure(c)
    for trait in ("cookie_host_prefix_enabled", "subdomain_host"):
        assert trait not in c.JupyterHub
    c = hard_config()
    configure(c)
    assert c.JupyterHub.cookie_host_prefix_enabled is True
    assert c.JupyterHub.subdomain_host == "https://hub.example.org"


@pytest.mark.parametrize(
    "url", ["", "http://hub.example.org", "https://10.0.0.1", "https://localhost", "https://hub"]
)
def test_a_hard_profile_without_tls_and_a_name_is_refused(url: str) -> None:
    c = Config()
    c.Platform.hard_profile = True
    c.JupyterHub.bind_url = url
    configure(c)
    with pytest.raises(PlatformError, match="needs TLS and a DNS name"):
        check_hard_profile(c)


def test_setting_that_is_not_hardened_has_a_reason() -> None:
    assert all(len(reason) > 40 for reason in LEFT_OUT.values())
    assert not {f"c.{each.section}.{each.trait}" for each in SETTINGS} & LEFT_OUT.keys()


@pytest.mark.parametrize("trait", ["environment", "args"])
def test_a_value_of_another_kind_is_refused_in_a_sentence(trait: str) -> None:
    c = Config()
    configure(c)
    c.Spawner[trait] = 5
    with pytest.raises(PlatformError, match=rf"c\.Spawner\.{trait} is a int, which it cannot be"):
        weakened(c)
