"""Images that users name themselves: what a reference is, and what a pattern admits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.image_references import (
    ImageReferenceError,
    parse_pattern,
    parse_reference,
)

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    "text",
    [
        "quay.io/acme/lab:2025-03-31",
        "localhost/acme:1",
        "registry.example.org:5000/a/b/c:latest",
        f"quay.io/acme/lab@{DIGEST}",
        f"quay.io/acme/lab:1@{DIGEST}",
        "ghcr.io/a__b/c--d:V1.0_x",
    ],
)
def test_a_reference_is_said_as_it_was_read(text: str) -> None:
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lab:1",
        "acme/lab:1",
        "quay.io/acme/lab",
        "quay.io:/acme/lab:1",
        "quay.io/acme/lab:",
        "quay.io/acme/lab@",
        "quay.io/acme/x@evil",
        "quay.io/acme/x@evil.example/y:1",
        f"quay.io/acme/x@{DIGEST}@{DIGEST}",
        f"quay.io/acme/x@{DIGEST.upper()}",
        "quay.io/acme/x@md5:" + "0a" * 16,
        "quay.io@evil.example/acme/x:1",
        "user:pass@quay.io/acme/x:1",
        "https://quay.io/acme/x:1",
        "quay.io//acme/x:1",
        "quay.io/acme/../x:1",
        "quay.io/acme/./x:1",
        "quay.io/acme/x:1/y",
        "quay.io/acme/x:1:2",
        "quay.io/acme/x:1\n",
        "\nquay.io/acme/x:1",
        "quay.io/acme/x:1 ",
        "quay.io/acme/x:1;evil",
        "quay.io/acme/x?y:1",
        "quay.io/acme/x%2fy:1",
        "QUAY.io/acme/x:1",
        "quay.io/Acme/x:1",
        "quay.io/acme/х:1",  # noqa: RUF001 - a Cyrillic letter
        "quay.io./acme/x:1",
        ".quay.io/acme/x:1",
        "quay.io/acme/x:" + "1" * 129,
        "quay.io/" + "a" * 600 + ":1",
    ],
)
def test_what_is_no_whole_reference_is_refused(text: str) -> None:
    with pytest.raises(ImageReferenceError):
        parse_reference(text)
    assert not parse_pattern("quay.io/**").admits(text)


@pytest.mark.parametrize(
    ("pattern", "admitted", "refused"),
    [
        (
            "quay.io/acme/*",
            ["quay.io/acme/x:1", f"quay.io/acme/y@{DIGEST}"],
            [
                "quay.io/acme/x/y:1",
                "quay.io/acme:1",
                "quay.io/acmex/x:1",
                "quay.io/x/acme/x:1",
                "quay.io.evil.example/acme/x:1",
                "evil-quay.io/acme/x:1",
                "quay.io:443/acme/x:1",
                "evil.example/quay.io/acme/x:1",
            ],
        ),
        (
            "quay.io/acme/**",
            ["quay.io/acme/x:1", "quay.io/acme/x/y/z:1"],
            ["quay.io/acme:1", "quay.io/other/x:1"],
        ),
        (
            "quay.io/acme/lab-*",
            ["quay.io/acme/lab-x:1"],
            ["quay.io/acme/lab:1", "quay.io/acme/xlab-y:1", "quay.io/acme/lab-x/y:1"],
        ),
        ("quay.io/*-lab/x", ["quay.io/a-lab/x:1"], ["quay.io/a-lab/y:1", "quay.io/lab/x:1"]),
        ("quay.io/acme/lab", ["quay.io/acme/lab:1"], ["quay.io/acme/lab2:1"]),
        ("10.0.0.5:5000/**", ["10.0.0.5:5000/a/b:1"], ["10.0.0.5/a/b:1", "10.0.0.55:5000/a:1"]),
    ],
)
def test_a_pattern_admits_whole_names_alone(
    pattern: str, admitted: list[str], refused: list[str]
) -> None:
    parsed = parse_pattern(pattern)
    assert str(parsed) == pattern
    assert [text for text in admitted if not parsed.admits(text)] == []
    assert [text for text in refused if parsed.admits(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "*", "**", "quay.io", "quay.io/", "acme/*", "*.io/acme", "quay.*/acme/x"),
        *("quay.io/**/x", "quay.io/a**", "quay.io/*a*", "quay.io/acme/*:1", "quay.io/acme/.*"),
        *("quay.io/(a|b)", "quay.io/acme/[a-z]", "https://quay.io/acme/*", "quay.io/../*"),
    ],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ImageReferenceError):
        parse_pattern(text)


@given(st.text(st.sampled_from("aq.:/@*x1\n "), max_size=30))
def test_nothing_outside_of_its_registry_and_path_fits_a_pattern(text: str) -> None:
    if parse_pattern("q.x/a/*").admits(text):
        assert text.startswith("q.x/a/")
        assert "\n" not in text
        assert " " not in text
