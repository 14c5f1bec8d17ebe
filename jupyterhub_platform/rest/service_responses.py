"""Models of the service's answers that are not reports, and of its refusals."""

from pydantic import ConfigDict, Field

from jupyterhub_platform.rest.decisions import Decision
from jupyterhub_platform.rest.response_bodies import Instant, Refusal, Response
from jupyterhub_platform.store.decision_log import DecisionLine


class ListedDecisions(Response):
    """Decisions on starts, newest first; ``next`` is the cursor of those that came before."""

    items: list[DecisionLine]
    limit: int
    before: str | None
    next: str | None


class WholeDecision(Decision):
    """A decision of the ledger; another version of the platform may have recorded more keys."""

    model_config = ConfigDict(extra="allow")

    id: str
    at: Instant
    requested_by: str
    times: int = Field(description="How often it was given.")


class StoppedServer(Response):
    """A server that has stopped, or that is stopping."""

    user: str
    server: str
    stopped: bool
    message: str


ServiceRefusal = Refusal
"""The body of every refusal of the service."""
