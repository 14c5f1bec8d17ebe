"""Words that mean one thing each: names use them only where that thing is."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jupyterhub_platform"
BESIDE_THE_PACKAGE = ("tests", "tools", "benchmarks")

GLOSSARY = {
    # The one group that a server is charged to. A password belongs to credentials.
    "account": (
        *("core", "hub/spawn_page", "rest/decisions", "store/ledger", "usecases/admission"),
        *("usecases/book", "usecases/reports"),
    ),
    # A provider's word about a user, or a Kubernetes claim of storage or devices. Not a lock.
    "claim": (
        *("cli/objects/identity", "core/claim", "core/document", "core/errors", "core/managed"),
        *("core/people", "core/pods"),
        *("deploy/doctor", "hub/auth", "hub/kubernetes"),
        *("store/claimed_people", "usecases/claim", "usecases/reports/claims"),
    ),
    # What may be held or used at most: of a quota, a container, a request or a connection.
    "limit": (
        *("core", "http/connection_limits", "http/request_limits", "deploy/doctor/checks"),
        *("hub/configuration/hardening", "hub/local/resource_limits", "hub/spawn_page/limits"),
        *("hub/upstream", "rest", "usecases/holdings", "usecases/login_throttle"),
        *("usecases/binding_limits", "usecases/rate_limit"),
        "usecases/reports",
    ),
    # A served model. Kubernetes has objects, and pydantic shapes.
    "model": (),
    # Where a request comes from. An object of the policy has a source.
    "origin": (
        *("hub/audit/callers", "hub/configuration/hardening", "origin", "store/migrations"),
        "usecases/bulk_changes",
    ),
    # A pod or process that no server accounts for.
    "orphan": ("cli/local/leftovers", "hub/kubernetes/reconciler"),
    # What puts servers right after an outage.
    "recovery": ("hub/servers/recovery",),
    # What undoes a refused start, or changes of the policy; or applies an earlier commit.
    "rollback": (
        "cli/deploy/rollback",
        "hub/spawner/start_rollback",
        "service/editing/policy_rollback",
        "usecases/policy_rollback",
    ),
    # Sums of the ledger, and the Hub's own call of that name.
    "usage": (
        *("cli/hub/usage", "cli/usage", "core/usage", "hub/api/admission", "hub/usage_watch"),
        *("rest/decisions", "service/resources/usage", "service/usage", "store/migrations"),
        *("store/usage", "usecases/reports/usage", "usecases/usage_sums"),
    ),
}
OF_KUBERNETES = ("service", "account")
"""A service account is Kubernetes' own word, wherever it stands."""

OF_TESTS = {
    "account": ("hub/spawner/default_account",),
    "claim": ("support/kubernetes_api",),
    "recovery": ("hub/servers/live_recovery",),
    # What is measured of it.
    "usage": ("planted_faults/usage", "usage"),
}
"""Where tests have a fake of what the word means, or a real Hub that does it."""

OF_ARGUMENTS = {
    # Arguments may name what they are given, wherever a rule or a query takes it.
    "account": (
        *GLOSSARY["account"],
        *("cli/doctor", "cli/objects/request", "cli/servers/start", "deploy/cluster/reader"),
        *(
            "hub/kubernetes/guard",
            "store/access_requests",
            "store/decision_log",
            "usecases/availability",
        ),
    ),
    # Of the Hub's REST API and of pydantic, whose word it is.
    "model": ("core/document/shape", "hub/auth", "hub/kubernetes/manifest", "service/scopes"),
}

OF_VALUES = {
    # Words that variables, parameters and fields keep to as well, with more places for them.
    "claim": (
        *GLOSSARY["claim"],
        "core/identity_providers",
        "hub/api/identity_providers",
        "rest/identity_providers",
    ),
    "orphan": (*GLOSSARY["orphan"], "hub/local/termination"),
    "recovery": GLOSSARY["recovery"],
    "rollback": (*GLOSSARY["rollback"], "hub/spawner/admission"),
    # A value is named for what it is. A call of the REST API has a key of this name.
    "said": ("core/document/units", "rest/bulk_changes", "usecases/reports/bulk_changes"),
    "usage": ("rest/hub_calls", "rest/service_calls", "store/schema", "store/usage"),
    # A bound is a maximum or a minimum, as the constants MAX_… and MIN_… say.
    "least": (),
    "most": (),
}


@cache
def walk(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a module."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def list_names() -> Iterator[tuple[str, str]]:
    """Yield where a name is, and the name, of each module, class and function."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for folder in module.split("/"):
            yield module, folder
        for node in walk(path):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield module, node.name


def list_names_beside() -> Iterator[tuple[str, str]]:
    """Yield the same of tests, tools and benchmarks: of what a test is about, and its classes."""
    for root in BESIDE_THE_PACKAGE:
        for path in sorted((ROOT / root).rglob("*.py")):
            module = path.relative_to(ROOT / root).with_suffix("").as_posix()
            module = re.sub(r"\b(test_)(live_)?", "", module)
            yield module, module.rsplit("/", 1)[-1]
            for node in walk(path):
                if isinstance(node, ast.ClassDef):
                    yield module, node.name


def list_arguments() -> Iterator[tuple[str, str]]:
    """Yield where an argument is, and its name, of each function."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for node in walk(path):
            if isinstance(node, ast.arg):
                yield module, node.arg


def list_values() -> Iterator[tuple[str, str]]:
    """Yield where a name is, and the name, of each variable, parameter and field."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for node in walk(path):
            if isinstance(node, ast.arg):
                yield module, node.arg
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield module, node.id
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                yield module, node.attr


def words_of(name: str) -> list[str]:
    found = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return [word.lower().removesuffix("s") for word in found]


def find_elsewhere(
    names: Iterator[tuple[str, str]], word: str, places: tuple[str, ...]
) -> list[str]:
    """Return the names with a word outside of its places."""
    elsewhere = []
    for module, name in names:
        words = words_of(name)
        before = dict(zip(words[1:], words, strict=False)).get(word)
        if word in words and not module.startswith(places) and (before, word) != OF_KUBERNETES:
            elsewhere.append(f"{module}: {name}")
    return elsewhere


@pytest.mark.parametrize("word", GLOSSARY)
def test_a_word_means_one_thing(word: str) -> None:
    assert find_elsewhere(list_names(), word, GLOSSARY[word]) == []


@pytest.mark.parametrize("word", GLOSSARY)
def test_a_word_means_one_thing_in_tests_and_tools_too(word: str) -> None:
    places = (*GLOSSARY[word], *OF_TESTS.get(word, ()))
    assert find_elsewhere(list_names_beside(), word, places) == []


@pytest.mark.parametrize("word", OF_ARGUMENTS)
def test_a_word_means_one_thing_as_an_argument_too(word: str) -> None:
    assert find_elsewhere(list_arguments(), word, OF_ARGUMENTS[word]) == []


@pytest.mark.parametrize("word", OF_VALUES)
def test_a_word_means_one_thing_as_the_name_of_a_value_too(word: str) -> None:
    elsewhere = [
        f"{module}: {name}"
        for module, name in list_values()
        if word in words_of(name) and not module.startswith(OF_VALUES[word])
        if "at_" not in name.lower()  # at_most, at_least
    ]
    assert elsewhere == []


def test_the_words_of_a_name_are_told_apart() -> None:
    assert words_of("read_service_accounts") == ["read", "service", "account"]
    assert words_of("OrphanTracker") == ["orphan", "tracker"]
    assert words_of("LimitDenial") == ["limit", "denial"]
