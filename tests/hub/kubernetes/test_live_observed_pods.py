"""Pods that users' own controllers make, beside a live Hub on a real API server."""

import re
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import AdmissionregistrationV1Api, CoreV1Api
from kubernetes.client.exceptions import ApiException
from ruamel.yaml import YAML

from jupyterhub_platform.core.reservations import Reservation
from tests.cluster.fixtures import Cluster, make_namespace
from tests.cluster.objects import render_pod
from tests.hub.kubernetes.live_pods import POLICY, ClusterHub, cluster_hub
from tests.support.api_faults import Rule, Verb, answered
from tests.support.live_hub import Api, wait_for
from tests.support.store_readers import read_open, read_releases

pytestmark = [pytest.mark.cluster, pytest.mark.hub]

KIND = "example.org/kind"
USER = "hub.jupyter.org/username"
GROUP = "example.org/group"
OBSERVING = (
    POLICY.replace("  dev1:", "  kim-lee: {}\n  kim-2dlee: {}\n  dev1:").replace(
        "quota: {servers: 100}",
        "member_quota: {cpu: 2}\n  speech: {members: [dev1]}\n  batch: {}",
    )
    + f"""\
observed_pods:
  dask:
    title: Dask workers
    selector: {{{KIND}: dask}}
    account_label: {GROUP}
  spark:
    selector: {{{KIND}: spark}}
    user_label: spark-user
    account: batch
"""
)
SITE = """
c.PlatformKubeSpawner.observe_seconds = 0.5
c.KubeSpawner.extra_labels = {"example.org/kind": "dask"}
"""


@pytest.fixture(scope="module")
def running(
    make_directory: Callable[[], Path], api_cluster: Cluster
) -> Iterator[tuple[ClusterHub, Api]]:
    with (
        make_namespace(api_cluster) as namespace,
        cluster_hub(make_directory(), api_cluster, namespace, site=SITE, policy=OBSERVING) as live,
    ):
        yield live, live.hub.token("admin")


@pytest.fixture
def live(running: tuple[ClusterHub, Api]) -> Iterator[ClusterHub]:
    live = running[0]
    yield live
    live.proxy.plan()
    pods: Any = live.core.list_namespaced_pod(live.namespace, label_selector=KIND)
    for pod in pods.items:
        remove(live, pod.metadata.name)
    wait_for(lambda: not read_open(live.hub), "everything to be released", 60)


def add(live: ClusterHub, name: str, user: str = "dev1", cpu: str = "1500m", **labels: str) -> Any:
    """Make a pod as a controller of a user's would."""
    pod = render_pod(name)
    pod["metadata"]["labels"] = {KIND: "dask", **({USER: user} if user else {}), **labels}
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu, "memory": "1Gi"}}
    return live.core.create_namespaced_pod(live.namespace, pod)


def remove(live: ClusterHub, name: str) -> None:
    core: Any = CoreV1Api(live.cluster.client)
    core.delete_namespaced_pod(name, live.namespace, grace_period_seconds=0)


def held(live: ClusterHub) -> dict[str, Reservation]:
    """Return what pods hold, by the name of the pod."""
    return {each.pod: each for each in read_open(live.hub) if each.pod}


def wait_until_held(live: ClusterHub, *names: str) -> dict[str, Reservation]:
    wait_for(lambda: held(live).keys() == set(names), f"{names} to be held")
    return held(live)


def read_health(live: ClusterHub) -> Any:
    return live.hub.token("admin").get("platform/health").json()["observed_pods"]


def test_a_start_that_does_not_fit_beside_pods_is_denied_until_they_are_gone(
    live: ClusterHub,
) -> None:
    add(live, "worker-1", cpu="1950m", **{GROUP: "vision"})
    found = wait_until_held(live, "worker-1")["worker-1"]
    assert (found.user, found.account, found.tier) == ("dev1", "vision", "dask")
    assert dict(found.demand) == {"cpu": 1950, "memory": 2**30}
    api = live.hub.token("dev1")
    answer = api.start("dev1", "train", tier="small", account="vision")
    assert answer.status_code == 409
    said = answer.json()["message"]
    assert "1.95 of 2 CPU in vision, 1.95 CPU of it by pods, and small asks for 0.1 CPU" in said
    assert "Stop some of the pods, or ask an admin" in said
    see_pages(live, found.id)
    why = read_why(live, "pod/worker-1")
    assert (why["state"], why["cause"]["code"]) == ("counted", "pod.counted")
    assert (why["tier"], why["account"]) == ("dask", "vision")
    remove(live, "worker-1")
    wait_until_held(live)
    gone = read_why(live, "pod/worker-1")
    assert (gone["state"], gone["cause"]["code"]) == ("ended", "pod.gone")
    other = live.hub.token("kim-lee").get("platform/why?user=dev1&server=pod/worker-1")
    assert other.status_code == 404
    assert read_releases(live.hub)[found.id] == "the pod is gone"
    assert api.start("dev1", "train", tier="small", account="vision").status_code in {201, 202}
    api.wait_until_ready("dev1", "train")
    # The pod of a server has the label of the workers, too, and is counted once.
    add(live, "worker-2", cpu="100m")
    wait_until_held(live, "worker-2")
    assert sorted(each.server for each in read_open(live.hub)) == ["pod/worker-2", "train"]
    api.stop("dev1", "train")
    wait_for(lambda: "train" not in {each.server for each in read_open(live.hub)}, "the release")


def read_why(live: ClusterHub, server: str) -> Any:
    return live.hub.token("dev1").get(f"platform/why?user=dev1&server={server}").json()


def test_a_suspension_names_the_pods_that_go_on(live: ClusterHub) -> None:
    add(live, "worker-8", user="kim-lee", cpu="100m")
    wait_until_held(live, "worker-8")
    admin = live.hub.token("admin")
    answer = admin.post("platform/users/kim-lee/suspend", json={"reason": "left"}).json()
    assert "Pods that kim-lee made go on: worker-8." in answer["not_ended"]
    admin.post("platform/users/kim-lee/resume", json={"reason": "back"})


def see_pages(live: ClusterHub, identifier: str) -> None:
    """See that every page shows the pod, and none offers to stop it."""
    dev, admin = live.hub.login("dev1"), live.hub.login("admin")
    own = dev.visit("/services/platform/").text
    assert "<h2>My pods</h2>" in own
    assert "1.95 CPU, 1 GiB" in own
    shown = dev.visit("/hub/spawn?opt-account=vision&opt-tier=small").text
    assert "pod/worker-1" in shown
    assert "ends through what made it" in shown
    why = admin.visit("/services/platform/servers/why?user=dev1&server=pod/worker-1").text
    assert "The pod worker-1 of dev1 is counted" in why
    assert "neither starts nor stops it" in why
    assert (
        "Your pod worker-1 is counted"
        in dev.visit("/services/platform/servers/why?user=dev1&server=pod/worker-1").text
    )
    for page in ("overview", "people/dev1", "groups/vision", f"decisions/{identifier}"):
        shown = admin.visit(f"/services/platform/{page}").text
        assert "worker-1" in shown, page
        assert "Stop pod/worker-1" not in shown
    overview = admin.visit("/services/platform/overview").text
    assert "No server runs, beside 1 observed pod;" in overview
    (line,) = admin.get("/services/platform/api/v1/servers").json()["items"]
    assert (line["server"], line["pod"], line["tier_title"]) == (
        "pod/worker-1",
        "worker-1",
        "Dask workers",
    )


def test_what_is_charged_is_what_labels_and_policy_say(live: ClusterHub) -> None:
    add(live, "named", cpu="100m", **{GROUP: "vision"})
    add(live, "other", cpu="100m", **{GROUP: "speech"})
    add(live, "spark", cpu="100m", **{KIND: "spark", "spark-user": "admin"})
    # A group that they are not in says nothing: it is their default account.
    add(live, "foreign", user="admin", cpu="100m", **{GROUP: "batch"})
    found = wait_until_held(live, "named", "other", "spark", "foreign")
    assert {name: (each.user, each.account) for name, each in found.items()} == {
        "named": ("dev1", "vision"),
        "other": ("dev1", "speech"),
        "spark": ("admin", "batch"),
        "foreign": ("admin", "vision"),
    }
    labels = {"metadata": {"labels": {GROUP: "speech"}}}
    live.core.patch_namespaced_pod("named", live.namespace, labels)
    wait_for(lambda: held(live)["named"].account == "speech", "the pod to be charged otherwise")
    assert "holds something else" in read_releases(live.hub)[found["named"].id]
    assert held(live)["other"] == found["other"]


def test_a_pod_that_names_nobody_is_charged_to_nobody(live: ClusterHub) -> None:
    add(live, "stranger", user="stranger")
    add(live, "nameless", user="")
    add(live, "doubtful", user="kim-2dlee")
    wait_for(lambda: read_health(live)["unassigned"] == 3, "all to be seen")
    assert held(live) == {}
    reasons = {each["pod"]: each["reason"] for each in read_health(live)["examples"]}
    assert reasons == {
        "doubtful": f"Its label {USER} may name kim-2dlee or kim-lee.",
        "nameless": f"It has no label {USER}.",
        "stranger": f"Its label {USER} names no user of the policy: stranger.",
    }
    metrics = live.hub.login("admin").visit("/hub/metrics").text
    assert 'jupyterhub_platform_observed_pods{state="unassigned"} 3.0' in metrics
    overview = live.hub.login("admin").visit("/services/platform/overview").text
    assert "3 observed pods are charged to nobody." in overview


def test_a_cluster_that_does_not_answer_leaves_what_was_seen_last(live: ClusterHub) -> None:
    add(live, "worker-1")
    wait_until_held(live, "worker-1")
    live.proxy.plan(Rule(Verb.LIST, answered(503), times=10**6))
    wait_for(lambda: read_health(live)["fault"], "the fault to be seen")
    looked_at = read_health(live)["looked_at"]
    remove(live, "worker-1")
    time.sleep(2)
    assert held(live).keys() == {"worker-1"}
    assert read_health(live)["looked_at"] == looked_at
    assert read_health(live)["fault"] == "ApiException 503"
    live.proxy.plan()
    wait_until_held(live)
    assert read_health(live)["fault"] == ""


def test_after_a_restart_pods_hold_what_they_held_and_those_that_went_hold_nothing(
    live: ClusterHub,
) -> None:
    add(live, "stays")
    add(live, "goes")
    add(live, "again")
    before = wait_until_held(live, "stays", "goes", "again")
    live.hub.kill_hub()
    for name in ("goes", "again"):
        remove(live, name)
    wait_for(lambda: len(live.core.list_namespaced_pod(live.namespace).items) == 1, "the end")
    add(live, "again")
    add(live, "new")
    live.hub.start()
    after = wait_until_held(live, "stays", "again", "new")
    assert after["stays"] == before["stays"]
    # A pod with the name of another one is another pod.
    assert after["again"].id != before["again"].id
    assert read_releases(live.hub)[before["goes"].id] == "the pod is gone"
    assert read_releases(live.hub)[before["again"].id] == "the pod is gone"


@contextmanager
def documented_policy(live: ClusterHub) -> Iterator[None]:
    """Have the admission policy of the documentation in force, for this namespace alone."""
    blocks = Path("docs/policy.md").read_text().split("<<'END'\n")
    (block,) = (each.split("END\n")[0] for each in blocks if "ValidatingAdmission" in each)
    names = {"who-names-users": f"who-names-users-{live.namespace}"}
    for old, new in {**names, "jupyterhub": live.namespace}.items():
        block = re.sub(rf"(?<![\w/.]){old}(?![\w.])", new, block)
    policy, binding = YAML(typ="safe").load_all(textwrap.dedent(block))
    api: Any = AdmissionregistrationV1Api(live.cluster.client)
    name = policy["metadata"]["name"]
    try:
        api.create_validating_admission_policy(policy)
        api.create_validating_admission_policy_binding(binding)
        tries = (f"tried-{number}" for number in count())
        # Those that are made until then count, and are to leave room for a server.
        wait_for(
            lambda: is_refused(lambda: add(live, next(tries), cpu="1m")),
            "the policy to be in force",
        )
        yield
    finally:
        api.delete_validating_admission_policy_binding(name)
        api.delete_validating_admission_policy(name)


def is_refused(act: Callable[[], Any]) -> bool:
    try:
        act()
    except ApiException as error:
        return "Only the Hub and Dask Gateway name users." in str(error.body)
    return False


def test_the_admission_policy_of_the_documentation_keeps_the_label_to_the_hub(
    live: ClusterHub,
) -> None:
    before = add(live, "before", cpu="100m")
    with documented_policy(live):
        add(live, "nameless", user="")
        labels = {"metadata": {"labels": {USER: "admin"}}}
        for name in ("before", "nameless"):
            patch = partial(live.core.patch_namespaced_pod, name, live.namespace, labels)
            assert is_refused(patch)
        # What keeps the label can be changed, and the Hub names users.
        note = {"metadata": {"annotations": {"example.org/note": "seen"}}}
        live.core.patch_namespaced_pod("before", live.namespace, note)
        assert before.metadata.labels[USER] == "dev1"
        api = live.hub.token("dev1")
        assert api.start("dev1", "named", tier="small", account="vision").status_code in {201, 202}
        api.wait_until_ready("dev1", "named")
        api.stop("dev1", "named")
