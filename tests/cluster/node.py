"""A Kubernetes with one node on which pods really run: it needs root, on Linux."""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import httpx
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

from tests.cluster.control_plane import ControlPlane, Place, Ports
from tests.cluster.errors import ClusterError
from tests.cluster.identities import NODE_NAME
from tests.cluster.images import copy_program, write_archive
from tests.cluster.machine import Machine
from tests.cluster.node_settings import (
    PAUSE_IMAGE,
    render_containerd,
    render_corefile,
    render_kubelet,
    render_network,
)
from tests.cluster.objects import PROBE_IMAGE

_PROGRAMS = {
    "runc": "runc",
    "ip": "iproute2",
    "nft": "nftables",
    "iptables": "iptables",
    "ipset": "ipset",
    "nsenter": "util-linux",
}
_LOAD_SECONDS = 300


class Node(ControlPlane):
    """A control plane and its node, in a machine within the machine."""

    use = "node"

    def load(self, archive: Path) -> None:
        """Put the image of an archive onto the node, under the name that it has there."""
        with archive.open("rb") as given:
            self._ctr("images", "import", "--local", "-", given=given)

    def tag(self, reference: str, other: str) -> None:
        """Give an image that is on the node another name as well."""
        self._ctr("images", "tag", "--force", reference, other)

    def image(self, root: Path, reference: str, entrypoint: Sequence[str]) -> None:
        """Make an image of a folder, and put it onto the node."""
        with tempfile.TemporaryDirectory(dir=self.state.folder) as folder:
            archive = Path(folder) / "image.tar"
            write_archive(archive, root, reference, entrypoint)
            self.load(archive)

    def _choose_place(self) -> Place:
        check_machine(self.processes.environ["PATH"])
        pause = self.find_program("own", "pause")
        self.machine = Machine(self.state.folder, self.processes, pause)
        subnets = self.machine.subnets
        return Place(
            host=str(subnets.address),
            # No other machine has this loopback.
            ports=Ports(api=6443, etcd=2379, peers=2380, controllers=10257, scheduler=10259),
            services=subnets.services,
            pods=subnets.pods,
            is_for_pods=True,
        )

    def _start_programs(self) -> None:
        self._start_containerd()
        super()._start_programs()
        self._start_kubelet()
        self._start_proxy()
        self._start_dns()
        for name, reference in (("pause", PAUSE_IMAGE), ("probe", PROBE_IMAGE)):
            with copy_program(self.find_program("own", name)) as root:
                self.image(root, reference, [f"/{name}"])
        self.processes.wait_until(self._is_node_ready, "the node", of="kubelet")
        self._start_policies()
        self._wait_for_answers("coredns", 8181, "ready")
        self._wait_for_answers("network-policies", 20244, "healthz")
        self.processes.check_all()

    def _start_containerd(self) -> None:
        settings = self.state.folder / "containerd.toml"
        network = self.state.folder / "cni"
        network.mkdir()
        (network / "10-pods.conflist").write_text(render_network(self.place.pods))
        settings.write_text(render_containerd(self.programs["cni"], network))
        containerd = self.find_program("kubernetes", "containerd")
        self.run_program("containerd", containerd, "--config", settings)

    def _start_kubelet(self) -> None:
        certificate, key = self.authority.issue("kubelet", hosts=[self.place.host])
        settings = self.state.folder / "kubelet.json"
        settings.write_text(
            render_kubelet(
                host=self.place.host,
                dns=str(self._dns),
                cgroup=self.machine.cgroup,
                authority=self.authority.certificate,
                certificate=certificate,
                key=key,
            )
        )
        self.processes.wait_until(
            self._is_containerd_ready, "the socket of containerd", of="containerd"
        )
        self.run_program(
            "kubelet",
            self.find_program("kubernetes", "kubelet"),
            f"--config={settings}",
            f"--kubeconfig={self.identities.get_kubeconfig('kubelet')}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={self.place.host}",
        )

    def _start_proxy(self) -> None:
        self.run_program(
            "kube-proxy",
            self.find_program("kubernetes", "kube-proxy"),
            f"--kubeconfig={self.identities.get_kubeconfig('proxy')}",
            f"--hostname-override={NODE_NAME}",
            "--proxy-mode=nftables",
            f"--cluster-cidr={self.place.pods}",
            "--conntrack-max-per-core=0",  # the whole machine's, and not ours to change
        )

    def _start_policies(self) -> None:
        """Start what enforces network policies."""
        self.run_program(
            "network-policies",
            self.find_program("kubernetes", "network-policies"),
            f"--kubeconfig={self.identities.get_kubeconfig('policies')}",
            f"--hostname-override={NODE_NAME}",
            f"--service-cluster-ip-range={self.place.services}",
        )

    def _start_dns(self) -> None:
        corefile = self.state.folder / "Corefile"
        kubeconfig = self.identities.get_kubeconfig("coredns")
        corefile.write_text(render_corefile(self.place.host, kubeconfig))
        coredns = self.find_program("kubernetes", "coredns")
        self.run_program("coredns", coredns, "-conf", corefile)

    @property
    def _dns(self) -> str:
        return self.place.host

    def _wait_for_answers(self, program: str, port: int, path: str) -> None:
        url = f"http://{self.place.host}:{port}/{path}"

        def is_answering() -> bool:
            try:
                return httpx.get(url, trust_env=False, timeout=5).is_success
            except httpx.HTTPError:
                return False

        self.processes.wait_until(is_answering, f"an answer of {program}", of=program)

    def _ctr(self, *words: str, given: IO[bytes] | None = None) -> str:
        ctr = self.find_program("kubernetes", "ctr")
        return self.machine.run(
            ctr, "--namespace=k8s.io", *words, given=given, seconds=_LOAD_SECONDS
        )

    def _is_containerd_ready(self) -> bool:
        try:
            self._ctr("version")
        except ClusterError:
            return False
        return True

    def _is_node_ready(self) -> bool:
        try:
            node = CoreV1Api(self.client).read_node(NODE_NAME)
        except ApiException:
            return False
        conditions = (node.status.conditions if node.status else None) or []
        return any(each.type == "Ready" and each.status == "True" for each in conditions)


def check_machine(search_path: str) -> None:
    advice = "KUBERNETES=api leaves out the tests that need a node."
    if sys.platform != "linux":
        raise ClusterError(f"A node needs Linux. {advice}")
    if os.geteuid() != 0:
        raise ClusterError(f"A node needs root: run the tests as root. {advice}")
    missing = [
        package for name, package in _PROGRAMS.items() if not shutil.which(name, path=search_path)
    ]
    if missing:
        words = " ".join(missing)
        raise ClusterError(
            f"A node needs programs that this machine lacks: run `make setup-test`, or install "
            f"them (Debian, Ubuntu: apt-get install {words}). {advice}"
        )
