"""Which pods are whose, and which of them are removed: by rule, and on a real API server."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from kubernetes.client import CoreV1Api
from kubernetes_asyncio.client import ApiClient
from kubernetes_asyncio.client import CoreV1Api as AsyncCoreV1Api
from kubernetes_asyncio.config import load_kube_config

from jupyterhub_platform.hub.kubernetes.manifest.metadata import HUB, RESERVATION, SERVER, USER
from jupyterhub_platform.hub.kubernetes.pod_client import Pods
from jupyterhub_platform.hub.kubernetes.pod_owner import PodOwnership
from jupyterhub_platform.hub.kubernetes.reconciler import (
    GRACE,
    Found,
    OrphanTracker,
    Reconciler,
)
from jupyterhub_platform.usecases.book import Book
from tests.hub.kubernetes.spawners import NOW, admit

OURS = "hub-1"
HELD = admit(user="dev1", server="held").reservation


def pod(server: str, hub: str | None = OURS, user: str = "dev1", **metadata: Any) -> dict[str, Any]:
    """Return what is read of a pod; ``hub=None`` is one of a KubeSpawner without the platform."""
    marks = {
        "hub.jupyter.org/username": user,
        "hub.jupyter.org/servername": server,
        **({HUB: hub, USER: user, SERVER: server, RESERVATION: "r"} if hub else {}),
    }
    uid = f"{user}/{server}/{hub}"
    return {"metadata": {"name": f"jupyter-{server}", "uid": uid, "annotations": marks, **metadata}}


def holds(user: str, server: str) -> bool:
    return (user, server) == (HELD.user, HELD.server)


@pytest.mark.parametrize(
    ("found", "ownership"),
    [
        (pod("held"), PodOwnership.KNOWN),
        (pod("lost"), PodOwnership.ORPHANED),
        (pod("held", user="dev2"), PodOwnership.ORPHANED),
        (pod("held", "hub-2"), PodOwnership.FOREIGN),
        (pod("lost", "hub-2"), PodOwnership.FOREIGN),
        (pod("held", None), PodOwnership.KNOWN),
        (pod("lost", None), PodOwnership.UNMARKED),
        ({"metadata": {"name": "jupyter-held", "annotations": {}}}, PodOwnership.FOREIGN),
        ({"metadata": {"name": "jupyter-held"}}, PodOwnership.FOREIGN),
    ],
)
def test_a_pod_is_whose_its_marks_say(found: dict[str, Any], ownership: PodOwnership) -> None:
    look = OrphanTracker().observe([found], OURS, holds, NOW)
    assert {key for key, pods in look.pods.items() if pods} == {ownership}


def test_an_unknown_pod_is_removed_once_it_was_seen_for_a_while() -> None:
    looks, lost = OrphanTracker(), pod("lost")
    assert looks.observe([lost], OURS, holds, NOW).remove == ()
    assert looks.observe([lost], OURS, holds, NOW + GRACE - timedelta(seconds=1)).remove == ()
    assert looks.observe([lost], OURS, holds, NOW + GRACE).remove == (lost,)


def test_orphan_that_was_known_in_between_gets_a_new_grace_period() -> None:
    looks, lost = OrphanTracker(), pod("lost")
    looks.observe([lost], OURS, holds, NOW)
    assert looks.observe([lost], OURS, lambda *_: True, NOW + GRACE).pods[PodOwnership.KNOWN] == (
        lost,
    )
    assert looks.observe([lost], OURS, holds, NOW + 2 * GRACE).remove == ()


def test_foreign_and_terminating_pods_are_never_removed() -> None:
    others = [pod("a", "hub-2"), pod("b", None), pod("c", deletionTimestamp="now"), pod("held")]
    looks = OrphanTracker()
    looks.observe(others, OURS, holds, NOW)
    assert looks.observe(others, OURS, holds, NOW + GRACE).remove == ()


@pytest.mark.parametrize(("lost", "known"), [(2, 0), (10, 9), (400, 1)])
def test_a_hub_that_does_not_know_most_of_its_pods_removes_none(lost: int, known: int) -> None:
    unknown = [pod(f"lost-{number}") for number in range(lost)]
    others = [pod(f"known-{number}") for number in range(known)]
    looks = OrphanTracker()

    def take(known: list[dict[str, Any]], now: datetime) -> Found:
        return looks.observe([*unknown, *known], OURS, lambda _, server: "known" in server, now)

    take(others, NOW)
    look = take(others, NOW + GRACE)
    assert (look.doubtful, look.remove) == (True, ())
    as_many = [pod(f"known-{number}") for number in range(lost)]
    look = take(as_many, NOW + GRACE)
    assert (look.doubtful, len(look.remove)) == (False, lost)


@pytest.mark.cluster
async def test_only_orphaned_pods_of_this_hub_are_removed_from_a_cluster(
    api_cluster: Any,
    namespace: str,
    create_pod: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = {
        *(create_pod(pod(name)) for name in ("held", "held-2", "held-3")),
        create_pod(pod("other", "hub-2")),
        create_pod(pod("stock", None)),
        create_pod(pod("quiet", component="")),
    }
    # More than one part of the list.
    lost = {create_pod(pod(f"lost-{number}")) for number in range(3)}
    now = NOW
    book = Book()
    for number, server in enumerate(("held", "held-2", "held-3")):
        book.enter(replace(HELD, id=f"r{number}", server=server, opened_at=now))
    await load_kube_config(str(api_cluster.kubeconfig))
    async with ApiClient() as client:
        pods = Pods(AsyncCoreV1Api(client), namespace, timeout=10)
        reconciler = Reconciler(
            pods, "component=singleuser-server", OURS, book, logging.getLogger(), clock=lambda: now
        )
        await reconciler.reconcile()
        assert caplog.text.count("belongs to no server of this Hub") == 4, "three, and the unmarked"
        now += GRACE
        await reconciler.reconcile()
    core = CoreV1Api(api_cluster.client)
    left = {
        each.metadata.name
        for each in core.list_namespaced_pod(namespace).items
        if each.metadata.deletion_timestamp is None
    }
    assert left == names
    assert caplog.text.count("was removed") == len(lost)


@pytest.fixture
def create_pod(api_cluster: Any, namespace: str) -> Callable[..., str]:
    def create(found: dict[str, Any]) -> str:
        metadata = {**found["metadata"], "labels": {"component": "singleuser-server"}}
        metadata.pop("uid")
        if metadata.pop("component", None) is not None:
            metadata.pop("labels")
        security = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        container = {"name": "notebook", "image": "none", "securityContext": security}
        body: Any = {"metadata": metadata, "spec": {"containers": [container]}}
        made = CoreV1Api(api_cluster.client).create_namespaced_pod(namespace, body).metadata.name
        assert made is not None
        return made

    return create
