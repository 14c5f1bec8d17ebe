"""What a Hub that was restarted makes of its servers on a cluster, and keeps together meanwhile."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cluster.fixtures import Cluster, make_namespace
from tests.hub.kubernetes.live import ClusterHub, cluster_hub
from tests.support.api_faults import Verb
from tests.support.live_hub import Api, wait_for
from tests.support.readers import read_open, read_releases

pytestmark = [pytest.mark.cluster, pytest.mark.hub]

SITE: Final = """
c.Spawner.http_timeout = 15
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


def test_a_hub_watches_before_anybody_asks_for_a_server(live: ClusterHub) -> None:
    live.hub.kill_hub()
    called = live.proxy.called
    before = {kind: called[Verb.WATCH, kind] for kind in ("pods", "events")}
    live.hub.start()
    wait_for(
        lambda: all(called[Verb.WATCH, kind] > times for kind, times in before.items()),
        "the Hub to watch",
    )


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
    wait_for(lambda: read_why(api, "cut")["state"] == "ended", "the Hub to give it up", 60)
    told = read_why(api, "cut")["cause"]
    # What keeps its pod from running is seen, if it is seen in time.
    assert told["code"] in {"server.unreached", "cluster.no_node"}, told
    assert dict(read_releases(live.hub))[held.id] == told["code"]
    assert told["sentence"] in live.hub.login("dev1").get("/hub/home").text
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
