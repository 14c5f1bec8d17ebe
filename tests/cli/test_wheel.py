"""A wheel is all that a machine needs: it carries the example, the proxy and the documentation."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.canaries import Canaries, watch
from tests.support.live_hub import PLAIN_CONFIGURATION, Session
from tests.test_docs import list_fences

ROOT = Path(__file__).resolve().parents[2]
PROXY = "jupyterhub_platform/bundled/node_modules/configurable-http-proxy"
DOCS = "jupyterhub_platform/bundled/docs"
HTMX = "jupyterhub_platform/service/static/htmx.min.js"
PAGE = ROOT / "docs" / "install.md"
SECONDS = 120


def pip(*words: str | Path, python: str | Path = sys.executable) -> None:
    command = [python, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def build(target: Path, tree: Path = ROOT) -> Path:
    pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", target, tree)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tree as a clone has it: nothing installed, nothing built."""
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tree = tmp_path_factory.mktemp("tree")
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    return tree


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"), tree)


@pytest.mark.hub
def test_wheel_carries_what_a_checkout_has_and_no_more_of_npm(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        example = archive.read("jupyterhub_platform/bundled/platform.yaml")
    assert example == (ROOT / "examples/local/platform.yaml").read_bytes()
    assert f"{PROXY}/bin/configurable-http-proxy" in names
    assert [name for name in names if "htmx" in name] == [HTMX], "once, and for browsers"
    assert not [name for name in names if "axe-core" in name], "what only tests use"
    assert not [name for name in names if name.startswith("tests/")]
    assert {f"{DOCS}/index.html", f"{DOCS}/searchindex.js", f"{DOCS}/reference/cli.html"} <= names
    kinds = {Path(name).suffix for name in names if name.startswith(DOCS)}
    assert not kinds & {".map", ".pickle", ".doctree", ".md.txt"}


def start(command: list[str | Path], folder: Path, environ: dict[str, str]) -> Iterator[Session]:
    """Run ``jhp up`` in an empty folder until the test is done with a user of the example."""
    ready, log, site = (folder / name for name in ("ready.json", "terminal.log", "site.py"))
    # Nothing is left on this machine: by default homes and the register of user ids would be.
    places = (("homes_dir", "homes"), ("uid_register", "uids"))
    lines = [f"c.PlatformLocalSpawner.{trait} = {str(folder / name)!r}" for trait, name in places]
    site.write_text("\n".join([*lines, PLAIN_CONFIGURATION]))
    environ = {**os.environ, **environ}
    with log.open("wb") as terminal:
        process = subprocess.Popen(
            [*command, "up", "--ready-file", ready, "--config", site],
            cwd=folder,
            env=environ,
            stdout=terminal,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not ready.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        told = json.loads(ready.read_text())
        watch(told["url"], Canaries())
        with Session(told["url"], "dev1") as session:
            assert session.submit_login(told["people"]["dev1"]).status_code == 302
            yield session
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        subprocess.run([*command, "down", "--yes"], cwd=folder, env=environ, check=True)
    assert process.returncode == 0, log.read_text()


@pytest.fixture
def directory(make_directory: Callable[[], Path]) -> Path:
    """Return a directory without a checkout, where servers of other users may run a Python."""
    directory = make_directory()
    (directory / "folder").mkdir(mode=0o755)
    return directory


@pytest.fixture
def installed(wheel: Path, directory: Path) -> Iterator[Session]:
    """Install the wheel beside what it depends on, out of reach of this checkout."""
    place, folder = directory / "site", directory / "folder"
    pip("install", "--quiet", "--no-deps", "--target", place, wheel)
    command: list[str | Path] = [sys.executable, "-m", "jupyterhub_platform"]
    yield from start(command, folder, {"PYTHONPATH": str(place)})


@pytest.mark.hub
def test_platform_starts_from_a_wheel_without_a_checkout(
    installed: Session, directory: Path
) -> None:
    page = installed.get("/hub/spawn")
    assert "Start a server" in page.text
    written = (directory / "folder/.jupyterhub-platform/jupyterhub_config.py").read_text()
    assert str(directory / "site" / PROXY) in written
    assert "From nothing to a governed laptop" in installed.get("/services/platform/docs/").text


@pytest.fixture
def in_an_environment_of_its_own(wheel: Path, directory: Path) -> Iterator[Session]:
    """Install the wheel with what it asks for, Node too, into an empty environment."""
    place, folder = directory / "venv", directory / "folder"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = place / "bin/python"
    for lock in ("runtime", "node"):
        pinned = ("--require-hashes", "-r", ROOT / "requirements" / f"{lock}.txt")
        pip("install", "--quiet", *pinned, python=python)
    pip("install", "--quiet", f"{wheel}[local,node]", python=python)
    # Nothing but this environment is in PATH: Node comes from it, too.
    environ = {"PATH": f"{place / 'bin'}:/usr/sbin:/sbin", "NODE": ""}
    yield from start([place / "bin/jhp"], folder, environ)


@pytest.mark.hub
@pytest.mark.long
def test_clean_environment_runs_the_platform_and_a_server(
    in_an_environment_of_its_own: Session,
) -> None:
    session = in_an_environment_of_its_own
    started = session.start(tier="small")
    assert started.status_code in {200, 302}
    deadline = time.monotonic() + SECONDS
    while True:
        page = session.visit("/user/dev1/lab")
        if page.status_code == httpx.codes.OK and "<title>JupyterLab</title>" in page.text:
            break
        assert time.monotonic() < deadline, page.text
        time.sleep(0.5)


@pytest.mark.long
def test_what_the_page_says_installs_it_and_runs_it_without_installing(
    wheel: Path, directory: Path
) -> None:
    """By pip, uv and pipx, of which each finds what the package depends on by itself."""
    (directory / "dist").mkdir()
    (directory / "dist" / wheel.name).write_bytes(wheel.read_bytes())
    shutil.copy(ROOT / "examples/local/platform.yaml", directory)
    tools = Path(sys.executable).parent
    environ = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(directory)}
    blocks = [
        text for language, text in list_fences(PAGE) if language == "sh" and wheel.name in text
    ]
    ways = [line.partition(" ")[0] for block in blocks for line in block.splitlines()]
    assert ways[:5] == ["python3", "platform/bin/pip", "platform/bin/jhp", "uvx", "pipx"]
    for block in blocks[:2]:
        # What starts it stays until it is ended, and is tested above.
        script = block.replace("jhp up", "jhp validate platform.yaml")
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", script],
            cwd=directory,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("Valid: 7 people") == script.count("validate"), done.stdout
