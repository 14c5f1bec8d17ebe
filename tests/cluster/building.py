"""Build the programs of a cluster, once for this user, into the cache directory."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.program_sets import FAMILIES, NEEDED, Family
from tools.go import OLDEST_GO, find_go
from tools.progress import StepError, run_logged, say, timed

# What containerd would link C libraries for, and a node of ours never uses.
_TAGS = "no_btrfs,no_zfs,no_devmapper"


def find_cache() -> Path:
    """Return this user's cache directory of the project."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "jupyterhub-platform"


def build(use: str) -> dict[str, Path]:
    """Return the folder of each family that a use of them needs; build those that are missing.

    Raises
    ------
    ClusterError
        Raised if something has to be built and cannot be.
    """
    return {name: _build_once(FAMILIES[name]) for name in NEEDED[use]}


def render_path(folders: Iterable[Path]) -> str:
    """Return a search path with these folders in front, and where administrators' programs are."""
    return ":".join([*map(str, folders), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _build_once(family: Family) -> Path:
    cache = find_cache() / "kubernetes"
    folder = cache / f"{family.name}-{family.key}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with only_one_build(cache / f".{family.name}.lock", family.name):
        if not folder.is_dir():
            _build(family, folder)
    return folder


@contextlib.contextmanager
def only_one_build(path: Path, name: str) -> Iterator[None]:
    """Hold a lock of the kernel's, which no process can leave behind."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another run is building {name}: waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(family: Family, folder: Path) -> None:
    go = find_go(Path(sys.prefix))
    if go is None:
        wanted = ".".join(map(str, OLDEST_GO))
        raise ClusterError(
            f"The tests build Kubernetes with Go >= {wanted}, and there is none here: run `make "
            "setup-test`, which brings it, or install it; KUBERNETES=off leaves these tests out."
        )
    environ = os.environ | {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GOGC": "400",  # memory for time: the compiler frees less, and never holds much
    }
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder.parent) as workplace:
        made = Path(workplace) / "made"
        made.mkdir()
        flags = ("-tags", _TAGS, "-ldflags", " ".join(("-s", "-w", *family.linker_flags)))
        # `tool` stands for all that go.mod declares as such.
        command = (go, "build", *flags, "-o", f"{made}/", "tool")
        try:
            with timed(f"Building {family.name} for the tests, once"):
                log = folder.with_name(f"{family.name}.log")
                run_logged(command, log, environ=environ, folder=family.folder)
        except StepError as error:
            raise ClusterError(str(error)) from error
        for name, better in family.renamed.items():
            (made / name).rename(made / better)
        for data in family.data:
            _copy_data(go, family, data, made, environ)
        # A run that is cut off leaves nothing that looks finished.
        made.rename(folder)


def _copy_data(go: Path, family: Family, data: str, made: Path, environ: dict[str, str]) -> None:
    package = subprocess.run(
        [go, "list", "-f", "{{.Module.Dir}}", "tool"],
        cwd=family.folder,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    module = Path(package.stdout.split()[0])
    target = made / Path(data).name
    # Go keeps modules read-only, and what is read-only cannot be deleted again.
    shutil.copytree(module / data, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
