"""Each planted fault fits the code, and its run reports the faults that survive."""

import ast
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import mutants
import pytest
from mutation.definitions import PACKAGE, Package, read_texts
from mutation.faults import Fault, noticed_by
from mutation.operators import Always, Drop, InsertBefore, Never, Replace, Return, Text
from mutation.planting import prepare
from mutation.selection import TABLES, find_path, select, select_changed, take_sample
from mutation.slots import MisfitError
from planted_faults import EQUIVALENT, FAULTS

ROOT = Path(__file__).resolve().parent.parent
FITS = Fault("ends", "Grant.is_live", Drop("now < self.until"), ("tests/core/test_quotas.py",))
FILE = f"{PACKAGE}/core/doors.py"
OTHER = f"{PACKAGE}/hub/doors.py"


@pytest.fixture(scope="module")
def package():
    return Package.at(ROOT)


def test_every_guard_has_planted_faults():
    assert len(FAULTS) >= 400
    assert {fault.where for fault in FAULTS} >= {
        *(
            "Admission.admit",
            "Book.enter",
            "rebuild",
            "decide",
            "Policy.accounts_of",
            "normalise_user",
        ),
        *("LEVELS", "find_refused", "PlatformAPIHandler.require", "Suspension.holds"),
        "GovernedAuthenticator.refresh_user",
    }
    names = Counter((fault.where, fault.name) for fault in FAULTS)
    assert [name for name, number in names.items() if number > 1] == []


NOT_OF_NAMES = {"and", "or", "not", "sqlite", "postgresql"}
"""Words of a filter that are no part of a test's name: operators, and kinds of stores."""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.where}: {fault.name}")
def test_a_fault_can_be_planted(fault, package):
    planting = prepare(fault, package)
    assert planting.after != planting.before
    if not isinstance(fault.how, Text):
        compile(planting.after, planting.path, "exec")
    for test in fault.tests:
        assert (ROOT / test).is_file() or not test.startswith("tests/")


def test_filters_of_tests_select_some():
    """A renamed test would leave a fault with none, and that looks like one that was noticed."""
    missing = []
    for file, *options in {fault.tests for fault in FAULTS}:
        if "-k" not in options:
            continue
        words = set(re.findall(r"\w+", options[options.index("-k") + 1]))
        text = (ROOT / file).read_text()
        missing += [f"{file}: {word}" for word in words - NOT_OF_NAMES if word not in text]
    assert missing == []


def test_equivalent_faults_have_a_reason(package):
    assert all(package.find(each.where) and each.reason for each in EQUIVALENT)


def plant(how, code, where="decide"):
    """Plant a fault in ``code``, and return what it has become, without its format."""
    planting = prepare(Fault("", where, how, ()), Package.of({FILE: code}))
    assert planting.path == FILE
    return ast.unparse(ast.parse(planting.after))


DECIDE = """
def decide(asked, limit):
    if asked and (
        limit is None  # None is no limit.
        or asked <= limit
    ):
        check(asked, limit=limit)
        return True
    return False
"""
TABLE = "RULES = {'open': [first, *second], 'shut': {**others}}\n"


@pytest.mark.parametrize(
    ("how", "line"),
    [
        (
            Replace("asked<=limit", "asked < limit"),
            "if asked and (limit is None or asked < limit):",
        ),
        (Replace("return False", "raise ValueError"), "raise ValueError"),
        (Replace("check(...)", "pass"), "pass"),
        (Replace("limit=limit", "limit=0, exact=True"), "check(asked, limit=0, exact=True)"),
        (
            Replace("asked", "1", within="asked <= limit"),
            "if asked and (limit is None or 1 <= limit):",
        ),
        (Drop("limit is None"), "if asked and asked <= limit:"),
        (Drop("limit=limit"), "check(asked)"),
        (Drop("asked", within="check(...)"), "check(limit=limit)"),
        (Never("if asked and ...: ..."), "if False:"),
        (Always("limit is None or ..."), "if asked and True:"),
        (InsertBefore("return True", "log()"), "log()"),
    ],
)
def test_an_operator_changes_one_place_in_any_format(how, line):
    planted, before = plant(how, DECIDE), ast.unparse(ast.parse(DECIDE))
    new = [each.strip() for each in planted.splitlines()]
    assert line in new
    assert len(set(new) - {each.strip() for each in before.splitlines()}) == 1


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (Drop("first"), "RULES = {'open': [*second], 'shut': {**others}}"),
        (Drop("*second"), "RULES = {'open': [first], 'shut': {**others}}"),
        (Drop("'open': ..."), "RULES = {'shut': {**others}}"),
        (Drop("**others"), "RULES = {'open': [first, *second], 'shut': {}}"),
        (Replace("'open': ...", "'ajar': []"), "RULES = {'ajar': [], 'shut': {**others}}"),
    ],
)
def test_an_operator_changes_what_a_constant_lists(how, code):
    assert plant(how, TABLE, "RULES") == code


def test_an_operator_drops_statements_handlers_decorators_bases_and_filters():
    assert plant(Drop("a()\nb()"), "def decide():\n    a()\n    b()\n").endswith("    pass")
    risky = "def decide():\n try: a()\n except A: b()\n except B: c()\n"
    assert "except A" not in plant(Drop("except A: ..."), risky)
    assert "except B" in plant(Drop("except A: ..."), risky)
    assert plant(Drop("guarded"), "@guarded\ndef decide():\n    a()\n").startswith("def decide")
    assert plant(Drop("Safe"), "class Door(Safe, Wide):\n    a = 1\n", "Door").startswith(
        "class Door(Wide)"
    )
    listed = "def decide(given):\n    return [x for x in given if x > 1 if good(x)]\n"
    assert plant(Drop("good(x)"), listed).endswith("[x for x in given if x > 1]")
    assert plant(Return("given"), listed).endswith("return given")
    assert plant(Drop("b"), "def decide():\n    return a - b\n").endswith("return a")


@pytest.mark.parametrize(
    ("how", "times"),
    [
        (Drop("limit"), 3),
        (Drop("no_such_thing"), 0),
        (Return("None"), 2),
        (Never("asked", within="check(...)"), 1),
        (Drop("asked", within="asked"), 3),
    ],
)
def test_an_operator_that_fits_no_place_or_several_is_refused(how, times):
    if times == 1:
        assert "check(False, limit=limit)" in plant(how, DECIDE)
    else:
        with pytest.raises(MisfitError, match=f"stands {times} times"):
            plant(how, DECIDE)


def test_invalid_python_is_refused():
    with pytest.raises(MisfitError, match="not Python"):
        plant(Drop("if asked"), DECIDE)


DOOR = '''\
import os  # noqa: F401


class Door:
    """A door."""

    width = 3

    @property
    def open(self):
        """Tell whether.

        Not how.
        """
        return (  # why
            self.handle
            and not self.locked
        )

    @open.setter
    def open(self, wish):
        self.handle = wish  # stays


LAST = 1  # noqa: ERA001
'''


def test_only_the_lines_of_a_definition_change():
    package = Package.of({FILE: DOOR})
    after = prepare(Fault("", "Door.open", Drop("self.handle"), ()), package).after
    lines, before = after.split("\n"), DOOR.split("\n")
    assert (lines[:8], lines[18:]) == (before[:8], before[18:])
    assert '        """Tell whether.\n\n        Not how.\n        """\n' in after
    assert "        return not self.locked\n" in after
    wider = prepare(Fault("", "Door.width", Replace("3", "4"), ()), package).after
    assert wider == DOOR.replace("width = 3", "width = 4")


def test_a_name_that_two_modules_have_needs_the_module():
    package = Package.of({FILE: DECIDE, OTHER: DECIDE})
    with pytest.raises(MisfitError, match=r"core/doors\.py and .*hub/doors\.py"):
        package.find("decide")
    assert package.find("hub/doors:decide")[0].path == OTHER
    assert package.find("hub:decide")[0].path == OTHER
    with pytest.raises(MisfitError, match=r"Nothing is called .* but decide is in .*core/doors"):
        package.find("doors/hub:decide")


def test_a_whole_module_and_a_file_that_is_not_python_have_names_too():
    page = f"{PACKAGE}/service/templates/own.html"
    package = Package.of({FILE: "guard()\nrun()\n", page: "<p hidden>"})
    assert prepare(Fault("", "doors:", Drop("guard()"), ()), package).after.strip() == "run()"
    shown = Fault("", "own.html", Text(" hidden", ""), ())
    assert prepare(shown, package).after == "<p>"
    assert find_path(shown, package) == page
    with pytest.raises(MisfitError, match="2 times"):
        prepare(replace(shown, how=Text("p", "")), Package.of({page: "<p></p>"}))


ONE = Fault("one", "decide", Never("asked <= limit"), ("tests/test_one.py", "-k", "x"))
TWO = Fault("two", "Door.open", Drop("self.handle"), ("tests/test_two.py",))
ROWS = '[("one", "decide", Never("asked <= limit")), ("two", "Door.open", Drop("self.handle"))]'
FILES = {FILE: DECIDE, OTHER: DOOR, f"{TABLES}/doors.py": ROWS}


@pytest.mark.parametrize(
    ("after", "changed", "selected"),
    [
        ({}, (), []),
        ({FILE: DECIDE.replace("  # None is no limit.", "")}, (FILE,), []),
        ({FILE: DECIDE.replace("None", "0")}, (FILE,), [ONE]),
        ({FILE: "", f"{PACKAGE}/core/deciding.py": DECIDE}, (FILE,), []),
        ({OTHER: DOOR.replace("not ", "")}, (OTHER,), [TWO]),
        ({OTHER: DOOR.replace("width = 3", "width = 4")}, (OTHER,), []),
        ({}, ("tests/test_one.py",), [ONE]),
        ({f"{TABLES}/doors.py": ROWS.replace("Drop(", "Never(")}, (), [TWO]),
    ],
)
def test_only_what_changed_is_run_again(after, changed, selected):
    assert select_changed([ONE, TWO], FILES, FILES | after, changed) == selected


def test_faults_are_chosen_by_file_place_and_name():
    package = Package.of(FILES)
    assert select([ONE, TWO], [], package) == [ONE, TWO]
    assert select([ONE, TWO], ["hub/"], package) == [TWO]
    assert select([ONE, TWO], ["decide", "none"], package) == [ONE]
    assert select([ONE, TWO], ["two"], package) == [TWO]


def test_a_sample_is_the_same_for_the_same_seed():
    assert take_sample(FAULTS, 5, 1) == take_sample(FAULTS, 5, 1)
    assert len({fault.name for fault in take_sample(FAULTS, 5, 1)}) == 5
    assert len(take_sample(FAULTS, 10**6, 1)) == len(FAULTS)


def test_tests_are_written_as_on_the_command_line():
    [fault] = noticed_by("tests/test_one.py -k 'a or b'", ("x", "decide", Return("1")))
    assert fault.tests == ("tests/test_one.py", "-k", "a or b")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return mutants.make_copy(tmp_path_factory.mktemp("copy"))


def test_a_fault_that_a_test_notices_is_killed_and_taken_out_again(copy, package):
    assert mutants.judge(FITS, copy) == ("killed", "")
    path = find_path(FITS, package)
    assert (copy / path).read_text() == (ROOT / path).read_text()


def test_a_fault_that_no_test_notices_survives(copy):
    assert mutants.judge(replace(FITS, tests=("tests/core/test_tiers.py",)), copy)[0] == "SURVIVED"


def test_a_fault_that_does_not_fit_or_does_not_run_is_no_fault(copy):
    assert mutants.judge(replace(FITS, how=Drop("no_such_text")), copy)[0] == "MISFIT"
    broken = replace(FITS, where="Grant", how=InsertBefore("starts: ...", "return"))
    assert mutants.judge(broken, copy)[0] == "INVALID"


def test_a_fault_whose_tests_fail_beforehand_is_left_out(copy, capsys):
    copies: SimpleQueue[Path] = SimpleQueue()
    copies.put(copy)
    broken = replace(FITS, tests=("tests/no_such_test.py",))
    assert mutants.leave_out_failing([broken], copies, 1) == []
    assert "fail before anything is broken" in capsys.readouterr().err


def run(*words):
    command = [sys.executable, "-B", str(ROOT / "tools/mutants.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_run_fails_where_nothing_is_selected():
    assert run("no such fault").returncode == 1


def test_the_run_shows_how_far_it_is():
    done = run("Grant.is_live", "--sample", "1")
    assert done.returncode == 0
    assert "1/1 passed" in done.stderr
    assert "1/1 killed" in done.stderr
    assert "--seed" in done.stderr


def test_the_run_finds_what_changed_since_a_commit():
    done = run("--changed", "HEAD", "Grant.is_live", "--list")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_tables_are_read_from_where_they_are():
    texts = read_texts(ROOT, TABLES)
    assert f"{TABLES}/levels.py" in texts
    assert not any("__pycache__" in path for path in texts)
