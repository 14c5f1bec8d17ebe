"""The values by themselves: what has to hold whatever the chart makes of them."""

import os
import re
import tomllib
from collections.abc import Iterator
from textwrap import indent
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.crypto import CryptKeeper
from traitlets.config import Config

from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner
from tests.helm.values import FOLDER, PLACES, ROOT, load, load_place

README = (FOLDER / "README.md").read_text()
CLASSES = {"JupyterHub": JupyterHub, "CryptKeeper": CryptKeeper}
SECRET = re.compile(r"password|token|secret|keys|_url$", re.IGNORECASE)
KEYS = {"COOKIE_SECRET": "01" * 32, "CRYPT_KEYS": f"{'23' * 32};{'45' * 32}", "PROXY_TOKEN": "key"}

each_place = pytest.mark.parametrize("place", PLACES)


def walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every value with the path that leads to it."""
    yield ".".join(path), value
    pairs = value.items() if isinstance(value, dict) else ()
    for key, each in pairs:
        yield from walk(each, (*path, str(key)))


def run_configuration(values: dict[str, Any], **environment: str) -> Config:
    """Set what the chart sets, then run the Hub's configuration as the chart does."""
    c = Config()
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    c.JupyterHub.services = [{"name": "theirs"}]
    c.JupyterHub.load_roles = [{"name": "theirs", "services": ["theirs"]}]
    for section, settings in values["hub"]["config"].items():
        # With null a value takes away what the chart sets.
        c[section].update({k: v for k, v in settings.items() if v is not None})
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    name = c.JupyterHub.authenticator_class
    c.JupyterHub.authenticator_class = points["jupyterhub.authenticators"][name].replace(":", ".")
    literal = {k: v for k, v in values["hub"]["extraEnv"].items() if isinstance(v, str)}
    kept = dict(os.environ)
    os.environ.update({**environment, **literal})
    try:
        for _, program in sorted(values["hub"]["extraConfig"].items()):
            names: dict[str, Any] = {}
            exec(f"def run(c):\n{indent(program, '    ')}", names)
            names["run"](c)
    finally:
        os.environ.clear()
        os.environ.update(kept)
    return c


def test_every_file_belongs_to_a_place_or_is_applied_as_it_is() -> None:
    values = {name for names in PLACES.values() for name in names}
    others = {path.stem for path in FOLDER.glob("*.yaml")} - values - {"platform"}
    assert {load(name)["apiVersion"].partition("/")[0] for name in others} == {
        "rbac.authorization.k8s.io"
    }


@each_place
def test_hub_is_governed_and_has_its_secrets_from_the_environment(place: str) -> None:
    c = run_configuration(load_place(place), HUB_DB_URL="postgresql://db/hub", **KEYS)

    assert c.JupyterHub.authenticator_class is PlatformAuthenticator
    assert c.JupyterHub.spawner_class is PlatformKubeSpawner
    theirs, service = c.JupyterHub.services
    assert theirs["name"] == "theirs"
    assert c.JupyterHub.load_roles[0]["name"] == "theirs"
    assert service["url"] == "http://hub:8181"
    assert service["environment"]["PLATFORM_SERVICE_BIND"] == "0.0.0.0:8181"

    hub, keeper = JupyterHub(config=c), CryptKeeper(config=c)
    assert hub.cookie_secret == bytes.fromhex(KEYS["COOKIE_SECRET"])
    assert [key.hex() for key in keeper.keys] == KEYS["CRYPT_KEYS"].split(";")
    assert c.ConfigurableHTTPProxy.auth_token == KEYS["PROXY_TOKEN"]
    on_a_volume = "sqlite:////srv/jupyterhub/jupyterhub.sqlite"
    assert hub.db_url == (on_a_volume if place == "local" else "postgresql://db/hub")


def test_a_secret_that_is_missing_keeps_the_hub_from_starting() -> None:
    with pytest.raises(KeyError, match="PROXY_TOKEN"):
        run_configuration(
            load("base"), HUB_DB_URL="", **{k: v for k, v in KEYS.items() if k != "PROXY_TOKEN"}
        )


def test_placeholder_of_a_secret_is_refused_as_one() -> None:
    hub = load("base")["hub"]
    with pytest.raises(ValueError, match="hexadecimal"):
        JupyterHub(cookie_secret=hub["cookieSecret"])
    with pytest.raises(ValueError, match="32 bytes"):
        CryptKeeper(keys=hub["config"]["CryptKeeper"]["keys"])


@each_place
def test_values_hold_no_secret(place: str) -> None:
    literal = {
        path: value
        for path, value in walk(load_place(place))
        if isinstance(value, str | list) and SECRET.search(path.rpartition(".")[2])
        if not path.startswith("hub.extraConfig.")
    }
    del literal["hub.extraEnv.PLATFORM_SERVICE_URL"]
    said = {value if isinstance(value, str) else value[0] for value in literal.values()}
    assert {each for each in said if not re.match("unused|sqlite:////srv/jupyterhub/", each)} == (
        set()
    )


def test_readme_makes_every_key_that_is_referred_to() -> None:
    step = README.partition("kubectl create secret generic jupyterhub-platform")[2]
    made = set(re.findall(r"--from-literal=([a-z-]+)=", step))
    values = load_place("aws")
    references = [
        value["secretKeyRef"]
        for path, value in walk(values)
        if path.endswith(".valueFrom") and "secretKeyRef" in value
    ]
    assert {reference["name"] for reference in references} == {"jupyterhub-platform"}
    assert {reference["key"] for reference in references} == made


@each_place
def test_every_variable_is_read(place: str) -> None:
    values = load_place(place)
    documented = (ROOT / "docs" / "reference" / "settings.md").read_text()
    configuration = "\n".join(values["hub"]["extraConfig"].values())
    unread = {
        name
        for name in values["hub"]["extraEnv"]
        if f"`{name}`" not in documented
        and f'"{name}"' not in configuration
        and not name.startswith(("AWS_", "PGSSL"))  # libraries below the Hub
    }
    assert unread == set()


@each_place
def test_policy_is_where_the_hub_looks_for_it(place: str) -> None:
    hub = load_place(place)["hub"]
    mounts = {each["name"]: each["mountPath"] for each in hub["extraVolumeMounts"]}
    assert hub["extraEnv"]["PLATFORM_FILE"] == f"{mounts['platform-policy']}/platform.yaml"
    assert set(mounts) == {volume["name"] for volume in hub["extraVolumes"]}


@pytest.mark.parametrize("name", sorted({name for names in PLACES.values() for name in names[1:]}))
def test_list_that_replaces_one_of_the_base_has_what_was_in_it(name: str) -> None:
    """Helm merges maps; a list of an overlay is all that is left."""
    lists = {path: value for path, value in walk(load("base")) if isinstance(value, list)}
    replaced = {path: value for path, value in walk(load(name)) if path in lists}
    lost = {
        path: [each for each in lists[path] if each not in value]
        for path, value in replaced.items()
    }
    assert {path: entries for path, entries in lost.items() if entries} == {}


@each_place
def test_settings_of_the_hub_exist(place: str) -> None:
    for name, settings in load_place(place)["hub"]["config"].items():
        assert set(settings) <= set(CLASSES[name].class_trait_names(config=True))


@each_place
def test_nothing_of_a_server_is_privileged(place: str) -> None:
    values = load_place(place)
    assert values["singleuser"]["cloudMetadata"] == {"blockWithIptables": False}
    assert "PlatformKubeSpawner" not in values["hub"]["config"]


def test_only_the_proxy_and_the_hub_reach_the_service() -> None:
    hub, proxy = load("base")["hub"], load("base")["proxy"]
    port = hub["service"]["extraPorts"][0]["port"]
    assert hub["extraEnv"]["PLATFORM_SERVICE_URL"].endswith(f":{port}")
    assert hub["extraEnv"]["PLATFORM_SERVICE_BIND"].endswith(f":{port}")
    open_to = [
        peer["podSelector"]["matchLabels"]["component"]
        for rule in hub["networkPolicy"]["ingress"]
        for peer in rule["from"]
        if any(each["port"] == port for each in rule["ports"])
    ]
    assert open_to == ["proxy", "hub"]
    (way_out,) = proxy["chp"]["networkPolicy"]["egress"]
    assert way_out["ports"] == [{"protocol": "TCP", "port": port}]


def test_role_is_given_to_the_account_of_the_hub() -> None:
    binding = load("role-binding")
    assert binding["roleRef"]["name"] == load("role")["metadata"]["name"]
    # What the chart calls it, unless a site sets hub.serviceAccount.name or fullnameOverride.
    assert [subject["name"] for subject in binding["subjects"]] == ["hub"]
    assert load("base")["rbac"] == {"create": False}


def test_govcloud_names_no_other_partition_and_uses_validated_endpoints() -> None:
    text = "\n".join((FOLDER / f"{name}.yaml").read_text() for name in PLACES["aws-govcloud"])
    assert "arn:aws:" not in text
    hosts = set(re.findall(r"[\w.-]+\.amazonaws\.com", text))
    assert {".".join(host.split(".")[1:]) for host in hosts} == {
        "dkr.ecr-fips.us-gov-west-1.amazonaws.com"
    }
    values = load_place("aws-govcloud")
    for part in ("hub", "singleuser"):
        environment = values[part]["extraEnv"]
        assert environment["AWS_USE_FIPS_ENDPOINT"] == "true"
        assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-gov-west-1"
    policy = values["ingress"]["annotations"]["alb.ingress.kubernetes.io/ssl-policy"]
    assert "FIPS" in policy
