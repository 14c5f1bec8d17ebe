"""What can go wrong, by meaning.

::

    PlatformError                 code, sentence: every error of ours
    ├── QuantityError             not a Kubernetes quantity, or not a resource name
    ├── IdentityError             not a name that the platform accepts
    ├── PolicyError               a policy document with faults; carries all of them
    ├── StoreError                the platform's own database
    │   ├── StoreUnreachableError     it does not answer now
    │   ├── StoreSchemaError          it is newer or older than this code
    │   ├── StoreMismatchError        it is not the one that was there before
    │   └── StoreInUseError         another Hub uses it
    ├── LocalSpawnerError         this machine does not let servers be started, or kept apart
    └── NotFoundError             what was asked for does not exist

Floors above translate: the Hub and the service into an HTTP status, the
command line into an exit code. Messages say what, why and what to do next.
"""

from dataclasses import dataclass
from typing import Final

_MAX_SHOWN: Final = 80


class PlatformError(Exception):
    """Base of every error of the platform, with a stable ``code``."""

    code = "platform.error"


class QuantityError(PlatformError, ValueError):
    """Raised if a text is not a Kubernetes quantity, or a name is not a resource name."""

    code = "policy.quantity"


class IdentityError(PlatformError, ValueError):
    """Raised if a user or group name is not acceptable."""

    code = "identity.name"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a document: where, what, and the fix.

    ``file`` and ``line`` are filled in by the reader that knows them.
    """

    path: tuple[str | int, ...]
    what: str
    fix: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = (
            f"{self.file}:{self.line}: " if self.line else (f"{self.file}: " if self.file else "")
        )
        return _one_line(f"{place}{self.key + ': ' if self.path else ''}{self.what}; {self.fix}")

    @property
    def key(self) -> str:
        """The path in one readable word, such as ``tiers.small.requests.cpu``."""
        return _one_line(".".join(str(key)[:_MAX_SHOWN] for key in self.path))


def _one_line(text: str) -> str:
    """Escape whatever could break a line of output, or move what is around it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class PolicyError(PlatformError):
    """Raised if a policy document has faults.

    Attributes
    ----------
    faults
        All of them, in the order of the document; never empty.
    """

    code = "policy.invalid"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class StoreError(PlatformError):
    """Base of the errors of the platform's own database."""

    code = "platform.store"


class StoreUnreachableError(StoreError):
    """Raised if the store does not answer: nothing was read or written."""


class StoreSchemaError(StoreError):
    """Raised if the store's schema is not the one that this code knows."""

    code = "platform.store.schema"


class StoreMismatchError(StoreError):
    """Raised if the store is not the one that this platform used before."""

    code = "platform.store.mismatch"


class StoreInUseError(StoreError):
    """Raised if another Hub uses the store: two would admit more than there is."""

    code = "platform.store.claimed"


class LocalSpawnerError(PlatformError):
    """Raised if the local spawner cannot do on this machine what was asked of it."""

    code = "platform.local"


class NotFoundError(PlatformError):
    """Raised if what was asked for by name does not exist."""

    code = "platform.not_found"
