"""A pytest plugin: clusters for the tests that ask for one, in any folder.

``TEST_KUBECONFIG`` names a cluster, or a namespace of one, to be used instead of our own; nothing
is deleted there that was not made here. ``KUBERNETES=api`` leaves out what needs a node, and with
it root; ``KUBERNETES=off`` leaves out all of it. Where a cluster is wanted and cannot be had, the
tests fail with the line that says what to do.
"""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

from tests.cluster.control_plane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.cluster.lent_cluster import LentCluster
from tests.cluster.node import Node

CHOICE = "KUBERNETES"
FOREIGN = "TEST_KUBECONFIG"
NOTES = "TEST_NOTES"
"""Names a file to which is added what was not tested."""
_LEFT_OUT = {
    "": (),
    "api": ("node",),
    "off": ("node", "cluster"),
}
_FORBIDDEN = 403
_KUBERNETES = frozenset({"cluster", "node"})
_LOGS = pytest.StashKey[list[Path]]()
_NOTES = pytest.StashKey[str]()
_SENT = "logs of clusters"

Cluster = ControlPlane | LentCluster


def read_choice() -> tuple[str, ...]:
    """Return the markers of the tests that the developer chose to leave out.

    Raises
    ------
    pytest.UsageError
        Raised if the choice is none that there is.
    """
    choice = os.environ.get(CHOICE, "")
    if choice not in _LEFT_OUT:
        raise pytest.UsageError(f"{CHOICE}={choice} is not known: it can be api or off.")
    return _LEFT_OUT[choice]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LOGS] = []
    # Runs of pytest within a test tell their own.
    config.stash[_NOTES] = os.environ.pop(NOTES, "")
    read_choice()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    left_out = read_choice()
    for item in items:
        if any(item.get_closest_marker(name) for name in left_out):
            item.add_marker(pytest.mark.skip(reason=f"by choice: {_render_choice()}"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send where the logs are to the process that sums up, if this one runs a part of the tests."""
    if hasattr(session.config, "workeroutput"):
        logs = session.config.stash[_LOGS]
        session.config.workeroutput[_SENT] = [str(each) for each in logs]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take from a process that ran a part of the tests where its logs are."""
    sent = getattr(node, "workeroutput", {}).get(_SENT, ())
    node.config.stash[_LOGS].extend(map(Path, sent))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for logs in config.stash[_LOGS]:
        terminalreporter.line(f"Logs of the cluster: {logs}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say on the very last line what was not tested, and note it for the summary."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not (line := render_not_tested(reporter.stats)):
        return
    reporter.line(f"Not tested, {line}")
    if notes := config.stash[_NOTES]:
        with Path(notes).open("a") as file:
            file.write(f"{line}\n")


def render_not_tested(stats: Mapping[str, Sequence[Any]]) -> str:
    """Return what was left out by choice, by pytest's reports; empty if nothing was."""
    chosen = [report for report in stats.get("skipped", ()) if _is_by_choice(report)]
    if not chosen:
        return ""
    here = [report for report in chosen if not _KUBERNETES.isdisjoint(report.keywords)]
    counts = {"on Kubernetes": len(here), "others": len(chosen) - len(here)}
    words = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    # No server without nodes enforces them, and no other tests have pods that run.
    ran = (*stats.get("passed", ()), *stats.get("failed", ()))
    if any(map(_is_for_node, chosen)) and not any(map(_is_for_node, ran)):
        words += "; network policies: rendered only"
    choice = _render_choice()
    return f"by choice{f' ({choice})' if choice else ''}: {words}"


def _is_by_choice(report: Any) -> bool:
    where = getattr(report, "longrepr", None)
    reason = where[2] if isinstance(where, tuple) else str(where)
    return reason.removeprefix("Skipped: ").startswith("by choice:")


def _is_for_node(report: Any) -> bool:
    return "node" in report.keywords


def _render_choice() -> str:
    if choice := os.environ.get(CHOICE):
        return f"{CHOICE}={choice}"
    return FOREIGN if os.environ.get(FOREIGN) else ""


@pytest.fixture(scope="session")
def api_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster that accepts objects; its pods may stay pending for ever."""
    yield from _provide(ControlPlane, request)


@pytest.fixture(scope="session")
def node_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster whose pods run, with the probe's image on its nodes."""
    yield from _provide(Node, request)


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace for the test, in the cluster that the test's marker asks for."""
    with make_namespace(_choose(request)) as name:
        yield name


@contextmanager
def make_namespace(cluster: Cluster) -> Iterator[str]:
    """Make a namespace, or borrow the one that a lent cluster gives.

    It is gone afterwards, or what was made in it is, whatever fails meanwhile.
    """
    if not (name := _try_to_make(cluster)):
        assert isinstance(cluster, LentCluster)
        with cluster.lend_namespace() as lent:
            yield lent
        return
    try:
        yield name
    finally:
        CoreV1Api(cluster.client).delete_namespace(name)


def _try_to_make(cluster: Cluster) -> str:
    """Return the name of a new namespace; nothing where a lent cluster refuses one."""
    name = f"test-{secrets.token_hex(4)}"
    body: Any = {"metadata": {"name": name}}
    try:
        CoreV1Api(cluster.client).create_namespace(body)
    except ApiException as error:
        if error.status != _FORBIDDEN or not isinstance(cluster, LentCluster):
            raise
        return ""
    return name


@pytest.fixture
def own_namespace(request: pytest.FixtureRequest, namespace: str) -> str:
    """A namespace whose rules the test may set, too."""
    if not _choose(request).has_made(namespace):
        pytest.skip(f"by choice: {FOREIGN} gives one namespace, whose rules are its owner's")
    return namespace


def _choose(request: pytest.FixtureRequest) -> Cluster:
    is_for_node = request.node.get_closest_marker("node") is not None
    cluster: Cluster = request.getfixturevalue("node_cluster" if is_for_node else "api_cluster")
    return cluster


def _provide(own: type[ControlPlane], request: pytest.FixtureRequest) -> Iterator[Cluster]:
    try:
        if kubeconfig := os.environ.get(FOREIGN):
            with closing(LentCluster(Path(kubeconfig))) as foreign:
                if own is Node:
                    foreign.load_probe()
                yield foreign
            return
        with own() as cluster:
            yield cluster
            if request.session.testsfailed:
                request.config.stash[_LOGS].append(cluster.state.keep_logs())
    except ClusterError as error:
        # One line that says what to do: where it was found out does not help.
        raise pytest.fail.Exception(str(error), pytrace=False) from None
