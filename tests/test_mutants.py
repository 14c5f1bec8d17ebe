"""The table of mutants fits the code, and whoever runs it is told what survives."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import mutants
import pytest
from mutants_table import EQUIVALENT, FAULTS, Fault

ROOT = Path(__file__).resolve().parent.parent
NOTICED = "tests/core/test_quotas.py"
FITS = Fault("ends", "jupyterhub_platform/core/quotas.py", " and now < self.until", "", (NOTICED,))


def test_there_are_faults_for_every_guard():
    assert len(FAULTS) >= 60
    assert {fault.file.removeprefix("jupyterhub_platform/") for fault in FAULTS} >= {
        *("usecases/admission.py", "usecases/book.py", "usecases/consistency.py"),
        *("core/decision.py", "core/question.py", "core/identity.py", "core/levels.py"),
        *(
            "core/suspensions.py",
            "hub/people/roles.py",
            "hub/api/admission.py",
            "hub/auth/authenticator.py",
        ),
    }
    names = Counter((fault.file, fault.name) for fault in FAULTS)
    assert [name for name, number in names.items() if number > 1] == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.file}: {fault.name}")
def test_a_fault_can_be_planted(fault):
    text = (ROOT / fault.file).read_text()
    assert text.count(fault.old) == 1, "it is written otherwise now: change its row in the table"
    compile(text.replace(fault.old, fault.new), fault.file, "exec")
    for test in fault.tests:
        assert (ROOT / test).is_file() or not test.startswith("tests/")


def test_what_no_test_can_notice_is_listed_with_the_reason():
    assert all((ROOT / each.file).is_file() and each.reason for each in EQUIVALENT)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return mutants.make_copy(tmp_path_factory.mktemp("copy"))


def test_a_fault_that_a_test_notices_is_killed_and_taken_out_again(copy):
    assert mutants.judge(FITS, copy) == ("killed", "")
    assert (copy / FITS.file).read_text() == (ROOT / FITS.file).read_text()


def test_a_fault_that_no_test_notices_survives(copy):
    unnoticed = Fault("unnoticed", FITS.file, FITS.old, FITS.new, ("tests/core/test_tiers.py",))
    assert mutants.judge(unnoticed, copy)[0] == "SURVIVED"


def test_a_fault_that_does_not_fit_or_does_not_run_is_no_fault(copy):
    gone = Fault("gone", FITS.file, "no such text", "", (NOTICED,))
    assert mutants.judge(gone, copy)[0] == "MISFIT"
    broken = Fault("broken", FITS.file, " and now < self.until", " and", (NOTICED,))
    assert mutants.judge(broken, copy)[0] == "INVALID"


def test_the_run_fails_where_nothing_is_selected():
    command = [sys.executable, "-B", str(ROOT / "tools/mutants.py"), "no such fault"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
