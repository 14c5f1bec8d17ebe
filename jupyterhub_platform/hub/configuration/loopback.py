"""The Hub's loopback address, where it differs from the one that servers use.

In a cluster the service would call the Hub at the address that servers use, and come from that of
the pod: the kernel then does not say whose process it is, so that what it says of its callers'
addresses could be anyone's words.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = "PLATFORM_HUB_LOOPBACK"
_EVERYWHERE = {"", "*", "0.0.0.0", "::"}  # noqa: S104 - read, not listened at
_PORT = 8081


def find_loopback(hub: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells the service of it; nothing if the Hub listens at one address alone."""
    bound = urlsplit(hub.get("hub_bind_url") or "")
    host = (bound.hostname or "") if bound.netloc else str(hub.get("hub_ip", "127.0.0.1"))
    port = bound.port if bound.netloc else hub.get("hub_port")
    if host not in _EVERYWHERE or bound.scheme not in {"", "http"} or hub.get("internal_ssl"):
        return {}
    here = "[::1]" if host == "::" else "127.0.0.1"
    return {LOOPBACK: f"http://{here}:{port or _PORT}"}
