"""Parses and renders amounts such as ``500m`` and ``1.5Gi``: Kubernetes quantities.

Amounts are integers in base units: thousandths of a core for ``cpu``, bytes for
``memory`` and other storage, devices for extended resources, and a plain count
for ``servers``, the one name of our own. What is finer is rounded up, as the API
server and the scheduler do.

``G`` is 10**9 and ``Gi`` is 2**30, by the Kubernetes API's "Quantity".
JupyterHub's own ``mem_limit`` reads ``G`` as 2**30 and rejects ``Gi``; nothing
outside this module reads a quantity.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor
from types import MappingProxyType
from typing import Final

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.resource_names import CPU, MEMORY, SERVERS, is_storage, is_whole

_SUFFIXES: Final[Mapping[str, Fraction]] = MappingProxyType(
    {
        "n": Fraction(10) ** -9,
        "u": Fraction(10) ** -6,
        "m": Fraction(10) ** -3,
        "": Fraction(1),
        "k": Fraction(10) ** 3,
        "M": Fraction(10) ** 6,
        "G": Fraction(10) ** 9,
        "T": Fraction(10) ** 12,
        "P": Fraction(10) ** 15,
        "E": Fraction(10) ** 18,
        "Ki": Fraction(2) ** 10,
        "Mi": Fraction(2) ** 20,
        "Gi": Fraction(2) ** 30,
        "Ti": Fraction(2) ** 40,
        "Pi": Fraction(2) ** 50,
        "Ei": Fraction(2) ** 60,
    }
)
_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?(?:0*\d{1,30}(?:\.\d{0,60})?|\.\d{1,60}))"
    r"(?:[eE](?P<exponent>[+-]?\d{1,3})|(?P<suffix>[numkKMGTPE]?i?))",
    re.ASCII,
)
_SPAWNER_MEMORY: Final = re.compile(r"\d{1,30}(?:\.\d{0,60})?[KMGT]", re.ASCII)
# The largest amount that Kubernetes keeps in a Quantity.
_MAX: Final = 2**63 - 1
# Up to this many bytes, the plain number is as easy to read as any other.
_READABLE: Final = 2**20


def parse_quantity(text: str | float, name: str) -> int:
    """Read a Kubernetes quantity such as ``500m`` or ``8Gi`` as an amount of resource ``name``.

    Returns
    -------
    int
        The amount in base units, rounded up: ``0.1Gi`` of memory is 107374183.

    Raises
    ------
    QuantityError
        Raised if ``text`` is not a quantity, negative, too large, or a fraction of a whole unit.
    """
    number = parse_number(text, name)
    if is_whole(name) and number != floor(number):
        below = max(1, floor(number))
        above = f" or {below + 1}" if number > 1 else ""
        raise QuantityError(
            f"“{text}” is finer than one, the smallest amount of {name}; write {below}{above}"
        )
    amount = ceil(number * _units(name))
    if amount > _MAX:
        raise QuantityError(f"“{text}” is more {name} than Kubernetes can count")
    return amount


def read_quantity(text: str | float, name: str, *, bound: bool = False) -> int:
    """Read what an object of the cluster says, as leniently as the API server that took it.

    A ``bound``, such as of a ResourceQuota, is compared by the API server as it is kept there, to
    the thousandth: what is above it by a part of the base unit is above it. Everything else is
    rounded up to the base unit. What is more than can be counted is the most that can be.

    Raises
    ------
    QuantityError
        Raised if it is not a quantity, or negative: then nothing is known about it.
    """
    kept = Fraction(ceil(parse_number(text, name) * 1000), 1000) * _units(name)
    return min(floor(kept) if bound else ceil(kept), _MAX)


def parse_number(text: str | float, name: str) -> Fraction:
    """Read a Kubernetes quantity as a plain number, exact: ``1500m`` is 1.5.

    Raises
    ------
    QuantityError
        Raised if ``text`` is not a quantity, or negative; ``name`` is what the sentence is about.
    """
    if isinstance(text, bool):
        raise QuantityError(f"“{str(text).lower()}” is not an amount of {name}")
    shown = str(text).strip()
    match = _QUANTITY.fullmatch(shown)
    scale = _SUFFIXES.get(match["suffix"] or "") if match else None
    if match is None or scale is None:
        example = {CPU: "500m or 2", SERVERS: "3"}.get(name, "8Gi" if is_storage(name) else "1")
        meant = shown.replace(",", ".", 1)
        fix = meant if meant != shown and _QUANTITY.fullmatch(meant) else f"for example {example}"
        raise QuantityError(f"“{shown[:64]}” is not an amount of {name}; write {fix}")
    number = Fraction(match["number"].removesuffix(".")) * scale
    if match["exponent"]:
        number *= Fraction(10) ** int(match["exponent"])
    if number < 0:
        raise QuantityError(f"“{shown[:64]}” is negative; an amount of {name} is 0 or more")
    return number


def convert_spawner_memory(written: str | float) -> str:
    """Return what a JupyterHub setting says of memory as a quantity: its ``4G`` is ``4Gi``.

    Raises
    ------
    QuantityError
        Raised if it is no amount of memory.
    """
    text = str(written).strip()
    match = _SPAWNER_MEMORY.fullmatch(text)
    quantity = f"{text}i" if match else text
    if isinstance(written, int | float):
        return render_quantity(MEMORY, floor(parse_number(written, MEMORY)))
    parse_quantity(quantity, MEMORY)
    return quantity


def _units(name: str) -> int:
    return 1000 if name == CPU else 1


def render_quantity(name: str, amount: int) -> str:
    """Render an amount of ``name`` as Kubernetes writes it: ``500m``, ``8Gi``, ``1``."""
    if name == CPU:
        return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"
    if is_storage(name) and amount:
        for suffix in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
            unit = int(_SUFFIXES[suffix])
            if amount % unit == 0:
                return f"{amount // unit}{suffix}"
    return str(amount)


def write_quantity(name: str, amount: int) -> str:
    """Write an amount as people do, for a policy file: ``7.2Gi`` where that is read as the same.

    Otherwise it is rounded up to a whole Mi, so that a bound which is written so is enough.
    """
    exact = render_quantity(name, amount)
    if not is_storage(name) or not exact.isdigit() or amount < _READABLE:
        return exact
    for suffix in ("Ti", "T", "Gi", "G", "Mi", "M"):
        for digits in range(1, 4):
            written = f"{_short(Fraction(amount) / _SUFFIXES[suffix], digits)}{suffix}"
            if amount >= _SUFFIXES[suffix] and parse_quantity(written, name) == amount:
                return written
    return render_quantity(name, ceil(Fraction(amount, 2**20)) * 2**20)


def describe_amount(name: str, amount: int) -> str:
    """Say an amount in the unit that people use: ``2.5 CPU``, ``8 GiB``, ``1 server``."""
    if name == SERVERS:
        return "1 server" if amount == 1 else f"{amount} servers"
    return f"{describe_number(name, amount)} {describe_unit(name, amount)}"


def describe_number(name: str, amount: int) -> str:
    """Say the number of :func:`describe_amount` without its unit."""
    if name == CPU:
        return _short(Fraction(amount, 1000), 3)
    if is_storage(name):
        return _short(Fraction(amount, _storage_unit(amount)[1]))
    return str(amount)


def describe_unit(name: str, amount: int = 0) -> str:
    """Say the unit of :func:`describe_amount`; that of storage depends on the ``amount``."""
    if name == SERVERS:
        return "servers"
    if name == CPU:
        return "CPU"
    if is_storage(name):
        unit = _storage_unit(amount)[0]
        return unit if name == MEMORY else f"{unit} {name}"
    if name.endswith("/gpu"):
        return "GPU"
    return name


def _storage_unit(amount: int) -> tuple[str, int]:
    if amount == 0 or amount >= 2**30:
        return "GiB", 2**30
    if amount >= 2**20:
        return "MiB", 2**20
    if amount >= 2**10:
        return "KiB", 2**10
    return ("byte" if amount == 1 else "bytes"), 1


def _short(number: Fraction, digits: int = 2) -> str:
    """Say a number with two digits after the point; a small one is never said to be nothing."""
    digits = digits if number == 0 or number >= Fraction(1, 100) else 3
    text = f"{float(number):.{digits}f}"
    return text.rstrip("0").rstrip(".")
