"""Where a plan applies: the Hub that answers, or else what was applied last."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from jupyterhub_platform.cli.deploy.applied import Applied, list_applied
from jupyterhub_platform.cli.deploy.found_files import FoundFiles
from jupyterhub_platform.cli.deploy.report import Report
from jupyterhub_platform.cli.hub.client import HubClient, HubRefusedError, HubSilentError
from jupyterhub_platform.cli.hub.options import Hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError, PolicyError
from jupyterhub_platform.core.times import describe_instant, read_stored
from jupyterhub_platform.deploy.plan import PartChange
from jupyterhub_platform.documents import parse_revision
from jupyterhub_platform.rest.policy_plans import render_plan
from jupyterhub_platform.usecases.policy_plans import plan_alone

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

    @property
    def applied(self) -> Applied | None:
        """What was applied last from this machine, if anything was."""
        return next(iter(list_applied(self.state)), None)

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
            return self._plan_alone(found, allowed)
        try:
            plan = self.api.plan(found.render_request())
        except HubRefusedError as error:
            faults = error.body.get("faults")
            if error.status == 422 and isinstance(faults, list):
                raise HubFaultsError(tuple(map(str, faults))) from None
            raise
        against = f"{self.url}, revision {plan.revision}"
        return Report(str(found.path), against, True, plan, _GOES_ON, allowed)

    def _plan_alone(self, found: FoundFiles, allowed: frozenset[str]) -> Report:
        last, before = self.applied, None
        if last is not None:
            try:
                before = parse_revision(last.text, found.path.name)
            except PolicyError as error:
                raise PlatformError(
                    "What was applied last cannot be read by this version of jhp: "
                    f"{error.faults[0]}. Start the Hub, and plan again."
                ) from None
        planned = plan_alone(before, found.files, str(found.path), datetime.now(UTC))
        if last is None:
            against = "nothing: no Hub answers, and nothing was applied from here yet"
        else:
            at = describe_instant(read_stored(last.at))
            commit = f", commit {last.commit[:10]}" if last.commit else ""
            against = f"what was applied {at}{commit}, since no Hub answers: {self.silence}"
        return Report(str(found.path), against, False, render_plan(planned), _STARTS, allowed)


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
        client = HubClient.find(hub.url, hub.state)
        client.get("platform/", keys=["roots"])
    except PlatformError as error:
        is_silent = client is None or isinstance(error, HubSilentError)
        if client is not None:
            client.close()
        if hub.url is not None or not is_silent:
            raise
        yield Target(hub, None, "", str(error))
        return
    with PlatformApi(client) as api:
        yield Target(hub, api, client.url, "")
