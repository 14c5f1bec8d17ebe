"""A machine within the machine: processes, mounts and a network of its own.

All that a node does to a machine happens in namespaces of the kernel's that end with their first
process. Whatever ends that process, its owner's death included, ends all others with it, and takes
away every mount, link and rule. What is left to remove are control groups and one folder.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import IO

from tests.cluster.errors import ClusterError
from tests.cluster.processes import Processes, run

_LINKS = 250
# A broad route of the machine, to a private network say, goes on to lead to all but ours.
_NARROW = 16

# The kubelet insists on these values of the whole machine, and sets them where they differ:
# it is shown files of its own instead.
_KERNEL_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}


@dataclass(frozen=True)
class Subnets:
    """The addresses of one node: 10.244 for pods, 10.245 for the node, 10.246 for services."""

    number: int

    @property
    def link(self) -> str:
        """The name of the network link on this side."""
        return f"jhp{self.number}"

    @property
    def pods(self) -> IPv4Network:
        """The network of pods."""
        return IPv4Network(f"10.244.{self.number}.0/24")

    @property
    def services(self) -> IPv4Network:
        """The network of services."""
        return IPv4Network(f"10.246.{self.number}.0/24")

    @property
    def node(self) -> IPv4Network:
        """The network between this machine, its first address, and the node, its second."""
        return IPv4Network(f"10.245.{self.number}.0/30")

    @property
    def here(self) -> IPv4Address:
        """This machine's address, as the node and its pods see it."""
        return self.node[1]

    @property
    def address(self) -> IPv4Address:
        """The node's address."""
        return self.node[2]


class Machine:
    """The namespaces, network and control groups of one node.

    Parameters
    ----------
    state
        The folder of the cluster; it looks the same from within.
    processes
        Start in the machine, once it is there.
    pause
        The first process, which only has to live.
    """

    def __init__(self, state: Path, processes: Processes, pause: Path) -> None:
        self._state = state
        self._processes = processes
        self._first = self._begin(pause)
        enter = ("nsenter", f"--target={self._first}", "--mount", "--net", "--pid", "--")
        processes.wrapper = enter
        self.subnets = self._connect()
        self.cgroup = f"/jhp-{state.name}"
        self._make_cgroups()
        self._mount()
        self._set_up_network()

    def run(self, *command: str | Path, given: IO[bytes] | None = None, seconds: float = 60) -> str:
        """Run a command in the machine, and return what it printed."""
        environ = self._processes.environ
        return run(
            *self._processes.wrapper, *command, environ=environ, given=given, seconds=seconds
        )

    def _begin(self, pause: Path) -> int:
        outer = self._processes.start(
            "machine",
            *("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc"),
            *("--propagation=private", "--kill-child=KILL"),
            pause,
        )

        def find() -> int:
            for pid in self._processes.list_children(outer):
                if Path(f"/proc/{pid}/comm").read_text().strip() == pause.name:
                    return pid
            return 0

        self._processes.wait_until(find, "the machine of the node", of="machine")
        first = find()
        self._processes.note("first-of-machine", first)
        return first

    def _connect(self) -> Subnets:
        """Connect the machine to this one, by the first addresses that are not in use."""
        taken = _list_routes()
        for subnets in map(Subnets, range(1, _LINKS)):
            ours = (subnets.pods, subnets.node, subnets.services)
            if any(route.overlaps(network) for route in taken for network in ours):
                continue
            if _add_link(subnets.link, self._first):
                # Only now: a link of that name might have been another's.
                (self._state / "links").write_text(subnets.link)
                return subnets
        raise ClusterError("No network link is free for a node: `ip link` lists too many.")

    def _set_up_network(self) -> None:
        nets = self.subnets
        run("ip", "address", "add", f"{nets.here}/30", "dev", nets.link)
        run("ip", "link", "set", nets.link, "up")
        for network in (nets.pods, nets.services):
            run("ip", "route", "add", str(network), "via", str(nets.address), "onlink", "dev",
                nets.link)  # fmt: skip
        for command in (
            ("ip", "link", "set", "lo", "up"),
            ("ip", "address", "add", f"{nets.address}/30", "dev", "node0"),
            ("ip", "link", "set", "node0", "up"),
            ("ip", "route", "add", "default", "via", str(nets.here)),
            ("sysctl", "-qw", "net.ipv4.ip_forward=1"),
        ):
            self.run(*command)

    def _mount(self) -> None:
        """Give the machine those folders that a node writes to by names of its own."""
        self.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        for place in ("/var/lib", "/var/log"):
            own = self._state / "machine" / place.strip("/")
            own.mkdir(parents=True)
            self.run("mount", "--bind", own, place)
        for name, value in _KERNEL_SETTINGS.items():
            setting = Path("/proc/sys", name)
            if setting.exists():
                shown = self._state / "machine" / name.replace("/", ".")
                shown.write_text(f"{value}\n")
                self.run("mount", "--bind", shown, setting)

    def _make_cgroups(self) -> None:
        groups = [root / self.cgroup.strip("/") for root in _list_cgroup_roots()]
        (self._state / "cgroups").write_text("\n".join(map(str, groups)))
        for group in groups:
            group.mkdir()
            # The first kind of control groups starts with empty sets, in which nothing may run.
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (group / name).exists() and not (group / name).read_text().strip():
                    (group / name).write_text((group.parent / name).read_text())
            # The second kind hands a controller down only where it is told to.
            for folder in (group.parent, group):
                if (folder / "cgroup.subtree_control").exists():
                    available = (folder / "cgroup.controllers").read_text().split()
                    words = " ".join(f"+{name}" for name in available)
                    (folder / "cgroup.subtree_control").write_text(words)


def _list_routes() -> list[IPv4Network]:
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "table", "all"))
    networks = [IPv4Network(route["dst"]) for route in routes if route["dst"] != "default"]
    return [each for each in networks if each.prefixlen >= _NARROW]


def _add_link(name: str, pid: int) -> bool:
    """Make a pair of links, the other one in the network of a process; false if there is one."""
    command = ("ip", "link", "add", name, "type", "veth", "peer", "name", "node0", "netns")
    done = subprocess.run([*command, str(pid)], capture_output=True, text=True, check=False)
    if done.returncode != 0 and "File exists" not in done.stderr:
        raise ClusterError(f"A network link cannot be made: {done.stderr.strip()}")
    return done.returncode == 0


def _list_cgroup_roots() -> list[Path]:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    roots = [Path(where) for _, where, kind, *_ in mounts if kind in {"cgroup", "cgroup2"}]
    return [root for root in roots if os.access(root, os.W_OK)]
