"""Build the images of Hub and servers, and push them to a registry.

::

    build/images/NAME.sbom.cdx.json   what is in an image, by the image's own word
    build/images/images.json          the name of each, with its digest once it is pushed
    build/images/values.yaml          the same for the chart, after your own values

Runs on a bare Python. Whatever builds images is used: buildah, podman or docker. It asks for a
login as always; no password goes through here.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from progress import StepError, run_logged, say, timed

ROOT = Path(__file__).resolve().parent.parent
PLACE = Path("build/images")
"""Below the top of the checkout, where make runs."""
BUILDERS = ("buildah", "podman", "docker")
HERE = "localhost"
"""What images are called that stay on this machine."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Recipe:
    """An image: its name, whose values of the chart name it, and where its list of parts is."""

    name: str
    file: str
    key: str
    sbom: str


RECIPES = (
    Recipe("jupyterhub-platform", "images/hub/Containerfile", "hub", "/opt/platform/sbom.cdx.json"),
    Recipe(
        "jupyterhub-platform-singleuser",
        "images/singleuser/Containerfile",
        "singleuser",
        "/opt/jupyter/sbom.cdx.json",
    ),
)


@dataclass(frozen=True)
class Image:
    """An image as it was built: ``digest`` is that of the registry, empty if it stays here."""

    name: str
    tag: str
    digest: str = ""

    @property
    def reference(self) -> str:
        """Where it is, by its tag."""
        return f"{self.name}:{self.tag}"


class Builder:
    """A program that builds images."""

    def __init__(self, program: str, place: Path) -> None:
        self.program = program
        self._place = place

    @classmethod
    def find(cls, chosen: str | None, place: Path) -> "Builder":
        """Find the program that was chosen, or else the first one that is here; logs go there.

        Raises
        ------
        StepError
            Raised if there is none.
        """
        wanted = (chosen,) if chosen else BUILDERS
        for program in wanted:
            if shutil.which(program):
                return cls(program, place)
        raise StepError(
            f"Images are built with {' or '.join(wanted)}, which is not here: install it."
        )

    def build(self, recipe: Recipe, reference: str, arguments: dict[str, str]) -> None:
        """Build an image of this checkout."""
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        verb = "bud" if self.program == "buildah" else "build"
        command = [self.program, verb, f"--file={recipe.file}", f"--tag={reference}", *given, "."]
        run_logged(command, self._place / f"{recipe.name}.log", folder=ROOT)

    def read_file(self, reference: str, path: str) -> str:
        """Read a file of an image, by a command that runs in it."""
        if self.program != "buildah":
            return self._ask("run", "--rm", "--entrypoint=cat", reference, path)
        container = self._ask("from", reference).strip()
        try:
            return self._ask("run", container, "cat", path)
        finally:
            self._ask("rm", container)

    def push(self, reference: str) -> str:
        """Push an image, and return its digest in the registry."""
        if self.program == "docker":
            said = self._ask("push", reference)
        else:
            with tempfile.NamedTemporaryFile() as file:
                self._ask("push", f"--digestfile={file.name}", reference)
                said = Path(file.name).read_text()
        found = _DIGEST.search(said)
        if not found:
            raise StepError(f"{self.program} did not say under which digest it pushed {reference}.")
        return found[0]

    def _ask(self, *words: str) -> str:
        done = subprocess.run(  # noqa: S603  a program that the operator chose
            [self.program, *words], capture_output=True, text=True, check=False, cwd=ROOT
        )
        if done.returncode != 0:
            raise StepError(f"{self.program} {words[0]} failed:\n{done.stderr.strip()}")
        return done.stdout


def list_arguments(version: str, base: str | None) -> Iterator[tuple[str, str]]:
    """Yield what the Containerfiles are told."""
    yield "VERSION", version
    yield "REVISION", _find_revision()
    if base:
        yield "BASE", base
    # For a mirror of Python packages: it stays in no image.
    if index := os.environ.get("PIP_INDEX_URL"):
        yield "PIP_INDEX_URL", index


def _find_revision() -> str:
    command = ["git", "-c", f"safe.directory={ROOT}", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def render_values(images: dict[str, Image]) -> str:
    """Write the images as values of Zero to JupyterHub, by digest where there is one."""
    lines = ["# Written by `make images`. Give it to helm after your own values."]
    for key, image in images.items():
        tag = f"{image.tag}@{image.digest}" if image.digest else image.tag
        lines += [f"{key}:", "  image:", f"    name: {image.name}", f'    tag: "{tag}"']
    return "\n".join(lines) + "\n"


def make_images(
    registry: str | None, builder: Builder, base: str | None, place: Path
) -> dict[str, Image]:
    """Build all images, push them if there is a registry, and write what there is to know."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {}
    for recipe in RECIPES:
        image = Image(f"{registry or HERE}/{recipe.name}", version)
        with timed(f"Building {image.reference}"):
            builder.build(recipe, image.reference, dict(list_arguments(version, base)))
            sbom = builder.read_file(image.reference, recipe.sbom)
            (place / f"{recipe.name}.sbom.cdx.json").write_text(sbom)
        if registry:
            with timed(f"Pushing {image.reference}"):
                image = Image(image.name, version, builder.push(image.reference))
        images[recipe.key] = image
    told = {key: asdict(image) for key, image in images.items()}
    (place / "images.json").write_text(json.dumps(told, indent=2) + "\n")
    (place / "values.yaml").write_text(render_values(images))
    return images


def main() -> int:
    """Make the images, and return the exit code."""
    parser = argparse.ArgumentParser(description="Build the images of Hub and servers.")
    parser.add_argument("--registry", help="where they are pushed to; without it they stay here")
    parser.add_argument("--builder", choices=BUILDERS, help="what builds them")
    parser.add_argument("--base", help="the image that both are made on")
    parser.add_argument("--into", type=Path, default=PLACE, help="where the files are written")
    given = parser.parse_args()
    given.into.mkdir(parents=True, exist_ok=True)
    try:
        registry = given.registry.strip("/") if given.registry else None
        builder = Builder.find(given.builder, given.into)
        images = make_images(registry, builder, given.base, given.into)
    except StepError as error:
        say(f"No images. {error}")
        return 1
    for image in images.values():
        say(f"{image.reference} {image.digest}".rstrip())
    say(f"For the chart: {given.into / 'values.yaml'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
