import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.main import VERBS, main
from tests.support.broken_documents import FILES, expected_faults

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "local" / "platform.yaml"


def jhp(*words: str | Path) -> Result:
    return CliRunner(catch_exceptions=False).invoke(main, [str(word) for word in words])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_broken_file_is_one_line_for_each_fault_and_exit_1(file: Path):
    result = jhp("validate", file)
    rows = result.stdout.splitlines()
    assert result.exit_code == 1
    assert len(rows) == len(expected_faults(file))
    assert all(row.startswith(f"{file}:") for row in rows)
    assert result.stderr.splitlines() == [
        f"{len(rows)} fault{'s' if len(rows) > 1 else ''} in {file}"
    ]


def test_a_valid_file_is_one_sentence():
    result = jhp("validate", EXAMPLE)
    assert result.exit_code == 0
    assert result.stdout == "Valid: 7 people, 3 groups, 3 tiers, 1 grant.\n"
    assert result.stderr == ""


def test_json_of_a_valid_file_counts():
    result = jhp("validate", "--json", EXAMPLE)
    said = json.loads(result.stdout)
    assert result.exit_code == 0
    assert said.pop("digest").startswith("sha256:")
    assert said == {
        "file": str(EXAMPLE),
        "valid": True,
        "counts": {"people": 7, "groups": 3, "tiers": 3, "images": 2, "grants": 1},
        "faults": [],
        "warnings": [],
    }


def test_json_of_a_broken_file_has_every_fault(tmp_path: Path):
    file = tmp_path / "platform.yaml"
    file.write_text("version: 1\nusers: {ann: {level: admin}}\nimages: {}\ntiers: 5\n")
    result = jhp("validate", "--json", file)
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "file": str(file),
        "valid": False,
        "digest": None,
        "counts": None,
        "faults": [
            {
                "file": str(file),
                "line": 4,
                "path": ["tiers"],
                "what": "is “5”, not keys and values",
                "fix": "write KEY: VALUE lines below it",
            }
        ],
        "warnings": [],
    }


@pytest.mark.parametrize(
    "words",
    [
        ["validate"],
        ["validate", "nowhere.yaml"],
        ["validate", "--yaml", "x"],
        ["validate", str(ROOT / "tests")],
        ["frobnicate"],
    ],
)
def test_misuse_is_exit_2_and_says_why_on_stderr(words: list[str]):
    result = jhp(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) in range(1, 5)


def test_a_huge_file_is_refused_without_reading_it_all(tmp_path: Path):
    file = tmp_path / "platform.yaml"
    with file.open("wb") as sparse:
        sparse.truncate(10 * 2**30)
    result = jhp("validate", file)
    assert result.exit_code == 1
    assert "larger than 16 MiB" in result.stdout


_JHP = f"{shlex.quote(sys.executable)} -m jupyterhub_platform"


@pytest.mark.parametrize(
    "script",
    [
        f"cat {EXAMPLE} | {_JHP} validate /dev/stdin",
        f"{_JHP} validate /dev/stdin < {EXAMPLE}",
        f"{_JHP} validate <(cat {EXAMPLE})",
        f"(sleep 1; cat {EXAMPLE}) | {_JHP} validate /dev/stdin",
        f"mkfifo pipe; cat {EXAMPLE} > pipe & {_JHP} validate pipe",
    ],
    ids=["pipe", "stdin", "substitution", "slow", "named-pipe"],
)
def test_policy_from_a_pipe_is_validated(script: str, tmp_path: Path):
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Valid: ")


def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub_platform", "validate", pipe],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        f"{pipe}: It is a pipe that no process writes to; check the name and try again\n"
    )


def test_help_of_every_verb_opens_with_an_example():
    for verb in ("validate", "schema"):
        lines = [line.strip() for line in jhp(verb, "--help").stdout.splitlines()]
        assert sum(line.startswith(f"jhp {verb}") for line in lines[:8]) == 2


@pytest.mark.parametrize("words", [[], ["validate"], ["schema"]])
def test_the_examples_in_the_help_work_as_pasted(words: list[str], tmp_path: Path):
    lines = [line.strip() for line in jhp(*words, "--help").stdout.splitlines()]
    examples = [line for line in lines if line.startswith("jhp ")]
    assert len(examples) == 2
    (tmp_path / ".jupyterhub-platform").mkdir()
    (tmp_path / ".jupyterhub-platform" / "platform.yaml").write_text(EXAMPLE.read_text())
    run = f"{shlex.quote(sys.executable)} -c "
    run += shlex.quote("from jupyterhub_platform.cli.main import main; main()")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for example in examples:
        script = f'jhp() {{ {run} "$@"; }}; {example}'
        done = subprocess.run(
            ["/bin/sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_every_verb_can_be_loaded():
    for verb in VERBS:
        assert jhp(verb, "--help").exit_code == 0


def test_says_its_version():
    result = jhp("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("jupyterhub-platform ")


def test_a_warning_refuses_nothing_unless_it_is_to(tmp_path: Path):
    file = tmp_path / "platform.yaml"
    text = EXAMPLE.read_text()
    file.write_text(text.replace("{cpu: 500m, memory: 512Mi}", "{cpu: 100m, memory: 512Mi}"))
    assert jhp("validate", file).stdout.startswith("Valid: ")
    file.write_text(
        file.read_text().replace("limits: {cpu: 1, memory", "limits: {cpu: 100m, memory")
    )
    result = jhp("validate", file)
    warning, valid = result.stdout.splitlines()
    assert result.exit_code == 0
    assert warning.startswith(f"{file}:")
    assert ": warning: tiers.small.limits.cpu: " in warning
    assert valid == "Valid: 7 people, 3 groups, 3 tiers, 1 grant; 1 warning."
    assert jhp("validate", "--strict", file).exit_code == 1
    said = json.loads(jhp("validate", "--json", file).stdout)
    assert (said["valid"], said["faults"]) == (True, [])
    assert [each["path"] for each in said["warnings"]] == [["tiers", "small", "limits", "cpu"]]


def test_a_file_that_no_config_map_holds_is_warned_about(tmp_path: Path):
    file = tmp_path / "platform.yaml"
    file.write_text(EXAMPLE.read_text() + "# a comment\n" * 100_000)
    result = jhp("validate", file)
    assert result.exit_code == 0
    (warned, _) = result.stdout.splitlines()
    assert "has 1.1 MiB, and a ConfigMap on Kubernetes holds 1 MiB in all its keys;" in warned
    assert "name the parts under include" in warned


def test_a_dash_is_stdin():
    done = CliRunner(catch_exceptions=False).invoke(
        main, ["validate", "-"], input=EXAMPLE.read_text().replace("cpu: 8,", "cpu: many,")
    )
    assert done.exit_code == 1
    assert done.stdout.startswith("<stdin>:11: quota.cpu: “many” is not an amount of cpu")
