"""What a server asks for: from KubeSpawner's settings to requests and limits of a tier."""

from collections.abc import Mapping
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.quantities import (
    convert_spawner_memory,
    parse_quantity,
    render_quantity,
)
from jupyterhub_platform.core.resource_names import CPU, MEMORY, is_accelerator, resource_order
from jupyterhub_platform.core.resources import check_resource_name
from jupyterhub_platform.deploy.importing.draft import Draft
from jupyterhub_platform.deploy.importing.entries import Entry

Traits = Mapping[str, Entry]
"""Settings of a spawner, by their names."""

_TRAITS: Final[Mapping[str, tuple[str, str]]] = {
    "cpu_guarantee": ("requests", CPU),
    "cpu_limit": ("limits", CPU),
    "mem_guarantee": ("requests", MEMORY),
    "mem_limit": ("limits", MEMORY),
}
_EXTRA: Final[Mapping[str, str]] = {
    "extra_resource_guarantees": "requests",
    "extra_resource_limits": "limits",
}
OF_AMOUNTS: Final = (*_TRAITS, *_EXTRA)
_UNLIMITED: Final = "unlimited"
_UNSAID: Final[Mapping[str, str]] = {CPU: "100m", MEMORY: "1Gi"}
"""What is requested where a source says nothing: quotas count requests, so there has to be one."""
_SMALLEST: Final[Mapping[str, int]] = {CPU: 1, MEMORY: 16 * 2**20}
_LARGEST: Final[Mapping[str, int]] = {CPU: 10**7, MEMORY: 2**50}


class Asked:
    """The requests and limits of one tier or size, while they are read."""

    def __init__(self, draft: Draft, at: KeyPath) -> None:
        self._draft, self._at = draft, at
        self.parts: dict[str, dict[str, Any]] = {"requests": {}, "limits": {}}
        self._sources: dict[tuple[str, str], Entry] = {}

    def read(self, traits: Traits) -> None:
        """Read all settings that are amounts."""
        for trait, (part, name) in _TRAITS.items():
            if trait in traits:
                self._read_one(traits[trait], part, name)
        for trait, part in _EXTRA.items():
            for each in traits[trait].items() if trait in traits else ():
                self._read_extra(each, part)
            if trait in traits and traits[trait].why_unknown:
                self._draft.findings.impossible(traits[trait], traits[trait].why_unknown)

    def _read_one(self, entry: Entry, part: str, name: str) -> None:
        if entry.why_unknown:
            self._draft.findings.impossible(entry, f"{entry.why_unknown}; write the amount")
            return
        if not entry.value and not isinstance(entry.value, str):
            at = (*self._at, "limits", name)
            self._draft.findings.carried(entry, *([at] if part == "limits" else []))
            return
        try:
            written = entry.value if isinstance(entry.value, str | int | float) else ""
            quantity = str(written)
            if name == MEMORY:
                quantity = convert_spawner_memory(written)
            else:
                quantity = render_quantity(CPU, parse_quantity(written, CPU))
            amount = parse_quantity(quantity, name)
        except QuantityError:
            self._draft.findings.impossible(entry, f"is no amount of {name}; write one")
            return
        if not _SMALLEST[name] <= amount <= _LARGEST[name]:
            why = f"is no amount of {name} with which a server starts; write one"
            self._draft.findings.impossible(entry, why)
            return
        self._keep(entry, part, name, quantity)

    def _read_extra(self, entry: Entry, part: str) -> None:
        try:
            name = check_resource_name(entry.name)
            written = entry.value if isinstance(entry.value, str | int | float) else ""
            amount = parse_quantity(written, name)
        except QuantityError:
            self._draft.findings.impossible(entry, "is no amount of a resource; write one")
            return
        smallest = _SMALLEST.get(name, 1)
        if smallest <= amount <= _LARGEST.get(name, 2**50):
            self._keep(entry, part, name, render_quantity(name, amount))
        elif amount == 0:
            self._draft.findings.carried(entry, why="is nothing")
        else:
            self._draft.findings.impossible(entry, f"is no amount of {name} that a node has")

    def _keep(self, entry: Entry, part: str, name: str, quantity: str) -> None:
        whole = int(quantity) if quantity.isdigit() and (name == CPU or "/" in name) else quantity
        self.parts[part][name] = whole
        self._sources[part, name] = entry
        at = (*self._at, part, name)
        self._draft.sources[at] = entry
        self._draft.findings.carried(entry, at)

    def settle(self, whole: Entry) -> dict[str, Any]:
        """Return requests and limits that a tier can have; ``whole`` is what names neither."""
        requests, bounds = self.parts["requests"], self.parts["limits"]
        devices = [each for each in (*requests, *bounds) if is_accelerator(each)]
        for name in devices:
            if name in requests and requests[name] != bounds.setdefault(name, requests[name]):
                why = f"Kubernetes shares out no {name}: the request is the limit"
                self._draft.findings.changed(self._sources["requests", name], why)
            requests.pop(name, None)
        for name in (CPU, MEMORY):
            self._settle_one(name, whole, has_devices=bool(devices))
        return {
            part: {name: amounts[name] for name in sorted(amounts, key=resource_order)}
            for part, amounts in self.parts.items()
            if amounts
        }

    def _settle_one(self, name: str, whole: Entry, *, has_devices: bool) -> None:
        requests, bounds = self.parts["requests"], self.parts["limits"]
        if name in requests and name in bounds:
            if parse_quantity(requests[name], name) > parse_quantity(bounds[name], name):
                requests[name] = bounds[name]
                why = "is above the limit, with which Kubernetes refuses a pod: it is the limit"
                at = (*self._at, "requests", name)
                self._draft.findings.changed(self._sources["requests", name], why, at)
        elif name not in bounds:
            bounds[name] = _UNLIMITED
            if name not in requests and not (name == CPU and has_devices):
                requests[name] = _UNSAID[name]
                why = (
                    f"says nothing of {name}: quotas count what a server requests, so that "
                    f"{_UNSAID[name]} is written; write what it takes"
                )
                self._draft.findings.changed(whole, why, (*self._at, "requests", name))
