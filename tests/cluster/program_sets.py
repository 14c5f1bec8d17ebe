"""Which programs make a cluster, and from which pinned Go modules each is built."""

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PINS = Path(__file__).with_name("programs")


@dataclass(frozen=True)
class Family:
    """Programs of one Go module of ours, built from the same versions of what they share.

    Half of what a cluster is made of is the same in each of its programs, and is compiled once.
    What is built is what the module's ``go.mod`` declares as its tools.

    Attributes
    ----------
    linker_flags
        Values that the programs' own releases set while linking.
    renamed
        Programs whose name in Go says nothing.
    data
        Folders of the family's first module that are needed beside its programs.
    """

    name: str
    linker_flags: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    data: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the pins are."""
        return PINS / self.name

    @property
    def key(self) -> str:
        """Return the hash of all that decides what is built."""
        settings = [self.linker_flags, sorted(self.renamed.items()), self.data]
        digest = hashlib.sha256(json.dumps([settings, platform.machine()]).encode())
        for source in sorted(self.folder.rglob("*")):
            if source.is_file():
                digest.update(source.read_bytes())
        return digest.hexdigest()[:12]


def read_version(family: str, module: str) -> str:
    """Return the version of a module that a family pins, such as ``v1.36.3``."""
    text = (PINS / family / "go.mod").read_text()
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", text, re.MULTILINE)
    assert found, f"{family} does not pin {module}"
    return found[1]


KUBERNETES_VERSION = read_version("kubernetes", "k8s.io/kubernetes")
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.removeprefix("v").split(".")


def _set_in(package: str, **values: str) -> tuple[str, ...]:
    return tuple(f"-X={package}.{name}={value}" for name, value in values.items())


_FAMILIES = (
    # A server without these calls itself v0.0.0, and charts refuse it.
    Family(
        "kubernetes",
        _set_in(
            "k8s.io/component-base/version",
            gitVersion=KUBERNETES_VERSION,
            gitMajor=_MAJOR,
            gitMinor=_MINOR,
            gitTreeState="clean",
        ),
        renamed={"server": "etcd"},
    ),
    Family("cni"),
    Family("own"),
    # Helm otherwise believes in Kubernetes 1.20 when it renders without a cluster.
    Family(
        "helm",
        (
            *_set_in(
                "helm.sh/helm/v3/pkg/chartutil", k8sVersionMajor=_MAJOR, k8sVersionMinor=_MINOR
            ),
            *_set_in(
                "helm.sh/helm/v3/internal/version", version=read_version("helm", "helm.sh/helm/v3")
            ),
        ),
    ),
    Family("kwok", data=("kustomize/stage",)),
)
FAMILIES = {family.name: family for family in _FAMILIES}

NEEDED = {
    "api": ("kubernetes",),
    "node": ("kubernetes", "cni", "own"),
    "probe": ("own",),
    "helm": ("helm",),
    "kwok": ("kwok",),
}
"""The families that each use of them needs."""
