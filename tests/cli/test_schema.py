import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator, FormatChecker
from ruamel.yaml import YAML

from jupyterhub_platform.cli.main import main
from tests.support.broken_documents import FOLDER

LOCAL = Path(__file__).parents[2] / "examples" / "local"


@pytest.fixture(scope="module")
def printed() -> str:
    return CliRunner().invoke(main, ["schema"]).stdout


@pytest.fixture(scope="module")
def schema(printed: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(printed)
    return loaded


def errors(schema: dict[str, Any], file: Path) -> list[str]:
    document = json.loads(json.dumps(YAML(typ="safe", pure=True).load(file), default=_iso))
    checker = Draft202012Validator(schema, format_checker=FormatChecker())
    return [error.message for error in checker.iter_errors(document)]


def _iso(value: Any) -> str:
    return str(value.isoformat())


def test_the_schema_beside_the_example_is_current(printed: str):
    assert (LOCAL / "platform.schema.json").read_text() == printed


def test_the_example_names_its_schema_on_the_first_line():
    first = (LOCAL / "platform.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=platform.schema.json"


def test_the_schema_is_one(schema: dict[str, Any]):
    Draft202012Validator.check_schema(schema)


def test_the_example_fits_the_schema(schema: dict[str, Any]):
    assert errors(schema, LOCAL / "platform.yaml") == []


def test_what_is_needed_may_be_in_a_file_that_is_included(schema: dict[str, Any]):
    check = Draft202012Validator(schema).is_valid
    assert not check({"version": 1})
    assert check({"version": 1, "include": ["people"]})


def test_an_included_file_has_a_schema_of_its_own():
    schema = json.loads(CliRunner().invoke(main, ["schema", "--included"]).stdout)
    Draft202012Validator.check_schema(schema)
    check = Draft202012Validator(schema).is_valid
    assert check({"users": {"kim": {}}, "grants": []})
    assert not check({"version": 1})
    assert not check({"users": {"kim": {"lvel": "user"}}})


@pytest.mark.parametrize(
    "name",
    [
        "key-unknown-top",
        "key-unknown-in-grant",
        "type-members-text",
        "amount-banana",
        "amount-negative",
        "quota-infinite",
        "at-once-zero",
        "unknown-level",
        "missing-tiers",
        "version-unknown",
    ],
)
def test_an_editor_sees_mistakes_too(schema: dict[str, Any], name: str):
    assert errors(schema, FOLDER / f"{name}.yaml")


def test_every_key_is_described(schema: dict[str, Any]):
    bare = [path for path, entry in _properties(schema, "") if not entry.get("description")]
    assert bare == []


def _properties(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        for name, entry in node.get("properties", {}).items():
            yield f"{path}.{name}", entry
        for key, below in node.items():
            yield from _properties(below, f"{path}.{key}")
