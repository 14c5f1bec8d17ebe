"""How much of what: Kubernetes quantities, resource names and lists of them.

Amounts are integers in base units: thousandths of a core for ``cpu``, bytes for
``memory`` and other storage, devices for extended resources, and a plain count
for ``servers``, the one name of our own.

``G`` is 10**9 and ``Gi`` is 2**30, by the Kubernetes API's "Quantity".
JupyterHub's own ``mem_limit`` reads ``G`` as 2**30 and rejects ``Gi``; nothing
outside this module reads a quantity.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final, Self

from jupyterhub_platform.core.errors import QuantityError

SERVERS: Final = "servers"
CPU: Final = "cpu"
MEMORY: Final = "memory"

_STORAGE_NAMES: Final = frozenset({MEMORY, "ephemeral-storage"})
_BARE_NAMES: Final = frozenset({SERVERS, CPU, MEMORY, "ephemeral-storage"})
_HUGEPAGES: Final = "hugepages-"

_SUFFIXES: Final[Mapping[str, Decimal]] = MappingProxyType(
    {
        "n": Decimal(10) ** -9,
        "u": Decimal(10) ** -6,
        "m": Decimal(10) ** -3,
        "": Decimal(1),
        "k": Decimal(10) ** 3,
        "M": Decimal(10) ** 6,
        "G": Decimal(10) ** 9,
        "T": Decimal(10) ** 12,
        "P": Decimal(10) ** 15,
        "E": Decimal(10) ** 18,
        "Ki": Decimal(2) ** 10,
        "Mi": Decimal(2) ** 20,
        "Gi": Decimal(2) ** 30,
        "Ti": Decimal(2) ** 40,
        "Pi": Decimal(2) ** 50,
        "Ei": Decimal(2) ** 60,
    }
)
_QUANTITY: Final = re.compile(
    r"(?P<number>\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?P<suffix>[eE][+-]?\d{1,3}|[numkKMGTPE]?i?)",
    re.ASCII,
)
# The largest amount that Kubernetes keeps in a Quantity.
_MOST: Final = 2**63 - 1

# Kubernetes "qualified names": a DNS subdomain, a slash, and a name of up to 63 characters.
_DNS_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def check_resource_name(name: str) -> str:
    """Return ``name`` if it names a resource, so that ``memroy`` cannot pass for one.

    Known are ``servers``, ``cpu``, ``memory``, ``ephemeral-storage``, ``hugepages-<size>`` and
    every extended resource, which has a domain: ``nvidia.com/gpu``, ``nvidia.com/mig-1g.10gb``.

    Raises
    ------
    QuantityError
        Raised if it is none of these.
    """
    if name in _BARE_NAMES:
        return name
    if name.startswith(_HUGEPAGES):
        parse_number(name.removeprefix(_HUGEPAGES), name)
        return name
    domain, slash, rest = name.partition("/")
    if not slash:
        raise QuantityError(
            f"“{name[:64]}” is not a resource; use cpu, memory, ephemeral-storage, servers, "
            "hugepages-SIZE, or an extended resource with its domain, such as nvidia.com/gpu"
        )
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain) or not _NAME.fullmatch(rest):
        raise QuantityError(
            f"“{name[:64]}” is not a resource name; write DOMAIN/NAME, such as nvidia.com/gpu"
        )
    return name


def is_accelerator(name: str) -> bool:
    """Tell whether ``name`` is an extended resource: scarce, and denied unless a rule grants it."""
    return "/" in name


def is_indivisible(name: str) -> bool:
    """Tell whether Kubernetes wants the request for ``name`` to be equal to its limit."""
    return is_accelerator(name) or name.startswith(_HUGEPAGES)


def parse_quantity(text: str | float, name: str) -> int:
    """Read a Kubernetes quantity such as ``500m`` or ``8Gi`` as an amount of resource ``name``.

    Returns
    -------
    int
        The amount in base units, exact.

    Raises
    ------
    QuantityError
        Raised if ``text`` is no quantity, negative, too large, or finer than the base unit.
    """
    number = parse_number(text, name)
    amount = number * 1000 if name == CPU else number
    if amount != amount.to_integral_value():
        unit = "a thousandth of a core (1m)" if name == CPU else "one"
        raise QuantityError(f"“{text}” is finer than {unit}, the smallest amount of {name}")
    if amount > _MOST:
        raise QuantityError(f"“{text}” is more {name} than Kubernetes can count")
    return int(amount)


def parse_number(text: str | float, name: str) -> Decimal:
    """Read a Kubernetes quantity as a plain number, exact: ``1500m`` is 1.5.

    Raises
    ------
    QuantityError
        Raised if ``text`` is no quantity, or negative; ``name`` is what the sentence is about.
    """
    if isinstance(text, bool):
        raise QuantityError(f"“{str(text).lower()}” is not an amount of {name}")
    shown = str(text).strip()
    if shown.startswith("-"):
        raise QuantityError(f"“{shown[:64]}” is negative; an amount of {name} is 0 or more")
    match = _QUANTITY.fullmatch(shown)
    suffix = match["suffix"] if match else ""
    try:
        if match is None:
            raise InvalidOperation
        if suffix[:1] in {"e", "E"} and suffix[1:]:
            return Decimal(shown)
        return Decimal(match["number"]) * _SUFFIXES[suffix]
    except (InvalidOperation, KeyError):
        example = {CPU: "500m or 2", SERVERS: "3"}.get(name, "8Gi" if _is_storage(name) else "1")
        raise QuantityError(
            f"“{shown[:64]}” is not an amount of {name}; write for example {example}"
        ) from None


def _is_storage(name: str) -> bool:
    return name in _STORAGE_NAMES or name.startswith(_HUGEPAGES)


def render_quantity(name: str, amount: int) -> str:
    """Render an amount of ``name`` as Kubernetes writes it: ``500m``, ``8Gi``, ``1``."""
    if name == CPU:
        return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"
    if _is_storage(name) and amount:
        for suffix in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
            unit = int(_SUFFIXES[suffix])
            if amount % unit == 0:
                return f"{amount // unit}{suffix}"
    return str(amount)


def resource_order(name: str) -> tuple[int, str]:
    """Sort key that puts servers, CPU and memory first, as people read them."""
    first = (SERVERS, "cpu", "memory")
    return (first.index(name) if name in first else len(first), name)


def describe_amount(name: str, amount: int) -> str:
    """Say an amount in the unit that people use: ``2.5 CPU``, ``8 GiB``, ``1 server``."""
    if name == SERVERS:
        return "1 server" if amount == 1 else f"{amount} servers"
    return f"{describe_number(name, amount)} {describe_unit(name, amount)}"


def describe_number(name: str, amount: int) -> str:
    """Say the number of :func:`describe_amount` without its unit."""
    if name == CPU:
        return _short(Decimal(amount) / 1000)
    if _is_storage(name):
        return _short(Decimal(amount) / _storage_unit(amount)[1])
    return str(amount)


def describe_unit(name: str, amount: int = 0) -> str:
    """Say the unit of :func:`describe_amount`; that of storage depends on the ``amount``."""
    if name == SERVERS:
        return "servers"
    if name == CPU:
        return "CPU"
    if _is_storage(name):
        unit = _storage_unit(amount)[0]
        return unit if name == MEMORY else f"{unit} {name}"
    if name.endswith("/gpu"):
        return "GPU"
    return name


def _storage_unit(amount: int) -> tuple[str, int]:
    if amount == 0 or amount >= 2**30:
        return "GiB", 2**30
    return ("MiB", 2**20) if amount >= 2**20 else ("KiB", 2**10)


def _short(number: Decimal) -> str:
    text = f"{number:.2f}"
    return text.rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Resources(Mapping[str, int]):
    """Amounts by resource name, in base units; what is not named is zero.

    Immutable, hashable, sorted by name. ``Resources.of({"cpu": 500})``.
    """

    items_: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> Self:
        """Make one of plain amounts in base units; zeros are kept, since "0" is said on purpose."""
        return cls(tuple(sorted(amounts.items())))

    def __getitem__(self, name: str) -> int:
        for key, amount in self.items_:
            if key == name:
                return amount
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.items_)

    def __len__(self) -> int:
        return len(self.items_)

    def amount(self, name: str) -> int:
        """Return the amount of ``name``, zero if it is not named."""
        # A loop: asked twenty times in a decision, where a generator takes twice as long.
        for key, amount in self.items_:
            if key == name:
                return amount
        return 0

    def plus(self, other: Mapping[str, int]) -> "Resources":
        """Add two lists, name by name."""
        names = {**self, **other}
        return Resources.of({name: self.amount(name) + other.get(name, 0) for name in names})

    def covers(self, other: Mapping[str, int]) -> bool:
        """Tell whether ``other`` asks for no more than this, of anything."""
        return all(amount <= self.amount(name) for name, amount in other.items())

    def render(self) -> dict[str, str]:
        """Render as a Kubernetes resource list."""
        return {name: render_quantity(name, amount) for name, amount in self.items_}

    def describe(self) -> str:
        """Say it in one line: ``2 CPU, 8 GiB, 1 GPU``."""
        return ", ".join(describe_amount(n, a) for n, a in self.items_ if a and n != SERVERS)
