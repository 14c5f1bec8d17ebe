"""``jhp logs`` on a real API server, which asks the kubelet of the pod's node for the log."""

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result
from kubernetes.client import CoreV1Api

from jupyterhub_platform.cli.main import main
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import FOREIGN, Cluster
from tests.cluster.objects import render_pod, wait_for

pytestmark = pytest.mark.cluster

WRITTEN = [f"line {number}" for number in range(1, 401)]
NODE = "on-paper"


class Kubelet(BaseHTTPRequestHandler):
    """Gives the log of a container to the API server, which shows its certificate."""

    asked: list[str]

    def do_GET(self) -> None:
        read = urlsplit(self.path)
        self.asked.append(read.path)
        (lines,) = parse_qs(read.query)["tailLines"]
        body = "".join(f"{line}\n" for line in WRITTEN[-int(lines) :]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing on the terminal."""


@pytest.fixture
def core(api_cluster: Cluster) -> CoreV1Api:
    return CoreV1Api(api_cluster.client)


@pytest.fixture
def kubelet(api_cluster: Cluster, core: CoreV1Api) -> Iterator[ThreadingHTTPServer]:
    """A node on paper, and its kubelet."""
    if not isinstance(api_cluster, ControlPlane):
        pytest.skip(f"by choice: {FOREIGN} gives a cluster whose nodes are its owner's")
    certificate, key = api_cluster.authority.issue("kubelet-on-paper", hosts=["127.0.0.1"])
    handler = type("Handler", (Kubelet,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_address[1]}},
    }
    core.create_node({"metadata": {"name": NODE}})
    core.patch_node_status(NODE, {"status": status})
    try:
        yield server
    finally:
        core.delete_node(NODE)
        server.shutdown()
        thread.join()
        server.server_close()


def add_pod(core: CoreV1Api, namespace: str, user: str, **spec: Any) -> str:
    """Make the pod of a user's default server, as KubeSpawner names and marks it."""
    pod = render_pod(f"jupyter-{user}", **spec)
    pod["metadata"]["labels"]["component"] = "singleuser-server"
    pod["metadata"]["annotations"] = {"hub.jupyter.org/username": user}
    pod["spec"]["containers"][0]["name"] = "notebook"
    core.create_namespaced_pod(namespace, pod)
    return str(pod["metadata"]["name"])


def logs(kubeconfig: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["logs", *words, "--kubeconfig", str(kubeconfig)])


def test_the_end_of_the_log_comes_from_the_kubelet_of_the_pods_node(
    api_cluster: Cluster, core: CoreV1Api, kubelet: ThreadingHTTPServer, namespace: str
) -> None:
    add_pod(core, namespace, "other", nodeName=NODE)
    name = add_pod(core, namespace, "kim", nodeName=NODE)
    where, config = ("--namespace", namespace), Path(api_cluster.kubeconfig)
    done = logs(config, "kim", *where, "--lines", "3")
    assert (done.exit_code, done.stdout) == (0, "line 398\nline 399\nline 400\n"), done.output
    asked: list[str] = kubelet.RequestHandlerClass.asked  # type: ignore[attr-defined]
    assert asked == [f"/containerLogs/{namespace}/{name}/notebook"]
    whole = logs(config, "kim", *where)
    assert len(whole.stdout.splitlines()) == 200
    none = logs(config, "kim/train", *where)
    assert (none.exit_code, none.stdout) == (1, "")
    assert f"No pod in {namespace} is train of kim." in none.stderr


def test_a_pod_without_a_node_has_written_nothing(
    api_cluster: Cluster, core: CoreV1Api, namespace: str
) -> None:
    add_pod(core, namespace, "kim", nodeSelector={"no": "such"})
    done = logs(Path(api_cluster.kubeconfig), "kim", "--namespace", namespace)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "kim has written nothing yet.\n"


def test_a_node_that_does_not_answer_is_named_and_not_the_rights(
    api_cluster: Cluster, core: CoreV1Api, kubelet: ThreadingHTTPServer, namespace: str
) -> None:
    add_pod(core, namespace, "kim", nodeName=NODE)
    kubelet.socket.close()
    wait_for(lambda: kubelet.socket.fileno() == -1, "the kubelet to be gone")
    done = logs(Path(api_cluster.kubeconfig), "kim", "--namespace", namespace)
    assert done.exit_code == 1
    said = " ".join(done.stderr.split())
    assert "cannot read the log from the pod's node (500)" in said
    assert "its kubelet" in said
    assert "pods/log" not in said
