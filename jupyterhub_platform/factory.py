"""Build the use cases from the settings: the only wiring."""

import asyncio
from dataclasses import dataclass

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.policy_files import PolicyFiles, Seen
from jupyterhub_platform.settings import Settings
from jupyterhub_platform.store.schema import SCHEMA_VERSION
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.access_requests import AccessRequests
from jupyterhub_platform.usecases.added_memberships import AddedMemberships
from jupyterhub_platform.usecases.admission import Admission
from jupyterhub_platform.usecases.bulk_changes import BulkChanges
from jupyterhub_platform.usecases.changes import Changes, RunInThread
from jupyterhub_platform.usecases.credentials import LocalCredentials, PasswordHasher
from jupyterhub_platform.usecases.decisions import DecisionReader
from jupyterhub_platform.usecases.failures import Failures
from jupyterhub_platform.usecases.observed_pods import ObservedPods
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.recorded_requests import RecordedRequests
from jupyterhub_platform.usecases.snapshot import InForce
from jupyterhub_platform.usecases.store_health import StoreHealth
from jupyterhub_platform.usecases.suspensions import Suspensions
from jupyterhub_platform.usecases.terminal_logins import TerminalLogins

STORE_ID_FILE = "store-id"
NEWEST_SCHEMA = SCHEMA_VERSION
"""The version of the store's schema that this code knows."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the Hub works with.

    ``fault`` says what is wrong with the file, if an older policy is in force instead;
    ``files_seen`` is what ``files`` were seen as before they were read.
    """

    store: Store
    health: StoreHealth
    in_force: InForce
    changes: Changes
    admission: Admission
    observed_pods: ObservedPods
    policies: Policies
    added_memberships: AddedMemberships
    credentials: LocalCredentials
    suspensions: Suspensions
    access_requests: AccessRequests
    bulk_changes: BulkChanges
    decisions: DecisionReader
    failures: Failures
    requests: RecordedRequests
    terminal_logins: TerminalLogins
    fault: PolicyError | None
    files: PolicyFiles
    files_seen: Seen


def build_runtime(
    settings: Settings, hasher: PasswordHasher, in_thread: RunInThread = asyncio.to_thread
) -> Runtime:
    """Open the store, put the policy into force, and make the use cases of the Hub.

    ``in_thread`` records the changes.

    Raises
    ------
    StoreError
        Raised if the store does not answer, or is not the one of before: the Hub does not start.
    PolicyError
        Raised if the policy file has faults and no good policy was ever in force.
    """
    store = open_store(settings)
    try:
        policies = Policies(store)
        files = PolicyFiles(settings.policy_file)
        files_seen = files.see()
        snapshot, fault = policies.publish_or_last_good(files, actor="platform")
        in_force = InForce(snapshot)
        health = StoreHealth(store)
        admission = Admission(store, health, in_force)
        return Runtime(
            store=store,
            health=health,
            in_force=in_force,
            admission=admission,
            observed_pods=ObservedPods(admission, store, health),
            changes=Changes(store, in_force, in_thread),
            policies=policies,
            added_memberships=AddedMemberships(store, health),
            credentials=LocalCredentials(store, hasher),
            suspensions=Suspensions(store),
            access_requests=AccessRequests(store),
            bulk_changes=BulkChanges(store),
            decisions=DecisionReader(store),
            failures=Failures(store, health),
            requests=RecordedRequests(store, health),
            terminal_logins=TerminalLogins(),
            fault=fault,
            files=files,
            files_seen=files_seen,
        )
    except BaseException:
        store.close()
        raise


def open_store(settings: Settings) -> Store:
    """Open the store for writing, and refuse one other than the store used before."""
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = settings.state_dir / STORE_ID_FILE
    expected = known.read_text().strip() if known.exists() else None
    store = Store.open(settings.database_url, expected_id=expected, exclusive=True)
    if expected is None:
        # Written atomically: half an id would be that of another store.
        rewrite(known, store.id + "\n")
    return store


def read_store(settings: Settings) -> Store:
    """Open the store read-only, beside a Hub or without one; not one that is another than before.

    Raises
    ------
    StoreMismatchError
        Raised if it is not the store that the state directory knows.
    StoreError
        Raised if it cannot be read, or needs an upgrade.
    """
    known = settings.state_dir / STORE_ID_FILE
    expected = known.read_text().strip() if known.exists() else None
    return Store.open(settings.database_url, read_only=True, expected_id=expected)


def read_schema_version(settings: Settings) -> str | None:
    """Return the version of the store's schema; ``None`` if there is no store yet.

    Raises
    ------
    StoreError
        Raised if it cannot be read, or is newer than this code.
    """
    return Store.read_version_at(settings.database_url)


def read_credentials(settings: Settings, hasher: PasswordHasher) -> LocalCredentials:
    """Open the store read-only, for looking at local accounts from outside of the Hub."""
    return LocalCredentials(Store.open(settings.database_url, read_only=True), hasher)
