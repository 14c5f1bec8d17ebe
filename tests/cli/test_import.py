"""``jhp import``: the document, the report, exit codes, and what it never writes over."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.main import main
from jupyterhub_platform.policy_files import read_policy

WHOLE = """\
hub:
  config:
    Authenticator: {admin_users: [ada]}
singleuser:
  image: {name: quay.io/acme/lab, tag: "1"}
  memory: {limit: 4G}
  cpu: {limit: 2}
"""
LOST = f"{WHOLE}  storage:\n    extraVolumes: [{{name: a, hostPath: {{path: /data}}}}]\n"


def jhp(*words: str | Path) -> Result:
    return CliRunner(catch_exceptions=False).invoke(main, [str(word) for word in words])


@pytest.fixture
def values(tmp_path: Path) -> Path:
    file = tmp_path / "values.yaml"
    file.write_text(WHOLE)
    return file


def test_the_document_goes_to_stdout_and_the_report_to_stderr(values: Path) -> None:
    result = jhp("import", values)
    assert result.exit_code == 0
    head, *rest = result.stdout.splitlines()
    assert head.startswith("# Made by jhp import of values.yaml.")
    (values.parent / "platform.yaml").write_text(result.stdout)
    assert read_policy(values.parent / "platform.yaml").policy.people["ada"].level == "admin"
    assert "version: 1" in rest
    assert (
        f"{values}:3: hub.config.Authenticator.admin_users.0: -> users.ada.level" in result.stderr
    )
    assert result.stderr.splitlines()[-1].endswith("0 impossible.")


def test_with_output_the_report_goes_to_stdout(values: Path) -> None:
    output = values.parent / "platform.yaml"
    result = jhp("import", values, "-o", output)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "0 impossible." in result.stdout
    assert read_policy(output).policy.tiers["standard"].limits.amount("memory") == 4 * 2**30
    assert output.stat().st_mode & 0o777 == 0o644


def test_what_is_impossible_is_exit_1_and_is_said_first(values: Path) -> None:
    values.write_text(LOST)
    result = jhp("import", values, "-o", values.parent / "platform.yaml")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "Impossible: 1"
    assert "singleuser.storage.extraVolumes.0" in result.stdout.splitlines()[1]


def test_a_file_that_is_there_is_kept_unless_forced(values: Path) -> None:
    output = values.parent / "platform.yaml"
    output.write_text("mine")
    result = jhp("import", values, "-o", output)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert output.read_text() == "mine"
    assert jhp("import", values, "-o", output, "--force").exit_code == 0
    assert read_policy(output).policy.tiers


def test_the_source_is_never_written_over(values: Path) -> None:
    assert jhp("import", values, "-o", values, "--force").exit_code == 2
    assert values.read_text() == WHOLE


def test_json_has_the_document_and_every_finding(values: Path) -> None:
    values.write_text(LOST)
    result = jhp("import", values, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found.keys() == {"files", "kind", "counts", "findings", "document"}
    assert found["kind"] == "values"
    assert found["counts"]["impossible"] == 1
    assert found["document"]["version"] == 1
    assert {"outcome", "file", "line", "key", "became", "stays", "why"} == found["findings"][
        0
    ].keys()
    lost = [each for each in found["findings"] if each["outcome"] == "impossible"]
    assert [(each["line"], each["key"]) for each in lost] == [
        (9, "singleuser.storage.extraVolumes.0")
    ]


def test_markdown_is_a_table_for_each_outcome(values: Path) -> None:
    values.write_text(LOST.replace("extraVolumes", "'extra|<b>Volumes`'"))
    output = values.parent / "platform.yaml"
    result = jhp("import", values, "--markdown", "-o", output)
    assert result.stdout.startswith("# Import of ")
    assert "| Place | Setting | Became | Why |" in result.stdout
    assert "<b>" not in result.stdout
    rows = [line for line in result.stdout.splitlines() if line.startswith("| ")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {5}


def test_a_format_that_is_not_recognised_is_asked_for(values: Path) -> None:
    values.write_text("foo: 1\n")
    result = jhp("import", values)
    assert result.exit_code == 2
    assert "--as nebari" in result.stderr
    assert jhp("import", values, "--as", "values").exit_code == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("import", "/nowhere/values.yaml"), "/nowhere/values.yaml: "),
        (("import", "--json", "--markdown", "x"), "choose one"),
        (("import", "--as", "helm", "x"), "helm"),
        (("import",), "FILES"),
    ],
)
def test_misuse_is_exit_2(words: tuple[str, ...], says: str) -> None:
    result = jhp(*words)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_broken_file_is_exit_2_with_its_line(values: Path) -> None:
    values.write_text("hub:\n  x: {\n")
    result = jhp("import", values)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{values}:3: ")


def test_several_files_of_values_are_laid_over_each_other(values: Path) -> None:
    later = values.parent / "production.yaml"
    later.write_text("singleuser:\n  memory: {limit: 8G}\n  cpu: null\n")
    result = jhp("import", values, later, "--json")
    found = json.loads(result.stdout)
    limits = found["document"]["tiers"]["standard"]["limits"]
    assert limits == {"cpu": "unlimited", "memory": "8Gi"}
    places = {each["key"]: (each["file"], each["line"]) for each in found["findings"]}
    assert places["singleuser.memory.limit"] == (str(later), 2)
    assert places["hub.config.Authenticator.admin_users.0"] == (str(values), 3)


def test_a_fault_names_the_file_that_has_it(values: Path) -> None:
    later = values.parent / "production.yaml"
    later.write_text("singleuser: {\n")
    assert jhp("import", values, later).stderr.startswith(f"{later}:")
    later.write_text("hub: !x {}\nhub: {}\n")
    report = jhp("import", values, later).stderr
    assert f"{later}:1: hub: tags (!) are not read" in report
    code = values.parent / "jupyterhub_config.py"
    code.write_text("c.X.y = 1\n")
    assert jhp("import", code, values).exit_code == 2


def test_names_of_a_source_cannot_change_a_terminal(values: Path) -> None:
    values.write_text(f'{WHOLE}"foo\\x1b[2Jbar": 1\n')
    result = jhp("import", values)
    assert "\x1b" not in result.output
    assert "foo\\x1b[2Jbar" in result.stderr
