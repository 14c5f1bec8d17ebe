"""What a site has set for its spawner, and nothing comes of here, is said."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.auth import DummyAuthenticator
from traitlets.config import Config

from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.auth.governed_authenticator import wrap_authenticator
from jupyterhub_platform.hub.configuration.ineffective_settings import (
    find_ineffective,
    find_unfed,
    find_unused_providers,
    list_replaced,
)
from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner

FED = b"""\
version: 1
users: {root: {level: admin}}
groups: {vision: {from: [/projects/vision]}}
images: {lab: {reference: "example/lab:1"}}
tiers: {small: {requests: {cpu: 1, memory: 1Gi}, images: [lab]}}
identity:
  providers:
    own: {kind: authenticator}
    p: {issuer: "https://id.example.org", client: {id: hub, auth: none}}
"""


def lost(
    config: Config,
    spawner: type = PlatformKubeSpawner,
    authenticator: type = PlatformAuthenticator,
) -> list[str]:
    app = SimpleNamespace(config=config, spawner_class=spawner, authenticator_class=authenticator)
    return list(find_ineffective(app))


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


def test_an_authenticator_that_is_not_used_is_named_with_what_is_set() -> None:
    config = Config()
    config.GenericOAuthenticator.client_id = "hub"
    (sentence,) = lost(config)
    assert sentence.startswith("c.GenericOAuthenticator (client_id) has no effect: c.JupyterHub.a")
    (sentence,) = lost(config, authenticator=wrap_authenticator(DummyAuthenticator))
    assert sentence.endswith("c.JupyterHub.authenticator_class is DummyAuthenticator.")
    used = Config()
    used.DummyAuthenticator.password = "x"
    used.Authenticator.allow_all = True
    assert lost(used, authenticator=wrap_authenticator(DummyAuthenticator)) == []
    ours = Config()
    ours.OAuthenticator.http_request_kwargs = {"ca_certs": "x"}
    ours.PlatformAuthenticator.tries_per_source = 9
    assert lost(ours) == []


def test_who_may_log_in_is_for_the_policy_alone_with_our_authenticator() -> None:
    config = Config()
    config.Authenticator.allowed_users = {"kim"}
    (sentence,) = lost(config)
    assert sentence.startswith("c.Authenticator.allowed_users has no effect: whom users and")
    assert lost(config, authenticator=wrap_authenticator(DummyAuthenticator)) == []
    config.Authenticator.allow_all = False
    assert lost(config) == []


def test_amounts_that_tiers_replace_are_listed() -> None:
    config = Config()
    config.KubeSpawner.image = "example.org/x:1"
    config.Spawner.mem_limit = "1G"
    config.KubeSpawner.namespace = "hub"
    app = SimpleNamespace(config=config, spawner_class=PlatformKubeSpawner)
    assert list_replaced(app) == ["c.KubeSpawner.image", "c.Spawner.mem_limit"]
    assert list_replaced(SimpleNamespace(config=config, spawner_class=PlatformLocalSpawner)) == []


def test_overrides_for_a_group_are_lost_where_a_tier_replaces_them() -> None:
    config = Config()
    config.Spawner.group_overrides = {
        "a": {"groups": ["x"], "spawner_override": {"environment": {"A": "1"}}},
        "b": {"groups": ["x", "y"], "spawner_override": {"mem_limit": "1G", "profile_list": []}},
    }
    (sentence,) = lost(config)
    assert sentence.startswith("b of group_overrides sets mem_limit, profile_list for x, y, which")
    config.Spawner.group_overrides = lambda spawner: {}
    assert lost(config) == []


def test_groups_under_a_name_of_the_provider_are_named() -> None:
    policy = parse_policy(FED, "platform.yaml").policy
    config = Config()
    config.Spawner.group_overrides = {"a": {"groups": ["/projects/vision", "vision"]}}
    roles = [{"name": "r", "groups": ["/projects/vision", "other"]}, {"name": "s"}]
    app = SimpleNamespace(
        config=config,
        spawner_class=PlatformKubeSpawner,
        authenticator=SimpleNamespace(manage_groups=False),
        load_roles=roles,
    )
    assert [each.partition(":")[0] for each in find_unfed(app, policy)] == [
        "The group /projects/vision of the role r has no members",
        "The group /projects/vision of a of group_overrides has no members",
    ]
    app.authenticator.manage_groups = True
    assert list(find_unfed(app, policy)) == []


def test_a_provider_at_which_nobody_logs_in_is_named() -> None:
    policy = parse_policy(FED, "platform.yaml").policy
    ours = SimpleNamespace(authenticator_class=PlatformAuthenticator)
    (sentence,) = find_unused_providers(ours, policy)
    assert sentence.startswith("Nobody logs in by identity.providers.own: c.JupyterHub.authentic")
    theirs = SimpleNamespace(authenticator_class=wrap_authenticator(DummyAuthenticator))
    (sentence,) = find_unused_providers(theirs, policy)
    assert sentence.startswith("Nobody logs in by identity.providers.p: c.JupyterHub.authenticato")
    assert "is DummyAuthenticator. Remove that setting" in sentence


def test_rules_that_no_authenticator_is_read_for_are_named() -> None:
    rules = FED.split(b"  providers:")[0] + b"  rules: [{level: user}]\n"
    policy = parse_policy(rules, "platform.yaml").policy
    assert not list(
        find_unused_providers(SimpleNamespace(authenticator_class=PlatformAuthenticator), policy)
    )
    theirs = SimpleNamespace(authenticator_class=wrap_authenticator(DummyAuthenticator))
    (sentence,) = find_unused_providers(theirs, policy)
    assert sentence.startswith("identity.rules has no effect: c.JupyterHub.authenticator_class is")
    assert "declare a provider with kind: authenticator" in sentence
