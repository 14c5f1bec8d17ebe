"""Calls the Kubernetes API for the spawner, each with a timeout."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException, V1DeleteOptions, V1Preconditions

from jupyterhub_platform.core.manifests import Manifest, items, part

_T = TypeVar("_T")
_Call: TypeAlias = Callable[..., Awaitable[Any]]
_MARKS_ALONE: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_UNFINISHED: Final = "status.phase!=Succeeded,status.phase!=Failed"
_PART: Final = 200
_WHOLE_PART: Final = 50
_LINES: Final = 200
_MAX_LOGGED: Final = 2**16


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of one namespace, through kubernetes_asyncio's ``CoreV1Api``.

    Each call raises TimeoutError if there is no answer: after ``timeout`` seconds, or because the
    connection broke. The request may still have been carried out. Answers are read as plain JSON:
    the client's models may reject a newer cluster's answer after it has done what was asked.
    """

    api: Any
    namespace: str
    timeout: float

    async def create(self, manifest: Manifest) -> Manifest:
        """Create exactly the pod in ``manifest``, and return its current state."""
        return await self._call(self.api.create_namespaced_pod, self.namespace, manifest)

    async def read(self, name: str) -> Manifest | None:
        """Return the current state of a pod, ``None`` if there is none."""
        try:
            return await self._call(self.api.read_namespaced_pod, name, self.namespace)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    async def read_claim(self, name: str) -> Manifest | None:
        """Return a volume claim, ``None`` only if the cluster itself reports it missing.

        An intermediary may answer 404 as well, and knows nothing of claims.
        """
        read = self.api.read_namespaced_persistent_volume_claim
        try:
            return await self._call(read, name, self.namespace)
        except ApiException as error:
            if error.status == 404 and _is_not_found(error.body):
                return None
            raise

    async def read_log(self, name: str, container: str) -> str:
        """Return the end of a container's log."""
        read = self.api.read_namespaced_pod_log
        more = {"container": container, "tail_lines": _LINES, "limit_bytes": _MAX_LOGGED}
        return await self._wait_for(_ask_text(read, name, self.namespace, **more))

    async def list_marks(self, selector: str) -> list[Manifest]:
        """List the pods that match a label selector, without their specs.

        Names, labels and annotations alone, and in pages: a thousand whole pods would block the
        Hub's loop for too long.
        """
        found: list[Manifest] = []
        part_of_list = ""
        while True:
            page = await self._call(self._list_part, selector, part_of_list)
            found += items(page, "items")
            part_of_list = str(part(page, "metadata").get("continue") or "")
            if not part_of_list:
                return found

    async def list_whole(self, selector: str) -> list[Manifest]:
        """List the few pods that match a label selector, with specs and statuses."""
        page = await self._call(
            self.api.list_namespaced_pod, self.namespace, label_selector=selector, limit=_PART
        )
        return list(items(page, "items"))

    async def list_unfinished(self, selector: str) -> AsyncIterator[Manifest]:
        """Yield the pods that match a label selector and have not ended, with their specs.

        In small pages: each is parsed at once, in the Hub's loop.
        """
        part_of_list = ""
        while True:
            page = await self._call(
                self.api.list_namespaced_pod,
                self.namespace,
                label_selector=selector,
                field_selector=_UNFINISHED,
                limit=_WHOLE_PART,
                _continue=part_of_list,
            )
            for pod in items(page, "items"):
                yield pod
            part_of_list = str(part(page, "metadata").get("continue") or "")
            if not part_of_list:
                return

    def _list_part(self, selector: str, part_of_list: str, **more: Any) -> Awaitable[Any]:
        # By hand: the client's own method cannot choose the form of the answer.
        answer: Awaitable[Any] = self.api.api_client.call_api(
            "/api/v1/namespaces/{namespace}/pods",
            "GET",
            {"namespace": self.namespace},
            [("labelSelector", selector), ("limit", _PART), ("continue", part_of_list)],
            {"Accept": _MARKS_ALONE},
            auth_settings=["BearerToken"],
            _return_http_data_only=True,
            **more,
        )
        return answer

    async def delete(self, name: str, uid: str, grace_seconds: int) -> bool:
        """Delete only the pod with this ``uid``; ``False`` if another pod has its name now."""
        options = V1DeleteOptions(
            grace_period_seconds=grace_seconds, preconditions=V1Preconditions(uid=uid)
        )
        try:
            await self._call(self.api.delete_namespaced_pod, name, self.namespace, body=options)
        except ApiException as error:
            if error.status in (404, 409):
                return error.status == 404
            raise
        return True

    async def create_beside(self, kind: str, manifest: Any) -> bool:
        """Create a ``secret`` or ``service`` that belongs to a pod; one that exists will do."""
        try:
            await self._call(
                getattr(self.api, f"create_namespaced_{kind}"), self.namespace, manifest
            )
        except ApiException as error:
            if error.status != 409:
                raise
        return True

    async def _call(self, method: _Call, *args: Any, **more: Any) -> Manifest:
        return await self._wait_for(_ask(method, *args, **more))

    async def _wait_for(self, answer: Awaitable[_T]) -> _T:
        try:
            return await asyncio.wait_for(answer, self.timeout)
        except (ClientError, ConnectionError) as error:
            raise TimeoutError(f"no answer: {type(error).__name__}") from None


def _is_not_found(body: object) -> bool:
    try:
        answer = json.loads(str(body))
    except ValueError:
        return False
    kind = part(answer, "details").get("kind") if isinstance(answer, dict) else ""
    return kind == "persistentvolumeclaims" and answer.get("reason") == "NotFound"


async def _ask(method: _Call, *args: Any, **more: Any) -> Manifest:
    answer: Manifest = json.loads(await _ask_text(method, *args, **more))
    return answer


async def _ask_text(method: _Call, *args: Any, **more: Any) -> str:
    response = await method(*args, **more, _preload_content=False)
    text = await response.text(errors="replace")
    if not response.ok:
        error = ApiException(status=response.status, reason=response.reason)
        error.body, error.headers = text, response.headers
        raise error
    return str(text)
