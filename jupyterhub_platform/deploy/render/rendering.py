"""What ``deployment:`` is rendered to: the same bytes for the same file, and no secret."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from jupyterhub_platform.core.document.schema_deployment import (
    DeclaredDeployment,
    DeclaredEnvironment,
)
from jupyterhub_platform.deploy.render.engines import make_argocd, make_flux
from jupyterhub_platform.deploy.render.lock import LOCK, digest, make_lock
from jupyterhub_platform.deploy.render.manifests import (
    make_kustomization,
    make_manifests,
    make_values_generator,
)
from jupyterhub_platform.deploy.render.script import SCRIPT, make_script
from jupyterhub_platform.deploy.render.site_values import list_variables, make_site_values
from jupyterhub_platform.deploy.render.value_files import fill, list_layers
from jupyterhub_platform.documents import ReadPolicy, render_mapping

VALUES: Final = "helm-values"
OVERLAYS: Final = f"{VALUES}/overlays"
_MARK: Final = (
    "# Rendered by jhp render from platform.yaml, where changes belong: here they are lost.\n"
)
_DIGEST: Final = "# sha256 {}\n"


@dataclass(frozen=True, slots=True)
class Rendered:
    """The rendered files by their paths below the repository, the lock among them.

    ``values`` are those that Helm is given, in order, by environment; "" is the only one of a
    platform without environments.
    """

    files: Mapping[str, str]
    values: Mapping[str, tuple[str, ...]]


def render(
    read: ReadPolicy, deployment: DeclaredDeployment, overlays: Iterable[str] = ()
) -> Rendered:
    """Render a deployment.

    Parameters
    ----------
    read
        The policy, with its files.
    deployment
        What it says under ``deployment``.
    overlays
        The paths of the site's own values below ``helm-values/overlays/``: those in a folder are
        of the environment of its name.
    """
    files: dict[str, str] = {}
    values: dict[str, tuple[str, ...]] = {}
    if deployment.is_on_cluster:
        _Renderer(read, deployment, sorted(overlays), files, values).run()
    files[LOCK] = make_lock(deployment, read.policy, files)
    return Rendered(files, values)


def mark(text: str) -> str:
    """Put the mark of rendered files, with the digest of what follows, before a text."""
    return f"{_MARK}{_DIGEST.format(digest(text))}{text}"


def is_untouched(text: str) -> bool:
    """Tell whether a file is as it was rendered, by its own mark."""
    *_, rest = text.split("\n", 2)
    return text == mark(rest)


class _Renderer:
    def __init__(
        self,
        read: ReadPolicy,
        deployment: DeclaredDeployment,
        overlays: Sequence[str],
        files: dict[str, str],
        values: dict[str, tuple[str, ...]],
    ) -> None:
        self._deployment = deployment
        self._overlays = overlays
        self._files = files
        self._values = values
        self._policy_files = [each.name for each in read.files]
        folders = {str(PurePosixPath(name).parent) for name in self._policy_files}
        self._folders = sorted(folders - {"."})
        self._variables = list_variables(read.policy.identity)

    def run(self) -> None:
        layers = self._add_layers()
        environments = self._deployment.environments or {"": DeclaredEnvironment()}
        for name, environment in environments.items():
            self._values[name] = (*layers, *self._add_environment(name, environment))
        self._add_manifests()
        places = {name: resolve(self._deployment, each) for name, each in environments.items()}
        self._add(SCRIPT, make_script(places, self._values))
        engine = self._deployment.gitops.engine
        if engine in {"argocd", "flux"}:
            make = make_argocd if engine == "argocd" else make_flux
            for name, environment in environments.items():
                texts = make(self._deployment, environment, name, self._values[name])
                for file, text in texts.items():
                    self._add(f"gitops/{engine}/{file}", text)

    def _add(self, path: str, text: str) -> None:
        self._files[path] = mark(text)

    def _site_values(self, deployment: DeclaredDeployment) -> dict[str, Any]:
        return make_site_values(deployment, self._folders, self._variables)

    def _add_layers(self) -> list[str]:
        names = []
        for number, layer in enumerate(list_layers(self._deployment)):
            names.append(f"{VALUES}/{10 * bool(number) + max(number - 1, 0):02}-{layer}.yaml")
            self._add(names[-1], fill(layer, self._deployment))
        names.append(f"{VALUES}/20-deployment.yaml")
        site = self._site_values(self._deployment)
        self._add(names[-1], render_mapping(site))
        return names

    def _add_environment(self, name: str, environment: DeclaredEnvironment) -> list[str]:
        found = []
        if name:
            there = resolve(self._deployment, environment)
            base = self._site_values(self._deployment)
            own = _differing(self._site_values(there), base)
            found.append(f"{VALUES}/30-{name}.yaml")
            self._add(found[-1], render_mapping(own) or "{}\n")
        for overlay in self._overlays:
            folder = str(PurePosixPath(overlay).parent)
            if folder in {".", name}:
                found.append(f"{OVERLAYS}/{overlay}")
        return found

    def _add_manifests(self) -> None:
        manifests = make_manifests(self._deployment, self._variables)
        for name, text in manifests.items():
            self._add(f"manifests/{name}", text)
        root = make_kustomization(self._deployment, list(manifests), self._policy_files)
        if self._deployment.gitops.engine == "flux":
            given = sorted({each for values in self._values.values() for each in values})
            root["configMapGenerator"].append(make_values_generator(given))
        self._add("kustomization.yaml", render_mapping(root))


def resolve(deployment: DeclaredDeployment, environment: DeclaredEnvironment) -> DeclaredDeployment:
    """Return a deployment as it is in one of its environments."""
    own = {
        key: getattr(environment, key)
        for key in ("address", "namespace", "context")
        if getattr(environment, key) is not None
    }
    if environment.branch is not None:
        own["gitops"] = deployment.gitops.model_copy(update={"branch": environment.branch})
    return deployment.model_copy(update=own)


def _differing(values: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that are not the same in the base."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        under = base.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            if below := _differing(value, under):
                found[key] = below
        elif value != under:
            found[key] = value
    return found
