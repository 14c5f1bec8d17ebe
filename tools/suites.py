"""Which checks and tests there are, in the order of their price."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from changed import list_affected_tests, list_changed_files, list_changed_tests

_SLOW = "hub or browser or postgres"
_KUBERNETES = "cluster or node"
WAITING = "tests with real servers"


@dataclass(frozen=True)
class Check:
    """A command of the virtual environment whose exit code is the verdict.

    ``module`` is a module of Python, or a script of this directory. One that runs beside the next
    ones shows its output at its end.
    """

    title: str
    module: str
    arguments: tuple[str, ...]
    beside: bool = False

    @property
    def runs_tests(self) -> bool:
        """Whether it is a run of pytest, be it watched or not."""
        return "pytest" in (self.module, *self.arguments[:3])


CHECKS = (
    Check("ruff check", "ruff", ("check", ".")),
    Check("ruff format", "ruff", ("format", "--check", ".")),
    Check("mypy", "mypy", ()),
    Check("import contracts", "importlinter", ()),
    Check("commit messages", "commit_messages.py", ()),
)
# Two modules at a time, the longest first.
_TWO = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
# Those with real servers wait: two at a time leave 40 % of two cores idle.
_THREE = ("-n", "3", *_TWO[2:])
_OF_CORE = ("tests/core", "tests/test_documents.py")
_BELOW_DOORS = ("tests/store", "tests/usecases", "tests/rest")


def measure_coverage(title: str, tests: Sequence[str], report: Sequence[str]) -> tuple[Check, ...]:
    """Return what runs ``tests`` with their coverage, and reports it."""
    quick = ("-q", *_TWO, *tests, "-m", f"not ({_SLOW} or long)")
    return (
        Check(f"{title}, watched", "coverage", ("run", "-m", "pytest", *quick)),
        Check(f"{title}, combined", "coverage", ("combine", "--quiet", "--append")),
        Check(f"branches of {title}", "coverage", ("report", *report)),
    )


# What decides is tested in all its branches by its own tests and by the documents of people. What
# lies between it and the doors has a floor, as the tests with real servers are not watched.
COVERAGE = (
    Check("erase coverage", "coverage", ("erase",)),
    *measure_coverage(
        "core", _OF_CORE, ("--include=jupyterhub_platform/core/*", "--fail-under=100")
    ),
    *measure_coverage(
        "store and use-cases",
        _BELOW_DOORS,
        ("--include=jupyterhub_platform/store/*",),
    ),
    Check(
        "branches of use-cases",
        "coverage",
        ("report", "--include=jupyterhub_platform/usecases/*", "--fail-under=85"),
    ),
)
# A cluster of our own for each; a lent one may be one namespace.
_LENT = bool(os.environ.get("TEST_KUBECONFIG"))
_CLUSTERS = () if _LENT else _TWO


def list_tests(selection: str, done: Sequence[str] = ()) -> tuple[Check, ...]:
    """Return the stages of the tests.

    ``selection`` leaves out what takes longer than they may; the quick ones of ``done`` have run.
    """
    left = [f"--ignore={each}" for each in done]
    waiting = f"({_SLOW}) and not ({_KUBERNETES}) and {selection}"
    return (
        Check(
            "quick tests",
            "pytest",
            (*_TWO, *left, "-m", f"not ({_SLOW} or {_KUBERNETES}) and {selection}"),
        ),
        Check(WAITING, "pytest", (*_THREE, "-m", waiting)),
        # One after another, since they share one node: a core would idle meanwhile.
        Check("tests on a node", "pytest", ("-m", f"node and {selection}"), beside=not _LENT),
        Check(
            "tests on Kubernetes",
            "pytest",
            (*_CLUSTERS, "-m", f"cluster and not node and {selection}"),
        ),
    )


def list_tests_of_change(base: str) -> tuple[Check, ...]:
    """Return the tests that a change since ``base`` asks for."""
    changed = list_changed_files(base)
    quick, waiting = list_affected_tests(changed), list_changed_tests(changed)
    slow = f"{_SLOW} or {_KUBERNETES}"
    return (
        Check("affected quick tests", "pytest", (*_TWO, "-m", f"not ({slow} or long)", *quick)),
        Check(
            "changed tests with servers",
            "pytest",
            (*_TWO, "-m", f"({slow}) and not long", *waiting),
        ),
    )


MUTANTS = Check("mutants of the guards", "mutants.py", ())
LONG_TESTS = (Check("long tests", "pytest", ("-m", "long")), MUTANTS)
# With a chart in Z2JH_CHART there are more of them than in `make test`.
HELM_TESTS = (Check("values with their chart", "pytest", ("tests/helm",)),)
SUITES = {
    "check": CHECKS,
    "test": CHECKS + list_tests("not (full or long)"),
    "full": CHECKS + COVERAGE + list_tests("not long", (*_OF_CORE, *_BELOW_DOORS)),
    "long": LONG_TESTS,
    "helm": HELM_TESTS,
}
