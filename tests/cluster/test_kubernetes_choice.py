"""A run that leaves out tests on Kubernetes says so on its last line, and never silently."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


API, NODE, PROCESSES = (
    f"tests/cluster/test_{name}.py" for name in ("api_server", "node", "processes")
)
NEEDING_A_NODE = (ROOT / NODE).read_text().count("\ndef test_")
LEFT_OUT = (
    r"Not tested, by choice \(KUBERNETES={}\): {} on Kubernetes; network policies: rendered only"
)


def run_pytest(*modules: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *modules],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "KUBERNETES"} | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_choice_to_leave_all_out_is_on_the_last_line() -> None:
    done = run_pytest(API, NODE, KUBERNETES="off")

    assert done.returncode == pytest.ExitCode.OK
    *_, last = done.stdout.strip().splitlines()
    assert re.fullmatch(LEFT_OUT.format("off", r"\d+"), last)


def test_unknown_choice_is_refused() -> None:
    done = run_pytest(API, KUBERNETES="none")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "KUBERNETES=none is not known: it can be api or off." in done.stderr


def test_want_of_a_cluster_fails_with_one_line_each(tmp_path: Path) -> None:
    nowhere = tmp_path / "kubeconfig"
    done = run_pytest(NODE, TEST_KUBECONFIG=str(nowhere))

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    reason = f"TEST_KUBECONFIG names {nowhere}, and there is no such file."
    assert done.stdout.splitlines().count(reason) == NEEDING_A_NODE
    assert "Traceback" not in done.stdout


def test_choice_to_do_without_a_node_leaves_the_rest() -> None:
    done = run_pytest(PROCESSES, NODE, KUBERNETES="api")

    assert done.returncode == pytest.ExitCode.OK, done.stdout
    *_, last = done.stdout.strip().splitlines()
    assert re.fullmatch(LEFT_OUT.format("api", NEEDING_A_NODE), last)


def test_choice_is_on_the_last_line_of_all_checks() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tools'); import checks\n"
        "tests = [checks.Check(path, 'pytest', ('-q', '-p', 'no:cacheprovider', path))\n"
        f"         for path in ({API!r}, {NODE!r})]\n"
        "checks.SUITES['check'] = (checks.CHECKS[3], *tests)\n"
        "sys.argv[1:] = ['check']; sys.exit(checks.main())"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=ROOT,
        env=os.environ | {"KUBERNETES": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    *_, last = done.stderr.strip().splitlines()
    counts = rf"\d+ on Kubernetes.*; {NEEDING_A_NODE}"
    assert re.fullmatch("  n" + LEFT_OUT.format("off", counts)[1:], last)


@pytest.mark.node
def test_node_without_root_fails_with_what_to_do() -> None:
    code = (
        "import os; os.seteuid(65534)\n"
        "from tests.cluster.node import check_machine; check_machine(os.environ['PATH'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    *_, last = done.stderr.strip().splitlines()
    assert last.endswith(
        "A node needs root: run the tests as root. "
        "KUBERNETES=api leaves out the tests that need a node."
    )
