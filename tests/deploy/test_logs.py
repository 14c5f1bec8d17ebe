"""The log of a server is that of the pod whose annotations name it, and of no other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.main import main
from tests.deploy.test_connection import Answering, api_server, write_kubeconfig

LOG = "one\ntwo \x1b[2J\n"


def pod(name: str, user: str, server: str | None) -> dict[str, Any]:
    marks = {"hub.jupyter.org/username": user}
    if server is not None:
        marks["hub.jupyter.org/servername"] = server
    return {"metadata": {"name": name, "annotations": marks}}


PODS = [
    pod("jupyter-kim--other", "kim", "other"),
    pod("jupyter-kim", "kim", ""),
    pod("jupyter-dev", "dev", None),
    pod("jupyter-ki-2em", "ki.m", ""),
]


class Cluster(Answering):
    """Lists pods, and has a log."""

    def answer(self) -> None:
        self.asked.append((self.command, self.path))
        is_log = "/log" in self.path
        body = LOG.encode() if is_log else json.dumps({"items": PODS}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = answer  # noqa: N815 the name of a verb


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[tuple[str, str]]]:
    with api_server(200, {}, answering=Cluster) as (url, asked):
        write_kubeconfig(tmp_path, url)
        yield asked


def logs(folder: Path, *words: str) -> Result:
    kubeconfig = str(folder / "kubeconfig")
    return CliRunner().invoke(main, ["logs", *words, "--kubeconfig", kubeconfig])


@pytest.mark.parametrize(
    ("server", "name"),
    [
        ("kim", "jupyter-kim"),
        ("kim/other", "jupyter-kim--other"),
        ("dev", "jupyter-dev"),
        ("ki.m", "jupyter-ki-2em"),
    ],
)
def test_it_is_the_log_of_that_pod(
    cluster: list[tuple[str, str]], tmp_path: Path, server: str, name: str
) -> None:
    done = logs(tmp_path, server, "--namespace", "lab", "--lines", "7")
    assert (done.exit_code, done.stdout) == (0, LOG)
    assert {method for method, _ in cluster} == {"GET"}
    assert cluster[-1][1] == (
        f"/api/v1/namespaces/lab/pods/{name}/log?container=notebook&tailLines=7"
    )


@pytest.mark.usefixtures("cluster")
def test_without_a_pod_it_says_where_to_look(tmp_path: Path) -> None:
    done = logs(tmp_path, "kim/gone", "--context", "other")
    assert done.exit_code == 1
    assert "No pod in lab is gone of kim." in done.stderr
    assert "jhp why kim/gone" in done.stderr


def test_a_refusal_names_the_rights(tmp_path: Path) -> None:
    with api_server(403, {"message": "pods is forbidden"}) as (url, _):
        write_kubeconfig(tmp_path, url)
        done = logs(tmp_path, "kim", "--namespace", "lab")
    assert (done.exit_code, "get of pods/log" in done.stderr) == (1, True)
