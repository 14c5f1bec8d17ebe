"""``jhp identity try``: who a user would be, said without a login."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.main import main

FILE = """\
version: 1
users: {root: {level: admin}}
groups: {vision: {from: [/projects/vision]}, staff: {}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 1, memory: 1Gi}, images: [lab]}}
identity:
  providers:
    company: {issuer: "https://id.example.org", client: {id: hub, auth: none}}
  rules:
    - {when: {kind: alumni}, refuse: alumni are not let in}
    - {when: {groups: /staff}, level: developer, groups: [staff], for: 90d}
"""
STAFF = {"preferred_username": "Kim", "groups": ["/staff", "/projects/vision"]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "platform.yaml"
    path.write_text(FILE)
    return path


def attempt(file: Path, claims: Any, *options: str) -> Result:
    text = claims if isinstance(claims, str) else json.dumps(claims)
    arguments = ["identity", "try", "-", "--file", str(file), *options]
    return CliRunner().invoke(main, arguments, input=text)


def test_it_says_who_it_would_be_and_which_line_says_so(file: Path) -> None:
    done = attempt(file, STAFF)
    first, rule, until, *groups = done.output.splitlines()
    assert (done.exit_code, first) == (0, "kim is let in, with the level developer.")
    assert rule == f"Rule: identity.rules.1, {file}:11"
    assert until.startswith("Until: ")
    assert groups == [
        f"Group: staff, by identity.rules.1.groups, {file}:11",
        f"Group: vision, by groups.vision.from, {file}:3",
    ]


def test_it_says_the_same_as_json(file: Path) -> None:
    found = json.loads(attempt(file, STAFF, "--json").output)
    assert (found["let_in"], found["name"], found["level"]) == (True, "kim", "developer")
    assert found["groups"] == {"staff": "identity.rules.1.groups", "vision": "groups.vision.from"}


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({**STAFF, "kind": "alumni"}, "kim is not let in: alumni are not let in."),
        ({**STAFF, "groups": []}, "kim is not let in: no rule of this platform lets you in."),
        ({**STAFF, "preferred_username": "root"}, "the name root is known here already"),
        ({"groups": ["/staff"]}, "none of the claims preferred_username, email has a name"),
        (
            {"groups": ["/staff"], "email": "kim@example.org"},
            "email does not count: company does not say that it is verified",
        ),
        ({**STAFF, "groups": {"a": 1}}, "holds something that is no text"),
    ],
)
def test_it_says_why_a_user_would_not_be_let_in(file: Path, claims: Any, why: str) -> None:
    done = attempt(file, claims)
    assert done.exit_code == 1
    assert why in done.output
    assert json.loads(attempt(file, claims, "--json").output)["let_in"] is False


@pytest.mark.parametrize(
    ("claims", "options", "what"),
    [
        ("[]", (), "not a JSON object"),
        ("[" * 100_000, (), "not a JSON object"),
        (STAFF, ("--provider", "other"), "Name a provider with --provider: company."),
        (STAFF, ("--file", "/nowhere.yaml"), "/nowhere.yaml cannot be read"),
    ],
)
def test_it_says_what_it_cannot_read(file: Path, claims: Any, options: Any, what: str) -> None:
    done = attempt(file, claims, *options)
    assert done.exit_code == 2
    assert what in done.output


def test_a_rule_that_reaches_far_is_listed(file: Path) -> None:
    far = "level: admin, allow_elevated: true"
    file.write_text(FILE.replace("level: developer", far))
    done = CliRunner().invoke(main, ["validate", str(file)])
    assert "identity.rules.1.level: a user who has groups /staff is admin" in done.output
