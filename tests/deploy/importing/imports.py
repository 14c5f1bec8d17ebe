"""The sites of ``tests/sites``, imported: from their configuration, and from values that say it."""

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml
from traitlets.config import Config

from jupyterhub_platform.deploy.importing.findings import Finding, Imported, Kind
from jupyterhub_platform.deploy.importing.source import import_source
from jupyterhub_platform.documents import ReadPolicy, parse_policy, render_mapping
from tests.sites.folders import SiteFolder, read_configuration

HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class ImportedSite:
    """One of the sites, imported from one format."""

    site: SiteFolder
    kind: Kind

    @property
    def source(self) -> Path:
        """What is imported."""
        if self.kind is Kind.CONFIG:
            return self.site.folder / "before.py"
        return HERE / "values" / f"{self.site.name}.yaml"

    @cached_property
    def imported(self) -> Imported:
        """What comes of it."""
        return import_source(self.source.read_bytes(), self.source.name)

    @cached_property
    def read(self) -> ReadPolicy:
        """The document, as a Hub reads it from the file that is written."""
        return read_imported(self.imported)

    def find(self, key: str) -> list[Finding]:
        """Return what became of a setting."""
        return [each for each in self.imported.findings if each.key == key]

    def kept(self) -> Config:
        """Return the settings that stay where they are, as a Hub reads them."""
        config = self.site.before if self.kind is Kind.CONFIG else self._run_values()
        for section, trait in self._list_gone():
            config[section].pop(trait, None)
        if self.site.name == "federation":
            # What its class mounts of a volume that is in the document now is taken out of it.
            config.JupyterHub.spawner_class = run(
                self.site.after.replace("\nconfigure(c)\n", "\n")
            ).JupyterHub.spawner_class
        return config

    def _list_gone(self) -> list[tuple[str, str]]:
        """Return the settings of which nothing stays."""
        named = [
            (tuple(each.key.removeprefix("c.").split(".")[:2]), each.stays)
            for each in self.imported.findings
            if each.key.startswith("c.")
        ]
        stays = {setting for setting, is_kept in named if is_kept}
        return [(each[0], each[1]) for each, _ in named if each not in stays and len(each) == 2]

    def _run_values(self) -> Config:
        """Return what the chart makes of values that stay: the Hub's own settings, and its code."""
        hub = yaml.safe_load(self.source.read_text())["hub"]
        code = "\n".join(hub.get("extraConfig", {}).values())
        settings = f"from traitlets.config import Config\nc.merge(Config({hub['config']!r}))\n"
        return run(f"{settings}{code}\n")


def run(code: str) -> Config:
    """Return what a piece of a configuration sets."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "jupyterhub_config.py"
        file.write_text(f"c = get_config()\n{code}" if "get_config" not in code else code)
        return read_configuration(file)


def read_imported(imported: Imported) -> ReadPolicy:
    """Read the document as a Hub does, from the text that is written."""
    return parse_policy(render_mapping(imported.document).encode(), "platform.yaml")


def imported(text: str, kind: Kind | None = None) -> Imported:
    """Import a source that is written out in a test."""
    found = import_source(text.encode(), "source", kind)
    read_imported(found)
    return found


def by_key(found: Imported) -> dict[str, list[Finding]]:
    """Return the findings of an import by their keys."""
    keys: dict[str, list[Finding]] = {}
    for each in found.findings:
        keys.setdefault(each.key, []).append(each)
    return keys


def paths(document: Any, *path: str) -> Any:
    """Return what stands at a path of a document."""
    for key in path:
        document = document[key]
    return document
