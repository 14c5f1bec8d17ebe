"""The part of a Kubernetes API server that KubeSpawner talks to, over real HTTP on loopback.

It keeps pods, answers a watch, deletes by uid, and can be told to answer otherwise.
"""

import asyncio
import json
import uuid
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeAlias

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

Pod: TypeAlias = dict[str, Any]

RUNNING: Final = {
    "phase": "Running",
    "podIP": "10.0.0.7",
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [
        {
            "name": "notebook",
            "image": "",
            "imageID": "",
            "restartCount": 0,
            "ready": True,
            "state": {"running": {}},
        }
    ],
}
"""What a kubelet reports of a pod whose server is up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the next create is answered instead.

    ``creates`` makes the pod all the same: the answer is what got lost. ``silent`` gives none.
    """

    status: int = 500
    reason: str = ""
    message: str = ""
    creates: bool = False
    silent: bool = False


@dataclass(slots=True)
class FakeKubernetes:
    """The state of the cluster, and what was asked of it."""

    url: str = ""
    pods: dict[str, Pod] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    created: list[Pod] = field(default_factory=list)
    deleted: list[tuple[str, Any]] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    """The claims of volumes that were made, by name."""
    logged: bytes | None = None
    """What every pod has logged; ``None`` if the Hub's Role does not let it read that."""
    lingering: bool = False
    hidden: bool = False
    mute: bool = False
    """Whether the watches that run say nothing more, and do not end."""
    lists: int = 0
    slow: asyncio.Event | None = None
    version: int = 1
    _watchers: list[asyncio.Queue[Any]] = field(default_factory=list)
    _history: list[tuple[int, Any]] = field(default_factory=list)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _held: int = 0
    _server: HTTPServer | None = None

    @classmethod
    def start(cls) -> Self:
        """Listen on a free port of this machine, in the running loop."""
        fake = cls()
        sockets = bind_sockets(0, "127.0.0.1")
        fake.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        path = r"/api/v1/namespaces/([^/]+)/pods"
        claims = path.replace("pods", "persistentvolumeclaims")
        rows = [
            (path, _Pods, {"fake": fake}),
            (path + r"/([^/]+)", _Pod, {"fake": fake}),
            (path + r"/([^/]+)/log", _Log, {"fake": fake}),
            (claims, _Claims, {"fake": fake}),
            (claims + "/([^/]+)", _Claim, {"fake": fake}),
        ]
        fake._server = HTTPServer(Application(rows))
        fake._server.add_sockets(sockets)
        return fake

    async def close(self) -> None:
        """Stop listening and end every watch."""
        assert self._server is not None
        self._server.stop()
        self._closing.set()
        self.end_watches()
        await self._server.close_all_connections()
        # Handlers that were let go end within a few turns of the loop.
        while self._held:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def end_watches(self) -> None:
        """End every watch, as a cluster does in time."""
        for watcher in self._watchers:
            watcher.put_nowait(None)

    def add(self, namespace: str, manifest: Pod, **metadata: Any) -> Pod:
        """Put a pod into the cluster, ready at once."""
        pod: Pod = json.loads(json.dumps(manifest))
        pod["metadata"] |= {"namespace": namespace, "uid": uuid.uuid4().hex, **metadata}
        pod["status"] = deepcopy(RUNNING)
        self.pods[pod["metadata"]["name"]] = pod
        self.publish("ADDED", pod)
        return pod

    def remove(self, name: str) -> None:
        """Take a pod out of the cluster."""
        self.publish("DELETED", self.pods.pop(name))

    def publish(self, kind: str, pod: Pod) -> None:
        """Tell every watch about a change."""
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        if self.hidden:
            return
        event = {"type": kind, "object": json.loads(json.dumps(pod))}
        self._history.append((self.version, event))
        for watcher in () if self.mute else self._watchers:
            watcher.put_nowait(event)

    def visible(self) -> list[Pod]:
        """Return what a list or a watch shows; nothing while the watch lags."""
        return [] if self.hidden else list(self.pods.values())


class _Handler(RequestHandler):
    def initialize(self, fake: FakeKubernetes) -> None:
        self.fake = fake

    def answer(self, status: int, reason: str, message: str) -> None:
        self.set_status(status)
        body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message}
        self.write({**body, "code": status})


def _has_labels(pod: Pod, wanted: list[str]) -> bool:
    labels = pod["metadata"].get("labels", {})
    return all(
        each in {"", *(f"{key}={value}" for key, value in labels.items())} for each in wanted
    )


class _Pods(_Handler):
    async def get(self, namespace: str) -> None:
        if self.get_argument("watch", ""):
            await self._watch()
            return
        self.fake.lists += 1
        if self.fake.slow is not None:
            await self.fake.slow.wait()
        metadata = {"resourceVersion": str(self.fake.version)}
        wanted = self.get_argument("labelSelector", "").split(",")
        pods = [pod for pod in self.fake.visible() if _has_labels(pod, wanted)]
        self.write({"kind": "PodList", "metadata": metadata, "items": pods})

    async def _watch(self) -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self.fake._watchers.append(queue)
        since = int(self.get_argument("resourceVersion", "0"))
        for version, event in self.fake._history:
            if version > since:
                queue.put_nowait(event)
        self.fake._held += 1
        with suppress(StreamClosedError):  # the watching side goes away as it likes
            await self.flush()
            while (event := await queue.get()) is not None:
                self.write(json.dumps(event) + "\n")
                await self.flush()
        self.fake._watchers.remove(queue)
        self.fake._held -= 1

    async def post(self, namespace: str) -> None:
        manifest = json.loads(self.request.body)
        self.fake.created.append(manifest)
        name = manifest["metadata"]["name"]
        answer = self.fake.answers.pop(0) if self.fake.answers else None
        if answer is not None and answer.creates:
            self.fake.add(namespace, manifest)
        if answer is not None and answer.silent:
            await self._keep_silent()
        if answer is not None:
            self.answer(answer.status, answer.reason, answer.message)
        elif name in self.fake.pods:
            self.answer(409, "AlreadyExists", f'pods "{name}" already exists')
        else:
            self.set_status(201)
            self.write(self.fake.add(namespace, manifest))

    async def _keep_silent(self) -> None:
        self.fake._held += 1
        with suppress(TimeoutError):
            await asyncio.wait_for(self.fake._closing.wait(), 5)
        self.fake._held -= 1


class _Pod(_Handler):
    async def get(self, namespace: str, name: str) -> None:
        if name not in self.fake.pods:
            self.answer(404, "NotFound", f'pods "{name}" not found')
        else:
            self.write(self.fake.pods[name])

    async def delete(self, namespace: str, name: str) -> None:
        options = json.loads(self.request.body or "{}")
        wanted = options.get("preconditions", {}).get("uid")
        self.fake.deleted.append((name, wanted))
        pod = self.fake.pods.get(name)
        if pod is None:
            self.answer(404, "NotFound", f'pods "{name}" not found')
        elif wanted not in (None, pod["metadata"]["uid"]):
            self.answer(409, "Conflict", "the UID in the precondition does not match")
        else:
            self.write(pod)
            self._end(name, pod)

    def _end(self, name: str, pod: Pod) -> None:
        if self.fake.lingering:
            pod["metadata"]["deletionTimestamp"] = "2026-11-24T09:30:00Z"
            self.fake.publish("MODIFIED", pod)
        else:
            self.fake.remove(name)


class _Log(_Handler):
    def get(self, namespace: str, name: str) -> None:
        if self.fake.logged is None:
            self.answer(403, "Forbidden", f'pods "{name}" is forbidden: cannot get "pods/log"')
        else:
            self.write(self.fake.logged)


class _Claims(_Handler):
    def post(self, _namespace: str) -> None:
        manifest = json.loads(self.request.body)
        self.fake.claims[manifest["metadata"]["name"]] = manifest
        self.set_status(201)
        self.write(manifest)


class _Claim(_Handler):
    """A real cluster says in these words that there is none."""

    def get(self, _namespace: str, name: str) -> None:
        if name in self.fake.claims:
            self.write(self.fake.claims[name])
            return
        self.set_status(404)
        message = f'persistentvolumeclaims "{name}" not found'
        body = {"kind": "Status", "status": "Failure", "reason": "NotFound", "message": message}
        self.write(
            {**body, "details": {"name": name, "kind": "persistentvolumeclaims"}, "code": 404}
        )
