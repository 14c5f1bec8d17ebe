"""``jhp doctor``: what it prints, and its exit code; nothing here needs a Hub or a cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from jupyterhub_platform.cli.doctor.facts import note_homes
from jupyterhub_platform.cli.doctor.report import render_report
from jupyterhub_platform.deploy.doctor.findings import (
    Check,
    Finding,
    Result,
    failed,
    unknown,
    warning,
)
from tests.deploy.facts import of_cluster

EXAMPLE = "examples/local/platform.yaml"
NOWHERE = {"KUBECONFIG": "/nowhere"}


def doctor(state: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``jhp doctor`` as a shell does, away from every Hub and cluster."""
    command = [sys.executable, "-m", "jupyterhub_platform", "doctor", "--state", str(state), *words]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PLATFORM_", "KUBE"))}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**clean, **NOWHERE, **environment},
    )


def result(code: str, *findings: Finding) -> Result:
    return Result(Check(code, (), "All is well.", lambda _: ()), findings)


def test_a_laptop_is_told_in_one_line_each_what_is_not_checked(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--file", EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "1 check, all well.",
        "",
        "ok       doctor.file  The policy file is valid.",
        "",
        f"The Hub: not checked, since none was started from {tmp_path}; --state or --url names it.",
        "The cluster: not checked; --namespace, --context or --kubeconfig names it.",
    ]


def test_a_file_with_faults_fails(tmp_path: Path) -> None:
    broken = tmp_path / "platform.yaml"
    broken.write_text(Path(EXAMPLE).read_text().replace("tier: small", "tier: banana"))
    done = doctor(tmp_path, "--json", "--file", str(broken))
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"]) == (1, False)
    (check,) = answer["checks"]
    assert (check["code"], check["status"], check["message"]) == ("doctor.file", "failed", None)
    assert "banana" in check["findings"][0]["what"]
    assert len(answer["skipped"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "There is nothing to check."),
        (("--namespace", "hub"), "The kubeconfig cannot be used"),
        (("--kubeconfig", "/nowhere"), "The kubeconfig cannot be used"),
        (("--context", "nowhere"), "The kubeconfig cannot be used"),
        (("--url", "http://127.0.0.1:9"), "There is no token for http://127.0.0.1:9"),
        (("--file", "/nowhere"), "/nowhere"),
        (("--file", EXAMPLE, "--absent-node", EXAMPLE), "is not JSON"),
        (
            ("--file", EXAMPLE, "--absent-node", "examples/local/platform.schema.json"),
            "is not a node",
        ),
    ],
)
def test_wrong_argument_is_a_misuse(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = doctor(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hub_that_does_not_answer_has_failed(tmp_path: Path) -> None:
    (tmp_path / "command.json").write_text('{"url": "http://127.0.0.1:1", "token": "t"}')
    done = doctor(tmp_path)
    assert done.returncode == 1
    assert "failed   doctor.hub" in done.stdout
    assert "The Hub at http://127.0.0.1:1 does not answer" in done.stdout


def test_homes_are_not_checked_if_no_tier_has_one() -> None:
    skipped: list[str] = []
    note_homes(of_cluster(), skipped)
    assert skipped == []
    note_homes(of_cluster({"tiers": {"small": {"home": None}}}), skipped)
    (line,) = skipped
    assert line.startswith("Storage classes: not checked, since no tier of the policy has a home.")


def test_a_pod_without_a_token_leaves_its_cluster_out(tmp_path: Path) -> None:
    pod = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "9"}
    done = doctor(tmp_path, "--file", EXAMPLE, **pod)
    assert done.returncode == 0
    assert "The cluster: not checked. This is not a pod with a token" in done.stdout


def test_each_thing_is_said_with_why_and_the_fix_below_its_check() -> None:
    results = [
        result("doctor.long.name", failed("What is so.", "Why it matters.", "jhp fix")),
        result("doctor.a", warning("W.", "V.", "U."), unknown("X.", "Y.", "Z.")),
        result("doctor.b"),
    ]
    assert click.unstyle(render_report(results, ["Left out."])).splitlines() == [
        "3 checks: 1 failed, 1 with a warning.",
        "",
        "failed   doctor.long.name  What is so.",
        "         why  Why it matters.",
        "         fix  jhp fix",
        "warning  doctor.a          W.",
        "         why  V.",
        "         fix  U.",
        "unknown  doctor.a          X.",
        "         why  Y.",
        "         fix  Z.",
        "ok       doctor.b          All is well.",
        "",
        "Left out.",
    ]
