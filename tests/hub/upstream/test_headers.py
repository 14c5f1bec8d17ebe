"""Each patch says which version it was written for, what upstream knows of it, and when it ends."""

import json
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "jupyterhub_platform"
UPSTREAM = PACKAGE / "hub/upstream"
PROXY = "configurable-http-proxy"

ON_FLOOR_ONE = tuple(
    PACKAGE / "http" / f"{name}.py"
    for name in ("connection_limits", "forwarded_headers", "request_limits")
)
"""Both the Hub and the service have tornado's server patched by these."""
MODULES = sorted(each for each in UPSTREAM.glob("*.py") if each.name != "__init__.py")
PATCHES = (
    *MODULES,
    *sorted(each for each in UPSTREAM.glob("*/*.py") if each.name != "__init__.py"),
    *sorted(UPSTREAM.glob("*.js")),
    *ON_FLOOR_ONE,
)

HEADER = re.compile(
    r"^(?:// )?Upstream: (?P<programs>.+)\n(?:// )?Issue: (?P<issues>.+)\n"
    r"(?:// )?Ends when: (?P<end>.+)\.$",
    re.MULTILINE,
)
_PROGRAM = re.compile(r"(?P<name>[a-z-]+) (?P<version>\d+(?:\.\d+)*)")
_ISSUE = re.compile(r"[\w.-]+/[\w.-]+#\d+(?: \([^()]+\))?")
_BETWEEN = re.compile(r", (?=[\w.-]+/)")
_NOT_REPORTED = re.compile(r"not reported(?: \([^()]+\))?")


@dataclass(frozen=True, slots=True)
class Header:
    """What the last lines of a docstring say."""

    programs: dict[str, str]
    issues: tuple[str, ...]
    end: str


def read_header(text: str) -> Header | str:
    """Return the header of a module, or what is wrong with it."""
    found = HEADER.findall(text)
    if len(found) != 1:
        return f"{len(found)} headers"
    programs, issues, end = found[0]
    named = [_PROGRAM.fullmatch(each) for each in programs.split(", ")]
    if not all(named):
        return f"no program with its version: {programs}"
    cited = () if _NOT_REPORTED.fullmatch(issues) else tuple(_BETWEEN.split(issues))
    if not all(map(_ISSUE.fullmatch, cited)):
        return f"neither issues nor 'not reported': {issues}"
    return Header({each["name"]: each["version"] for each in named if each}, cited, end)


def find_version(program: str) -> str:
    """Return the version that is installed, or that the proxy is locked to."""
    if program != PROXY:
        return version(program)
    locked = json.loads((ROOT / "package-lock.json").read_text())
    return str(locked["packages"][f"node_modules/{PROXY}"]["version"])


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.name)
def test_patch_says_for_which_version_it_is_and_when_it_ends(path: Path) -> None:
    header = read_header(path.read_text())
    assert isinstance(header, Header), header
    assert len(header.end) > 10
    for program, written_for in header.programs.items():
        installed = find_version(program)
        assert f"{installed}.".startswith(f"{written_for}."), (
            f"{path.name} was written for {program} {written_for}, and {installed} is installed: "
            "see whether its code there has changed, and write the new version"
        )


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("Upstream: jupyterhub 6.1\nIssue: not reported\n", "0 headers"),
        ("Upstream: jupyterhub\nIssue: not reported\nEnds when: it does.\n", "no program"),
        ("Upstream: jupyterhub 6.1\nIssue: #12\nEnds when: it does.\n", "neither issues nor"),
        ("Upstream: jupyterhub 6.1\nIssue: unknown\nEnds when: it does.\n", "neither issues nor"),
    ],
)
def test_a_header_that_says_less_is_noticed(header: str, fault: str) -> None:
    said = read_header(header)
    assert isinstance(said, str)
    assert fault in said


def test_a_header_is_read() -> None:
    text = (
        "Upstream: tornado 6, jupyterhub 6.1\nIssue: a/b#1 (closed), c/d.e#22\nEnds when: mended.\n"
    )
    assert read_header(text) == Header(
        {"tornado": "6", "jupyterhub": "6.1"}, ("a/b#1 (closed)", "c/d.e#22"), "mended"
    )


@pytest.mark.parametrize("module", [each.stem for each in MODULES])
def test_module_is_tested_in_a_module_of_its_name(module: str) -> None:
    tests = Path(__file__).with_name(f"test_{module}.py")
    imported = f"jupyterhub_platform.hub.upstream.{module} import"
    assert imported in tests.read_text()
