"""The origin of a change: through which door, and from which address.

A context variable: each request runs in a task of its own, so that whatever is recorded while it is
answered, in whichever module or thread, carries its origin without being told.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

PAGE: Final = "page"
API: Final = "api"
CLI: Final = "cli"
SERVICE_AGENT: Final = "jupyterhub-platform-service"
"""How the service introduces itself when it passes on what a user did on one of its pages."""

PLATFORM: Final = "platform"
"""The door of what the platform does by itself: the policy file, an end that has come."""


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """The door, as far as the client says which one it is, and the client's address."""

    via: str = PLATFORM
    address: str = ""


OWN: Final = RequestOrigin()
"""The origin of what no request asked for."""

ORIGIN: Final[ContextVar[RequestOrigin]] = ContextVar("origin", default=OWN)
"""The origin of what is done now."""
