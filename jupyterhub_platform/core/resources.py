"""Lists of resources: how much of what, and which names of resources there are."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.quantities import describe_amount, parse_number, render_quantity
from jupyterhub_platform.core.resource_names import CPU, HUGEPAGES, MEMORY, SERVERS

_BARE_NAMES: Final = frozenset({SERVERS, CPU, MEMORY, "ephemeral-storage"})

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
        Raised if it is something else.
    """
    if name in _BARE_NAMES:
        return name
    if name.startswith(HUGEPAGES):
        parse_number(name.removeprefix(HUGEPAGES), name)
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
