"""The pod of the Hub is deleted while servers start: what people have lives on, charged once."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from jupyterhub_platform.hub.kubernetes.manifest.metadata import RESERVATION, SERVER
from tests.cluster.installed.installation import Installation
from tests.cluster.objects import wait_for
from tests.support.live_hub import Api

pytestmark = [pytest.mark.node, pytest.mark.full]

STARTS = 20
RUNNING_FIRST = 3
SETTLED_SECONDS = 90
READ_LEDGER = """
import json
from contextlib import closing
from jupyterhub_platform.store import ledger
from jupyterhub_platform.store.store import Store
url = "sqlite:////srv/jupyterhub/state/platform/platform.sqlite"
with closing(Store.open(url, read_only=True)) as store, store.read() as transaction:
    print(json.dumps({row.id: row.server for row in ledger.list_open(transaction)}))
"""


def start(api: Api, server: str) -> bool:
    """Ask for a server, and tell whether it starts; a Hub that ends may not even answer."""
    try:
        return api.start("crowd", server, tier="tiny").status_code in {201, 202}
    except httpx.TransportError:
        return False


def read_marks(pods: dict[str, Any]) -> dict[str, str]:
    """Return the server of each pod, by the reservation that it was started with."""
    marks = [pod.metadata.annotations for pod in pods.values()]
    return {each[RESERVATION]: each[SERVER] for each in marks}


def is_running(pod: Any) -> bool:
    return pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None


def test_servers_outlive_a_hub_that_is_deleted_during_starts(
    platform_on_node: Installation,
) -> None:
    platform = platform_on_node
    api = platform.token("crowd")
    names = [f"s{number:02}" for number in range(STARTS)]
    for name in names[:RUNNING_FIRST]:
        assert start(api, name)
    for name in names[:RUNNING_FIRST]:
        api.wait_until_ready("crowd", name)
    before = platform.list_servers()
    hub = platform.find_hub().metadata

    with ThreadPoolExecutor(STARTS) as pool:
        answers = [pool.submit(start, api, name) for name in names[RUNNING_FIRST:]]
        wait_for(lambda: len(platform.list_servers()) > 2 * RUNNING_FIRST, "some of them to start")
        pending = [pod for pod in platform.list_servers().values() if not is_running(pod)]
        platform.core.delete_namespaced_pod(hub.name, platform.namespace)
        started = [answer.result() for answer in answers]
    assert pending or not all(started), "the Hub ended too late for this test"
    wait_for(lambda: (pod := platform.find_hub()) and pod.metadata.uid != hub.uid, "a new Hub", 60)
    platform.wait_until_ready()

    def read_settled() -> dict[str, str]:
        """Return the ledger, once pods, usage and it say the same, and nothing is pending."""
        servers = api.servers("crowd")
        pods = platform.list_servers()
        ledger: dict[str, str] = json.loads(platform.run_in_hub("python3", "-c", READ_LEDGER))
        used = {each["id"]: each["server"] for each in api.get("platform/usage").json()["servers"]}
        is_settled = all(each["ready"] for each in servers.values())
        is_settled &= all(map(is_running, pods.values()))
        is_settled &= ledger == used == read_marks(pods)
        return ledger if is_settled and set(ledger.values()) == set(servers) else {}

    ledger = wait_for(read_settled, "everything to agree", SETTLED_SECONDS)
    assert len(set(ledger.values())) == len(ledger), "a server has two reservations"
    after = platform.list_servers()
    for name, pod in before.items():
        assert after[name].metadata.uid == pod.metadata.uid, f"{name} was ended"
        assert after[name].status.container_statuses[0].restart_count == 0

    # Whatever did not come through starts when it is asked for again.
    for name in set(names) - set(ledger.values()):
        assert start(api, name)
        api.wait_until_ready("crowd", name)
    with ThreadPoolExecutor(STARTS) as pool:
        list(pool.map(lambda name: api.stop("crowd", name), names))
    wait_for(lambda: not platform.list_servers(), "all pods to be gone", 60)
    assert api.get("platform/usage").json()["servers"] == []
