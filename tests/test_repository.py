"""The repository keeps its own promises: what is tracked, locked, declared and how it is cut."""

import ast
import json
import os
import platform
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jupyterhub_platform"
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50

# Put together here, so that this file does not contain what it looks for.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("anaconda", "org"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
    )
)
MACHINE_PATHS = tuple(
    "/" + "/".join(parts)
    for parts in (("root",), ("work",), ("Users",), ("tmp", "lab"), ("opt", "wheels"))
)
MACHINE_PATH = re.compile(rf"(?<![\w.\-}}])(?:{'|'.join(MACHINE_PATHS)})/\w")
LOCKS = ("runtime", "test", "docs", "publish", "node", "go")
# Text that readers have to translate: write user, caller, operator, owner or admin instead.
# Put together from parts, so that this file does not contain what it looks for.
VAGUE_PEOPLE = re.compile(
    "|".join(("who" + "ever", "some" + "body", "any" + "body")), re.IGNORECASE
)
PROSE = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}


def list_tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def list_texts() -> Iterator[tuple[Path, str]]:
    for path in list_tracked():
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def list_modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def list_sources() -> list[Path]:
    return [*list_modules(), *sorted((ROOT / "tools").rglob("*.py"))]


def read_pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def read_pins(name: str) -> dict[str, list[str]]:
    """Read a lock: per package, the versions that it pins (one per range of Pythons)."""
    pins: dict[str, list[str]] = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", line):
            pins.setdefault(canonicalize_name(match[1]), []).append(match[2])
    return pins


def list_directly_required(lock: str) -> list[Requirement]:
    pyproject = read_pyproject()
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    runtime = project["dependencies"] + project["optional-dependencies"]["local"] + groups["build"]
    wanted = {"runtime": runtime, "test": runtime + groups["test"]}
    return [Requirement(line) for line in wanted.get(lock) or groups[lock]]


def list_entry_points() -> list[EntryPoint]:
    project = read_pyproject()["project"]
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    return [
        EntryPoint(name, value, group)
        for group, points in groups.items()
        for name, value in points.items()
    ]


def list_long_functions(source: Path) -> list[str]:
    functions = [
        node
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = [(f.name, (f.end_lineno or f.lineno) - f.lineno + 1) for f in functions]
    return [f"{name}: {lines} lines" for name, lines in lengths if lines > MAX_FUNCTION_LINES]


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"),
        *("Makefile", ".ci/run", "jupyterhub_config.py", "examples/local/platform.yaml"),
        *("pyproject.toml", "package.json", "package-lock.json"),
        *(f"requirements/{lock}.txt" for lock in LOCKS),
    ],
)
def test_has_the_file_that_a_reader_expects(name):
    assert ROOT / name in list_tracked()


def test_has_helm_values():
    assert any(ROOT / "helm-values" in path.parents for path in list_tracked())


@pytest.mark.parametrize("name", [".ci/run", "tools/find-python"])
def test_scripts_can_be_run(name):
    assert os.access(ROOT / name, os.X_OK)


def test_names_no_host_of_a_package_registry():
    found = [
        f"{path}: {host}" for path, text in list_texts() for host in REGISTRY_HOSTS if host in text
    ]
    assert found == []


def test_names_no_path_of_the_machine_it_was_written_on():
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, text in list_texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


def test_text_says_user_or_caller_where_it_means_one():
    code = ("jupyterhub_platform/", "tests/", "tools/", "benchmarks/")
    folders = (*code, "docs/", "helm-values/", "examples/")
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, text in list_texts()
        if path.as_posix().startswith((*folders, *PROSE))
        for number, line in enumerate(text.splitlines(), start=1)
        if VAGUE_PEOPLE.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_says_what_to_install_and_not_from_where(lock):
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index|--extra-index|--find-links|-f)\b", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_gives_a_hash_for_every_pin(lock):
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    pins = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert pins
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_direct_dependency_to_a_version_that_is_allowed(lock):
    pins = read_pins(lock)
    for requirement in list_directly_required(lock):
        versions = pins.get(canonicalize_name(requirement.name))
        assert versions, f"{requirement} is not pinned: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_tests_run_with_the_versions_that_the_hub_runs_with():
    runtime, test = read_pins("runtime"), read_pins("test")
    assert {name: test.get(name) for name in runtime} == runtime


def test_npm_lock_gives_hashes_and_no_addresses():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert "node_modules/configurable-http-proxy" in installed
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in installed.items() if "integrity" not in package] == []


def test_npm_lock_belongs_to_package_json():
    declared = json.loads((ROOT / "package.json").read_text())["dependencies"]
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert packages[""]["dependencies"] == declared
    for name, version in declared.items():
        assert packages[f"node_modules/{name}"]["version"] == version


@pytest.mark.parametrize(
    "point", list_entry_points(), ids=lambda point: f"{point.group}-{point.name}"
)
def test_entry_point_leads_to_something(point):
    assert callable(point.load())


@pytest.mark.parametrize("module", list_modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_fits_in_the_head(module):
    assert len(module.read_text().splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("source", list_sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_function_fits_in_the_head(source):
    assert list_long_functions(source) == []


def test_every_module_is_named_after_its_topic():
    sources = [*list_modules(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]
    parts = {part for path in sources for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & VAGUE_NAMES == set()


def run_with_skip(folder: Path, reason: str) -> int:
    """Run one test that skips itself, under the plugin that all tests run under."""
    (folder / "test_it.py").write_text(
        f"import pytest\n\ndef test_it():\n    pytest.skip({reason!r})\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.no_hidden_skips",
        "-c",
        os.devnull,
    ]
    return subprocess.run([*command, folder], cwd=ROOT, capture_output=True, check=False).returncode


def test_skip_for_want_of_something_fails_the_run(tmp_path):
    assert run_with_skip(tmp_path, "there is no browser here") == pytest.ExitCode.TESTS_FAILED


def test_skip_by_choice_does_not_fail_the_run(tmp_path):
    assert run_with_skip(tmp_path, "by choice: only for one system") == pytest.ExitCode.OK


def find_python(**environ: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "tools" / "find-python"
    environ = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run([script], env=environ, capture_output=True, text=True, check=False)


def test_set_up_takes_the_python_that_is_asked_for():
    found = find_python(PYTHON=sys.executable)
    assert found.returncode == 0
    version = subprocess.run(
        [found.stdout.strip(), "-V"], capture_output=True, text=True, check=True
    )
    assert version.stdout.split()[1] == platform.python_version()


def test_set_up_says_what_is_wrong_with_a_python_that_cannot_be_used(tmp_path):
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    found = find_python(PYTHON=str(shim))
    assert found.returncode == 1
    assert found.stdout == ""
    assert "is not a Python >= 3.11" in found.stderr


def test_one_place_says_who_a_user_is() -> None:
    """A door that puts a subject together by itself forgets what another one thinks of."""
    makers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\b(subject_of|Subject)\(", path.read_text())
    }
    assert makers == {"core/question.py", "core/question_json.py", "usecases/snapshot.py"}


def test_the_tree_of_errors_has_every_error() -> None:
    tree = ast.get_docstring(ast.parse((PACKAGE / "core/errors.py").read_text())) or ""
    drawn = set(re.findall(r"^\W*([A-Z]\w+)  ", tree, re.MULTILINE))
    defined = {
        node.name
        for path in list_modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        if any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
    }
    assert drawn == defined


def list_mentioned_paths() -> set[str]:
    """Return what the map of ARCHITECTURE.md and its tables name as files and folders."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    return set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_0-9]+\.(?:py|md|yaml|json|txt))?)`", text))


def test_paths_that_the_architecture_names_are_there() -> None:
    mentioned = list_mentioned_paths()
    assert "core/levels.py" in mentioned
    assert [
        path for path in mentioned if not (ROOT / path).exists() and not (PACKAGE / path).exists()
    ] == []


def list_mapped_modules() -> set[str]:
    """Return the modules in the map of ARCHITECTURE.md, each below the folder it is drawn in."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    map_ = text[text.index("jupyterhub_platform/\n") :].split("```")[0]
    mapped, floor = set(), ""
    for line in map_.splitlines()[1:]:
        if line.startswith("tests/"):
            break
        names = re.match(r" *((?:[a-z_]+(?:\.py|/) *)+)", line)
        if names is None:
            continue
        indent = len(line) - len(line.lstrip())
        for name in names[1].split():
            mapped.add(name if indent == 2 else f"{floor}{name}")
        if indent == 2:
            floor = names[1].split()[0] if names[1].strip().endswith("/") else ""
    return mapped


def test_the_map_of_the_architecture_is_true() -> None:
    mapped = list_mapped_modules()
    assert {"core/decision.py", "usecases/snapshot.py", "hub/auth/"} <= mapped
    assert [path for path in mapped if not (PACKAGE / path).exists()] == []


IMPORTED_AS = {
    "argon2-cffi": "argon2",
    "jupyterhub-kubespawner": "kubespawner",
    "pyyaml": "yaml",
    "ruamel.yaml": "ruamel",
}
NOT_IMPORTED = {
    "oauthenticator",  # what sites bring their identity provider with: docs/existing-hub.md
}


def test_nothing_is_required_that_nothing_imports():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[\[><=~!; ]", line, maxsplit=1)[0] for line in project["dependencies"]}
    source = "\n".join(path.read_text() for path in (ROOT / "jupyterhub_platform").rglob("*.py"))
    unused = {
        name
        for name in names - NOT_IMPORTED
        if not re.search(
            rf"^\s*(from|import) {IMPORTED_AS.get(name, name)}\b", source, re.MULTILINE
        )
    }
    assert unused == set()
