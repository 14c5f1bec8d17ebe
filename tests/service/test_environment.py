"""What the Hub tells the service, and what is said when it makes no sense."""

import pytest

from jupyterhub_platform.core.branding import Branding, Link
from jupyterhub_platform.service.environment import Environment, EnvironmentFaultError

TOLD = {
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:8123",
    "JUPYTERHUB_SERVICE_PREFIX": "/pfx/services/platform/",
    "JUPYTERHUB_BASE_URL": "/pfx/",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/pfx/hub/api",
    "PLATFORM_DB_URL": "postgresql://platform@db/platform",
}


def test_a_hub_that_listens_everywhere_is_asked_on_this_machine() -> None:
    url = {"JUPYTERHUB_API_URL": "http://hub:8081/base/hub/api"}
    here = {"PLATFORM_HUB_LOOPBACK": "http://127.0.0.1:8081"}
    assert Environment.read(TOLD | url | here).api_url == "http://127.0.0.1:8081/base/hub/api"
    assert Environment.read(TOLD | url).api_url == url["JUPYTERHUB_API_URL"]
    tls = {"JUPYTERHUB_API_URL": "https://hub:8081/hub/api"}
    assert Environment.read(TOLD | tls | here).api_url == tls["JUPYTERHUB_API_URL"]


def test_everything_is_read_from_what_the_hub_sets() -> None:
    read = Environment.read(TOLD)
    assert (read.host, read.port) == ("127.0.0.1", 8123)
    assert read.hub_prefix == "/pfx/hub/"
    assert read.database_url == "postgresql://platform@db/platform"
    assert len(read.cookie_secret) == 32


def test_the_address_to_listen_on_can_be_another_one_than_the_proxy_uses() -> None:
    read = Environment.read(TOLD | {"PLATFORM_SERVICE_BIND": "0.0.0.0:8181"})
    assert (read.host, read.port) == ("0.0.0.0", 8181)


def test_the_cookie_secret_stays_the_same_when_it_is_told() -> None:
    told = TOLD | {"PLATFORM_SERVICE_COOKIE_SECRET": "ab" * 32}
    assert Environment.read(told).cookie_secret == bytes.fromhex("ab" * 32)
    assert Environment.read(TOLD).cookie_secret != Environment.read(TOLD).cookie_secret


def test_environment_tells_whether_the_platform_keeps_passwords() -> None:
    assert Environment.read(TOLD | {"PLATFORM_LOCAL_CREDENTIALS": "1"}).local_credentials
    assert not Environment.read(TOLD).local_credentials


def test_the_hub_tells_how_its_pages_look() -> None:
    told = '{"site_name": "Lab", "accent_color": "#0b57d0", "help_links": {"Help": "/docs"}}'
    read = Environment.read(TOLD | {"PLATFORM_BRANDING": told}).branding
    assert (read.name, read.accent, read.links) == ("Lab", "#0b57d0", (Link("Help", "/docs"),))
    assert Environment.read(TOLD).branding == Branding()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JUPYTERHUB_SERVICE_PREFIX", ""),
        ("JUPYTERHUB_API_URL", ""),
        ("JUPYTERHUB_SERVICE_URL", ""),
        ("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1"),
        ("PLATFORM_SERVICE_BIND", "8181"),
        ("PLATFORM_SERVICE_BIND", "host:99999"),
        ("PLATFORM_SERVICE_COOKIE_SECRET", "abcd"),
        ("PLATFORM_SERVICE_COOKIE_SECRET", "not hexadecimal"),
        ("PLATFORM_HUB_PID", "me"),
        ("PLATFORM_BRANDING", "{"),
        ("PLATFORM_BRANDING", "[]"),
        ("PLATFORM_BRANDING", '{"help_links": 3}'),
        ("PLATFORM_BRANDING", '{"help_links": {"Help": "javascript:alert(1)"}}'),
    ],
)
def test_invalid_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(EnvironmentFaultError, match=name):
        Environment.read(TOLD | {name: value})
