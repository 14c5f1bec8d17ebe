"""The platform's REST API, typed: every call as its description says, in Hub and service alike.

The calls are those that the OpenAPI document is made of, so that a client cannot differ from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from jupyterhub_platform.cli.hub.client import HubClient
from jupyterhub_platform.cli.hub.options import Hub
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.rest.bulk_changes import Bulk, BulkPreview
from jupyterhub_platform.rest.hub_calls import HUB_CALLS
from jupyterhub_platform.rest.managed import Changed, PolicyObject, RolledBack
from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.policy_plans import Plan
from jupyterhub_platform.rest.service_calls import SERVICE_CALLS

Model = TypeVar("Model", bound=BaseModel)

CALLS: Final[Mapping[str, Operation]] = {each.id: each for each in (*HUB_CALLS, *SERVICE_CALLS)}
"""Every call, by the name that it has in generated clients."""
_PAGE_SIZE: Final = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """An object of the policy as it was read, with the version for ``If-Match``."""

    object: PolicyObject
    etag: str


class PlatformApi:
    """Calls one platform; close it, or use it in a ``with`` statement."""

    def __init__(self, client: HubClient) -> None:
        self._client = client

    @classmethod
    def of(cls, hub: Hub) -> Self:
        """Find the platform that a command names; see :meth:`HubClient.find`."""
        return cls(HubClient.find(hub.url, hub.state))

    def call(
        self,
        name: str,
        *parts: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> dict[str, Any]:
        """Make a call, whose path has these ``parts``, and return what was answered.

        Raises
        ------
        HubRefusedError
            Raised if it is refused.
        PlatformError
            Raised if there is no answer, or not one that the call can have.
        """
        answer, _ = self._call(name, parts, query, headers, body)
        return answer

    def _call(
        self,
        name: str,
        parts: tuple[str, ...],
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> tuple[dict[str, Any], str]:
        call = CALLS.get(name)
        if call is None:
            raise PlatformError(f"This version of the platform has no call {name}: update it.")
        path = fill_in(call, parts)
        content = {} if body is None else {"json": body}
        answer = self._client.send(
            call.method, path, params=dict(query or {}), headers=dict(headers or {}), **content
        )
        return self._client.take(answer, _list_keys(call, answer.status_code)), answer.headers.get(
            "ETag", ""
        )

    def list_pages(
        self, name: str, key: str = "", *parts: str, **query: str
    ) -> Iterator[dict[str, Any]]:
        """Yield the lines of a list, page after page; ``key`` is where the answer has the page."""
        page = {**query, "limit": str(_PAGE_SIZE)}
        while True:
            answer = self.call(name, *parts, query=page)
            answer = answer[key] if key else answer
            yield from answer["items"]
            if answer["next"] is None:
                return
            page["cursor"] = answer["next"]

    def read(self, kind: Kind, name: str) -> Seen:
        """Read an object of the policy."""
        answer, etag = self._call(f"read{kind.capitalize()}", (name,))
        return Seen(_parse(PolicyObject, answer), etag)

    def put(
        self,
        kind: Kind,
        name: str,
        body: Mapping[str, Any],
        *,
        seen: str = "",
        dry_run: bool = False,
    ) -> Changed:
        """Make an object, or change the one that was ``seen``."""
        match = {"If-Match": seen} if seen else {"If-None-Match": "*"}
        call = f"put{kind.capitalize()}"
        return _parse(Changed, self.call(call, name, query=_dry(dry_run), headers=match, body=body))

    def retire(
        self, kind: Kind, name: str, reason: str, *, seen: str = "*", dry_run: bool = False
    ) -> Changed:
        """Retire an object."""
        answer = self.call(
            f"retire{kind.capitalize()}",
            name,
            query=_dry(dry_run),
            headers={"If-Match": seen},
            body={"reason": reason},
        )
        return _parse(Changed, answer)

    def make_grant(self, body: Mapping[str, Any], key: str, *, dry_run: bool = False) -> Changed:
        """Make a grant; the same ``key`` makes one only."""
        headers = {"Idempotency-Key": key}
        answer = self.call("makeGrant", query=_dry(dry_run), headers=headers, body=body)
        return _parse(Changed, answer)

    def roll_back(
        self, to: int, reason: str, *, seen: str = "*", dry_run: bool = False
    ) -> RolledBack:
        """Undo what changed managed objects after a revision."""
        answer = self.call(
            "rollBack",
            query=_dry(dry_run),
            headers={"If-Match": seen},
            body={"to": to, "reason": reason},
        )
        return _parse(RolledBack, answer)

    def plan(self, body: Mapping[str, Any]) -> Plan:
        """Return what it would do to put files into force."""
        return _parse(Plan, self.call("planPolicy", body=body))

    def try_bulk(self, body: Mapping[str, Any]) -> BulkPreview:
        """Return what a bulk change would do."""
        return _parse(BulkPreview, self.call("startBulk", query=_dry(True), body=body))

    def start_bulk(self, body: Mapping[str, Any], key: str) -> Bulk:
        """Begin a bulk change; the same ``key`` begins one only."""
        headers = {"Idempotency-Key": key}
        return _parse(Bulk, self.call("startBulk", headers=headers, body=body))

    def read_bulk(self, id_: str) -> Bulk:
        """Return how far a bulk change is."""
        return _parse(Bulk, self.call("readBulk", id_))

    def stop_bulk(self, id_: str) -> Bulk:
        """Stop a bulk change."""
        return _parse(Bulk, self.call("stopBulk", id_, body={}))

    def resume_bulk(self, id_: str) -> Bulk:
        """Have a stopped bulk change go on."""
        return _parse(Bulk, self.call("resumeBulk", id_, body={}))

    def undo_bulk(self, id_: str, reason: str, key: str) -> Bulk:
        """Begin a bulk change that undoes another one."""
        headers, body = {"Idempotency-Key": key}, {"reason": reason}
        return _parse(Bulk, self.call("undoBulk", id_, headers=headers, body=body))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()


def fill_in(call: Operation, parts: tuple[str, ...]) -> str:
    """Return the path of a call with its parts, each as one segment whatever it contains."""
    escaped = (quote(part, safe="") for part in parts)
    return call.path.format(**dict(zip(call.path_names, escaped, strict=True)))


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dry_run": "true"} if dry_run else {}


def _list_keys(call: Operation, status: int) -> list[str]:
    """Return the keys that an answer must have."""
    kind = call.answers.get(status)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [each.alias or k for k, each in kind.model_fields.items() if each.is_required()]
    found = getattr(kind, "__origin__", kind)
    return (
        [each.name for each in fields(found) if each.name != "query"] if is_dataclass(found) else []
    )


def _parse(kind: type[Model], answer: Mapping[str, Any]) -> Model:
    """Read an answer; keys that a later version added are left out."""
    known = {key: answer[key] for key in kind.model_fields if key in answer}
    try:
        return kind.model_validate(known)
    except ValidationError as error:
        raise PlatformError(
            f"The Hub has another version than this jhp: {str(error).splitlines()[0]}. Use the jhp "
            "of the Hub's version."
        ) from None
