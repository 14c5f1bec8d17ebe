"""A Kubernetes without nodes: it needs no root, and is ready within seconds."""

import contextlib
import socket
import ssl
import sys
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from kubernetes.client import CoreV1Api, RbacAuthorizationV1Api, StorageV1Api

from tests.cluster.api import BoundedClient, connect
from tests.cluster.building import build, render_path
from tests.cluster.certificates import Authority
from tests.cluster.errors import ClusterError
from tests.cluster.identities import Identities, list_roles
from tests.cluster.processes import Processes
from tests.cluster.state import State
from tests.cluster.volumes import DEFAULT_CLASS, render_class

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ports:
    """Where the parts of a control plane listen."""

    api: int
    etcd: int
    peers: int
    controllers: int
    scheduler: int


def find_ports(count: int) -> list[int]:
    """Return ports of the loopback that are not in use, each another."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@dataclass(frozen=True)
class Place:
    """Where a cluster is on the network.

    Attributes
    ----------
    host
        The address of the API server.
    is_for_pods
        Whether pods reach it there.
    """

    host: str
    ports: Ports
    services: IPv4Network
    pods: IPv4Network
    is_for_pods: bool


class ControlPlane:
    """etcd, API server, controllers and scheduler, of this process's own.

    Parameters
    ----------
    is_kept
        Whether it outlives this process, until ``python -m tests.cluster down``.
    """

    use = "api"

    def __init__(self, *, is_kept: bool = False) -> None:
        self._is_kept = is_kept
        self._client: BoundedClient | None = None

    def start(self) -> None:
        """Start it, and wait until it can be used.

        Raises
        ------
        ClusterError
            Raised if it cannot be had; with the end of the log that says why.
        """
        self.programs = build(self.use)
        self.state = State.create(is_kept=self._is_kept)
        search_path = render_path(self.programs.values())
        self.processes = Processes(
            self.state.folder, search_path, dies_with_owner=not self._is_kept
        )
        try:
            self.place = self._choose_place()
            self._start_programs()
        except BaseException as error:
            logs = self.state.keep_logs()
            self.close()
            if isinstance(error, ClusterError):
                raise ClusterError(f"{error}\nAll logs are in {logs}.") from error
            raise

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and leave nothing behind."""
        if self._client is not None:
            self._client.close()
        try:
            self.processes.end_all()
        finally:
            self.state.remove()

    @property
    def kubeconfig(self) -> Path:
        """The cluster administrator's, for setting up what a test needs."""
        return self.identities.get_kubeconfig("admin")

    @property
    def client(self) -> BoundedClient:
        """The cluster administrator's client."""
        if self._client is None:
            self._client = connect(self.kubeconfig)
        return self._client

    def has_made(self, namespace: str) -> bool:
        """Tell that every namespace of a cluster of our own is the tests' own."""
        return bool(namespace)

    def wait_for_api_server(self) -> None:
        """Wait until the API server answers, at first or once more."""
        self.processes.wait_until(self._is_ready, "the API server", of="kube-apiserver")

    def find_program(self, family: str, name: str) -> Path:
        """Return where a program is."""
        return self.programs[family] / name

    def run_program(self, name: str, *command: str | Path) -> None:
        """Start a program of the cluster, where its others run."""
        self.processes.start(name, *command)

    def _choose_place(self) -> Place:
        return Place(
            host="127.0.0.1",
            ports=Ports(*find_ports(5)),
            services=IPv4Network("10.96.0.0/16"),
            pods=IPv4Network("10.244.0.0/16"),
            is_for_pods=False,
        )

    def _start_programs(self) -> None:
        self.authority = Authority.create(self.state.folder / "certificates")
        self.identities = Identities(self.state.folder / "identities")
        server = f"https://{self.place.host}:{self.place.ports.api}"
        self.identities.write_kubeconfigs(server, self.authority.certificate)
        signing_key = self.authority.make_signing_key()
        self._start_etcd()
        self._start_api_server(signing_key)
        self.wait_for_api_server()
        self._start_controllers(signing_key)
        self._make_roles()
        core = CoreV1Api(self.client)
        self.processes.wait_until(
            lambda: core.list_namespaced_service_account("default").items,
            "the default service account",
            of="kube-controller-manager",
        )
        self._provide_volumes()

    def _start_etcd(self) -> None:
        client, peer = (
            f"http://127.0.0.1:{port}" for port in (self.place.ports.etcd, self.place.ports.peers)
        )
        self.run_program(
            "etcd",
            self.find_program("kubernetes", "etcd"),
            f"--data-dir={self.state.folder / 'etcd'}",
            *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
            *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"),
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # nothing in it is to survive a loss of power
            "--log-level=warn",
        )

    def _start_api_server(self, signing_key: Path) -> None:
        place = self.place
        internal = "kubernetes.default.svc"
        hosts = (place.host, str(place.services[1]), "localhost", "kubernetes", internal)
        certificate, key = self.authority.issue("kube-apiserver", hosts=hosts)
        kubelet_certificate, kubelet_key = self.authority.issue(
            "kubelet-client", group="system:masters"
        )
        # Without a node it cannot be reached through its service.
        reconciler = "lease" if place.is_for_pods else "none"
        self.run_program(
            "kube-apiserver",
            self.find_program("kubernetes", "kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{place.ports.etcd}",
            *(f"--bind-address={place.host}", f"--secure-port={place.ports.api}"),
            *([f"--advertise-address={place.host}"] if place.is_for_pods else []),
            f"--endpoint-reconciler-type={reconciler}",
            f"--service-cluster-ip-range={place.services}",
            *(f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}"),
            f"--client-ca-file={self.authority.certificate}",
            f"--token-auth-file={self.identities.tokens}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--service-account-issuer=https://{internal}",
            f"--service-account-key-file={signing_key}",
            f"--service-account-signing-key-file={signing_key}",
            "--allow-privileged=true",
            f"--kubelet-certificate-authority={self.authority.certificate}",
            f"--kubelet-client-certificate={kubelet_certificate}",
            f"--kubelet-client-key={kubelet_key}",
            "--kubelet-preferred-address-types=InternalIP",
        )

    def _start_controllers(self, signing_key: Path) -> None:
        for name, part, port, more in (
            (
                "kube-controller-manager",
                "controller-manager",
                self.place.ports.controllers,
                (
                    "--use-service-account-credentials=true",
                    f"--service-account-private-key-file={signing_key}",
                    f"--root-ca-file={self.authority.certificate}",
                ),
            ),
            ("kube-scheduler", "scheduler", self.place.ports.scheduler, ()),
        ):
            self.run_program(
                name,
                self.find_program("kubernetes", name),
                f"--kubeconfig={self.identities.get_kubeconfig(part)}",
                "--leader-elect=false",
                # No other client asks this server, and each start would take seconds longer.
                *("--kube-api-qps=1000", "--kube-api-burst=1000"),
                *("--bind-address=127.0.0.1", f"--secure-port={port}"),
                f"--cert-dir={self.state.folder / 'certificates'}",
                *more,
            )

    def _provide_volumes(self) -> None:
        folder = self.state.folder / "volumes"
        folder.mkdir()
        StorageV1Api(self.client).create_storage_class(render_class(DEFAULT_CLASS, is_default=True))
        self.run_program(
            "volumes",
            *("env", f"PYTHONPATH={_ROOT}", sys.executable, "-m", "tests.cluster.volumes"),
            *(self.identities.get_kubeconfig("volumes"), folder),
        )

    def _is_ready(self) -> bool:
        """Tell whether the API server answers, by its name and with its certificate."""
        url = f"https://{self.place.host}:{self.place.ports.api}/readyz"
        trust = ssl.create_default_context(cafile=str(self.authority.certificate))
        try:
            return httpx.get(url, verify=trust, trust_env=False, timeout=5).is_success
        except httpx.HTTPError:
            return False

    def _make_roles(self) -> None:
        rbac = RbacAuthorizationV1Api(self.client)
        for role in list_roles():
            if role["kind"] == "ClusterRole":
                rbac.create_cluster_role(role)
            else:
                rbac.create_cluster_role_binding(role)
