"""A jupyterhub_config.py is read by its form, and nothing of it is executed."""

from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.deploy.importing.entries import Computed
from jupyterhub_platform.deploy.importing.findings import Findings, Kind, Outcome
from jupyterhub_platform.deploy.importing.python_source import PythonSource
from tests.deploy.importing.imports import by_key, imported


def read(text: str) -> PythonSource:
    source = PythonSource(Findings())
    source.read(text)
    return source


def value_of(text: str, setting: str = "X.y") -> Any:
    return read(text).settings[setting].value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("c.X.y = 5", 5),
        ("c.X.y = -0.5", -0.5),
        ("c.X.y = {'a', 'b'}", ["a", "b"]),
        ("A = 'x'\nc.X.y = f'{A}-{1}'", "x-1"),
        ("A = 'x'\nc.X.y = A + 'y'", "xy"),
        ("A = [1]\nc.X.y = [*A, 2] + [3]", [1, 2, 3]),
        ("A = {'a': 1}\nc.X.y = {**A, 'b': A['a']}", {"a": 1, "b": 1}),
        ("A = {'a': 1}\nc.X.y = A | {'b': 2}", {"a": 1, "b": 2}),
        ("c.X.y = dict(a=1, b=[2])", {"a": 1, "b": [2]}),
        ("c.X.y = set(['a'])", ["a"]),
        ("c.X.y = 10 * 1024**3", 10 * 2**30),
        ("c.X.z = [1, 2]\nc.X.y = c.X.z[-1]", 2),
        ("c.X.y = [1]\nc.X.y += [2]\nc.X.y.append(3)\nc.X.y.extend([4])", [1, 2, 3, 4]),
        ("c.X.y = {'a': 1}\nc.X.y.update({'b': 2})\nc.X.y['c'] = 3", {"a": 1, "b": 2, "c": 3}),
        ("c.X.update({'y': 5})", 5),
        ("c: Any = get_config()\nwith open('f') as f:\n    c.X.y = 1", 1),
    ],
)
def test_what_a_setting_says(text: str, value: object) -> None:
    assert value_of(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("c.X.y = os.environ['A']", "is read from the environment"),
        ("c.X.y = os.getenv('A')", "is read from the environment"),
        ("c.X.y = open('f').read()", "is computed by code"),
        ("c.X.y = [each for each in range(3)]", "is computed by code"),
        ("def f(): pass\nc.X.y = f", "is the function f"),
        ("class A(B): pass\nc.X.y = A", "is the class A"),
        ("c.X.y = nowhere", "is nowhere, which only code knows"),
        ("if A:\n    B = 1\nc.X.y = B", "depends on a condition"),
        ("c.X.y = 1 / 0", "cannot be calculated"),
        ("c.X.y = 2**10**10", "is computed by code"),
        ("c.X.y = 1\nc.X.y.update(f())", "is changed by code"),
        ("A = 'x' * 3\nc.X.y = A", "is computed by code"),
    ],
)
def test_what_only_code_knows(text: str, why: str) -> None:
    found = value_of(text)
    assert isinstance(found, Computed)
    assert found.what.startswith(why)


def test_nothing_is_executed(tmp_path: Path) -> None:
    file = tmp_path / "touched"
    code = f"__import__('pathlib').Path({str(file)!r}).touch()"
    imported(f'{code}\nc.X.y = {code}\nc.KubeSpawner.image = f"{{{code}}}"\n', Kind.CONFIG)
    assert not file.exists()


@pytest.mark.parametrize(
    "code",
    [
        "A = [0]\n" + "A = [A, A]\n" * 60 + "c.X.y = A",
        "A = [0]\n" + "A = [*A, *A]\n" * 60 + "c.X.y = A",
        "A = 'x'\n" + "A = A + A\n" * 60 + "c.X.y = A",
        "c.X.y = " + "[" * 60 + "]" * 60,
        "c.X.y = " + " + ".join(["'x'"] * 200),
        "c.X.y = " + "9" * 4000 + " ** 64",
    ],
)
def test_what_grows_without_end_is_not_followed(code: str) -> None:
    assert isinstance(value_of(code), Computed)


@pytest.mark.parametrize(
    "code", ["c.X.y = (", "c.X.y = " + "(" * 5000, "c.X.y = " + "9" * 9999, "\0"]
)
def test_what_is_no_python_is_refused_with_its_line(code: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read(code)
    assert [each.line for each in caught.value.faults] == [1]


def test_lines_are_those_of_the_smallest_part() -> None:
    source = read("A = {\n  'a': 1,\n  'b': [\n    2,\n  ],\n}\nc.X.y = {\n  **A,\n  'd': 3,\n}\n")
    entry = source.settings["X.y"]
    lines = {each.name: each.line for each in entry.items()}
    assert (entry.line, lines) == (7, {"a": 2, "b": 3, "d": 9})
    assert [each.line for each in entry.entries_at("b")] == [4]


def test_what_holds_under_a_condition_is_reported_and_not_taken() -> None:
    found = imported("c.X.y = 1\nif A:\n    c.KubeSpawner.mem_limit = '9G'\n", Kind.CONFIG)
    (finding,) = by_key(found)["c.KubeSpawner.mem_limit"]
    assert (finding.outcome, finding.line) == (Outcome.IMPOSSIBLE, 3)
    assert found.document["tiers"]["standard"]["limits"]["memory"] == "unlimited"


def test_calls_that_change_settings_are_reported() -> None:
    found = imported("load_subconfig('more.py')\ninstall(c)\nconfigure(c)\nc.X.y = 1\n")
    keys = by_key(found)
    assert keys["load_subconfig(…)"][0].outcome is Outcome.IMPOSSIBLE
    assert keys["install(…)"][0].outcome is Outcome.IMPOSSIBLE
    assert keys["configure(…)"][0].stays


def test_profiles_that_code_offers_are_tiers_for_admins_alone() -> None:
    found = imported(
        "def offer(spawner):\n"
        "    small = {'display_name': 'Small', 'kubespawner_override': {'mem_limit': '2G'}}\n"
        "    return [small]\n"
        "c.KubeSpawner.image = 'quay.io/acme/lab:1'\n"
        "c.KubeSpawner.profile_list = offer\n"
    )
    tier = found.document["tiers"]["small"]
    assert tier["limits"]["memory"] == "2Gi"
    assert tier["access"] == {"levels": ["admin"]}
    (finding,) = by_key(found)["c.KubeSpawner.profile_list"]
    assert finding.outcome is Outcome.IMPOSSIBLE
    assert "function offer" in finding.why


def test_profiles_that_code_computes_leave_one_tier_and_a_line() -> None:
    found = imported(
        "c.KubeSpawner.image = 'quay.io/acme/lab:1'\nc.KubeSpawner.profile_list = make()\n"
    )
    assert list(found.document["tiers"]) == ["standard"]
    assert by_key(found)["c.KubeSpawner.profile_list"][0].outcome is Outcome.IMPOSSIBLE


def test_an_idle_culler_among_the_services_becomes_the_tiers() -> None:
    found = imported(
        "c.KubeSpawner.image = 'quay.io/acme/lab:1'\n"
        "c.JupyterHub.services = [\n"
        "    {'name': 'cull', 'command': ['python3', '-m', 'jupyterhub_idle_culler', "
        "'--timeout=3600', '--max-age=90']},\n"
        "    {'name': 'other', 'url': 'http://x'},\n"
        "]\n"
        "c.JupyterHub.load_roles = [\n"
        "    {'name': 'cull', 'services': ['cull'], 'scopes': ['delete:servers']},\n"
        "    {'name': 'staff', 'groups': ['a'], 'scopes': ['list:users']},\n"
        "]\n"
    )
    tier = found.document["tiers"]["standard"]
    assert (tier["idle_timeout"], tier["max_lifetime"]) == ("1h", "90s")
    keys = by_key(found)
    assert keys["c.JupyterHub.services.1"][0].stays
    assert not keys["c.JupyterHub.load_roles.0"][0].stays
    assert keys["c.JupyterHub.load_roles.1"][0].stays


def test_groups_of_the_hub_are_groups_with_their_members() -> None:
    found = imported(
        "c.KubeSpawner.image = 'quay.io/acme/lab:1'\n"
        "c.JupyterHub.load_groups = {'vision': {'users': ['ann']}, 'a::b': ['bob', 'ann']}\n"
    )
    groups = found.document["groups"]
    assert groups["vision"]["members"] == ["ann"]
    assert groups["a-b"]["members"] == ["bob", "ann"]
    assert set(found.document["users"]) >= {"ann", "bob"}
