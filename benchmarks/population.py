"""The platform that is measured: its policy, its people, and the servers that run.

Twelve limits apply to every start: three resources at four scopes. One in a hundred people has a
grant, one in a hundred may hold nothing, groups have a hundred members each.
"""

import json
import random
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.policy import Policy

TIERS: Final = ("small", "medium", "large", "highmem", "gpu", "teaching")
GROUP_SIZE: Final = 100
_EVERYTHING: Final = {"servers": 1_000_000, "cpu": 4_000_000, "memory": "8000Ti"}


@dataclass(frozen=True, slots=True)
class Population:
    """People by what they do: ``busy`` hold a server, ``free`` may start one, ``refused`` never."""

    busy: tuple[str, ...]
    free: tuple[str, ...]
    refused: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody."""
        return (*self.busy, *self.free, *self.refused)

    def account_of(self) -> dict[str, str]:
        """Return the group of each person."""
        return {name: group for group, members in self.groups.items() for name in members}


def make_population(people: int, active: int, seed: int) -> Population:
    """Make so many people, spread over groups by ``seed``."""
    names = [f"person{number:05d}" for number in range(people)]
    random.Random(seed).shuffle(names)  # noqa: S311 - no secret
    few = max(1, people // 100)
    groups = {
        f"group{number:03d}": tuple(sorted(names[start : start + GROUP_SIZE]))
        for number, start in enumerate(range(0, people, GROUP_SIZE))
    }
    mixed = sorted(names, key=lambda name: name[::-1])
    return Population(
        busy=tuple(mixed[:active]),
        free=tuple(mixed[active : people - few]),
        refused=tuple(mixed[people - few :]),
        groups=groups,
    )


def make_document(population: Population, *, everybody_also_in: str = "") -> dict[str, Any]:
    """Return the policy as people write it; ``everybody_also_in`` adds one group with them all."""
    users: dict[str, Any] = {name: {} for name in sorted(population.names)}
    users |= {name: {"quota": {"servers": 0}} for name in population.refused}
    for members in population.groups.values():
        users[members[0]] = {**users[members[0]], "level": "manager"}
    users["root"] = {"level": "admin"}
    groups: dict[str, Any] = {
        group: {
            "members": list(members),
            "managers": [members[0]],
            "quota": {"servers": 1_000, "cpu": 4_000, "memory": "8Ti"},
        }
        for group, members in population.groups.items()
    }
    if everybody_also_in:
        groups[everybody_also_in] = {"members": sorted(population.names)}
    account = population.account_of()
    grants = [
        {
            "user": name,
            "account": account[name],
            "add": {"servers": 1},
            "until": "2100-01-01T00:00:00Z",
            "by": "root",
            "reason": "a deadline",
        }
        for name in population.free[::100]
    ]
    return {
        "version": 1,
        "quota": {**_EVERYTHING, "nvidia.com/gpu": 64},
        "defaults": {
            "tier": "small",
            "user_quota": {"servers": 8, "cpu": 64, "memory": "512Gi"},
            "member_quota": {"servers": 6, "cpu": 48, "memory": "384Gi"},
        },
        "users": users,
        "groups": groups,
        "images": {
            "lab": {"reference": "example/lab:1"},
            "scipy": {"reference": "example/scipy:1"},
        },
        "tiers": _make_tiers(next(iter(population.groups))),
        "grants": grants,
    }


def _make_tiers(favoured: str) -> dict[str, Any]:
    sizes = {"small": (1, 2), "medium": (2, 8), "large": (8, 32), "highmem": (4, 128)}
    tiers: dict[str, Any] = {
        name: {"requests": {"cpu": cpu, "memory": f"{memory}Gi"}, "images": ["lab", "scipy"]}
        for name, (cpu, memory) in sizes.items()
    }
    tiers["large"]["at_once"] = {"user": 2, "account": 50, "platform": 1_000}
    gpu = {"cpu": 4, "memory": "32Gi", "nvidia.com/gpu": 1}
    tiers["gpu"] = {"requests": gpu, "images": ["lab"], "access": {"groups": [favoured]}}
    tiers["teaching"] = {**tiers["small"], "observe": True}
    return tiers


def render_document(document: dict[str, Any]) -> str:
    """Write a document as a file of YAML with an entry a line, as people do."""
    lines: list[str] = []
    for section, value in document.items():
        if section in {"users", "groups", "tiers"}:
            lines.append(f"{section}:")
            lines += [f"  {name}: {json.dumps(entry)}" for name, entry in value.items()]
        else:
            lines.append(f"{section}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def make_policy(population: Population) -> Policy:
    """Compile the policy without reading YAML."""
    return compile_policy(make_document(population))
