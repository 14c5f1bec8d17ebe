"""The health of the platform in a Hub: its store, and its policy file as it is now.

Reads only, and never fails: what cannot be read is an answer, too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from jupyterhub_platform.core.errors import PolicyError, StoreError
from jupyterhub_platform.policy_files import PolicyFiles, Seen
from jupyterhub_platform.store.schema import SCHEMA_VERSION
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.policies import Policies, read_digest
from jupyterhub_platform.usecases.store_health import StoreHealth


@dataclass(frozen=True, slots=True)
class StoreState:
    """How the store is; ``fault`` is empty while it answers.

    ``waiting`` is how many entries wait for it. ``schema`` is the version that it has, ``None``
    where it cannot be read, and ``newest_schema`` the one that this code knows.
    """

    url: str
    fault: str
    waiting: int
    schema: str | None
    newest_schema: str


@dataclass(frozen=True, slots=True)
class FileState:
    """How the policy file is, beside the policy in force.

    ``digest`` is that of the policy in force, ``None`` while the store does not answer;
    ``file_digest`` that of the file, ``None`` while it has ``faults``.
    """

    file: str
    digest: str | None
    file_digest: str | None
    faults: tuple[str, ...]


def read_store_state(store: Store, health: StoreHealth) -> StoreState:
    """Say how the store is."""
    fault, schema = health.reason, None
    try:
        schema = store.read_schema_version()
    except StoreError as error:
        fault = fault or str(error)
    return StoreState(store.display_url, fault, health.waiting, schema, SCHEMA_VERSION)


class PolicyFileReader:
    """Reads the policy file and what it includes, and only if that has changed since the last time.

    A large file takes more than a second to parse, and pages ask every few seconds. So what is in
    force is not parsed again, unless ``is_refused`` says that this program refused it: the revision
    may be one of an older version.
    """

    def __init__(
        self, policies: Policies, files: PolicyFiles, is_refused: Callable[[], bool] = lambda: True
    ) -> None:
        self._policies = policies
        self._files = files
        self._is_refused = is_refused
        self._last: tuple[Seen, str | None, tuple[str, ...]] | None = None

    def read(self) -> FileState:
        """Say how the file is; may be called from several threads."""
        try:
            in_force = self._policies.in_force_digest()
        except StoreError:
            in_force = None
        seen, last = self._files.see(), self._last
        if last is None or last[0] != seen:
            last = self._last = (seen, *self._parse(in_force))
        return FileState(str(self._files.path), in_force, *last[1:])

    def _parse(self, in_force: str | None) -> tuple[str | None, tuple[str, ...]]:
        try:
            return read_digest(self._files, None if self._is_refused() else in_force), ()
        except PolicyError as error:
            return None, tuple(str(fault) for fault in error.faults)
