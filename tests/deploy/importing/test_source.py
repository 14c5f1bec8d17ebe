"""Which format a source has, and what is refused before anything is made of it."""

import time

import pytest

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.deploy.importing.findings import Kind, Outcome
from jupyterhub_platform.deploy.importing.source import MAX_BYTES, import_source
from tests.deploy.importing.imports import by_key, imported

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)
DEEP = "a: &a0 [x]\n" + "".join(f"b{n}: &a{n + 1} [*a{n}]\n" for n in range(40))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hub: {}\nsingleuser: {}\n", Kind.VALUES),
        ("jupyterhub:\n  proxy: {}\n", Kind.VALUES),
        ("nebari_version: 2026.3.1\njupyterhub: {overrides: {hub: {}}}\n", Kind.NEBARI),
        ("project_name: x\nqhub_version: 0.4\n", Kind.NEBARI),
        ("c = get_config()\nc.JupyterHub.ip = ''\n", Kind.CONFIG),
        ("hub: {extraConfig: {x: 'c.X.y = 1'}}\n", Kind.VALUES),
        ("hub:\n  extraConfig:\n    x: |\n      c.X.y = 1\n", Kind.VALUES),
    ],
)
def test_the_format_is_recognised_by_what_is_written(text: str, kind: Kind) -> None:
    assert imported(text).kind is kind


@pytest.mark.parametrize("text", ["", "a: 1\n", "- a\n", "x = 1\n", "{", "just text"])
def test_what_has_no_format_that_is_known_is_refused(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        import_source(text.encode(), "there.yaml")
    assert str(caught.value).startswith("there.yaml:1: ")


def test_a_format_can_be_said() -> None:
    assert imported("foo: 1\n", Kind.VALUES).kind is Kind.VALUES
    assert imported("foo: 1\n", Kind.NEBARI).kind is Kind.NEBARI
    assert imported("x = 1\n", Kind.CONFIG).kind is Kind.CONFIG


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"hub: " + b"x" * MAX_BYTES, "larger than 1 MiB"),
        (b"hub: \xff\n", "is not UTF-8"),
        (BOMB.encode(), "repeat more than a document has"),
        (DEEP.encode(), "repeat more than a document has"),
        (b"hub: " + b"[" * 100 + b"]" * 100, "nested more than 20 levels deep"),
        (b"hub: {", "never closed"),
        (b"hub: \x07", "not a character of YAML"),
    ],
)
@pytest.mark.parametrize("kind", [None, Kind.VALUES, Kind.NEBARI])
def test_what_would_take_too_long_is_refused_at_once(
    text: bytes, says: str, kind: Kind | None
) -> None:
    begun = time.process_time()
    with pytest.raises(PolicyError) as caught:
        import_source(text, "x", kind)
    assert says in str(caught.value)
    assert time.process_time() - begun < 2


def test_what_cannot_be_read_of_a_file_is_a_line_of_the_report() -> None:
    found = imported(
        "hub: !x {allowNamedServers: true}\n"
        "singleuser:\n"
        "  image: {name: quay.io/acme/lab, tag: '1'}\n"
        "  cpu: *nowhere\n"
        "  uid: 1\n"
        "  uid: 2\n"
    )
    lost = {(each.line, each.key) for each in found.findings if each.outcome is Outcome.IMPOSSIBLE}
    assert {(1, "hub"), (4, "singleuser.cpu"), (6, "singleuser.uid")} <= lost


def test_what_repeats_has_the_lines_on_which_it_is_written() -> None:
    found = imported(
        "singleuser:\n"
        "  image: {name: quay.io/acme/lab, tag: '1'}\n"
        "  profileList:\n"
        "    - display_name: A\n"
        "      kubespawner_override: &o\n"
        "        mem_limit: 2G\n"
        "    - display_name: B\n"
        "      kubespawner_override: *o\n"
    )
    (finding,) = by_key(found)["singleuser.profileList.1.kubespawner_override.mem_limit"]
    assert finding.line == 6


def test_an_import_is_the_same_each_time() -> None:
    text = "singleuser: {profileList: [{display_name: A}, {display_name: A}]}\n"
    assert imported(text) == imported(text)
    assert list(imported(text).document["tiers"]) == ["a", "a-2"]
