"""The index at a root of the API: its calls, and where the rest is."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic import Field

from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.response_bodies import Response

HUB_ROOT: Final = "/hub/api/platform/"
SERVICE_ROOT: Final = "/services/platform/api/v1/"
PAGE: Final = "/services/platform/api"


class IndexedCall(Response):
    """One call."""

    id: str
    method: str
    path: str
    summary: str


class Index(Response):
    """The calls below one root, and where the other root, the document and its page are."""

    calls: list[IndexedCall]
    roots: list[str] = Field(description="Where calls are: changes in the Hub, reading elsewhere.")
    document: str = Field(description="All calls, as OpenAPI 3.1.")
    page: str = Field(description="The same, to read.")


def make_index(calls: Iterable[Operation], base: str, *, hub: str = "", service: str = "") -> Index:
    """Return what a root lists; ``base`` is the path at which the Hub's own addresses begin.

    ``hub`` and ``service`` are the origins of the two, where each has a host of its own; a root
    without one is at the host that was asked.
    """
    base = base.rstrip("/")
    return Index(
        calls=[
            IndexedCall(id=each.id, method=each.method, path=base + each.path, summary=each.summary)
            for each in calls
        ],
        roots=[f"{hub}{base}{HUB_ROOT}", f"{service}{base}{SERVICE_ROOT}"],
        document=f"{hub}{base}{HUB_ROOT}openapi.json",
        page=f"{service}{base}{PAGE}",
    )


def render_index(
    calls: Iterable[Operation], base: str, *, hub: str = "", service: str = ""
) -> dict[str, Any]:
    """Render it as JSON."""
    return make_index(calls, base, hub=hub, service=service).to_json()
