"""What a Hub that was restarted makes of its servers on a cluster, and keeps together meanwhile."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from jupyterhub_platform.hub.kubernetes.manifest.metadata import USER
from tests.cluster.fixtures import Cluster, make_namespace
from tests.cluster.objects import render_pod
from tests.hub.kubernetes.live_pods import ClusterHub, cluster_hub
from tests.support.api_faults import Fault, How, Rule, Verb
from tests.support.live_hub import Api, wait_for
from tests.support.store_readers import read_open, read_releases

pytestmark = [pytest.mark.cluster, pytest.mark.hub]

SITE: Final = """
c.Spawner.http_timeout = 25
c.PlatformKubeSpawner.reconcile_seconds = 1
c.JupyterHub.init_spawners_timeout = 1
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1}
"""


@pytest.fixture(scope="module")
def live(make_directory: Callable[[], Path], api_cluster: Cluster) -> Iterator[ClusterHub]:
    with (
        make_namespace(api_cluster) as namespace,
        cluster_hub(make_directory(), api_cluster, namespace, site=SITE) as hub,
    ):
        yield hub


def read_why(api: Api, server: str) -> dict[str, Any]:
    answer = api.get("platform/why", params={"user": "dev1", "server": server})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_hub_watches_before_the_first_server_is_requested(live: ClusterHub) -> None:
    live.hub.kill_hub()
    called = live.proxy.called
    before = {kind: called[Verb.WATCH, kind] for kind in ("pods", "events")}
    live.hub.start()
    wait_for(
        lambda: all(called[Verb.WATCH, kind] > times for kind, times in before.items()),
        "the Hub to watch",
    )


def test_a_hub_that_found_no_cluster_starts_servers_once_there_is_one(live: ClusterHub) -> None:
    live.hub.kill_hub()
    seen = len(live.hub.log)
    live.proxy.plan(Rule(Verb.LIST, Fault(How.CUT), times=10**6))
    live.hub.start()
    wait_for(lambda: "cannot be watched yet" in live.hub.log[seen:], "the Hub to give up")
    live.proxy.plan()
    api = live.hub.token("dev1")
    assert api.start("dev1", "later").status_code in {201, 202}
    api.wait_until_ready("dev1", "later")
    api.stop("dev1", "later")
    wait_for(lambda: not live.list_own_pods(), "the pod to go")


def test_a_hub_tells_of_a_pod_of_its_own_that_no_server_accounts_for(live: ClusterHub) -> None:
    api = live.hub.token("dev1")
    assert api.start("dev1", "known").status_code in {201, 202}
    api.wait_until_ready("dev1", "known")
    (known,) = live.list_own_pods()
    pod: Any = live.core.read_namespaced_pod(known, live.namespace)
    lost = render_pod("lost")
    marks = {**pod.metadata.annotations, USER: "nobody"}
    lost["metadata"] |= {"labels": pod.metadata.labels, "annotations": marks}
    live.core.create_namespaced_pod(live.namespace, lost)
    told = "Pod lost belongs to no server of this Hub: removed unless"
    wait_for(lambda: told in live.hub.log, "the Hub to look")
    assert f"Pod {known} belongs" not in live.hub.log
    live.core.delete_namespaced_pod("lost", live.namespace)
    api.stop("dev1", "known")
    wait_for(lambda: not live.list_own_pods(), "the pods to go")


def test_a_start_that_a_restart_cut_off_is_told_as_that(live: ClusterHub) -> None:
    api = live.hub.token("dev1")
    live.pods.waiting.add("--cut")
    assert api.start("dev1", "cut").status_code == 202
    wait_for(lambda: any("--cut" in name for name in live.list_own_pods()), "the pod")
    live.hub.kill_hub()
    live.hub.start()
    api = live.hub.token("dev1")
    assert read_why(api, "cut")["state"] == "checking"
    (held,) = read_open(live.hub)
    wait_for(lambda: read_why(api, "cut")["state"] == "ended", "the Hub to give it up", 90)
    told = read_why(api, "cut")["cause"]
    # What keeps its pod from running is seen, if it is seen in time.
    assert told["code"] in {"server.unreached", "cluster.empty"}, told
    assert dict(read_releases(live.hub))[held.id] == told["code"]
    assert told["sentence"] in live.hub.login("dev1").visit("/hub/home").text
    wait_for(lambda: not live.list_own_pods(), "the pod to go")


def test_a_name_stays_while_servers_run_under_it(live: ClusterHub) -> None:
    admin = live.hub.token("admin")
    assert admin.start("dev1", "kept").status_code in {201, 202}
    admin.wait_until_ready("dev1", "kept")
    before = live.list_own_pods()
    refused = admin.patch("users/dev1", json={"name": "dev9"})
    assert refused.status_code == 409, refused.text
    assert "dev1 has servers that have not ended (kept)" in refused.json()["message"]
    assert admin.patch("users/dev1", json={"name": "dev1"}).status_code == 200
    assert live.list_own_pods() == before
    assert admin.servers("dev1")["kept"]["ready"]
    admin.stop("dev1", "kept")
    wait_for(lambda: not read_open(live.hub), "what it held to be released")
    assert admin.patch("users/dev1", json={"name": "dev9"}).status_code == 200
