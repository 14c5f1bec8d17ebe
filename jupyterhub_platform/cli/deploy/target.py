"""Where a plan applies: the Hub that answers, or else what it left when it stopped."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from jupyterhub_platform.cli.deploy.found_files import FoundFiles
from jupyterhub_platform.cli.deploy.report import Report
from jupyterhub_platform.cli.hub.access import NoHubError, find_access
from jupyterhub_platform.cli.hub.client import HubClient, HubRefusedError, HubSilentError
from jupyterhub_platform.cli.hub.options import Hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.deploy.plan import PartChange
from jupyterhub_platform.documents import ReadPolicy
from jupyterhub_platform.factory import NEWEST_SCHEMA, read_schema_version, read_store
from jupyterhub_platform.policy_files import read_policy
from jupyterhub_platform.rest.policy_plans import render_plan
from jupyterhub_platform.settings import Settings
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.consistency import list_held
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.policy_plans import plan_alone, plan_files

_GOES_ON = (
    PartChange("hub", "none", "goes on: a policy takes effect without a restart"),
    PartChange("proxy", "none", "goes on: no connection drops"),
    PartChange("database", "none", "no migration"),
)
_STARTS = (
    PartChange("hub", "starts", "does not run; jhp apply starts it"),
    PartChange("proxy", "starts", "starts with it"),
)


class HubFaultsError(PlatformError):
    """Raised if the Hub finds faults in the files: its sentences, each with its line."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class Target:
    """The platform that a command plans for.

    ``api`` calls its Hub; ``None`` if none answers, and ``silence`` says why then.
    """

    def __init__(self, hub: Hub, api: PlatformApi | None, url: str, silence: str) -> None:
        self.hub = hub
        self.state = State(hub.state)
        self.api = api
        self.url = url
        self.silence = silence

    def plan(self, found: FoundFiles, allowed: frozenset[str]) -> Report:
        """Return what applying the files would do.

        Raises
        ------
        HubFaultsError
            Raised if the Hub finds faults in them.
        PolicyError
            Raised if they have faults, and no Hub was asked.
        PlatformError
            Raised if the Hub does not answer any more, or refuses.
        """
        if self.api is None:
            return self._plan_stopped(found, allowed)
        try:
            plan = self.api.plan(found.render_request())
        except HubRefusedError as error:
            faults = error.body.get("faults")
            if error.status == 422 and isinstance(faults, list):
                raise HubFaultsError(tuple(map(str, faults))) from None
            raise
        against = f"{self.url}, revision {plan.revision}"
        return Report(found.name, against, True, plan, _GOES_ON, allowed)

    def _plan_stopped(self, found: FoundFiles, allowed: frozenset[str]) -> Report:
        """Plan beside the store of a stopped Hub, or beside the file that it would read."""
        settings = find_settings(self.state)
        schema = read_schema_version(settings)
        if schema is not None and schema == NEWEST_SCHEMA:
            store = read_store(settings)
            try:
                snapshot, book = Policies(store).last_good(), Book()
                book.refill(list_held(store))
                if snapshot is not None:
                    planned = plan_files(
                        store, snapshot, book, found.text, found.name, datetime.now(UTC)
                    )
                    against = f"revision {planned.revision} of the Hub that does not run"
                    return Report(found.name, against, True, render_plan(planned), _STARTS, allowed)
            finally:
                store.close()
        path = settings.policy_file
        before = read_policy(path) if path.is_file() else None
        parts: tuple[PartChange, ...] = _STARTS
        if schema is not None and schema != NEWEST_SCHEMA:
            why = (
                f"migrates from {schema} to {NEWEST_SCHEMA}, which no rollback takes back: back up"
            )
            parts = (*_STARTS, PartChange("database", "migrates", why, destructive=True))
        against = str(path) if before else "nothing: no Hub ever ran here"
        return plan_beside(before, found, against, parts, allowed)


def plan_beside(
    before: ReadPolicy | None,
    found: FoundFiles,
    against: str,
    parts: tuple[PartChange, ...],
    allowed: frozenset[str],
) -> Report:
    """Return what applying files would do in place of others, whatever runs and is managed.

    Raises
    ------
    PolicyError
        Raised if they have faults.
    """
    planned = plan_alone(before, found.files, found.name, datetime.now(UTC))
    return Report(found.name, against, False, render_plan(planned), parts, allowed)


def find_settings(state: State) -> Settings:
    """Return where the Hub of a state directory has its things, as ``jhp up`` does."""
    return Settings(
        state.directory,
        state / "platform.yaml",
        os.environ.get("PLATFORM_DB_URL") or f"sqlite:///{state / 'platform.sqlite'}",
    )


@contextmanager
def open_target(hub: Hub) -> Iterator[Target]:
    """Find the Hub that a command names, and whether it answers.

    Raises
    ------
    PlatformError
        Raised if a Hub is named by its address, and does not answer.
    """
    client = None
    try:
        access = find_access(hub.url, hub.state)
        sockets = access.place.sockets
        if sockets is not None and not sockets.hub.exists():
            raise HubSilentError(f"No Hub runs from {hub.state}.")
        client = HubClient.of(access)
        client.get("platform/", keys=["roots"])
    except PlatformError as error:
        if client is not None:
            client.close()
        if hub.url is not None or not isinstance(error, NoHubError | HubSilentError):
            raise
        yield Target(hub, None, "", str(error))
        return
    with PlatformApi(client) as api:
        yield Target(hub, api, client.url, "")
