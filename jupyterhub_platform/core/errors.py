"""Errors of the platform, by meaning.

::

    PlatformError                   code, sentence: every error of ours
    ├── QuantityError               not a Kubernetes quantity, or not a resource name
    ├── ImageReferenceError         core: not an image that a user can name, or no pattern of such
    ├── IdentityError               not a name that the platform accepts
    ├── ClaimsError                 what a provider says of a user cannot be used
    ├── PolicyError                 a policy document with faults; carries all of them
    ├── StoreError                  the platform's own database
    │   ├── StoreUnreachableError       it does not answer now
    │   ├── StoreSchemaError            it is newer or older than this code
    │   ├── StoreMismatchError          it is not the one that was there before
    │   └── StoreInUseError             another Hub uses it
    ├── NotFoundError               what was asked for does not exist
    ├── LocalSpawnerError           this machine does not let servers be started, or kept apart
    │   └── StillAliveError             hub: a process that was to end did not
    ├── DeniedError                 usecases: a start is denied
    ├── RateLimitedError            usecases: a caller is over their rate limit
    ├── PasswordError               usecases: a password is too weak, or not theirs
    ├── InviteError                 usecases: an invite is not valid any more
    ├── LoginCodeError              usecases: a code of `jhp login` gives no token
    │   └── WrongCodeError              usecases: it is wrong, and another may be tried
    ├── SuspensionError             usecases: a user cannot be suspended or resumed as asked
    ├── ManagedError                usecases: an object cannot be changed in the Hub as asked
    │   ├── LostUpdateError             usecases: it was changed since the caller saw it
    │   ├── NoObjectError               usecases: no such object is managed
    │   └── NotAllowedError             usecases: a manager exceeds what is theirs
    ├── AccessRequestError          usecases: something cannot be asked for or answered so
    ├── AuditKeyError               usecases: the key of the audit cannot be used
    ├── BulkError                   usecases: a bulk change cannot be stopped, resumed or undone
    │   └── BulkStoppedError            usecases: it was stopped between two chunks
    ├── QueryError                  usecases: a list is asked for in an impossible way
    ├── ConfigurationError          hub: a site's settings cannot be governed
    ├── AnswerError                 deploy: an answer to a question of `jhp init` cannot be taken
    ├── ClusterConfigurationError   deploy: no cluster is named
    ├── ClusterUnreachableError     deploy: the API server does not answer
    ├── ClusterRefusedError         deploy: the API server refuses the caller
    ├── TableError                  core: a table of people cannot be read
    ├── WriteError                  a policy file cannot be changed at one object alone
    ├── HubRefusedError             cli: the Hub or its service says no, with a status and a body
    ├── NoHubError                  cli: no Hub is named, and none was started or logged in at
    ├── HubSilentError              cli: nothing answers where the Hub should be
    ├── HubFaultsError              cli: the Hub finds faults in files that are to be applied
    └── GitError                    deploy: git cannot say or do what is asked

    Errors of a framework, for its own handlers to answer:

    BrandingError                   core: a colour or a help link cannot be used
    BodyError                       rest: a body is not what its route takes
    EnvironmentFaultError           service: a variable is missing or invalid
    RefusalError                    service: a status, a sentence and a code, as tornado's HTTPError
    CodedError                      hub: a refusal with a code of its own, as tornado's HTTPError
    AdmissionDenied                 hub: a denial, as the Hub's own pages and API show it
    HubDatabaseError                hub: the Hub's own database does not answer
    HubShuttingDownError            hub: a request that came too late
    NotAnsweredError                hub: a server that started does not answer
    ProviderError                   hub: a login at a provider fails, or its answer about a user
    ├── AttemptError                    hub: a browser comes back without having been sent there
    ├── ProviderDownError               hub: no usable answer now; nothing follows from it
    ├── ProviderSettingError            hub: the platform is not the client that it knows
    ├── ProviderAnswerError             hub: an answer that does not hold
    │   └── UnknownKeyError                 hub: it is signed with a key that is not published
    └── AccessEndedError                hub: it does not, or not any more, let a user in
    CallRefusedError                hub: a provider refuses a call
    UndeliveredError                hub: a notice did not arrive
    NoAddressError                  hub: no e-mail address of a recipient is known
    NoVerbError                     cli: a verb that does not exist, with those spelled nearly so

Floors above translate: the Hub and the service into an HTTP status, the
command line into an exit code. Messages say what, why and what to do next.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

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


class ClaimsError(PlatformError, ValueError):
    """Raised if what a provider says of a user cannot be used."""

    code = "identity.claims"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of one of the files of the policy."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


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
        return printable(f"{place}{self.key + ': ' if self.path else ''}{self.what}; {self.fix}")

    def at(self, place: Place) -> Self:
        """Return the fault with where it is."""
        return replace(self, file=place.file, line=place.line)

    @property
    def key(self) -> str:
        """The path in one readable word, such as ``tiers.small.requests.cpu``."""
        return printable(".".join(str(key)[:_MAX_SHOWN] for key in self.path))


def printable(text: str) -> str:
    """Escape what could break a line of output or change a terminal: texts of strangers."""
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

    code = "platform.store.in_use"


class LocalSpawnerError(PlatformError):
    """Raised if the local spawner cannot do on this machine what was asked of it."""

    code = "platform.local"


class NotFoundError(PlatformError):
    """Raised if what was asked for by name does not exist."""

    code = "platform.not_found"
