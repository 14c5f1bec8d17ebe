"""Where the service finds the Hub on its own machine, as configurations say where it listens."""

from typing import Any

import pytest

from jupyterhub_platform.hub.configuration.loopback import find_loopback


@pytest.mark.parametrize(
    ("hub", "address"),
    [
        ({"hub_bind_url": "http://:8081"}, "http://127.0.0.1:8081"),
        ({"hub_bind_url": "http://0.0.0.0:9000/base/"}, "http://127.0.0.1:9000"),
        ({"hub_bind_url": "http://[::]:8081"}, "http://[::1]:8081"),
        ({"hub_bind_url": "http://*"}, "http://127.0.0.1:8081"),
        ({"hub_ip": ""}, "http://127.0.0.1:8081"),
        ({"hub_ip": "0.0.0.0", "hub_port": 8099}, "http://127.0.0.1:8099"),
        ({}, ""),
        ({"hub_ip": "10.0.0.7"}, ""),
        ({"hub_bind_url": "http://10.0.0.7:8081"}, ""),
        ({"hub_bind_url": "unix+http://%2Frun%2Fhub.sock"}, ""),
        ({"hub_bind_url": "https://:8081"}, ""),
        ({"hub_bind_url": "http://:8081", "internal_ssl": True}, ""),
    ],
)
def test_a_hub_that_listens_everywhere_has_an_address_here(
    hub: dict[str, Any], address: str
) -> None:
    assert find_loopback(hub) == ({"PLATFORM_HUB_LOOPBACK": address} if address else {})
