"""Verbs of function names mean what CONTRIBUTING says: what they return shows it."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "jupyterhub_platform"

Function = ast.FunctionDef | ast.AsyncFunctionDef

GIVEN_BY_OTHERS = {
    "render": (
        "hub/auth/providers/handlers",
        "hub/spawn_page/handler",
        "hub/upstream/spawn_handler",
    ),
    "describe": ("hub/metrics/held_metrics",),
}
"""Where a library chose the name: JupyterHub's ``_render_form`` and ``render_logout_page``, a
collector's ``describe``."""


def returns_words(function: Function) -> bool:
    """Tell whether a function returns text, and waits for nothing: it is pure."""
    return isinstance(function, ast.FunctionDef) and returned(function) in {"str", "str | None"}


def returns_outer_form(function: Function) -> bool:
    return isinstance(function, ast.FunctionDef) and returned(function) not in {"", "None"}


def returns_nothing(function: Function) -> bool:
    return returned(function) == "None"


def never(_function: Function) -> bool:
    return False


def returned(function: Function) -> str:
    return ast.unparse(function.returns) if function.returns is not None else ""


MEANINGS: dict[str, Callable[[Function], bool]] = {
    "describe": returns_words,
    "say": returns_words,
    "render": returns_outer_form,
    "tell": returns_nothing,
    # A check raises or yields what is wrong; a search finds; a reader reads.
    "look": never,
}


def list_functions(verb: str) -> Iterator[tuple[str, Function]]:
    """Yield each function and method of the package whose name begins with a verb."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function) and re.match(rf"_?{verb}(_|$)", node.name):
                yield module, node


@pytest.mark.parametrize("verb", MEANINGS)
def test_verb_means_what_contributing_says(verb: str) -> None:
    others = [
        f"{module}: {function.name} -> {returned(function)}"
        for module, function in list_functions(verb)
        if not MEANINGS[verb](function)
        if module not in GIVEN_BY_OTHERS.get(verb, ())
    ]
    assert others == []


@pytest.mark.parametrize("verb", MEANINGS)
def test_contributing_names_the_verb(verb: str) -> None:
    names = (PACKAGE.parent / "CONTRIBUTING.md").read_text()
    assert f"`{verb}_`" in names


def test_verbs_are_used() -> None:
    counts = {verb: len(list(list_functions(verb))) for verb in MEANINGS}
    assert all(counts[verb] >= 5 for verb in ("describe", "say", "render", "tell")), counts
