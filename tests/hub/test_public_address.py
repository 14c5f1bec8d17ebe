"""What links begin with, and whether cookies are for TLS alone."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlparse

import pytest
from tornado import web

from jupyterhub_platform.hub.public_address import (
    find_public_pages,
    is_secure,
    pages_of,
    public_address,
)


def asked(
    *,
    public: str = "",
    bound: str = "http://:8000",
    host: str = "hub:8081",
    protocol: str = "http",
    proxied: bool = False,
    passed_on: str = "",
    subdomain: str = "",
) -> Any:
    """Return what these read of a handler, whose request came as it says."""
    headers = {"X-Forwarded-For": "192.0.2.1"} if proxied else {}
    headers |= {"X-Forwarded-Host": passed_on} if passed_on else {}
    return SimpleNamespace(
        hub=SimpleNamespace(base_url="/prefix/hub/"),
        request=SimpleNamespace(headers=headers, host=host, protocol=protocol),
        settings={
            "public_url": urlparse(public) if public else "",
            "platform": SimpleNamespace(
                app=SimpleNamespace(bind_url=bound, subdomain_host=subdomain)
            ),
        },
    )


@pytest.mark.parametrize(
    ("handler", "address"),
    [
        (asked(public="https://hub.example.org/"), "https://hub.example.org/prefix/hub/"),
        (
            asked(public="https://hub.example.org/", proxied=True, host="other.example"),
            "https://hub.example.org/prefix/hub/",
        ),
        (
            asked(proxied=True, host="hub.example.org", protocol="https"),
            "https://hub.example.org/prefix/hub/",
        ),
        (
            asked(proxied=True, host="%2frun%2fhub.sock", passed_on="hub.example.org:8000, x"),
            "http://hub.example.org:8000/prefix/hub/",
        ),
        (
            asked(proxied=True, host="a", passed_on="platform.hub.example", subdomain="https://h"),
            "https://h/prefix/hub/",
        ),
        (asked(bound="http://127.0.0.1:8000"), "http://127.0.0.1:8000/prefix/hub/"),
        (asked(bound="https://hub.example.org"), "https://hub.example.org/prefix/hub/"),
    ],
)
def test_a_link_leads_where_people_reach_the_hub(handler: Any, address: str) -> None:
    assert public_address(handler) == address


@pytest.mark.parametrize(
    "bound", ["http://:8000", "http://0.0.0.0:8000", "http://[::]:8000", "http://*:8000"]
)
def test_an_unknown_address_is_not_made_up(bound: str) -> None:
    with pytest.raises(web.HTTPError) as refused:
        public_address(asked(bound=bound))
    assert refused.value.status_code == 409
    assert "public_url" in str(refused.value)


@pytest.mark.parametrize(
    ("handler", "secure"),
    [
        (asked(public="https://hub.example.org/"), True),
        (asked(public="http://hub.example.org/", protocol="https"), False),
        (asked(protocol="https"), True),
        (asked(), False),
    ],
)
def test_cookies_are_secure_where_the_browser_speaks_tls(handler: Any, secure: bool) -> None:
    assert is_secure(handler) is secure


@pytest.mark.parametrize(
    ("host", "public", "bound", "pages"),
    [
        (
            "https://platform--service.hub.test:8443",
            "https://hub.test:8443/pfx/",
            "https://:8443",
            "https://platform--service.hub.test:8443/pfx/services/platform/",
        ),
        ("", "https://hub.test:8443/pfx/", "", "https://hub.test:8443/pfx/services/platform/"),
        ("", "", "http://127.0.0.1:8000", "http://127.0.0.1:8000/pfx/services/platform/"),
        ("", "", "http://:8000", ""),
    ],
)
def test_pages_of_the_service_are_at_its_own_host(
    host: str, public: str, bound: str, pages: str
) -> None:
    service: Any = SimpleNamespace(host=host, prefix="/pfx/services/platform/")
    settings = {"services": {"platform": service}}
    app = SimpleNamespace(
        base_url="/pfx/", public_url=public, bind_url=bound, tornado_settings=settings
    )
    assert find_public_pages(app) == pages
    assert pages_of(service) == f"{host}/pfx/services/platform/"
