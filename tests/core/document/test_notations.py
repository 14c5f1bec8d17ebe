"""A number that programs read differently is a fault; what all read alike is not."""

from copy import deepcopy

import pytest

from jupyterhub_platform.core.document.notations import WrittenFloat, WrittenInt, find_ambiguity


@pytest.mark.parametrize(
    ("value", "what", "fix"),
    [
        (WrittenInt("010"), "begins with a zero", "write 10, or 8 if octal is meant"),
        (WrittenInt("-010"), "begins with a zero", "write -10, or -8 if octal is meant"),
        (WrittenInt("+0777"), "begins with a zero", "write +777, or +511 if octal is meant"),
        (WrittenInt("08"), "begins with a zero", "write 8"),
        (WrittenInt("007"), "begins with a zero", "write 7"),
        (WrittenInt("00"), "begins with a zero", "write 0"),
        ("0o10", "is octal", "write 8"),
        ("-0x1F", "is hexadecimal", "write -31"),
        ("0X_f_f", "is hexadecimal", "write 255"),
        ("0b11", "is binary", "write 3"),
        ("1_000", "has underscores", "write 1000"),
        ("1_000.5", "has underscores", "write 1000.5"),
        ("1_0 Gi", "has underscores", "write 10 Gi"),
        ("0_10Mi", "has underscores", "write 10Mi"),
        ("1:30", "is 90 to some programs", "write 90"),
        ("-1:30:05", "is -5405 to some programs", "write -5405"),
    ],
)
def test_a_number_that_programs_read_differently_is_said(
    value: object, what: str, fix: str
) -> None:
    found = find_ambiguity(value)
    assert found is not None
    assert found[0] == f"“{value}” {found[0].partition('” ')[2]}"
    assert what in found[0]
    assert found[1] == fix


@pytest.mark.parametrize(
    "value",
    [
        WrittenInt("0"), WrittenInt("10"), WrittenInt("-5"), WrittenFloat("0.5"),
        WrittenFloat("01.5"), "010", "10Gi", "0.5", "1e3", "0o8", "0b2", "0x", "0x_", "x_y", "_1",
        "1:60",
        "a:30", "much",
        10, 0.5, None, True,
    ],
)  # fmt: skip
def test_anything_else_is_left_to_what_reads_it(value: object) -> None:
    assert find_ambiguity(value) is None


@pytest.mark.parametrize("number", [WrittenInt("007"), WrittenFloat("2024.10")])
def test_a_number_shows_as_it_was_written(number: object) -> None:
    assert str(deepcopy(number)) == repr(number) == number.written  # type: ignore[attr-defined]
