"""Amounts as they were written, and what was probably meant by them.

YAML reads ``{cpu: 1,5, memory: 2Gi}`` as three entries, cut at the
decimal comma. ``memory: 8`` is eight bytes to Kubernetes, ``500m`` of memory half a byte, and
``cpu: 2Gi`` more cores than there are anywhere; Kubernetes refuses none of them, and nothing ever
starts with them.
"""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Final

from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote, split_message
from jupyterhub_platform.core.document.notations import find_ambiguity
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.quantities import (
    describe_amount,
    parse_quantity,
    render_quantity,
)
from jupyterhub_platform.core.resource_names import (
    CPU,
    HUGEPAGES,
    MEMORY,
    SERVERS,
    is_storage,
    is_whole,
)

_MIN_BYTES: Final[Mapping[str, int]] = {MEMORY: 16 * 2**20}
_MIN_STORAGE: Final = 2**20
_MAX_GUESSED: Final = 64
_MAX_MEBI: Final = 2**17

_WRITTEN: Final = re.compile(
    r"\+?(\d{1,20}(?:[.,]\d{1,20})?|[.,]\d{1,20})\s*([A-Za-z]{0,12})", re.ASCII
)
_BYTES: Final = re.compile(r"([kmgtpe])(i?)(?:b|bytes?|)|(b|bytes?)", re.IGNORECASE)
_CORES: Final = frozenset({"", "c", "cpu", "cpus", "core", "cores", "vcpu", "vcpus"})
_MILLI_CORES: Final = frozenset(
    {"m", "mc", "mcpu", "millicpu", "millicpus", "millicore", "millicores"}
)
_WHOLE: Final = re.compile(r"[-+]?\d{1,30}", re.ASCII)
_OFFERED: Final = re.compile(
    r"(?P<before>write |or )(?!for example |more$)"
    r"(?P<amount>\S+?(?: [A-Za-z]{1,3})?)(?=,|$| or | if )"
)
_TWICE: Final = re.compile(r"(?<!\S)(?P<amount>\S+?),? or (?P=amount)(?!\S)(?: if .*)?")
_REST: Final = re.compile(r"(?P<digits>\d{1,30}) ?(?P<unit>[A-Za-z]{0,8})", re.ASCII)
_OF_TIME: Final = frozenset({"s", "h", "d", "min"})


def read_amount(faults: FaultCollector, path: KeyPath, text: object, name: str) -> int | None:
    """Return the amount of ``name`` that stands at ``path``; what cannot be meant is a fault."""
    amount, said = _read(text, name)
    if said is not None:
        what, fix = said
        faults.add(path, what, _follow(fix, name))
    return amount


def _read(text: object, name: str) -> tuple[int | None, tuple[str, str] | None]:
    """Return an amount, or what is wrong with it and how to write what was probably meant."""
    if said := find_ambiguity(text):
        return None, said
    try:
        amount = parse_quantity(text if isinstance(text, int | float) else str(text), name)
    except QuantityError as error:
        what, fix = split_message(str(error), f"write for example {example(name)}")
        guess = _guess_unreadable(str(text), name) if "is not an amount" in what else ""
        return None, (what, guess or fix)
    said = _find_meaning(str(text).strip(), name, amount)
    return (None, said) if said else (amount, None)


def _follow(fix: str, name: str, steps: int = 3) -> str:
    """Return advice that can be followed: what it offers is not refused in turn.

    ``0x10`` of memory is 16; that would be 16 bytes, so that 16Gi is offered.
    """
    offered = [match["amount"] for match in _OFFERED.finditer(fix)] if steps else []
    refused = {text: said for text in offered if (said := _read(text, name)[1])}
    followed = {text: _follow(said[1], name, steps - 1) for text, said in refused.items()}
    helpful = {
        text: advice.removeprefix("write ")
        for text, advice in followed.items()
        if advice.startswith("write ") and not advice.startswith("write for example ")
    }
    if followed.keys() != helpful.keys():
        # One of two that is of no use, as too large, is left out.
        accepted = [text for text in offered if text not in refused]
        return f"write {accepted[0]}" if accepted else next(iter(followed.values()))
    better = _OFFERED.sub(
        lambda each: each["before"] + helpful.get(each["amount"], each["amount"]), fix
    )
    return _TWICE.sub(r"\g<amount>", better)


def example(name: str) -> str:
    """Return an amount of a resource that could be written, for a message."""
    return {CPU: "500m", SERVERS: "3"}.get(name, "1Gi" if is_storage(name) else "1")


def _find_meaning(text: str, name: str, amount: int) -> tuple[str, str] | None:
    """Say what an amount is and what was probably meant; nothing if it can be meant as it is."""
    match = _WRITTEN.fullmatch(text)
    # With an exponent, such as 1e3, there is no unit either.
    number, unit = match.groups() if match else ("", "")
    if is_storage(name):
        minimum = _minimum(name)
        return _explain_small(text, number, unit, name, amount) if 0 < amount < minimum else None
    if unit and unit not in {"n", "u", "m", "k"}:
        if name == CPU:
            said = f"{quote(text)} is {describe_amount(name, amount)}: {unit} is for bytes"
            return said, f"write {number}m" if unit == "M" else f"write {number}"
        return f"{quote(text)} is {amount}: {unit} is for bytes", f"write {number}"
    return None


def _minimum(name: str) -> int:
    """Return the least amount that can be meant; huge pages are counted by their own size."""
    return 0 if name.startswith(HUGEPAGES) else _MIN_BYTES.get(name, _MIN_STORAGE)


def _explain_small(text: str, number: str, unit: str, name: str, amount: int) -> tuple[str, str]:
    if unit in {"n", "u", "m"}:
        parts = {"n": "billionths", "u": "millionths", "m": "thousandths"}[unit]
        what = f"{quote(text)} is {parts} of a byte, which is what {unit} means after {name}"
        return what, f"write {number}Mi"
    said = describe_amount(MEMORY, amount)
    if unit == "":
        return f"{quote(text)} is {said}, since it has no unit", _guess_bytes(number, name)
    minimum = describe_amount(MEMORY, _minimum(name))
    what = f"{quote(text)} is {said}, and less than {minimum} of {name} is of no use"
    return what, _offer_minimum(name) if unit in {"M", "Mi"} else _guess_bytes(number, name)


def _offer_minimum(name: str) -> str:
    return f"write {render_quantity(MEMORY, _minimum(name))} or more"


def _guess_bytes(number: str, name: str) -> str:
    value = Fraction(number.replace(",", ".") or 0)
    if value <= _MAX_GUESSED and value * 2**30 >= _minimum(name):
        return f"write {number}Gi"
    if value <= _MAX_MEBI and value * 2**20 >= _minimum(name):
        return f"write {number}Mi"
    return _offer_minimum(name)


def _guess_unreadable(text: str, name: str) -> str:
    """Return how to write an invalid quantity, if that can be guessed; else nothing."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        return ""
    number, unit = match[1].replace(",", "."), match[2]
    if is_storage(name):
        return _guess_storage(number, unit, name)
    if name == CPU and unit.lower() in _MILLI_CORES:
        return f"write {number}m"
    if name == CPU and unit.lower() in _CORES:
        return f"write {number}"
    return f"write {number}" if is_whole(name) and number.isdigit() else ""


def _guess_storage(number: str, unit: str, name: str) -> str:
    if not unit:
        return _guess_bytes(number, name)
    match = _BYTES.fullmatch(unit)
    if match is None or match[1] is None:
        return ""
    letter = match[1].upper()
    decimal = "k" if letter == "K" else letter
    if match[2]:
        return f"write {number}{letter}i"
    return f"write {number}{decimal} or {number}{letter}i"


def find_split_numbers(
    node: object, at: KeyPath = ()
) -> Iterator[tuple[KeyPath, KeyPath, str, str]]:
    """Yield where a number was cut: its first part, the key made of the rest, what and fix."""
    if isinstance(node, list):
        for number, entry in enumerate(node):
            yield from find_split_numbers(entry, (*at, number))
    elif isinstance(node, dict):
        for (name, value), (key, empty) in pairwise(node.items()):
            rest = _REST.fullmatch(str(key)) if empty is None else None
            if rest is not None and _WHOLE.fullmatch(str(value)):
                what = f"{quote(f'{value},{key}')} is two entries: within braces a comma ends one"
                yield (*at, name), (*at, key), what, _say_fix(str(value), rest)
        for key, below in node.items():
            yield from find_split_numbers(below, (*at, key))


def _say_fix(whole: str, rest: re.Match[str]) -> str:
    if rest["unit"] in _OF_TIME:
        return "write it without a comma, for example 90m or 1h30m"
    return f"write {whole}.{rest['digits']}{rest['unit']}"
