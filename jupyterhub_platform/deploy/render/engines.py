"""The folder of the GitOps engine: what makes Argo CD or Flux follow the repository.

Argo CD has two applications, since the chart's values are in git and the chart is not. Both engines
read Kustomize and Helm alone, which refuse a file that does not parse.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jupyterhub_platform.core.document.schema_deployment import (
    DeclaredDeployment,
    DeclaredEnvironment,
)
from jupyterhub_platform.deploy.render.manifests import VALUES_CONFIG_MAP, key_of
from jupyterhub_platform.documents import render_mapping

_FLUX: Final = "flux-system"
_IN_CLUSTER: Final = "https://kubernetes.default.svc"


def make_argocd(
    deployment: DeclaredDeployment,
    environment: DeclaredEnvironment,
    name: str,
    values: Sequence[str],
) -> dict[str, str]:
    """Return the texts of the folder of Argo CD for one environment, by their names."""
    end = f"-{name}" if name else ""
    namespace = environment.namespace or deployment.namespace
    common = {
        "project": "default",
        "destination": {"server": _IN_CLUSTER, "namespace": namespace},
        "syncPolicy": {
            "automated": {"prune": True, "selfHeal": True},
            # A commit that is refused must not keep the next one waiting.
            "retry": {"limit": 0},
            "syncOptions": ["ServerSideApply=true", "CreateNamespace=false"],
        },
    }
    git = {
        "repoURL": deployment.gitops.repository,
        "targetRevision": environment.branch or deployment.gitops.branch,
    }
    policy = common | {"source": git | {"path": _path_of(name)}}
    helm = {
        "releaseName": deployment.release,
        "valueFiles": [f"$values/{each}" for each in values],
    }
    sources: list[Mapping[str, Any]] = [
        _chart(deployment) | {"helm": helm},
        git | {"ref": "values"},
    ]
    hub = common | {"sources": sources}
    return {
        f"policy{end}.yaml": render_mapping(_application(f"jupyterhub-policy{end}", policy)),
        f"hub{end}.yaml": render_mapping(_application(f"jupyterhub{end}", hub)),
    }


def make_flux(
    deployment: DeclaredDeployment,
    environment: DeclaredEnvironment,
    name: str,
    values: Sequence[str],
) -> dict[str, str]:
    """Return the texts of the folder of Flux for one environment, by their names."""
    end = f"-{name}" if name else ""
    namespace = environment.namespace or deployment.namespace
    of_git = f"jupyterhub-policy{end}"
    branch = environment.branch or deployment.gitops.branch
    source = {"interval": "1m", "url": deployment.gitops.repository, "ref": {"branch": branch}}
    policy = {
        "interval": "5m",
        "retryInterval": "1m",
        "path": f"./{_path_of(name)}".rstrip("."),
        "prune": True,
        "wait": True,
        "sourceRef": {"kind": "GitRepository", "name": of_git},
        "targetNamespace": namespace,
    }
    brings_policy = (
        _flux("source.toolkit.fluxcd.io/v1", "GitRepository", of_git) | {"spec": source},
        _flux("kustomize.toolkit.fluxcd.io/v1", "Kustomization", of_git) | {"spec": policy},
    )
    return {
        f"policy{end}.yaml": "---\n".join(map(render_mapping, brings_policy)),
        f"hub{end}.yaml": "---\n".join(
            map(render_mapping, _flux_release(deployment, end, namespace, values))
        ),
    }


def _flux_release(
    deployment: DeclaredDeployment, end: str, namespace: str, values: Sequence[str]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    of_chart = f"jupyterhub-chart{end}"
    chart = {"interval": "1h", "url": deployment.chart.repository}
    at = {"kind": "HelmRepository", "name": of_chart, "namespace": _FLUX}
    version = deployment.chart.version
    release = {
        "interval": "5m",
        "releaseName": deployment.release,
        "chart": {"spec": {"chart": "jupyterhub", "version": version, "sourceRef": at}},
        "valuesFrom": [
            {"kind": "ConfigMap", "name": VALUES_CONFIG_MAP, "valuesKey": key_of(each)}
            for each in values
        ],
        "upgrade": {"remediation": {"retries": 1, "strategy": "rollback"}},
        "driftDetection": {"mode": "enabled"},
    }
    name, kind = f"jupyterhub{end}", "helm.toolkit.fluxcd.io/v2"
    return (
        _flux("source.toolkit.fluxcd.io/v1", "HelmRepository", of_chart) | {"spec": chart},
        # A release reads its values in its own namespace, where the policy's Kustomization is.
        _flux(kind, "HelmRelease", name, namespace) | {"spec": release},
    )


def _path_of(name: str) -> str:
    return f"environments/{name}" if name else "."


def _chart(deployment: DeclaredDeployment) -> dict[str, Any]:
    return {
        "repoURL": deployment.chart.repository,
        "chart": "jupyterhub",
        "targetRevision": deployment.chart.version,
    }


def _application(name: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": spec,
    }


def _flux(version: str, kind: str, name: str, namespace: str = _FLUX) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
    }
