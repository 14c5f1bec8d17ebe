"""Converts forms into documents, as the policy file would have them, and back.

Each field is one key path. Keys without a field are kept, as YAML.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.typed_names import parse_names, render_names
from jupyterhub_platform.documents import read_mapping, render_mapping

Widget = Literal[
    "line", "text", "names", "amount", "count", "choice", "choices", "check", "instant"
]
MORE: Final = "more"
"""The name of the field for everything else."""
_NUMBER: Final = re.compile(r"\d{1,15}", re.ASCII)

Values = Mapping[str, Sequence[str]]
"""What a form says: the values of each field by its name."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. ``path`` is the key path that it stands for; ``name`` is made of it.

    ``options`` are the values to choose from, with what people read. ``group`` is the heading of
    neighbours that belong together.
    """

    path: tuple[str, ...]
    label: str
    widget: Widget = "line"
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()
    required: bool = False
    group: str = ""

    @property
    def name(self) -> str:
        """The name of the field in the form."""
        return ".".join(self.path)

    def read(self, values: Values) -> Any:
        """Return the value as a document has it; ``None`` if the field is empty."""
        sent = list(values.get(self.name, ()))
        text = sent[0].strip() if sent else ""
        match self.widget:
            case "check":
                return True if text else None
            case "choices":
                return sent or None
            case "names":
                return parse_names(text) or None
            case "amount" | "count":
                return (int(text) if _NUMBER.fullmatch(text) else text) if text else None
            case "text":
                return text.replace("\r\n", "\n") or None
            case _:
                return text or None

    def show(self, value: Any) -> list[str] | None:
        """Return the field's values for a value of a document; ``None`` if it cannot show it."""
        match self.widget, value:
            case "check", bool():
                return ["yes"] if value else []
            case "names", list() if all(isinstance(each, str) for each in value):
                return [render_names(value)]
            case "choices", list():
                known = [key for key, _ in self.options]
                return value if all(each in known for each in value) else None
            case (("amount" | "count"), int() | float() | str()) if not isinstance(value, bool):
                return [str(value)]
            case (("line" | "text" | "choice" | "instant"), str()):
                return [value]
            case _:
                return None


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A fault of a field of a form, or of the whole form if ``name`` is empty."""

    name: str
    sentence: str


def show_document(fields: Sequence[Field], document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the values of a form for a document."""
    values: dict[str, list[str]] = {}
    rest = copy.deepcopy(dict(document))
    for field in fields:
        holder = _find_holder(rest, field.path)
        if holder is None or field.path[-1] not in holder:
            continue
        shown = field.show(holder[field.path[-1]])
        if shown is not None:
            values[field.name] = shown
            del holder[field.path[-1]]
    values[MORE] = [render_mapping(_without_empty(rest))]
    return values


def read_document(
    fields: Sequence[Field], values: Values
) -> tuple[dict[str, Any], tuple[FieldFault, ...]]:
    """Return the document of a form, and the faults of values that cannot be read."""
    faults = []
    try:
        document = read_mapping("\n".join(values.get(MORE, ())))
    except PolicyError as error:
        document = {}
        faults += [FieldFault(MORE, f"Line {f.line}: {f.what}; {f.fix}.") for f in error.faults]
    for field in fields:
        value = field.read(values)
        if value is None:
            continue
        if not _put(document, field.path, value):
            sentence = f"{field.name} stands in “{field.label}” above; remove it here."
            faults.append(FieldFault(MORE, sentence))
    return document, tuple(faults)


def place_faults(
    fields: Sequence[Field], section: str, faults: Sequence[str]
) -> tuple[FieldFault, ...]:
    """Return the Hub's faults, each at the field whose key path it names."""
    by_length = sorted(fields, key=lambda field: -len(field.name))
    return tuple(_place(by_length, section, fault) for fault in faults)


def _place(fields: Sequence[Field], section: str, fault: str) -> FieldFault:
    for field in fields:
        found = re.match(rf"{section}\..*?\.{re.escape(field.name)}(?:\.[^:]*)?: ", fault)
        if found:
            return FieldFault(field.name, fault[found.end() :])
    return FieldFault("", fault)


def _find_holder(document: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    node: Any = document
    for key in path[:-1]:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None


def _put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> bool:
    node: Any = document
    for key in path[:-1]:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            return False
    if path[-1] in node:
        return False
    node[path[-1]] = value
    return True


def _without_empty(document: Any) -> Any:
    """Return a document without empty mappings, which mean nothing."""
    if not isinstance(document, dict):
        return document
    kept = {key: _without_empty(each) for key, each in document.items()}
    return {key: each for key, each in kept.items() if each != {}}
