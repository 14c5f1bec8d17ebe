"""A cluster with a namespace for each Hub, and pods that run nowhere."""

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any, Final

from kubernetes.client import CoreV1Api

from benchmarks.bench_setup import BenchSetup
from benchmarks.hub_driver import Hub
from benchmarks.kubelet import Peak, playing
from benchmarks.population import Population, make_document, make_population, render_document
from benchmarks.seeding import fill_site
from jupyterhub_platform.hub.kubernetes.manifest.metadata import RESERVATION
from jupyterhub_platform.store import decision_log, ledger
from jupyterhub_platform.store.store import Store
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import FOREIGN, Cluster, make_namespace
from tests.cluster.lent_cluster import LentCluster
from tests.hub.kubernetes.hub_role import ROLE, give

_NAMES: Final = ("stock", "again", "governed", "race")
_PER_PAGE: Final = 500


@dataclass(frozen=True)
class Site:
    """One Hub, the namespace of its servers, and the most pods that it has had there."""

    hub: Hub
    directory: Path
    cluster: Cluster
    peak: Peak

    def list_reservations(self) -> list[str]:
        """Return the reservation that each pod names, as the API server has it now."""
        marks = (each["metadata"].get("annotations", {}) for each in self._list_pods())
        return sorted(mark[RESERVATION] for mark in marks if RESERVATION in mark)

    def list_fields(self) -> set[str]:
        """Return every field that any pod has been asked for with, down to the last variable."""
        fields: set[str] = set()
        for pod in self._list_pods():
            metadata = pod["metadata"]
            asked = {key: metadata[key] for key in ("labels", "annotations")}
            fields.update(_flatten("", {**asked, "spec": pod["spec"]}))
        return fields

    def _list_pods(self) -> Iterator[Any]:
        core, more = CoreV1Api(self.cluster.client), ""
        while True:
            response: Any = core.list_namespaced_pod(
                self.peak.namespace, limit=_PER_PAGE, _continue=more, _preload_content=False
            )
            page = json.loads(response.data)
            yield from page["items"]
            more = page["metadata"].get("continue", "")
            if not more:
                return

    def list_held(self) -> list[str]:
        """Return the reservations that are open in the store."""
        with self._reading() as store, store.read() as transaction:
            return sorted(ledger.list_open_ids(transaction))

    def list_denials(self, most: int) -> list[tuple[str, ...]]:
        """Return the codes of up to so many denials."""
        with self._reading() as store, store.read() as transaction:
            denials = decision_log.list_decisions(transaction, admitted=False, limit=most)
            return [each.codes for each in denials]

    @contextmanager
    def _reading(self) -> Iterator[Store]:
        with closing(
            Store.open(f"sqlite:///{self.directory}/platform.sqlite", read_only=True)
        ) as s:
            yield s


@dataclass(frozen=True)
class PodBenchSetup:
    """Two stock Hubs, a governed one, and another governed one, whose quota is how many may run.

    ``people`` are as many as there may be pods; ``late`` are those who find the quota full.
    """

    people: Sequence[str]
    late: Sequence[str]
    accounts: dict[str, str]
    sites: dict[str, Site] = field(default_factory=dict)


@contextmanager
def open_pod_bench_setup(setup: BenchSetup) -> Iterator[PodBenchSetup]:
    """Start a cluster, or use the one that ``TEST_KUBECONFIG`` names, and make Hubs for it."""
    pods, late = setup.size.pods, math.ceil(setup.size.pods / 10)
    # One person in a hundred may hold nothing.
    population = make_population(math.ceil((pods + late) * 1.02) + 1, 0, setup.seed)
    people = population.free
    template = setup.directory / "pods"
    _fill(template, population, setup.port, pods)
    account_of = population.account_of()
    made = PodBenchSetup(people[:pods], people[pods : pods + late], account_of)
    with ExitStack() as stack:
        cluster = stack.enter_context(_open_cluster())
        for name in _NAMES:
            namespace = stack.enter_context(make_namespace(cluster))
            home = setup.directory / f"pods-{name}"
            copytree(template, home)
            made.sites[name] = _make_site(home, cluster, namespace, setup.backend, name)
        peaks = [site.peak for site in made.sites.values()]
        stack.enter_context(playing(cluster.kubeconfig, peaks))
        yield made


def _flatten(path: str, value: Any) -> Iterator[str]:
    """Yield the paths of what a manifest says; entries of lists go by their names."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flatten(f"{path}.{key}", each)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            name = each.get("name", number) if isinstance(each, dict) else number
            yield from _flatten(f"{path}[{name}]", each)
    else:
        yield path.removeprefix(".")


@contextmanager
def _open_cluster() -> Iterator[Cluster]:
    if kubeconfig := os.environ.get(FOREIGN):
        with closing(LentCluster(Path(kubeconfig))) as foreign:
            yield foreign
        return
    with ControlPlane() as own:
        yield own


def _fill(directory: Path, population: Population, port: int, pods: int) -> None:
    fill_site(directory, population, port)
    document = make_document(population)
    document["quota"]["servers"] = pods
    (directory / "platform.yaml").write_text(render_document(document))


def _make_site(home: Path, cluster: Cluster, namespace: str, backend: str, name: str) -> Site:
    kubeconfig = home / "kubeconfig"
    kubeconfig.write_text(_render_kubeconfig(cluster, give(cluster, namespace, ROLE)))
    hub = Hub(
        home,
        backend,
        governed=name in ("governed", "race"),
        site="benchmarks.pod_hub_config",
        environment={
            "KUBECONFIG": str(kubeconfig),
            "BENCHMARK_NAMESPACE": namespace,
            "BENCHMARK_INIT_SECONDS": "-1",
        },
    )
    return Site(hub, home, cluster, Peak(namespace))


def _render_kubeconfig(cluster: Cluster, token: str) -> str:
    known, name = cluster.client.configuration, "hub"
    server = {"server": known.host, "certificate-authority": known.ssl_ca_cert}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": server}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }
    )
