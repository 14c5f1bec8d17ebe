"""Quantities are read as a real API server reads them, whatever notation they are in."""

from contextlib import suppress
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.quantities import parse_number, read_quantity
from jupyterhub_platform.core.resource_names import MEMORY
from tests.cluster.fixtures import Cluster

pytestmark = pytest.mark.cluster

BATCH = 150
SIGNS = st.sampled_from(["", "", "+"])
WHOLES = st.from_regex(r"0{0,3}[0-9]{1,7}", fullmatch=True)
NUMBERS = st.one_of(
    WHOLES,
    WHOLES.map(lambda whole: f"{whole}."),
    st.tuples(WHOLES, st.from_regex(r"[0-9]{1,12}", fullmatch=True)).map(".".join),
    st.from_regex(r"\.[0-9]{1,9}", fullmatch=True),
)
SUFFIXES = st.sampled_from(
    [
        *("", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"),
        *("e3", "E3", "e+3", "E-2", "e0", "E12", "e-9"),
    ]
)
QUANTITIES = st.tuples(SIGNS, NUMBERS, SUFFIXES).map("".join)
WRONG = st.one_of(
    st.tuples(NUMBERS, st.sampled_from(["K", "gi", "GB", "i", "mi", "e", "e1.5", " Gi", "x"])),
    st.tuples(st.sampled_from(["--", "+-", "x", "1,", "0x", "1_0"]), WHOLES),
).map("".join)
ONE_BATCH = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def ask(cluster: Cluster, namespace: str, quantities: list[str]) -> list[str]:
    """Return how the API server keeps these bounds; nothing is made."""
    names = [f"requests.example.org/r{number}" for number in range(len(quantities))]
    hard = dict(zip(names, quantities, strict=True))
    quota = {"metadata": {"name": "asked"}, "spec": {"hard": hard}}
    core = CoreV1Api(cluster.client)
    kept = core.create_namespaced_resource_quota(namespace, quota, dry_run="All").spec.hard
    return [kept[name] for name in names]


@given(st.lists(QUANTITIES, min_size=BATCH, max_size=BATCH))
@ONE_BATCH
def test_quantities_are_read_as_the_api_server_reads_them(
    api_cluster: Cluster, namespace: str, quantities: list[str]
) -> None:
    differing = []
    for sent, kept in zip(quantities, ask(api_cluster, namespace, quantities), strict=True):
        ours = Fraction(ceil(parse_number(sent, MEMORY) * 1000), 1000)
        if ours < 2**63 and parse_number(kept, MEMORY) != ours:
            differing.append((sent, kept, str(ours)))
        differing += [
            (sent, kept, f"as a bound: {bound}")
            for bound in (True, False)
            if read_quantity(sent, MEMORY, bound=bound) != read_quantity(kept, MEMORY, bound=bound)
        ]
    assert differing == []


@given(st.lists(WRONG, min_size=40, max_size=40))
@settings(ONE_BATCH, max_examples=1)
def test_quantities_that_are_refused_here_are_refused_by_the_api_server(
    api_cluster: Cluster, namespace: str, quantities: list[str]
) -> None:
    taken = []
    for quantity in quantities:
        try:
            parse_number(quantity, MEMORY)
        except QuantityError:
            with suppress(ApiException):
                taken.append((quantity, ask(api_cluster, namespace, [quantity])))
    assert taken == []


@pytest.mark.parametrize("quantity", ["-1", "-0.5Gi", "-1m"])
def test_an_amount_below_nothing_is_refused_by_both(
    api_cluster: Cluster, namespace: str, quantity: str
) -> None:
    with pytest.raises(QuantityError, match="negative"):
        parse_number(quantity, MEMORY)
    with pytest.raises(ApiException):
        ask(api_cluster, namespace, [quantity])
