"""Each verb of the Hub's Role is needed: without any one of them something fails, or is logged.

The Hub is a process of its own: what a start that fails leaves behind, it leaves there.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.fixtures import Cluster, make_namespace
from tests.hub.kubernetes.hub_role import ROLE, change
from tests.hub.kubernetes.live_pods import ClusterHub, cluster_hub
from tests.support.live_hub import Api, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.hub]

RIGHTS = [(rule["resources"][0], verb) for rule in ROLE["rules"] for verb in rule["verbs"]]
READY_SECONDS = 15
QUIET_SECONDS = 1.5


@pytest.fixture(scope="module")
def hub_with_role(
    make_directory: Callable[[], Path], api_cluster: Cluster
) -> Iterator[tuple[ClusterHub, Api]]:
    with (
        make_namespace(api_cluster) as namespace,
        cluster_hub(make_directory(), api_cluster, namespace, start_timeout=10) as live,
    ):
        allow_one_claim(live)
        yield live, live.hub.token("dev1")


def allow_one_claim(live: ClusterHub) -> None:
    """Set a quota that one home fills: whether it is there is then all that can be asked."""
    quota = {"metadata": {"name": "homes"}, "spec": {"hard": {"persistentvolumeclaims": "1"}}}
    live.core.create_namespaced_resource_quota(live.namespace, quota)
    wait_for(
        lambda: live.core.read_namespaced_resource_quota("homes", live.namespace).status.hard,
        "the quota to be in force",
    )


def remove_homes(live: ClusterHub) -> None:
    """Have the next server need a home that is not there."""
    live.core.delete_collection_namespaced_persistent_volume_claim(live.namespace)

    def is_free() -> bool:
        quota: Any = live.core.read_namespaced_resource_quota("homes", live.namespace)
        return bool((quota.status.used or {}).get("persistentvolumeclaims") == "0")

    wait_for(is_free, "the home to be gone")


def find_failure(live: ClusterHub, api: Api) -> str:
    """Return what fails in the life of a server, twice, or is logged then; empty if nothing is."""
    remove_homes(live)
    seen = len(live.hub.log)
    failure = next(filter(None, (live_once(api) for _ in range(2))), "")
    time.sleep(QUIET_SECONDS)  # a watch is begun anew every second
    return failure or "\n".join(list_errors(live.hub.log[seen:]))


def live_once(api: Api) -> str:
    """Start a server, see it ready, stop it, and have the Hub forget it."""
    answer = api.start("dev1", "lab", tier="small")
    if answer.status_code >= 400:
        return answer.text
    try:
        wait_for(lambda: is_ready(api), "the server to be ready", READY_SECONDS)
        api.delete("users/dev1/servers/lab")
        wait_for(lambda: "lab" not in api.servers("dev1"), "the server to stop", READY_SECONDS)
    except AssertionError as error:
        return str(error)
    api.request("DELETE", "users/dev1/servers/lab", json={"remove": True})
    return ""


def is_ready(api: Api) -> bool:
    return bool(api.servers("dev1").get("lab", {}).get("ready"))


def list_errors(log: str) -> list[str]:
    return [line for line in log.splitlines() if line.startswith("[E ")]


@contextmanager
def without(live: ClusterHub, resource: str, verb: str) -> Iterator[None]:
    """Take one verb away for as long as it is asked what fails."""
    role = deepcopy(ROLE)
    (rule,) = (each for each in role["rules"] if each["resources"] == [resource])
    rule["verbs"].remove(verb)
    change(live.cluster, live.namespace, role)
    try:
        yield
    finally:
        change(live.cluster, live.namespace, ROLE)
        wait_until_well(live)


def wait_until_well(live: ClusterHub) -> None:
    """Wait until the Hub has ended what it could not end, and complains no more."""
    wait_for(lambda: not live.list_held(), "everything to be released", 60)

    def complains_no_more() -> bool:
        seen = len(live.hub.log)
        time.sleep(QUIET_SECONDS)
        return not list_errors(live.hub.log[seen:])

    wait_for(complains_no_more, "the Hub to be well", 60)


def test_the_role_is_enough(hub_with_role: tuple[ClusterHub, Api]) -> None:
    live, api = hub_with_role
    assert find_failure(live, api) == ""


@pytest.mark.parametrize(("resource", "verb"), RIGHTS)
def test_every_verb_of_the_role_is_needed(
    resource: str, verb: str, hub_with_role: tuple[ClusterHub, Api]
) -> None:
    live, api = hub_with_role
    with without(live, resource, verb):
        assert find_failure(live, api) != ""
    assert find_failure(live, api) == "", "the Hub is not well with its whole Role"
