"""What a site's configuration can and cannot change of what ``jhp up`` decides."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from jupyterhub_platform.cli.local.enforced_config import URL_FILE, EnforcedConfig
from jupyterhub_platform.cli.local.leftovers import MARK


@pytest.fixture
def enforced(tmp_path: Path) -> EnforcedConfig:
    return EnforcedConfig(
        host="127.0.0.1",
        port=8123,
        listener=99,
        state=tmp_path,
        sockets=Path("/run/jupyterhub-platform/0123456789abcdef"),
        policy_file=tmp_path / "platform.yaml",
        proxy_command=["chp"],
    )


def run(enforced: EnforcedConfig, site: dict[str, Any]) -> Config:
    """Run a site's settings between what `jhp up` sets and what it keeps."""
    c = Config()
    enforced.set(c)
    for name, value in site.items():
        section, _, trait = name.partition(".")
        c[section][trait] = value
    c.JupyterHub.setdefault("services", [])
    enforced.keep(c)
    return c


def url_of(enforced: EnforcedConfig) -> str:
    return (enforced.state / URL_FILE).read_text().strip()


@pytest.mark.parametrize(
    ("site", "prefix"),
    [
        ({}, "/"),
        ({"JupyterHub.base_url": "/"}, "/"),
        ({"JupyterHub.base_url": "/jupyter/"}, "/jupyter/"),
        ({"JupyterHub.base_url": "a/b"}, "/a/b/"),
        ({"JupyterHub.bind_url": "http://:8000/jupyter/"}, "/jupyter/"),
        ({"JupyterHub.bind_url": "http://127.0.0.1:8123/own"}, "/own/"),
        ({"JupyterHub.bind_url": "http://:1/a", "JupyterHub.base_url": "/b/"}, "/b/"),
    ],
)
def test_prefix_of_a_site_is_taken_over(
    enforced: EnforcedConfig, site: dict[str, Any], prefix: str
) -> None:
    c = run(enforced, site)
    assert c.JupyterHub.bind_url == f"http://127.0.0.1:8123{prefix}"
    assert "base_url" not in c.JupyterHub
    assert url_of(enforced) == f"http://127.0.0.1:8123{prefix}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JupyterHub.ip", "0.0.0.0"),
        ("JupyterHub.port", 8000),
        ("JupyterHub.bind_url", "http://:8000"),
        ("JupyterHub.bind_url", "http://0.0.0.0:8123"),
        ("JupyterHub.hub_ip", "0.0.0.0"),
        ("JupyterHub.hub_port", 8081),
        ("JupyterHub.hub_connect_ip", "10.0.0.1"),
        ("JupyterHub.hub_connect_port", 8081),
        ("JupyterHub.hub_bind_url", "http://127.0.0.1:8081"),
        ("JupyterHub.hub_connect_url", "http://127.0.0.1:8081"),
        ("JupyterHub.hub_socket_mode", 0o777),
        ("ConfigurableHTTPProxy.api_url", "http://127.0.0.1:8001"),
        ("ConfigurableHTTPProxy.command_umask", 0),
        ("Platform.service_url", "http://127.0.0.1:8190"),
    ],
)
def test_address_of_a_site_is_passed_over_with_a_line(
    enforced: EnforcedConfig, name: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    plain = run(enforced, {})
    assert not caplog.records
    c = run(enforced, {name: value})
    assert {k: dict(v) for k, v in c.items()} == {k: dict(v) for k, v in plain.items()}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith(f"c.{name} = {value!r} is ignored: ")
    assert "http://127.0.0.1:8123/" in record.getMessage()


def test_address_that_is_said_instead_has_the_prefix_that_was_taken_over(
    enforced: EnforcedConfig, caplog: pytest.LogCaptureFixture
) -> None:
    run(enforced, {"JupyterHub.bind_url": "http://0.0.0.0:8998/x/", "JupyterHub.hub_port": 1})
    assert all("at http://127.0.0.1:8123/x/." in each.getMessage() for each in caplog.records)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("JupyterHub.proxy_class", "traefik_file", "c.JupyterHub.proxy_class is traefik_file"),
        ("JupyterHub.internal_ssl", True, "c.JupyterHub.internal_ssl is on"),
        ("ConfigurableHTTPProxy.should_start", False, "should_start of the proxy is off"),
        ("Proxy.should_start", False, "should_start of the proxy is off"),
    ],
)
def test_unsupported_setting_is_refused_in_a_line(
    enforced: EnforcedConfig, name: str, value: Any, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(enforced, {name: value})
    assert ended.value.code == 1
    (record,) = caplog.records
    said = record.getMessage()
    assert said.startswith(f"The Hub does not start: {what}")
    assert said.endswith("Take it out of the configuration, or run `jupyterhub` yourself.")
    assert not (enforced.state / URL_FILE).exists()


def test_certificate_of_a_site_makes_the_address_https(enforced: EnforcedConfig) -> None:
    c = run(enforced, {"JupyterHub.ssl_cert": "c.pem", "JupyterHub.ssl_key": "k.pem"})
    assert c.JupyterHub.bind_url == "https://127.0.0.1:8123/"
    assert url_of(enforced) == "https://127.0.0.1:8123/"


def test_settings_other_than_addresses_stay_the_sites_own(enforced: EnforcedConfig) -> None:
    site = {
        "JupyterHub.db_url": "postgresql:///hub",
        "JupyterHub.cleanup_servers": True,
        "ConfigurableHTTPProxy.command": ["other-chp"],
        "Platform.invite_hours": 5,
    }
    c = run(enforced, site)
    for name, value in site.items():
        section, _, trait = name.partition(".")
        assert c[section][trait] == value


def test_every_service_that_is_started_can_be_known_again(enforced: EnforcedConfig) -> None:
    services = [
        {"name": "culler", "command": ["cull"], "environment": {"A": "b"}},
        {"name": "exporter", "command": ["export"]},
        {"name": "token-only", "api_token": "x"},
    ]
    c = run(enforced, {"JupyterHub.services": services})
    assert c.JupyterHub.services[0]["environment"] == {"A": "b", MARK: str(enforced.state)}
    assert c.JupyterHub.services[1]["environment"] == {MARK: str(enforced.state)}
    assert "environment" not in c.JupyterHub.services[2]
    added = Config()
    added.JupyterHub.services.append({"name": "culler", "command": ["cull"]})
    enforced.keep(added)
    (one,) = added.JupyterHub.services.to_dict()["extend"]
    assert one["environment"] == {MARK: str(enforced.state)}


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]"), ("a.example", "a.example")],
)
def test_address_that_is_shown_can_be_opened(
    enforced: EnforcedConfig, host: str, shown: str, tmp_path: Path
) -> None:
    run(replace(enforced, host=host), {})
    assert url_of(enforced) == f"http://{shown}:8123/"


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["chp", "--port", "9999"], "--port"),
        (["chp", "--port=9999"], "--port"),
        (["chp", "--log-level", "info", "--ip=0.0.0.0"], "--ip"),
        (["node", "proxy.js", "--api-port", "9999"], "--api-port"),
        (["chp", "--socket", "/tmp/x"], "--socket"),
        (["sh", "-c", 'exec chp --port 9999 "$@"', "chp"], "--port"),
        ("chp --api-ip 127.0.0.1", "--api-ip"),
    ],
)
def test_a_command_that_says_where_the_proxy_listens_is_refused(
    enforced: EnforcedConfig, command: Any, option: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        run(enforced, {"ConfigurableHTTPProxy.command": command})
    assert f"the command of the proxy has {option}, but `jhp up` decides where" in caplog.text
    with pytest.raises(SystemExit):
        run(replace(enforced, proxy_command=command), {})


@pytest.mark.parametrize(
    "option", ["--metrics-port=9001", "--timeout=5", "--portal", "--ssl-ciphers"]
)
def test_other_options_of_the_proxy_are_taken_over(enforced: EnforcedConfig, option: str) -> None:
    c = run(enforced, {"ConfigurableHTTPProxy.command": ["chp", option]})
    assert c.ConfigurableHTTPProxy.command == ["chp", option]
