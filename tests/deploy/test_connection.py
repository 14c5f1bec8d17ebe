"""Nothing that is sent to an API server changes anything, and what goes wrong is said."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from jupyterhub_platform.deploy.cluster.connection import (
    ClusterConfigurationError,
    ClusterRefusedError,
    Connection,
)
from jupyterhub_platform.deploy.cluster.reader import KINDS, read_cluster
from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Status
from jupyterhub_platform.deploy.doctor.table import examine
from jupyterhub_platform.deploy.role import RIGHTS


class Answering(BaseHTTPRequestHandler):
    """An API server that notes what it is asked, and answers everything with ``status``.

    Its version it tells nevertheless, if it ``tells_version``.
    """

    asked: list[tuple[str, str]]
    status: int
    content: Any
    tells_version: bool

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.command, self.path))
        is_version = self.tells_version and self.path == "/version"
        body = json.dumps({"gitVersion": "v1.34.0"} if is_version else self.content).encode()
        self.send_response(200 if is_version else self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 the names of verbs

    def log_message(self, *words: Any) -> None:
        """Say nothing on the terminal."""


@contextmanager
def api_server(
    status: int,
    content: Any,
    *,
    tells_version: bool = True,
    answering: type[Answering] = Answering,
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    asked: list[tuple[str, str]] = []
    attributes = {
        "asked": asked,
        "status": status,
        "content": content,
        "tells_version": tells_version,
    }
    handler = type("Handler", (answering,), attributes)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def write_kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": "secret-word"}}],
        "contexts": [
            {"name": "first", "context": {"cluster": "test", "user": "me"}},
            {"name": "other", "context": {"cluster": "test", "user": "me", "namespace": "lab"}},
        ],
        "current-context": "first",
    }
    path.write_text(json.dumps(document))
    return path


def test_only_reads_and_reviews_are_sent(tmp_path: Path) -> None:
    account = {"metadata": {"name": "default"}, "imagePullSecrets": [{"name": "registry"}]}
    with api_server(200, {"items": [account], "status": {"allowed": True}}) as (url, asked):
        kubeconfig = write_kubeconfig(tmp_path, url)
        with closing(Connection.outside(kubeconfig, None)) as connection:
            cluster = read_cluster(connection, "lab", None, {"default"})
    assert cluster.secrets == {"registry": True}
    posted = {path for method, path in asked if method == "POST"}
    assert {method for method, _ in asked} == {"GET", "POST"}
    assert posted == {"/apis/authorization.k8s.io/v1/namespaces/lab/localsubjectaccessreviews"}
    assert len(asked) == 1 + len(KINDS) + len(RIGHTS) + 1


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/lab/pods",
        "/api/v1/namespaces/selfsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x",
    ],
)
def test_nothing_but_a_review_can_be_posted(tmp_path: Path, path: str) -> None:
    with (
        api_server(201, {}) as (url, asked),
        closing(Connection.outside(write_kubeconfig(tmp_path, url), None)) as connection,
    ):
        with pytest.raises(ValueError, match="is not a review"):
            connection.review(path, {})
        assert asked == []


@pytest.mark.parametrize(
    ("status", "unread"),
    [(403, "may not be read (403)"), (404, ""), (500, "may not be read (500)")],
)
def test_refused_request_leaves_objects_unread(tmp_path: Path, status: int, unread: str) -> None:
    with api_server(status, {"message": "no"}) as (url, _):
        kubeconfig = write_kubeconfig(tmp_path, url)
        with closing(Connection.outside(kubeconfig, None)) as connection:
            cluster = read_cluster(connection, "lab", None, {"default"})
            with pytest.raises(ClusterRefusedError, match=r"^no$"):
                connection.get("/api/v1/nodes")
    assert set(cluster.rights.values()) == {None}
    assert {each.unread for each in cluster.objects.values()} == {unread}


def test_credentials_that_have_expired_are_said(tmp_path: Path) -> None:
    with api_server(401, {}, tells_version=False) as (url, _):
        kubeconfig = write_kubeconfig(tmp_path, url)
        with closing(Connection.outside(kubeconfig, None)) as connection:
            cluster = read_cluster(connection, "lab", None, ())
    assert "does not know you (401)" in cluster.unreachable


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (503, {"message": "the server is restarting"}, "(503: the server is restarting"),
        (500, "<html>", "(500)"),
        (200, "<html>Log in</html>", "something else than an API server answers"),
        (404, {"message": "page not found"}, "(404: page not found)"),
        (200, {}, "something else than an API server answers"),
    ],
)
def test_a_server_that_answers_as_no_api_server_does_is_named_as_such(
    tmp_path: Path, status: int, content: Any, said: str
) -> None:
    with api_server(status, content, tells_version=False) as (url, asked):
        kubeconfig = write_kubeconfig(tmp_path, url)
        with closing(Connection.outside(kubeconfig, None)) as connection:
            cluster = read_cluster(connection, "lab", None, ())
    assert said in cluster.unreachable
    assert len(asked) == 1, "nothing else is asked for"
    (result,) = examine(DoctorFacts(cluster=cluster))
    assert (result.check.code, result.status) == ("doctor.api", Status.FAILED)
    assert said in result.findings[0].what


def test_an_account_that_may_not_read_the_version_may_read_other_things(tmp_path: Path) -> None:
    with api_server(403, {"message": "forbidden"}, tells_version=False) as (url, asked):
        kubeconfig = write_kubeconfig(tmp_path, url)
        with closing(Connection.outside(kubeconfig, None)) as connection:
            cluster = read_cluster(connection, "lab", None, ())
    assert cluster.unreachable == ""
    assert len(asked) > 1


def test_an_api_server_that_is_not_there_is_said_without_a_trace(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path, "http://127.0.0.1:9")
    with closing(Connection.outside(kubeconfig, None)) as connection:
        cluster = read_cluster(connection, "lab", None, ())
    assert "refused" in cluster.unreachable
    assert "secret-word" not in cluster.unreachable


def test_the_context_says_the_namespace(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path, "http://127.0.0.1:9")
    for context, namespace in ((None, "default"), ("first", "default"), ("other", "lab")):
        with closing(Connection.outside(kubeconfig, context)) as connection:
            assert connection.namespace == namespace


def test_a_context_that_is_not_there_is_said(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(ClusterConfigurationError, match=r"cannot be used: .*nowhere"):
        Connection.outside(kubeconfig, "nowhere")
    kubeconfig.write_text("not: [yaml")
    with pytest.raises(ClusterConfigurationError, match="cannot be used: "):
        Connection.outside(kubeconfig, None)
    with pytest.raises(ClusterConfigurationError, match="cannot be used: "):
        Connection.outside(tmp_path / "nothing", None)


def test_outside_of_a_pod_there_is_no_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterConfigurationError, match="not a pod with a token"):
        Connection.inside()
