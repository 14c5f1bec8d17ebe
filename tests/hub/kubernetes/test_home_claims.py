"""Homes after an upgrade of KubeSpawner: a person finds the files that were there before.

The spawner is ours, the claims are those of a real API server. On a live Hub the same is in
``test_upgrades.py``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from kubernetes.client import CoreV1Api
from kubernetes_asyncio.config import kube_config
from kubespawner.clients import load_config

from jupyterhub_platform.core.pods import Pod
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner
from tests.cluster.fixtures import Cluster
from tests.hub.kubernetes.hub_role import ROLE, give
from tests.hub.kubernetes.live_pods import render_kubeconfig
from tests.hub.kubernetes.spawners import EVERYTHING, SMALL, Hubs, Lines, admit
from tests.support.api_faults import Fault, How, Rule, Verb, answered
from tests.support.fault_proxy import FaultProxy

pytestmark = [pytest.mark.cluster, pytest.mark.full]

DAN: Final = "dan@uni.edu"
OLD: Final = "claim-dan-40uni-2eedu"
NEW: Final = "claim-dan-uni-edu---cc2a2c91"
SIX: Final = {"pod_name": "jupyter-dan-40uni-2eedu", "namespace": "", "dns_name": ""}
"""What KubeSpawner 6 leaves of a server."""
SEVEN: Final = {**SIX, "kubespawner_version": "7.1.0"}
"""What KubeSpawner 7 writes of a server that ran across the upgrade, when it is stopped."""
CLAIMS: Final = "persistentvolumeclaims"
UNKNOWN: Final[dict[str, str]] = {}


class Homes:
    """The claims of one namespace, and the spawners that look for theirs among them."""

    def __init__(self, cluster: Cluster, proxy: FaultProxy, namespace: str, hub: Hubs) -> None:
        self.cluster, self.proxy, self.namespace, self.hub = cluster, proxy, namespace, hub
        self.core: Any = CoreV1Api(cluster.client)

    def make(self, name: str, user: str = "", server: str = "") -> None:
        """Make a claim with the marks of a user's server; without a user, as by hand."""
        marks = {"hub.jupyter.org/username": user, "hub.jupyter.org/servername": server}
        metadata = {"name": name, "annotations": {k: v for k, v in marks.items() if v}}
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "none",
        }
        claim = {"metadata": metadata, "spec": spec}
        self.core.create_namespaced_persistent_volume_claim(self.namespace, claim)

    def list(self) -> set[str]:
        claims = self.core.list_namespaced_persistent_volume_claim(self.namespace).items
        return {claim.metadata.name for claim in claims}

    def spawner(
        self, state: Mapping[str, str], user: str = DAN, server: str = "", **settings: Any
    ) -> KubeTierSpawner:
        """Make the spawner of a server with this state in the Hub's database."""
        self.hub.config.KubeSpawner.update(settings)
        admitted = admit(SMALL, user=user, server=server, pod=Pod(home=EVERYTHING.home))
        row = self.hub.spawner(admitted).orm_spawner
        row.state = {**state, "namespace": self.namespace} if state else {}
        self.hub.db.commit()
        spawner = self.hub.spawner(admitted)
        spawner.api.api_client.user_agent = self.cluster.client.user_agent
        return spawner

    async def start(self, spawner: KubeTierSpawner) -> str:
        """Start until there is a pod, end that, and return the claim that it has."""
        starting = asyncio.ensure_future(spawner.start())
        async with asyncio.timeout(30):
            while not (pods := self.core.list_namespaced_pod(self.namespace).items):
                if starting.done():
                    await starting
                await asyncio.sleep(0.1)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        assert spawner.get_state()["pvc_name"] == spawner.pvc_name, "the claim is settled"
        await spawner.stop(now=True)
        volumes = {each.name: each for each in pods[0].spec.volumes}
        return str(volumes["platform-home"].persistent_volume_claim.claim_name)


@pytest.fixture
async def homes(
    api_cluster: Cluster,
    namespace: str,
    make_hub: Callable[..., Hubs],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Homes]:
    known = api_cluster.client.configuration
    with FaultProxy(known.host, known.ssl_ca_cert, api_cluster.client.user_agent) as proxy:
        file = tmp_path / "kubeconfig"
        file.write_text(render_kubeconfig(proxy.url, give(api_cluster, namespace, ROLE)))
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(file))
        load_config.cache_clear()
        hub = make_hub(proxy.url, namespace=namespace, start_timeout=30)
        yield Homes(api_cluster, proxy, namespace, hub)
        await KubeTierSpawner._stop_all_reflectors()
        KubeTierSpawner.reflectors.clear()
        load_config.cache_clear()


# -- which claim it is ---------------------------------------------------------------------------


@pytest.mark.parametrize("marked", [DAN, ""], ids=["marked", "by hand"])
@pytest.mark.parametrize("state", [SIX, SEVEN, UNKNOWN], ids=["six", "seven", "none"])
async def test_a_home_of_before_is_found_whatever_the_state_says(
    homes: Homes, state: Mapping[str, str], marked: str
) -> None:
    homes.make(OLD, marked)
    assert await homes.start(homes.spawner(state)) == OLD
    assert homes.list() == {OLD}, "and no empty one beside it"


async def test_a_home_is_found_again_after_it_was_not_settled(homes: Homes) -> None:
    homes.make(OLD, DAN)
    before = homes.spawner(SIX)
    # What admission writes before anything is looked for.
    written = before.get_state()
    assert "pvc_name" not in written
    assert "kubespawner_version" not in written, "it says that all is up to date"
    assert await homes.start(homes.spawner(written)) == OLD


@pytest.mark.parametrize(
    ("server", "name", "template"),
    [
        ("lab", "claim-dan-40uni-2eedu--lab", "claim-{user_server}"),
        ("lab", "claim-dan-40uni-2eedulab", "claim-{user_server}"),
        ("my.lab", "claim-dan-40uni-2eedu--my-2elab", "claim-{user_server}"),
        ("my.lab", "claim-dan-40uni-2eedumy-2elab", "claim-{username}--{servername}"),
        ("lab", OLD, "claim-{username}"),
    ],
)
async def test_named_servers_find_theirs_under_each_earlier_template(
    homes: Homes, server: str, name: str, template: str
) -> None:
    homes.make(name, DAN, server if "lab" in name else "")
    spawner = homes.spawner(SEVEN, server=server, pvc_name_template=template)
    assert await homes.start(spawner) == name


async def test_a_site_names_its_own_earlier_template(homes: Homes) -> None:
    homes.make("home-dan", "dan")
    settings = {"earlier_pvc_name_templates": ["home-{username}"]}
    assert await homes.start(homes.spawner(SIX, "dan", **settings)) == "home-dan"


@pytest.mark.parametrize("state", [SIX, SEVEN, UNKNOWN], ids=["six", "seven", "none"])
async def test_a_home_of_before_is_found_by_a_site_that_remembers_no_names(
    homes: Homes, state: Mapping[str, str]
) -> None:
    homes.make(OLD, DAN)
    before = homes.spawner(state, remember_pvc_name=False)
    assert await homes.start(before) == OLD
    # Another Hub reads no name from the state, and looks again.
    assert await homes.start(homes.spawner(before.get_state())) == OLD
    assert homes.list() == {OLD}


async def test_current_name_goes_before_earlier_ones_where_no_names_are_remembered(
    homes: Homes, log: Lines
) -> None:
    homes.make(OLD, DAN)
    homes.make(NEW, DAN)
    spawner = homes.spawner({**SEVEN, "pvc_name": OLD}, remember_pvc_name=False)
    assert await homes.start(spawner) == NEW
    assert f"uses the PVC {NEW}, and {OLD} exists too" in log.text


async def test_a_site_that_wants_no_earlier_names_says_so(homes: Homes) -> None:
    homes.make(OLD, DAN)
    spawner = homes.spawner(UNKNOWN, remember_pvc_name=False, handle_legacy_names=False)
    assert await homes.start(spawner) == NEW


async def test_user_without_a_home_gets_one_under_the_current_name(homes: Homes) -> None:
    assert await homes.start(homes.spawner(UNKNOWN)) == NEW
    assert await homes.start(homes.spawner(SEVEN, "plain")) == "claim-plain"
    assert homes.list() == {NEW, "claim-plain"}


# -- both are there ------------------------------------------------------------------------------


@pytest.mark.parametrize("settled", [{}, {"pvc_name": NEW}], ids=["unsettled", "settled"])
async def test_two_homes_are_told_of_and_never_switched_silently(
    homes: Homes, settled: Mapping[str, str], log: Lines
) -> None:
    homes.make(OLD, DAN)
    homes.make(NEW, DAN)
    spawner = homes.spawner({**SEVEN, **settled})
    assert await homes.start(spawner) == NEW
    assert homes.list() == {OLD, NEW}
    assert f"uses the PVC {NEW}, and {OLD} exists too" in log.text
    assert OLD in spawner.claim_notice
    assert NEW in spawner.claim_notice


async def test_earlier_home_is_used_once_the_empty_one_is_deleted(homes: Homes) -> None:
    homes.make(OLD, DAN)
    assert await homes.start(homes.spawner({**SEVEN, "pvc_name": NEW})) == OLD


async def test_a_remembered_home_that_is_gone_is_not_made_anew(homes: Homes) -> None:
    assert await homes.start(homes.spawner({**SEVEN, "pvc_name": NEW})) == NEW
    assert homes.list() == set(), "an operator sees that it is missing, and no user an empty one"


# -- another user's ------------------------------------------------------------------------------

TWIN: Final = "dan-40uni-2eedu"
"""Another user, whose name is today what KubeSpawner 6 made of Dan's."""


@pytest.mark.parametrize("marked", [TWIN, ""], ids=["marked", "by hand"])
async def test_the_home_of_a_user_who_is_called_like_that_is_not_taken(
    homes: Homes, marked: str
) -> None:
    homes.hub.spawner(admit(user=TWIN))
    homes.make(OLD, marked)
    assert await homes.start(homes.spawner(SIX)) == NEW
    assert homes.list() == {OLD, NEW}


async def test_a_new_user_does_not_get_the_home_of_the_one_who_was_written_like_that(
    homes: Homes,
) -> None:
    homes.make(OLD, DAN)
    with pytest.raises(AdmissionDenied) as caught:
        await homes.start(homes.spawner(UNKNOWN, TWIN))
    assert (caught.value.code, caught.value.status_code) == ("pod.volume_taken", 409)
    assert DAN not in str(caught.value)


async def test_a_user_does_not_get_the_home_of_another_ones_server(homes: Homes) -> None:
    homes.make("claim-annlab", "ann", "lab")
    with pytest.raises(AdmissionDenied) as caught:
        await homes.start(homes.spawner(UNKNOWN, "annlab"))
    assert caught.value.code == "pod.volume_taken"


async def test_a_claim_that_is_for_everybody_stays_so(homes: Homes) -> None:
    homes.make("everybody", DAN)
    spawner = homes.spawner(UNKNOWN, "ann", pvc_name_template="everybody")
    assert await homes.start(spawner) == "everybody"


# -- what is not known ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (answered(403), "pod.volume_not_said"),
        (answered(404), "pod.volume_not_said"),
        (answered(401), "pod.volume_not_said"),
        (answered(500), "cluster.busy"),
        (answered(503), "cluster.busy"),
        (answered(429, retry_after="60"), "cluster.busy"),
        (Fault(How.CUT), "cluster.no_answer"),
        (Fault(How.SILENT), "cluster.no_answer"),
    ],
    ids=str,
)
@pytest.mark.parametrize("nth", [1, 2], ids=["todays", "earlier"])
async def test_no_answer_is_never_taken_for_no_home(
    homes: Homes, fault: Fault, code: str, nth: int
) -> None:
    homes.make(OLD, DAN)
    homes.proxy.plan(Rule(Verb.GET, fault, nth=nth, times=10**6, resource=CLAIMS))
    with pytest.raises(AdmissionDenied) as caught:
        await homes.start(homes.spawner(SIX))
    assert caught.value.code == code
    assert homes.list() == {OLD}
    homes.proxy.plan()
    assert await homes.start(homes.spawner(SIX)) == OLD


async def test_a_remembered_home_is_used_while_nothing_else_can_be_looked_for(
    homes: Homes,
) -> None:
    homes.make(NEW, DAN)
    homes.proxy.plan(Rule(Verb.GET, answered(403), times=10**6, resource=CLAIMS))
    assert await homes.start(homes.spawner({**SEVEN, "pvc_name": NEW})) == NEW
