"""``jhp plan`` where no Hub answers: what it compares with, its forms, and its exit codes."""

import json
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.deploy.report import Report, render_markdown, render_terminal
from jupyterhub_platform.cli.main import main
from jupyterhub_platform.cli.policy.sarif import render_sarif
from jupyterhub_platform.deploy.plan import PartChange
from jupyterhub_platform.documents import parse_revision
from jupyterhub_platform.file_texts import FileText
from jupyterhub_platform.rest.managed import OverLimit
from jupyterhub_platform.rest.policy_plans import Conflict, MetServer, PlannedRisk, render_plan
from jupyterhub_platform.usecases.policy_plans import plan_alone
from tests.support.policies import NOW

TEXT = """\
version: 1
users: {dev: {level: developer}, root: {level: admin}}
groups: {vision: {members: [dev, root], quota: {servers: 4}}}
images: {lab: {reference: "lab:1"}}
tiers:
  small: {requests: {cpu: 1, memory: 1Gi}, images: [lab], environment: {API_TOKEN: canary}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "platform.yaml").write_text(TEXT)
    return tmp_path


def jhp(*words: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(main, words)


def git(*words: str) -> str:
    name = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
    done = subprocess.run(["git", *name, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def report(before: str, after: str = TEXT, **changes: Any) -> Report:
    files = [FileText("platform.yaml", after.encode())]
    read = parse_revision(before, "platform.yaml")
    plan = render_plan(plan_alone(read, files, "platform.yaml", NOW))
    parts = changes.pop("parts", ())
    allowed = changes.pop("allowed", frozenset())
    plan = plan.model_copy(update=changes)
    return Report("platform.yaml", "revision 3", True, plan, parts, allowed)


def test_first_files_are_planned_beside_nothing(folder: Path) -> None:
    result = jhp("plan")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "platform.yaml, compared with nothing: no Hub ever ran here"
    assert "  hub: does not run; jhp apply starts it" in lines
    assert "  added: 2 (dev, root)" in lines
    assert lines[-1] == "It can be applied, and destroys nothing."


def test_a_file_that_is_not_there_is_a_misuse(folder: Path) -> None:
    (folder / "platform.yaml").unlink()
    result = jhp("plan")
    assert (result.exit_code, "There is no file platform.yaml" in result.stderr) == (2, True)


@pytest.mark.parametrize("form", ["", "--json", "--markdown", "--sarif"])
def test_faults_have_their_lines_in_every_form(folder: Path, form: str) -> None:
    (folder / "platform.yaml").write_text(TEXT.replace("1Gi", "banana"))
    result = jhp("plan", *filter(None, [form]))
    assert result.exit_code == 1
    if form == "--sarif":
        (found,) = json.loads(result.stdout)["runs"][0]["results"]
        place = found["locations"][0]["physicalLocation"]
        assert (found["ruleId"], found["level"]) == ("policy-fault", "error")
        assert place["artifactLocation"]["uri"] == "platform.yaml"
        assert place["region"]["startLine"] == 6
    else:
        assert "platform.yaml:6: " in result.stdout


def test_a_named_hub_that_does_not_answer_is_no_reason_to_guess(folder: Path) -> None:
    result = jhp("plan", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "no token" in result.stderr


def test_a_plan_against_a_git_revision_asks_no_hub(folder: Path) -> None:
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    (folder / "platform.yaml").write_text(TEXT.replace("developer", "user"))
    result = jhp("plan", "--against", "HEAD", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["against"] == f"git revision {git('rev-parse', '--short', 'HEAD')} one"
    assert [each["user"] for each in answer["policy"]["levels"]] == ["dev"]
    assert "git rev-parse failed" in jhp("plan", "--against", "nothing").stderr


CLUSTER = "deployment:\n  target: cluster\n  address: https://hub.example.org\n"


def test_what_is_rendered_for_a_cluster_is_compared_with_a_git_revision(folder: Path) -> None:
    (folder / "platform.yaml").write_text(TEXT + CLUSTER)
    overlay = folder / "helm-values" / "overlays" / "own.yaml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text("hub: {labels: {a: b}}\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")

    def plan(*words: str) -> tuple[int, dict[str, str]]:
        result = jhp("plan", "--against", "HEAD", "--json", *words)
        parts = json.loads(result.stdout)["deployment"]
        return result.exit_code, {each["part"]: each["change"] for each in parts}

    assert plan() == (0, {"hub": "none", "proxy": "none"})
    overlay.write_text("hub: {labels: {a: c}}\n")
    assert plan() == (0, {"hub": "restarts", "proxy": "none"})
    overlay.write_text("proxy: {chp: {image: {tag: new}}}\n")
    assert plan() == (2, {"hub": "restarts", "proxy": "restarts"})
    assert plan("--allow", "proxy") == (0, {"hub": "restarts", "proxy": "restarts"})


@pytest.mark.parametrize("verb", ["apply", "rollback"])
def test_what_is_for_a_cluster_is_not_applied_to_this_machine(folder: Path, verb: str) -> None:
    (folder / "platform.yaml").write_text(TEXT + CLUSTER)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    result = jhp(verb, *(["--to", "HEAD"] if verb == "rollback" else []))
    assert result.exit_code == 1
    assert "is deployed to a cluster (target: cluster)" in result.stderr
    assert not (folder / ".jupyterhub-platform" / "platform.yaml").exists()


def test_no_form_shows_a_secret(folder: Path) -> None:
    before = TEXT.replace("canary", "canary-before")
    for text in (*render_terminal(report(before)), *render_markdown(report(before))):
        assert "canary" not in text
    assert "canary" not in json.dumps(report(before).to_json())


def test_what_is_destructive_is_refused_until_it_is_allowed_by_name() -> None:
    risk = PlannedRisk(code="tier", sentence="1 server runs", destructive=True)
    parts = (PartChange("proxy", "restarts", "restarts", destructive=True),)
    found = report(TEXT, risks=[risk], parts=parts)
    assert found.refused == ("tier", "proxy")
    assert found.say_verdict() == (
        "It is destructive, and is applied with --allow tier --allow proxy only."
    )
    one = report(TEXT, risks=[risk], parts=parts, allowed=frozenset({"tier"}))
    assert one.refused == ("proxy",)
    assert report(TEXT, risks=[risk], parts=parts, allowed=frozenset({"all"})).refused == ()


def test_what_is_in_force_is_nothing_to_do() -> None:
    assert report(TEXT).say_verdict() == "Nothing to do: these files are in force."
    assert report(TEXT).is_idle
    starts = PartChange("hub", "starts", "starts")
    assert not report(TEXT, parts=(starts,)).is_idle


FULL: dict[str, Any] = {
    "risks": [
        PlannedRisk(code="admins", sentence="No admin any more: root", destructive=True),
        PlannedRisk(code="cut", sentence="quota is cut", destructive=False),
    ],
    "conflicts": [Conflict(kind="user", name="kim", by="root", at=NOW.isoformat())],
    "conflicts_count": 1,
    "over": [
        OverLimit(
            scope=scope,
            user="dev",
            account="vision",
            tier="small" if scope.startswith("tier") else "",
            resource="servers",
            held=3,
            maximum=1,
            path="groups.vision.quota.servers",
        )
        for scope in ("platform", "account", "member", "user", "tier", "tier-account", "tier-user")
    ],
    "over_count": 30,
    "servers": [
        MetServer(user="dev", server="", account="vision", tier="small", code="suspended"),
        MetServer(user="dev", server="two", account="vision", tier="small", code="changed"),
    ],
    "servers_count": 2,
    "warnings": ["platform.yaml:6: warning: it is small"],
}


def test_the_blast_radius_comes_first_then_what_is_hit() -> None:
    parts = (PartChange("hub", "none", "goes on"),)
    text = click.unstyle(
        "\n".join(render_terminal(report(TEXT.replace("dev,", "dev ,"), **FULL, parts=parts)))
    )
    order = [
        *("Blast radius", "  hub: goes on", "  servers: 1 server stopped; 1 concerned"),
        *("Destructive", "  No admin any more: root (--allow admins)"),
        *("Conflicts", "  user kim is managed in the Hub, by root: jhp adopt user kim"),
        *(
            "Over now",
            "  the platform: 3 of 1 server, over by 2 servers",
            "  dev in vision: 3 of 1",
        ),
        *("  and 10 more", "Running servers"),
        *("  dev/default (small) is stopped", "  dev/two (small) goes on as it is"),
        *("Look at", "  quota is cut", "  platform.yaml:6: warning", "Difference", "It cannot be"),
    ]
    places = [text.find(each) for each in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)


def test_markdown_shows_what_is_said_as_it_is() -> None:
    risk = PlannedRisk(code="cut", sentence="<b>*x*</b> `y`", destructive=False)
    text = TEXT.replace("version: 1", "version: 1\nname: '````'")
    shown = "\n".join(render_markdown(report(text, risks=[risk])))
    assert r"- \<b\>\*x\*\</b\> \`y\`" in shown
    assert "\n`````diff\n" in shown


def test_a_difference_that_is_too_long_is_shown_by_objects() -> None:
    found = report(TEXT.replace("developer", "user"), lines=None, objects_count=40)
    text = click.unstyle("\n".join(render_terminal(found)))
    assert "  changed user dev\n  - level: user\n  + level: developer\n  and 10 more" in text


def test_sarif_has_a_result_for_each_finding() -> None:
    found = render_sarif("platform.yaml", report(TEXT, **FULL).plan, ())
    rules = [(each["ruleId"], each["level"]) for each in found["runs"][0]["results"]]
    assert rules[:3] == [
        ("plan-destructive", "error"),
        ("plan-cut", "warning"),
        ("plan-conflict", "error"),
    ]
    assert rules[-1] == ("policy-warning", "warning")
    assert {name for name, _ in rules} <= {
        each["id"] for each in found["runs"][0]["tool"]["driver"]["rules"]
    }
    lines = [
        each["locations"][0]["physicalLocation"]["region"]["startLine"]
        for each in found["runs"][0]["results"]
    ]
    assert lines[-1] == 6
