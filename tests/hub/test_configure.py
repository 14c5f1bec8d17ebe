"""``configure(c)``: added to what a site has set, never in its place."""

from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import SimpleLocalProcessSpawner
from kubespawner import KubeSpawner
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.hub import configure as module
from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.auth.governed_authenticator import GovernedAuthenticator
from jupyterhub_platform.hub.configuration.errors import ConfigurationError
from jupyterhub_platform.hub.configuration_check import say_overwritten
from jupyterhub_platform.hub.configure import configure
from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "PLATFORM_COMMAND_TOKEN", "PLATFORM_SERVICE_URL"):
        monkeypatch.delenv(name, raising=False)


def as_list(value: Any) -> list[Any]:
    """Return what a list will be once the Hub reads it, on top of an empty default."""
    return list(value.get_value([])) if isinstance(value, LazyConfigValue) else list(value)


def as_dict(value: Any) -> dict[str, Any]:
    return dict(value.get_value({})) if isinstance(value, LazyConfigValue) else dict(value)


def names(value: Any) -> list[str]:
    return [entry["name"] for entry in as_list(value)]


def _service_environment(c: Config) -> dict[str, str]:
    (service,) = [each for each in as_list(c.JupyterHub.services) if each["name"] == "platform"]
    environment: dict[str, str] = service["environment"]
    return environment


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_configure_adds_each_object_once(calls: int) -> None:
    c = Config()
    for _ in range(calls):
        configure(c)
    assert names(c.JupyterHub.services) == ["platform"]
    assert names(c.JupyterHub.load_roles) == [
        f"platform-{level}"
        for level in ("viewer", "user", "developer", "manager", "operator", "auditor", "admin")
    ]
    assert c.JupyterHub.authenticator_class is PlatformAuthenticator
    assert c.JupyterHub.spawner_class is PlatformLocalSpawner
    assert "custom:platform:admin" in as_dict(c.JupyterHub.custom_scopes)
    assert as_dict(c.JupyterHub.template_vars)["platform_local_credentials"](None) is False
    assert _service_environment(c)["PLATFORM_LOCAL_CREDENTIALS"] == "1"
    assert c.JupyterHub.allow_named_servers is True
    assert c.JupyterHub.cleanup_servers is False
    assert c.Authenticator.auth_refresh_strict is True
    paths = as_list(c.JupyterHub.template_paths)
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("calls", [1, 2])
@pytest.mark.parametrize("lazy", [True, False], ids=["extended", "set"])
def test_settings_of_a_site_stay_in_front(lazy: bool, calls: int) -> None:
    c = Config()
    service = {"name": "cull", "command": ["true"]}
    role = {"name": "cull", "services": ["cull"], "scopes": ["delete:servers"]}
    if lazy:
        c.JupyterHub.services.append(service)
        c.JupyterHub.load_roles.extend([role])
        c.JupyterHub.template_paths.insert(0, "/site/templates")
        c.JupyterHub.template_vars.update({"announcement": "Hello"})
        c.JupyterHub.custom_scopes.update({"custom:site:x": {"description": "x"}})
    else:
        c.JupyterHub.services = [service]
        c.JupyterHub.load_roles = [role]
        c.JupyterHub.template_paths = ["/site/templates"]
        c.JupyterHub.template_vars = {"announcement": "Hello"}
        c.JupyterHub.custom_scopes = {"custom:site:x": {"description": "x"}}
    c.JupyterHub.allow_named_servers = False
    c.JupyterHub.cleanup_servers = True
    c.Spawner.default_url = "/tree"
    c.Authenticator.auth_refresh_strict = False
    for _ in range(calls):
        configure(c)
    assert names(c.JupyterHub.services) == ["cull", "platform"]
    assert as_list(c.JupyterHub.load_roles)[0] == role
    assert names(c.JupyterHub.load_roles).count("platform-viewer") == 1
    assert as_list(c.JupyterHub.template_paths)[0] == "/site/templates"
    assert as_dict(c.JupyterHub.template_vars)["announcement"] == "Hello"
    assert {"custom:site:x", "custom:platform:self"} <= set(as_dict(c.JupyterHub.custom_scopes))
    assert c.JupyterHub.allow_named_servers is False
    assert c.JupyterHub.cleanup_servers is True
    assert c.Spawner.default_url == "/tree"
    assert c.Authenticator.auth_refresh_strict is False


def test_a_site_may_give_a_level_other_scopes() -> None:
    c = Config()
    role = {"name": "platform-viewer", "groups": ["level:viewer"], "scopes": ["read:hub"]}
    c.JupyterHub.load_roles = [role]
    configure(c)
    viewers = [each for each in c.JupyterHub.load_roles if each["name"] == "platform-viewer"]
    assert viewers == [role]


@pytest.mark.parametrize(
    "stock",
    [
        "kubespawner.KubeSpawner",
        "kubespawner.spawner.KubeSpawner",
        "kubernetes",
        "KUBERNETES",
        "platform",
        KubeSpawner,
    ],
    ids=str,
)
def test_kubespawner_by_any_name_is_replaced_by_ours(stock: Any) -> None:
    c = Config()
    c.JupyterHub.spawner_class = stock
    configure(c)
    assert c.JupyterHub.spawner_class is PlatformKubeSpawner


@pytest.mark.parametrize(
    ("host", "expected"), [("10.0.0.1", PlatformKubeSpawner), (None, PlatformLocalSpawner)]
)
def test_spawner_is_the_one_for_where_the_hub_runs(
    monkeypatch: pytest.MonkeyPatch, host: str | None, expected: type
) -> None:
    if host:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    c = Config()
    configure(c)
    assert c.JupyterHub.spawner_class is expected


@pytest.mark.parametrize(
    "stock",
    [
        "localprocess",
        "LocalProcess",
        "jupyterhub.spawner.LocalProcessSpawner",
        "simple",
        "jupyterhub.spawner.SimpleLocalProcessSpawner",
        SimpleLocalProcessSpawner,
    ],
    ids=str,
)
def test_local_processes_are_governed_in_a_cluster_too(
    monkeypatch: pytest.MonkeyPatch, stock: Any
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    c = Config()
    c.JupyterHub.spawner_class = stock
    configure(c)
    assert c.JupyterHub.spawner_class is PlatformLocalSpawner


class OwnSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc] # no types
    """A site's own, without the gate."""


@pytest.mark.parametrize("foreign", ["tests.hub.test_configure.OwnSpawner", OwnSpawner], ids=str)
def test_spawner_that_no_quota_sees_is_refused(foreign: Any) -> None:
    c = Config()
    c.JupyterHub.spawner_class = foreign
    with pytest.raises(PlatformError, match="starts servers that no quota sees; use platform or"):
        configure(c)


def test_spawner_of_a_site_with_the_gate_in_front_is_kept() -> None:
    class OwnSpawner(AdmissionMixin, SimpleLocalProcessSpawner):  # type: ignore[misc] # no types
        """A site's own."""

    c = Config()
    c.JupyterHub.spawner_class = OwnSpawner
    configure(c)
    assert c.JupyterHub.spawner_class is OwnSpawner


@pytest.mark.parametrize("chosen", ["dummy", "jupyterhub.auth.DummyAuthenticator"])
@pytest.mark.parametrize("calls", [1, 2])
def test_authenticator_of_a_site_keeps_who_is_who_behind_our_gate(chosen: str, calls: int) -> None:
    c = Config()
    c.JupyterHub.authenticator_class = chosen
    for _ in range(calls):
        configure(c)
    governed = c.JupyterHub.authenticator_class
    assert governed.__mro__[1:3] == (GovernedAuthenticator, DummyAuthenticator)
    assert as_dict(c.JupyterHub.template_vars)["platform_local_credentials"] is False
    assert "PLATFORM_LOCAL_CREDENTIALS" not in _service_environment(c)


@pytest.mark.parametrize("chosen", ["platform", PlatformAuthenticator], ids=str)
def test_our_authenticator_is_taken_as_it_is(chosen: Any) -> None:
    c = Config()
    c.JupyterHub.authenticator_class = chosen
    configure(c)
    assert c.JupyterHub.authenticator_class is PlatformAuthenticator


def test_command_line_speaks_to_a_hub_that_it_started_and_to_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLATFORM_COMMAND_TOKEN", "0" * 32)
    c = Config()
    configure(c)
    configure(c)
    assert names(c.JupyterHub.services) == ["platform", "jhp"]
    (role,) = [r for r in as_list(c.JupyterHub.load_roles) if r.get("services") == ["jhp"]]
    reach = "access:services!service=platform"
    assert role["scopes"] == ["custom:platform:admin", "delete:servers", reach]


def test_service_is_where_the_operator_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for trait, variable, expected in (
        (None, None, module.DEFAULT_SERVICE_URL),
        (None, "http://hub:8190", "http://hub:8190"),
        ("http://127.0.0.1:9999", "http://hub:8190", "http://127.0.0.1:9999"),
    ):
        c = Config()
        if trait:
            c.Platform.service_url = trait
        if variable:
            monkeypatch.setenv("PLATFORM_SERVICE_URL", variable)
        configure(c)
        (service,) = as_list(c.JupyterHub.services)
        assert service["url"] == expected
        assert "api_token" not in service
        assert "custom:platform" in service["oauth_client_allowed_scopes"]
        assert "admin" not in service


def test_service_reads_the_store_and_the_file_that_the_hub_was_told_of() -> None:
    c = Config()
    c.Platform.database_url = "sqlite:////srv/other.sqlite"
    c.Platform.policy_file = "/srv/other.yaml"
    c.Platform.state_dir = "/srv/state"
    configure(c)
    environment = as_list(c.JupyterHub.services)[0]["environment"]
    assert environment["PLATFORM_DB_URL"] == "sqlite:////srv/other.sqlite"
    assert environment["PLATFORM_FILE"] == "/srv/other.yaml"
    assert environment["PLATFORM_STATE_DIR"] == "/srv/state"
    c = Config()
    c.Platform.state_dir = "/srv/state"
    configure(c)
    environment = as_list(c.JupyterHub.services)[0]["environment"]
    assert environment["PLATFORM_DB_URL"] == "sqlite:////srv/state/platform.sqlite"
    assert environment["PLATFORM_FILE"] == "/srv/state/platform.yaml"


class Managing(DummyAuthenticator):  # type: ignore[misc] # no types
    """Has roles to give."""

    manage_roles = True


@pytest.mark.parametrize("section", ["Authenticator", "DummyAuthenticator", ""])
def test_levels_come_with_the_authenticator_where_that_manages_roles(section: str) -> None:
    c = Config()
    c.JupyterHub.authenticator_class = "dummy" if section else Managing
    if section:
        c[section].manage_roles = True
    c.JupyterHub.load_roles = [{"name": "cull", "services": ["cull"], "scopes": ["read:hub"]}]
    configure(c)
    assert names(c.JupyterHub.load_roles) == ["cull"]


def test_lists_may_be_tuples_as_for_the_hub() -> None:
    c = Config()
    c.JupyterHub.services = ({"name": "cull", "command": ["true"]},)
    c.JupyterHub.template_paths = ("/site/templates",)
    configure(c)
    assert names(c.JupyterHub.services) == ["cull", "platform"]
    assert as_list(c.JupyterHub.template_paths)[0] == "/site/templates"


def test_a_refusal_shows_no_secret() -> None:
    c = Config()
    c.JupyterHub.services = {"name": "cull", "api_token": "a secret"}
    with pytest.raises(ConfigurationError) as refused:
        configure(c)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["platform", "jhp"])
def test_services_with_names_of_ours_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PLATFORM_COMMAND_TOKEN", "0" * 32)
    c = Config()
    c.JupyterHub.services = [{"name": name, "command": ["sleep", "9"]}]
    with pytest.raises(ConfigurationError, match=f"has a service {name}, and"):
        configure(c)


READER = {"name": "reader", "scopes": ["read:hub"]}


@pytest.mark.parametrize(
    ("trait", "value", "where"),
    [
        ("base_url", "/a b/", "base_url is '/a b/'"),
        ("base_url", "/a?b", "base_url is '/a?b'"),
        ("base_url", "/a+b/", "base_url is '/a+b/'"),
        ("base_url", "/l\u00e4b/", "base_url is '/l\u00e4b/'"),
        ("base_url", "/a\n/", "base_url is"),
        ("bind_url", "http://:8000/a b/", "bind_url is"),
        ("base_url", "//evil.example/", "base_url is '//evil.example/'"),
        ("base_url", "/a//b/", "base_url is '/a//b/'"),
        ("base_url", "/a/../b", "base_url is '/a/../b'"),
        ("base_url", "./", "base_url is './'"),
        ("bind_url", "http://:8000//x/", "bind_url is"),
        ("bind_url", "http://[::1/", "bind_url is not an address"),
        ("load_roles", [{"scopes": ["read:hub"]}], "load_roles[0]['name'] cannot be read"),
        ("load_roles", [READER, 5], "load_roles[1] cannot be read"),
        ("load_roles", [{**READER, "name": 5}], "load_roles[0]['name'] cannot be read"),
        ("load_roles", [{**READER, "name": "A b"}], "load_roles[0]['name'] cannot be read"),
        ("load_roles", [{**READER, "scopes": 5}], "load_roles[0]['scopes'] cannot be read"),
        ("load_roles", [{**READER, "users": "kim"}], "load_roles[0]['users'] cannot be read"),
        ("load_roles", [{**READER, "users": [5]}], "load_roles[0]['users'][0] cannot be read"),
        ("load_roles", [{**READER, "groups": None}], "load_roles[0]['groups'] cannot be read"),
        ("load_groups", [], "load_groups is a list"),
        ("load_groups", {"x": 5}, "load_groups['x']['users'] cannot be read"),
        ("load_groups", {"x": "kim"}, "load_groups['x']['users'] cannot be read"),
        ("load_groups", {"x": {"users": [None]}}, "load_groups['x']['users'][0] cannot be read"),
        ("load_groups", {5: {"users": []}}, "load_groups[5]['[key]'] cannot be read"),
        ("load_groups", {"x": {"properties": 5}}, "load_groups['x']['properties'] cannot be read"),
        ("services", [{"url": "http://x"}], "services[0]['name'] cannot be read"),
        ("services", [{"name": "x", "command": 5}], "services[0]['command']"),
        ("custom_scopes", {"custom:x": 5}, "custom_scopes['custom:x'] cannot be read"),
        ("custom_scopes", {"custom:x": {}}, "custom_scopes['custom:x']['description']"),
        ("template_paths", [5], "template_paths[0] cannot be read"),
        ("template_vars", {5: 6}, "template_vars[5]['[key]'] cannot be read"),
    ],
)
def test_unusable_setting_is_refused_with_its_place_and_remedy(
    trait: str, value: Any, where: str
) -> None:
    c = Config()
    c.JupyterHub[trait] = value
    with pytest.raises(ConfigurationError) as refused:
        configure(c)
    said = str(refused.value)
    assert said.startswith(f"c.JupyterHub.{where}")
    assert "\n" not in said
    assert "Traceback" not in said


def test_appended_setting_is_checked_as_well() -> None:
    c = Config()
    c.JupyterHub.load_roles.append({"scopes": ["read:hub"]})
    with pytest.raises(ConfigurationError, match=r"load_roles\[0\]\['name'\]"):
        configure(c)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("base_url", "/jupyter/"),
        ("base_url", "a/b-c_d.e~f@g:1"),
        ("base_url", "/"),
        ("base_url", ""),
        ("base_url", "/...a/.b"),
        ("bind_url", "http://:8000"),
        ("bind_url", "http://:8000/jupyter/"),
        ("load_roles", [{**READER, "users": {"kim"}, "groups": ("vision",), "more": object()}]),
        ("load_groups", {"a": ["kim"], "b": {"users": {"kim"}}, "c": {}, "d": ()}),
        ("services", [{"name": "x", "url": None, "admin": True, "info": {"a": 1}}]),
    ],
)
def test_valid_setting_stays_as_it_is(trait: str, value: Any) -> None:
    c = Config()
    c.JupyterHub[trait] = value
    configure(c)
    found = c.JupyterHub[trait]
    assert found == value if isinstance(found, str | dict) else found[0] == value[0]


def undone(after: dict[str, Any], before: dict[str, Any] | None = None) -> str:
    """Say what is wrong with a Hub that reads a configuration with these settings around ours."""
    c = Config()
    c.JupyterHub.update(before or {})
    configure(c)
    c.JupyterHub.update(after)
    app = JupyterHub()
    app.update_config(c)
    return say_overwritten(app)


def test_setting_that_is_not_overwritten_is_not_reported() -> None:
    assert undone({}) == ""
    assert undone({"authenticator_class": PlatformAuthenticator}) == ""
    before = {"authenticator_class": "dummy", "spawner_class": "kubespawner.KubeSpawner"}
    assert undone({"load_groups": {"x": []}}, before) == ""


@pytest.mark.parametrize(
    ("after", "what"),
    [
        ({"authenticator_class": "dummy"}, "authenticator_class is jupyterhub.auth.Dummy"),
        ({"spawner_class": "simple"}, "spawner_class is jupyterhub.spawner.Simple"),
        ({"services": []}, "services was set after configure(c), which takes platform from it"),
        ({"load_roles": [READER]}, "load_roles was set after configure(c), which takes platform-"),
        ({"custom_scopes": {}}, "custom_scopes was set after configure(c)"),
        ({"template_paths": ["/srv"]}, "template_paths was set after configure(c)"),
        ({"template_vars": {"a": 1}}, "template_vars was set after configure(c)"),
    ],
)
def test_setting_that_is_overwritten_afterwards_is_reported(
    after: dict[str, Any], what: str
) -> None:
    said = undone(after)
    assert said.startswith(f"c.JupyterHub.{what}")
    assert said.endswith("and not on the command line")


def test_roles_are_not_missed_where_the_authenticator_manages_them() -> None:
    c = Config()
    c.Authenticator.manage_roles = True
    c.JupyterHub.authenticator_class = "dummy"
    configure(c)
    app = JupyterHub()
    app.update_config(c)
    assert say_overwritten(app) == ""


def test_setting_that_jupyterhub_refuses_is_a_configuration_error() -> None:
    c = Config()
    configure(c)
    c.JupyterHub.cookie_secret = "short"
    with pytest.raises(TraitError, match="cookie_secret set as a string must contain"):
        JupyterHub().update_config(c)
