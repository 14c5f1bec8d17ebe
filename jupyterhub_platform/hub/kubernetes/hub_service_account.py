"""The Hub's own service account, which no server may run as."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes puts the token of a pod's service account."""

_SUBJECT: Final = ("system", "serviceaccount")


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account: its name is unique only within its namespace."""

    namespace: str
    name: str


def read_service_account(token: Path = TOKEN) -> ServiceAccount | None:
    """Return the service account of this pod's ``token``; ``None`` outside a pod.

    The token is not verified: it comes from the node, and is the Hub's own. Its claim ``sub`` is
    ``system:serviceaccount:NAMESPACE:NAME``. Source: Kubernetes, Authenticating, service account
    tokens.
    """
    try:
        _, payload, _ = token.read_text(encoding="ascii").strip().split(".")
        padded = payload + "=" * (-len(payload) % 4)
        *kind, namespace, name = json.loads(base64.urlsafe_b64decode(padded))["sub"].split(":")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return ServiceAccount(namespace, name) if tuple(kind) == _SUBJECT else None
