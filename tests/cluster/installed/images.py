"""The images of an installed platform, built from this checkout without a registry.

Each is kept as an archive in the cache directory, by what it is made of. The Containerfiles are
the project's own; only their base is one that ``debootstrap`` makes here. What they install is
kept as a layer, so that a change of the package costs only the last steps.
"""

import hashlib
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.building import find_cache, only_one_build, render_path
from tests.cluster.errors import ClusterError
from tests.cluster.processes import run
from tools.progress import StepError, run_logged, timed

ROOT = Path(__file__).parents[3]
_HERE = Path("tests/cluster/installed")
_IGNORED = "__pycache__"
_KEPT = 3
_SECONDS = 600

_SUITE = "bookworm"
_PACKAGES = "python3,python3-venv,ca-certificates"
_SUPERFLUOUS = ("var/cache/apt", "var/lib/apt/lists", *(
    f"usr/share/{name}" for name in ("doc", "locale", "man")
))  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """How to make an image.

    Attributes
    ----------
    reference
        What the image is called on a node.
    file
        The Containerfile.
    sources
        What it copies, or what that follows from.
    stage
        The stage that is the image; the last one if empty.
    kept_stage
        An earlier stage whose layers are kept for the next time.
    """

    reference: str
    file: Path
    sources: tuple[str, ...]
    stage: str = ""
    kept_stage: str = ""

    @property
    def name(self) -> str:
        """What its files in the cache directory are called."""
        return self.reference.partition("/")[2].partition(":")[0]

    @property
    def key(self) -> str:
        """The hash of everything that the image is made of."""
        digest = hashlib.sha256(f"{_base_key()} {self.stage}".encode())
        for path in _list_files((str(self.file), *self.sources)):
            digest.update(f"{path.relative_to(ROOT)}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]


RECIPES = (
    Recipe(
        "localhost/jupyterhub-platform:test",
        Path("images/hub/Containerfile"),
        (
            *("requirements/hub-image.txt", "requirements/sbom.txt", "requirements/docs.txt"),
            *("pyproject.toml", "README.md", "LICENSE", "ARCHITECTURE.md"),
            *("docs", "helm-values", "examples/local/platform.yaml", "jupyterhub_platform"),
        ),
        kept_stage="build",
    ),
    Recipe(
        "localhost/jupyterhub-platform-singleuser:test",
        Path("images/singleuser/Containerfile"),
        ("requirements/singleuser-image.txt", "requirements/sbom.txt"),
        kept_stage="build",
    ),
    Recipe(
        "localhost/configurable-http-proxy:test",
        _HERE / "Containerfile",
        ("requirements/node.txt", "package-lock.json", str(_HERE / "Containerfile.ignore")),
        stage="proxy",
    ),
    Recipe(
        "localhost/tiny-server:test",
        _HERE / "Containerfile",
        ("tests/support/tiny_server.py", str(_HERE / "Containerfile.ignore")),
        stage="tiny",
    ),
)


def build_images() -> list[Path]:
    """Return the archives of all images; build those that are missing.

    Raises
    ------
    ClusterError
        Raised if one cannot be built; with the end of the log that says why.
    """
    folder = find_cache() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {recipe: folder / f"{recipe.name}-{recipe.key}.tar" for recipe in RECIPES}
    if not all(archive.exists() for archive in wanted.values()):
        with only_one_build(folder / ".lock", "images"):
            missing = {r: archive for r, archive in wanted.items() if not archive.exists()}
            _build(folder, missing)
    return list(wanted.values())


def _build(folder: Path, missing: dict[Recipe, Path]) -> None:
    names = ", ".join(recipe.name for recipe in missing)
    builder = _Builder(folder)
    try:
        with timed(f"Building images for the tests: {names}"), ThreadPoolExecutor(2) as pool:
            base = builder.provide_base()
            list(pool.map(lambda item: builder.build(base, *item), missing.items()))
    except StepError as error:
        raise ClusterError(str(error)) from error
    builder.prune()
    for recipe in missing:
        archives = folder.glob(f"{recipe.name}-{'[0-9a-f]' * 12}.tar")
        for old in sorted(archives, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
            old.unlink()


def write_buildah(folder: Path) -> Path:
    """Write a ``buildah`` that builds here what the words of a person build elsewhere.

    It finds the base in place of the one that a registry has, and reaches the mirror of packages
    of this machine. Layers that the tests have built already are not built again.

    Raises
    ------
    ClusterError
        Raised if a program is missing.
    """
    cache = find_cache() / "images"
    cache.mkdir(parents=True, exist_ok=True)
    builder = _Builder(cache)
    with only_one_build(cache / ".lock", "images"):
        base = builder.provide_base()
    build = ("--layers", "--isolation=chroot", "--network=host", f"--build-arg=BASE={base}")
    words = shlex.join([*build, *_render_settings_of_pip()])
    program = folder / "buildah"
    program.write_text(
        "#!/bin/sh -e\nverb=$1; shift\n"
        f'[ "$verb" != bud ] || set -- {words} "$@"\n'
        f'exec {shlex.join(builder.command)} "$verb" "$@"\n'
    )
    program.chmod(0o755)
    return program


class _Builder:
    """A store of images, below a folder, and the program that builds in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environ = os.environ | {"PATH": render_path([])}
        search_path = self._environ["PATH"]
        programs = ("buildah", "debootstrap")
        missing = [name for name in programs if not shutil.which(name, path=search_path)]
        if missing:
            words = " ".join(missing)
            raise ClusterError(
                f"The images are built with programs that this machine lacks: run `make "
                f"setup-test`, or install them (Debian, Ubuntu: apt-get install {words}). "
                "KUBERNETES=api leaves out the tests that need them."
            )
        # As containerd does it on the node: no other way is as quick.
        places = (f"--root={folder / 'store'}", f"--runroot={folder / 'run'}")
        program = shutil.which("buildah", path=search_path) or "buildah"
        self.command = (program, *places, "--storage-driver=overlay")

    def provide_base(self) -> str:
        """Return the image that all others begin with."""
        reference = f"localhost/base:{_base_key()}"
        if self._ask("images", "--filter", f"reference={reference}", "--quiet"):
            return reference
        with tempfile.TemporaryDirectory(dir=self._folder) as workplace:
            root = Path(workplace) / "root"
            options = ("--variant=minbase", f"--include={_PACKAGES}")
            self._log("debootstrap", "debootstrap", *options, _SUITE, root)
            for name in _SUPERFLUOUS:
                shutil.rmtree(root / name)
            container = self._ask("from", "scratch")
            self._ask("add", container, root, "/")
            self._ask("commit", "--rm", container, reference)
        return reference

    def build(self, base: str, recipe: Recipe, archive: Path) -> None:
        """Build an image, and write it to an archive."""
        if recipe.kept_stage:
            tag = f"localhost/{recipe.name}-{recipe.kept_stage}:test"
            self._bud(base, recipe, recipe.kept_stage, tag)
        self._bud(base, recipe, recipe.stage, recipe.reference)
        # A run that is cut off leaves nothing that looks finished.
        unfinished = archive.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        target = f"docker-archive:{unfinished}:{recipe.reference}"
        self._ask("push", "--disable-compression", recipe.reference, target)
        unfinished.rename(archive)

    def prune(self) -> None:
        """Forget layers that no tag leads to any more."""
        self._ask("rmi", "--prune", "--force")

    def _bud(self, base: str, recipe: Recipe, stage: str, tag: str) -> None:
        ignore = recipe.file.with_suffix(".ignore")
        self._log(
            recipe.name,
            *(*self.command, "bud", "--layers", "--isolation=chroot", "--network=host"),
            *_render_settings_of_pip(),
            *(f"--build-arg=BASE={base}", f"--file={recipe.file}", f"--tag={tag}"),
            *([f"--target={stage}"] if stage else []),
            *([f"--ignorefile={ignore}"] if (ROOT / ignore).exists() else []),
            ".",
        )

    def _log(self, name: str, *command: str | Path) -> None:
        log = self._folder / f"{name}.log"
        run_logged(command, log, environ=self._environ, folder=ROOT)

    def _ask(self, *words: str | Path) -> str:
        return run(*self.command, *words, environ=self._environ, seconds=_SECONDS).strip()


def _base_key() -> str:
    made_of = f"{_SUITE} {_PACKAGES} {_SUPERFLUOUS} {os.uname().machine}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:12]


def _render_settings_of_pip() -> Iterator[str]:
    """Yield what lets a build reach a mirror of packages that this machine was told of."""
    if index := os.environ.get("PIP_INDEX_URL"):
        yield f"--build-arg=PIP_INDEX_URL={index}"
    if certificates := os.environ.get("PIP_CERT"):
        folder = Path(certificates).parent
        yield f"--volume={folder}:{folder}:ro"
        yield f"--build-arg=PIP_CERT={certificates}"


def _list_files(names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        path = ROOT / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (each for each in found if each.is_file() and _IGNORED not in each.parts)
