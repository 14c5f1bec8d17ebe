"""Faults by the thousand between a live Hub and its cluster, and what is true when they are over.

Whatever a call was answered, and whether or not it had its effect: once it is quiet every pod has
one reservation, every reservation its pod, and no other pod was touched.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, Final

import pytest

from jupyterhub_platform.hub.kubernetes.manifest.metadata import HUB
from tests.cluster.fixtures import Cluster
from tests.hub.kubernetes.live_pods import ClusterHub, cluster_hub
from tests.support.api_faults import Chance, Fault, How, Verb, answered
from tests.support.invariants import is_for_people
from tests.support.live_hub import Api, wait_for
from tests.support.seeds import SEED, VARIABLE

pytestmark = [pytest.mark.cluster, pytest.mark.hub, pytest.mark.full]

QUIET_SECONDS: Final = 60
QUICK, FULL = 300, 2000
WORKERS: Final = 8
ONE_FAILURE_ENDS_THE_HUB: Final = """
c.KubeSpawner.consecutive_failure_limit = 1
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}
"""
ENDS_ITSELF: Final = "Aborting due to 1 consecutive spawn failures"
_STATUSES: Final = (403, 409, 429, 500, 503, 504)
_ANSWERS: Final = (
    *(answered(status, after=after) for status in _STATUSES for after in (False, True)),
    answered(429, retry_after="1"),
    answered(429, retry_after="60"),
)
_BREAKS: Final = (
    Fault(How.CUT),
    Fault(How.CUT, after=True),
    Fault(How.SILENT, after=True),
)
MENU: Final[Mapping[Verb, tuple[Fault, ...]]] = {
    Verb.CREATE: (*_ANSWERS, *_BREAKS),
    Verb.DELETE: (*_ANSWERS, *_BREAKS),
    Verb.GET: (*_ANSWERS, *_BREAKS),
    Verb.LIST: (*_ANSWERS, *_BREAKS, answered(410)),
    Verb.WATCH: (
        *_ANSWERS,
        *_BREAKS[:2],
        Fault(How.SILENT),
        answered(410),
        answered(410, after=True),
    ),
}


def test_faults_leave_every_pod_with_one_reservation(
    make_directory: Callable[[], Path], api_cluster: Cluster, namespace: str
) -> None:
    inject(make_directory(), api_cluster, namespace, QUICK)


@pytest.mark.long
def test_two_thousand_faults_leave_every_pod_with_one_reservation(
    make_directory: Callable[[], Path], api_cluster: Cluster, namespace: str
) -> None:
    inject(make_directory(), api_cluster, namespace, FULL)


def inject(directory: Path, cluster: Cluster, namespace: str, faults: int) -> None:
    """Start and stop servers until so many calls have failed, and look at what is left."""
    print(f"{VARIABLE}={SEED} repeats these faults")
    chance = Chance(str(SEED), 0.4, MENU, faults)
    site = ONE_FAILURE_ENDS_THE_HUB
    with cluster_hub(directory, cluster, namespace, start_timeout=20, site=site) as live:
        api = live.hub.token("dev1")
        foreign = make_foreign(live)
        began = monotonic()
        live.proxy.plan(chance)
        try:
            work(api, chance)
        except BaseException:
            print(live.hub.log[-20000:])
            raise
        live.proxy.plan()
        print(f"{chance.given} faults in {monotonic() - began:.0f} s: {live.proxy.injected}")
        began = monotonic()
        while found := list_differences(live):
            quiet = monotonic() - began
            # One that has ended releases nothing, and its pods say nothing of why.
            assert ENDS_ITSELF not in live.hub.log, live.hub.log[-20000:]
            assert quiet < QUIET_SECONDS, "\n".join([*found, live.hub.log[-20000:]])
            time.sleep(1)
        print(f"equal {monotonic() - began:.0f} s later")
        assert find_foreign(live) == foreign
        assert live.failures == 0


def work(api: Api, chance: Chance) -> None:
    """Start and stop servers, several at a time, until all faults were given."""
    over, answers = Event(), Counter[int]()

    def change(number: int) -> None:
        dice = random.Random(f"{SEED} worker {number}")
        while not over.is_set():
            server = f"s{number}{dice.choice('abcdef')}"
            path = f"users/dev1/servers/{server}"
            answer = (
                api.start("dev1", server, tier="small") if dice.random() < 0.6 else api.delete(path)
            )
            answers[answer.status_code] += 1
            assert is_for_people(answer), f"{answer.request.method} {path}: {answer.text}"
            over.wait(dice.uniform(0.05, 0.4))

    with ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(change, number) for number in range(WORKERS)]
        try:
            wait_for(
                lambda: chance.given >= chance.maximum or any(each.done() for each in workers),
                f"{chance.maximum} faults",
                max(120, chance.maximum),
            )
        finally:
            over.set()
        print(f"{chance.given} faults given, the Hub answered {dict(answers)}")
        for each in workers:
            each.result()


def list_differences(live: ClusterHub) -> list[str]:
    """Compare the pods of this Hub with the open rows of the ledger, both ways."""
    held, marks = Counter(live.list_held()), Counter(live.list_own_pods().values())
    found = [f"{each} is held {count} times" for each, count in held.items() if count > 1]
    found += [f"{each} has {count} pods" for each, count in marks.items() if count > 1]
    found += [f"{each} has a pod and is not held" for each in marks.keys() - held.keys()]
    return sorted(found + [f"{each} is held without a pod" for each in held.keys() - marks.keys()])


# -- pods of others ------------------------------------------------------------------------------


def make_foreign(live: ClusterHub) -> dict[str, str]:
    """Put pods of others into the namespace, with names like ours and in the place of ours."""
    stock = {"hub.jupyter.org/username": "dev2", "hub.jupyter.org/servername": "s0a"}
    another = {HUB: "another", "jupyterhub-platform/user": "dev1"}
    for name, marks in (
        ("jupyter-dev1", {}),
        ("jupyter-dev1--s0a", {}),
        ("jupyter-dev1--s1b", another),
        ("jupyter-dev1--s1bb", another),
        ("jupyter-dev2--s0a", stock),
    ):
        metadata = {
            "name": name,
            "labels": {"component": "singleuser-server"},
            "annotations": marks,
        }
        container = {"name": "notebook", "image": "example.org/other:1"}
        pod: Any = {"metadata": metadata, "spec": {"containers": [container]}}
        live.core.create_namespaced_pod(live.namespace, pod)
    return find_foreign(live)


def find_foreign(live: ClusterHub) -> dict[str, str]:
    """Return the uids of the pods of others by their names."""
    pods: Any = live.core.list_namespaced_pod(live.namespace).items
    own = live.list_own_pods()
    return {pod.metadata.name: pod.metadata.uid for pod in pods if pod.metadata.name not in own}
