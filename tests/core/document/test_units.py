"""An amount that cannot be meant is a fault with its likely meaning; what can be is read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.document.faults import FaultCollector
from jupyterhub_platform.core.document.notations import WrittenInt
from jupyterhub_platform.core.document.units import example, read_amount

GPU = "nvidia.com/gpu"


_ADVICE = re.compile(r"write (?:for example )?(\S+?)(?:,? or (?!more)(\S+))?(?: or more| if .*)?")


def read(text: object, name: str) -> tuple[int | None, list[tuple[str, str]]]:
    faults = FaultCollector({})
    amount = read_amount(faults, ("x",), text, name)
    return amount, [(fault.what, fault.fix) for fault in faults.in_order()]


@pytest.mark.parametrize(
    ("text", "name", "what", "fix"),
    [
        ("8", "memory", "is 8 bytes, since it has no unit", "write 8Gi"),
        ("512", "memory", "is 512 bytes, since it has no unit", "write 512Mi"),
        ("200000", "memory", "is 195.31 KiB, since it has no unit", "write 16Mi or more"),
        ("1e3", "memory", "is 1000 bytes, since it has no unit", "write 16Mi or more"),
        ("1E3", "ephemeral-storage", "is 1000 bytes, since it has no unit", "write 1Mi or more"),
        ("500m", "memory", "is thousandths of a byte", "write 500Mi"),
        ("1k", "memory", "less than 16 MiB of memory is of no use", "write 1Gi"),
        ("15Mi", "memory", "less than 16 MiB of memory is of no use", "write 16Mi or more"),
        ("8,5", "memory", "is not an amount", "write 8.5Gi"),
        ("8 GB", "memory", "is not an amount", "write 8G or 8Gi"),
        ("8kb", "memory", "is not an amount", "write 8Gi"),
        ("0.0001Gi", "memory", "less than 16 MiB of memory is of no use", "write 16Mi or more"),
        ("0.5m", "memory", "is thousandths of a byte", "write 16Mi or more"),
        ("0x10", "memory", "is hexadecimal", "write 16Gi"),
        ("0x10Gi", "memory", "is hexadecimal", "write 16Gi"),
        ("0o1000", "ephemeral-storage", "is octal", "write 512Mi"),
        (WrittenInt("010"), "memory", "with a zero", "write 10Gi, or 8Gi if octal is meant"),
        ("1_000", "memory", "has underscores", "write 1000Mi"),
        ("1_0 Gi", "memory", "has underscores", "write 10Gi"),
        ("1:30", "memory", "is 90 to some programs", "write 90Mi"),
        ("-0x10", "memory", "is hexadecimal", "an amount of memory is 0 or more"),
        ("9000 P", "memory", "is not an amount", "write 9000P"),
        ("90000 P", "memory", "is not an amount", "write for example 1Gi"),
        ("0x10", "cpu", "is hexadecimal", "write 16"),
        ("1.5Gi", GPU, "is 1610612736: Gi is for bytes", "write 1 or 2"),
        ("8 gib", "memory", "is not an amount", "write 8Gi"),
        ("4 bytes", "memory", "is not an amount", "write for example 8Gi"),
        ("much", "memory", "is not an amount", "write for example 8Gi"),
        ("2 cores", "cpu", "is not an amount", "write 2"),
        ("500 mcpu", "cpu", "is not an amount", "write 500m"),
        ("2Gi", "cpu", "is 2147483648 CPU: Gi is for bytes", "write 2"),
        ("2M", "cpu", "is 2000000 CPU: M is for bytes", "write 2m"),
        ("2Mi", GPU, "is 2097152: Mi is for bytes", "write 2"),
        ("3 gpus", GPU, "is not an amount", "write 3"),
        ("3.5 gpus", GPU, "is not an amount", "write for example 1"),
    ],
)
def test_implausible_amount_is_refused_with_its_likely_meaning(
    text: str, name: str, what: str, fix: str
) -> None:
    amount, faults = read(text, name)
    assert amount is None
    ((said, offered),) = faults
    assert what in said
    assert offered == fix


@pytest.mark.parametrize(
    ("text", "name", "amount"),
    [
        ("0", "memory", 0),
        ("16Mi", "memory", 16 * 2**20),
        ("1e9", "memory", 10**9),
        ("1e3", "cpu", 1_000_000),
        ("2", "hugepages-2Mi", 2),
        ("5k", "servers", 5_000),
        (2, GPU, 2),
    ],
)
def test_plausible_amount_is_read(text: object, name: str, amount: int) -> None:
    assert read(text, name) == (amount, [])


@pytest.mark.parametrize(
    ("name", "written"), [("cpu", "500m"), ("servers", "3"), ("memory", "1Gi"), (GPU, "1")]
)
def test_an_example_can_be_written(name: str, written: str) -> None:
    assert example(name) == written
    assert read(written, name)[1] == []


@given(
    st.one_of(
        st.from_regex(r"\A-?0[xXoObB][0-9a-fA-F]{1,4} ?[kMGT]?i?\Z"),
        st.from_regex(r"\A[0-9]{1,4}([.,_:][0-9]{1,4})? ?[A-Za-z]{0,3}\Z"),
        st.from_regex(r"\A0[0-9]{1,3}\Z").map(WrittenInt),
    ),
    st.sampled_from(["cpu", "memory", "ephemeral-storage", "servers", GPU]),
)
def test_advice_is_never_refused_when_it_is_followed(text: object, name: str) -> None:
    for _, fix in read(text, name)[1]:
        offered = _ADVICE.fullmatch(fix)
        if offered is None:
            assert fix == f"an amount of {name} is 0 or more"
            continue
        for written in filter(None, offered.groups()):
            assert read(written, name)[1] == [], f"{fix!r} of {text!r}"
