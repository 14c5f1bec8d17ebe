"""``helm-values/README.md``, pasted from the first command to the last, installs the platform."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from kubernetes.client import CoreV1Api

from tests.cluster.building import build
from tests.cluster.fixtures import Cluster
from tests.cluster.installed.images import build_images, write_buildah
from tests.cluster.node import Node
from tests.cluster.objects import wait_for
from tests.helm.values import FOLDER, ROOT
from tests.helm.with_chart.chart import Chart
from tests.support.live_hub import hidden_xsrf
from tests.test_docs import list_fences

pytestmark = pytest.mark.node

README = FOLDER / "README.md"
NAMESPACE = "jupyterhub"
CHART = "helm repo add jupyterhub https://hub.jupyter.org/helm-chart/"
PROXY = "quay.io/jupyterhub/configurable-http-proxy:5.3.0"
PASSWORD = "four words that nobody guesses"
SECONDS = 600


class Shell:
    """A person at the top of the checkout, with what the machine of a reader has in its PATH."""

    def __init__(self, node: Node, folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._background: list[subprocess.Popen[bytes]] = []
        tools = folder / "bin"
        tools.mkdir()
        write_buildah(tools)
        (tools / "helm").symlink_to(build("helm")["helm"] / "helm")
        # Puts an archive onto a node of kind: here it is noted, and put onto the node of the tests.
        (tools / "kind").write_text(f'#!/bin/sh -e\necho "$3" >> {folder}/loaded\n')
        (tools / "kind").chmod(0o755)
        (folder / "loaded").touch()
        kubeconfig = shutil.copy(node.kubeconfig, folder / "kubeconfig")
        self._environ = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(folder),
            "KUBECONFIG": str(kubeconfig),
        }
        self.said = ""

    def paste(self, block: str) -> None:
        """Paste a block, and keep what it sets for the next one."""
        kept = self._folder / "environment"
        script = f"[ ! -e {kept} ] || . {kept}\n{block}\nexport -p > {kept}\n"
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", script],
            cwd=ROOT,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        self.said += done.stdout + done.stderr
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        for archive in (self._folder / "loaded").read_text().split():
            self._node.load(Path(archive))
            Path(archive).unlink()
        (self._folder / "loaded").write_text("")

    def paste_in_another_terminal(self, command: str) -> None:
        """Run a command that stays."""
        running = subprocess.Popen(command.split(), cwd=ROOT, env=self._environ)
        self._background.append(running)
        wait_for(lambda: _answers("http://localhost:8000/hub/api"), "the port to be forwarded", 30)

    def close(self) -> None:
        """End what stays."""
        for process in self._background:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def shell(node_cluster: Cluster, chart: Chart, tmp_path: Path) -> Iterator[Shell]:
    if not isinstance(node_cluster, Node):
        pytest.skip("by choice: the images go onto the node of the tests")
    # What the node of a reader pulls from a registry.
    (archive,) = (each for each in build_images() if each.name.startswith("configurable"))
    node_cluster.load(archive)
    node_cluster.tag("localhost/configurable-http-proxy:test", PROXY)
    shell = Shell(node_cluster, tmp_path)
    yield shell
    shell.close()
    CoreV1Api(node_cluster.client).delete_namespace(NAMESPACE)


def list_commands() -> list[str]:
    return [text.strip() for language, text in list_fences(README) if language == "sh"]


def test_every_command_of_the_readme_installs_the_platform(shell: Shell, chart: Chart) -> None:
    for block in list_commands():
        if "port-forward" in block:
            shell.paste_in_another_terminal(block)
        else:
            # The chart is published where no test can reach it; its source stands for it.
            here = block.replace(CHART, "").replace("jupyterhub/jupyterhub", str(chart.path))
            shell.paste(here)
    link = re.search(r"http://localhost:8000/hub/invite/\S+", shell.said)
    assert link, shell.said
    set_password(link[0])
    assert re.search(r"\d+ checks", shell.said), shell.said


def set_password(link: str) -> None:
    url = httpx.URL(link)
    with httpx.Client(base_url=url.join("/"), trust_env=False, timeout=30) as browser:
        page = browser.get(url)
        form = {"_xsrf": hidden_xsrf(page.text), "username": "admin"}
        form |= {"token": url.params["token"], "password": PASSWORD, "again": PASSWORD}
        done = browser.post(url.path, data=form)
    assert "Your password is set" in done.text, done.text
