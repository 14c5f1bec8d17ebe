"""Quantities are read as Kubernetes reads them, and said as people say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.quantities import (
    convert_spawner_memory,
    describe_amount,
    describe_unit,
    parse_quantity,
    read_quantity,
    render_quantity,
    write_quantity,
)

NAMES = ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "nvidia.com/gpu", "servers"]
AMOUNTS = st.one_of(
    st.integers(min_value=0, max_value=2**63 - 1),
    st.builds(lambda number, bits: number << bits, st.integers(0, 999), st.integers(0, 53)),
)


@given(st.sampled_from(NAMES), AMOUNTS)
def test_rendered_quantity_is_parsed_back_exactly(name: str, amount: int):
    assert parse_quantity(render_quantity(name, amount), name) == amount


@given(st.text(max_size=20), st.sampled_from(NAMES))
def test_any_text_is_an_amount_or_refused(text: str, name: str):
    try:
        amount = parse_quantity(text, name)
    except QuantityError:
        return
    assert 0 <= amount < 2**63


@pytest.mark.parametrize(
    ("text", "name", "amount"),
    [
        ("1G", "memory", 10**9),
        ("1Gi", "memory", 2**30),
        ("1k", "memory", 1000),
        ("1Ki", "memory", 1024),
        ("1.5Gi", "memory", 3 * 2**29),
        ("1e3", "memory", 1000),
        ("1E", "memory", 10**18),
        ("128974848000m", "memory", 128974848),
        ("500m", "cpu", 500),
        ("0.5", "cpu", 500),
        (0.1, "cpu", 100),
        (".5", "cpu", 500),
        ("2", "cpu", 2000),
        (3, "servers", 3),
        ("1k", "servers", 1000),
        ("0", "nvidia.com/gpu", 0),
        ("+1", "cpu", 1000),
        ("-0", "cpu", 0),
        ("5.", "cpu", 5000),
        ("007", "cpu", 7000),
        ("0" * 50 + "1", "cpu", 1000),
        ("1E3", "memory", 1000),
        ("1e+3", "memory", 1000),
        # What is finer than the base unit is rounded up.
        ("1u", "cpu", 1),
        ("1n", "cpu", 1),
        ("0.22815625", "cpu", 229),
        ("3.6505", "cpu", 3651),
        ("7.2Gi", "memory", 7730941133),
        ("1.1Gi", "memory", 1181116007),
        ("0.1Gi", "memory", 107374183),
        ("1.0000000000000000000000000000000000000001Gi", "memory", 2**30 + 1),
        ("500m", "memory", 1),
        ("2899102924800m", "memory", 2899102925),
    ],
)
def test_reads_quantities_as_kubernetes_does(text: str | float, name: str, amount: int):
    assert parse_quantity(text, name) == amount


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("banana", "memory"),
        ("", "cpu"),
        ("1 Gi", "memory"),
        ("1gi", "memory"),
        ("1K", "memory"),
        ("1mi", "memory"),
        ("1i", "memory"),
        ("-1", "cpu"),
        ("0.5", "servers"),
        ("500m", "nvidia.com/gpu"),
        ("9e18", "cpu"),
        ("8Ei", "memory"),
        ("1e400", "memory"),
        ("inf", "memory"),
        ("nan", "cpu"),
        ("٣", "cpu"),
        (True, "cpu"),
        (float("inf"), "cpu"),
    ],
)
def test_invalid_quantity_is_refused(text: str | float, name: str):
    with pytest.raises(QuantityError):
        parse_quantity(text, name)


@pytest.mark.parametrize(
    ("text", "name", "amount", "bound"),
    [
        ("0.1Gi", "memory", 107374183, 107374182),
        ("999500u", "cpu", 1000, 1000),
        ("500m", "nvidia.com/gpu", 1, 0),
        ("1e30", "memory", 2**63 - 1, 2**63 - 1),
        ("8Ei", "memory", 2**63 - 1, 2**63 - 1),
        ("100", "count/pods", 100, 100),
    ],
)
def test_quantity_of_a_cluster_is_read_in_any_notation(
    text: str, name: str, amount: int, bound: int
):
    assert read_quantity(text, name) == amount
    assert read_quantity(text, name, bound=True) == bound


@pytest.mark.parametrize("text", ["-1", "banana", "", None, {}, [], True])
def test_invalid_quantity_of_a_cluster_is_an_error(text: object):
    with pytest.raises(QuantityError):
        read_quantity(text, "memory")  # type: ignore[arg-type]  # it comes from outside


@pytest.mark.parametrize(
    ("name", "amount", "words"),
    [
        ("cpu", 2500, "2.5 CPU"),
        ("memory", 8 * 2**30, "8 GiB"),
        ("memory", 512 * 2**20, "512 MiB"),
        ("servers", 1, "1 server"),
        ("servers", 2, "2 servers"),
        ("nvidia.com/gpu", 1, "1 GPU"),
        # Little is never said to be nothing.
        ("cpu", 4, "0.004 CPU"),
        ("cpu", 0, "0 CPU"),
        ("memory", 8, "8 bytes"),
        ("memory", 1, "1 byte"),
        ("memory", 1024, "1 KiB"),
        ("memory", 0, "0 GiB"),
    ],
)
def test_says_amounts_as_people_do(name: str, amount: int, words: str):
    assert describe_amount(name, amount) == words


@pytest.mark.parametrize(
    ("name", "amount", "unit"),
    [
        ("servers", 3, "servers"),
        ("cpu", 500, "CPU"),
        ("memory", 2**20, "MiB"),
        ("ephemeral-storage", 2**30, "GiB ephemeral-storage"),
        ("amd.com/gpu", 1, "GPU"),
        ("example.com/fpga", 1, "example.com/fpga"),
    ],
)
def test_a_unit_is_said_as_people_say_it(name: str, amount: int, unit: str) -> None:
    assert describe_unit(name, amount) == unit


@pytest.mark.parametrize(
    ("text", "name", "written"),
    [
        ("7.2Gi", "memory", "7.2Gi"),
        ("7.222G", "memory", "7.222G"),
        ("14.444Gi", "ephemeral-storage", "14.444Gi"),
        ("8Gi", "memory", "8Gi"),
        ("1000000000", "memory", "1G"),
        ("3.14159Gi", "memory", "3217Mi"),
        ("1048577", "memory", "2Mi"),
        ("512", "memory", "512"),
        ("1500m", "cpu", "1500m"),
        ("3", "servers", "3"),
    ],
)
def test_an_amount_is_written_as_people_write_it_and_never_as_less(
    text: str, name: str, written: str
) -> None:
    amount = parse_quantity(text, name)
    assert write_quantity(name, amount) == written
    assert parse_quantity(written, name) >= amount


@pytest.mark.parametrize(
    ("written", "quantity"),
    [
        ("4G", "4Gi"),
        ("7.222G", "7.222Gi"),
        ("512M", "512Mi"),
        (2**30, "1Gi"),
        (1.5 * 2**30, "1536Mi"),
        ("8Gi", "8Gi"),
        ("1073741824", "1073741824"),
    ],
)
def test_memory_of_a_spawner_is_in_powers_of_1024(written: str | float, quantity: str) -> None:
    assert convert_spawner_memory(written) == quantity


@pytest.mark.parametrize("written", ["banana", "4GB", "", True, float("inf"), -1])
def test_what_is_no_memory_of_a_spawner_is_refused(written: str | float) -> None:
    with pytest.raises(QuantityError):
        convert_spawner_memory(written)
