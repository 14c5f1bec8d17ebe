"""Zero to JupyterHub's own chart, as a folder of its source or as it is published, and Helm."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from ruamel.yaml import YAML

from tests.cluster.building import build
from tests.cluster.errors import ClusterError
from tests.cluster.processes import run

RELEASE = "hub"
_SCHEMA = "values.schema.yaml"
_SECONDS = 120


class Chart:
    """A chart, and the Helm that renders and installs it."""

    def __init__(self, chart: Path, workplace: Path) -> None:
        self.path = chart
        self._helm = build("helm")["helm"] / "helm"
        # Nothing that the developer has set for their own Helm, and nothing left in their home.
        self._environ = {"PATH": os.environ["PATH"], "HOME": str(workplace)}

    @classmethod
    def take(cls, given: Path, workplace: Path) -> Self:
        """Return the chart in a folder or an archive, with the schema of its values.

        Raises
        ------
        ClusterError
            Raised if there is no chart.
        """
        if given.is_file():
            return cls(given, workplace)
        if not (given / "Chart.yaml").is_file():
            raise ClusterError(
                f"There is no chart in {given}: name the folder with Chart.yaml, `jupyterhub` in "
                "the source of Zero to JupyterHub, or the archive that `helm pull` writes."
            )
        copy = workplace / "jupyterhub"
        shutil.copytree(given, copy)
        if (copy / _SCHEMA).exists():
            # The source has the schema as YAML, which Helm does not read.
            schema = YAML(typ="safe").load(copy / _SCHEMA)
            (copy / _SCHEMA).with_suffix(".json").write_text(json.dumps(schema))
        return cls(copy, workplace)

    def render(self, files: Iterable[Path], namespace: str = "jupyterhub") -> str:
        """Return what the chart makes of values, without a cluster.

        Raises
        ------
        ClusterError
            Raised if the chart refuses them.
        """
        return self._run("template", RELEASE, self.path, *_options(namespace, files))

    def upgrade(self, kubeconfig: Path, namespace: str, files: Iterable[Path]) -> str:
        """Install the chart, or bring its release up to date, and return what it consists of."""
        at = (f"--kubeconfig={kubeconfig}", f"--namespace={namespace}")
        options = (f"--kubeconfig={kubeconfig}", *_options(namespace, files))
        self._run("upgrade", "--install", RELEASE, self.path, *options)
        return self._run("get", "manifest", RELEASE, *at)

    def _run(self, *words: str | Path) -> str:
        return run(self._helm, *words, environ=self._environ, seconds=_SECONDS)


def parse_objects(rendered: str) -> list[dict[str, Any]]:
    """Return the objects of a rendering."""
    return [each for each in YAML(typ="safe").load_all(rendered) if each]


def _options(namespace: str, files: Iterable[Path]) -> list[str]:
    return [f"--namespace={namespace}", *(f"--values={path}" for path in files)]
