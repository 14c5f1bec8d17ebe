"""A Hub that was upgraded from KubeSpawner 6, killed and restarted: homes stay what they were."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cluster.fixtures import Cluster, make_namespace
from tests.hub.kubernetes.live_pods import POLICY, ClusterHub, cluster_hub
from tests.support.api_faults import Fault, How, Rule, Verb
from tests.support.live_hub import wait_for
from tests.support.store_readers import read_open

pytestmark = [pytest.mark.cluster, pytest.mark.hub, pytest.mark.full]

USERS: Final = ("dan@uni.edu", "eve@uni.edu", "kit@uni.edu", "lee@uni.edu")
SITE: Final = """
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1}
c.JupyterHub.init_spawners_timeout = 5
"""
CLAIMS: Final = "persistentvolumeclaims"


@pytest.fixture(scope="module")
def live(make_directory: Callable[[], Path], api_cluster: Cluster) -> Iterator[ClusterHub]:
    people = "".join(f"  {name}: {{level: developer}}\n" for name in USERS)
    policy = POLICY.replace("groups:\n", f"{people}groups:\n", 1)
    policy = policy.replace("[dev1, admin]", f"[dev1, admin, {', '.join(USERS)}]")
    with (
        make_namespace(api_cluster) as namespace,
        cluster_hub(
            make_directory(), api_cluster, namespace, site=SITE, policy=policy, start_timeout=60
        ) as hub,
    ):
        yield hub


def old_name(user: str, kind: str = "claim") -> str:
    return f"{kind}-{user.replace('@', '-40').replace('.', '-2e')}"


def make_home(live: ClusterHub, user: str) -> None:
    """Make the claim that KubeSpawner 6 made."""
    marks = {"hub.jupyter.org/username": user}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    claim: Any = {"metadata": {"name": old_name(user), "annotations": marks}, "spec": spec}
    live.core.create_namespaced_persistent_volume_claim(live.namespace, claim)


def list_homes(live: ClusterHub, user: str) -> set[str]:
    claims: Any = live.core.list_namespaced_persistent_volume_claim(live.namespace).items
    return {c.metadata.name for c in claims if user.partition("@")[0] in c.metadata.name}


def change_state(live: ClusterHub, user: str, change: Callable[[Any], Any]) -> None:
    """Change what the database of a Hub that does not run says of a user's server."""
    with closing(sqlite3.connect(live.hub.state / "jupyterhub.sqlite")) as database:
        query = "SELECT s.id, s.state FROM spawners s JOIN users u ON u.id = s.user_id"
        (row,) = database.execute(f"{query} WHERE u.name = ? AND s.name = ''", (user,)).fetchall()
        state = json.dumps(change(json.loads(row[1] or "{}")))
        database.execute("UPDATE spawners SET state = ? WHERE id = ?", (state, row[0]))
        database.commit()


def of_kubespawner_6(state: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in state.items() if k not in {"kubespawner_version", "pvc_name"}}


def of_a_stopped_server(live: ClusterHub, user: str) -> Callable[[Any], Any]:
    pod = old_name(user, "jupyter")
    known = {"pod_name": pod, "namespace": live.namespace, "dns_name": f"{pod}.{live.namespace}"}
    return lambda _: known


def restart(live: ClusterHub) -> None:
    live.hub.kill_hub()
    live.hub.start()


@pytest.mark.parametrize(
    ("user", "restarts"), [(USERS[0], False), (USERS[1], True)], ids=["", "restarted between"]
)
def test_a_server_that_ran_across_the_upgrade_keeps_its_home(
    live: ClusterHub, user: str, restarts: bool
) -> None:
    make_home(live, user)
    api = live.hub.token(user)
    assert api.start(user).status_code in {201, 202}
    api.wait_until_ready(user)
    live.hub.kill_hub()
    change_state(live, user, of_kubespawner_6)
    live.hub.start()
    api = live.hub.token(user)
    assert api.servers(user)[""]["ready"], "it runs across the upgrade"
    api.stop(user)
    wait_for(lambda: not read_open(live.hub), "the server to be gone")
    if restarts:
        restart(live)
        api = live.hub.token(user)
    assert api.start(user).status_code in {201, 202}
    api.wait_until_ready(user)
    assert list_homes(live, user) == {old_name(user)}
    api.stop(user)


@pytest.mark.parametrize("answered_calls", [0, 1], ids=["at the first look", "at the second"])
def test_a_hub_that_is_killed_while_it_looks_for_a_home_finds_it_later(
    live: ClusterHub, answered_calls: int
) -> None:
    user = USERS[2 + answered_calls]
    make_home(live, user)
    api = live.hub.token(user)
    assert api.start(user).status_code in {201, 202}
    api.wait_until_ready(user)
    api.stop(user)
    wait_for(lambda: not read_open(live.hub), "the server to be gone")
    live.hub.kill_hub()
    change_state(live, user, of_a_stopped_server(live, user))
    live.hub.start()
    api = live.hub.token(user)
    silent = Rule(Verb.GET, Fault(How.SILENT), answered_calls + 1, times=10**6, resource=CLAIMS)
    live.proxy.plan(silent)
    assert api.start(user).status_code == 202
    wait_for(lambda: silent.seen > answered_calls, "the Hub to look for the claim")
    assert len(read_open(live.hub)) == 1, "it is admitted"
    live.hub.kill_hub()
    live.proxy.plan()
    live.hub.start()
    api = live.hub.token(user)
    wait_for(lambda: not read_open(live.hub), "what was broken off to be over")
    wait_for(lambda: api.start(user).status_code in {201, 202}, "the server to start")
    api.wait_until_ready(user)
    assert list_homes(live, user) == {old_name(user)}
    api.stop(user)
