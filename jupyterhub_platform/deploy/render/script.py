"""``deploy.sh``: the same as an engine does, with the operator's own kubectl and helm."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from jupyterhub_platform.core.document.schema_deployment import DeclaredDeployment

SCRIPT: Final = "deploy.sh"
_HEAD: Final = """\
# Brings this folder into force: sh deploy.sh{usage}. Running servers go on.
set -eu
cd "$(dirname "$0")"
"""
_REST: Final = """\
if [ -n "$context" ] && [ "$(kubectl config current-context)" != "$context" ]; then
  echo "kubectl is not at the context $context. Nothing was changed." >&2
  exit 1
fi
# Kustomize reads no file outside of its folder, and takes the namespace from there.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R . "$copy"
sed "s/^namespace: .*/namespace: $namespace/" kustomization.yaml > "$copy/kustomization.yaml"
kubectl apply --server-side --field-manager=jhp --force-conflicts -k "$copy"
# What stands in for the values is a list of files: it is to be split.
# shellcheck disable=SC2086
helm upgrade --install {release} {chart} --version {version} \\
  --namespace "$namespace" --wait --timeout 15m $values
"""


def make_script(
    places: Mapping[str, DeclaredDeployment], values: Mapping[str, Sequence[str]]
) -> str:
    """Return the script for all environments; "" is the only one of a platform without.

    ``places`` are the deployment as it is in each.
    """
    one = next(iter(places.values()))
    names = [name for name in places if name]
    if names:
        cases = "".join(
            f"  {shlex.quote(name)})\n{_indent(_settings(place, values[name]))}    ;;\n"
            for name, place in places.items()
        )
        asked = f"  *)\n    echo 'Name one of {', '.join(names)}.' >&2\n    exit 2\n    ;;\n"
        chosen = f'case "${{1:-}}" in\n{cases}{asked}esac\n'
    else:
        chosen = _settings(one, values[""])
    return (
        _HEAD.format(usage=" ENVIRONMENT" if names else "")
        + chosen
        + _REST.replace("{release}", shlex.quote(one.release))
        .replace("{chart}", _name_chart(one))
        .replace("{version}", shlex.quote(one.chart.version))
    )


def _name_chart(deployment: DeclaredDeployment) -> str:
    repository = deployment.chart.repository
    if repository.startswith("oci://"):
        return shlex.quote(f"{repository.rstrip('/')}/jupyterhub")
    return f"jupyterhub --repo {shlex.quote(repository)}"


def _settings(place: DeclaredDeployment, values: Sequence[str]) -> str:
    files = " ".join(f"-f {path}" for path in values)
    return (
        f"namespace={shlex.quote(place.namespace)}\n"
        f"context={shlex.quote(place.context or '')}\n"
        f"values={shlex.quote(files)}\n"
    )


def _indent(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
