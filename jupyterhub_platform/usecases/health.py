"""How the platform within a Hub is: its store, and its policy file as it is now.

Reads only, and never fails: what cannot be read is an answer, too.
"""

from dataclasses import dataclass
from pathlib import Path

from jupyterhub_platform.core.errors import PolicyError, StoreError
from jupyterhub_platform.store.schema import SCHEMA_VERSION
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.policies import Policies, read_file
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


def look_at_store(store: Store, health: StoreHealth) -> StoreState:
    """Say how the store is."""
    fault, schema = health.reason, None
    try:
        schema = store.read_schema_version()
    except StoreError as error:
        fault = fault or str(error)
    return StoreState(store.display_url, fault, health.waiting, schema, SCHEMA_VERSION)


def look_at_file(policies: Policies, path: Path) -> FileState:
    """Say how the policy file is."""
    try:
        digest = policies.in_force_digest()
    except StoreError:
        digest = None
    try:
        return FileState(str(path), digest, read_file(path).digest, ())
    except PolicyError as error:
        return FileState(str(path), digest, None, tuple(str(fault) for fault in error.faults))
