"""Reads the shape of a document: reports unknown and missing keys and wrong types as faults.

What has such a fault is taken out, or replaced by the example of its key, so that the rest can be
read and checked as well;
:class:`~jupyterhub_platform.core.document.faults.FaultCollector` knows that it is broken.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote
from jupyterhub_platform.core.document.schema import Declaration
from jupyterhub_platform.core.document.units import find_split_numbers
from jupyterhub_platform.core.document.value_types import FAULT, describe_value

_WANTED: Final[Mapping[str, tuple[str, str]]] = {
    "model_type": ("keys and values", "write KEY: VALUE lines below it"),
    "dict_type": ("keys and values", "write KEY: VALUE lines below it"),
    "tuple_type": ("a list", "write [one, two], or a line with - for each"),
    "string_type": ("text", "write text; numbers and dates that are meant as text go into quotes"),
    "bool_type": ("true or false", "write true or false"),
    "int_type": ("a whole number", "write a whole number, without quotes"),
    "none_required": ("empty", "remove the value"),
}


def read_shape(document: object, faults: FaultCollector) -> Declaration | None:
    """Read ``document`` as far as it can be read; faults go to ``faults``.

    Returns
    -------
    Declaration or None
        What can be read. ``None`` if that is nothing.
    """
    try:
        return Declaration.model_validate(document, context={})
    except ValidationError as error:
        errors = error.errors(include_url=False)
    for path, rest, what, fix in find_split_numbers(document):
        faults.add(path, what, fix)
        faults.mark_broken(rest)
    for detail in errors:
        what, fix = _explain(detail, faults)
        faults.add(_key_path(detail), what, fix)
    if not isinstance(document, dict):
        return None
    try:
        return Declaration.model_validate(_repair(document, errors, faults))
    except ValidationError:  # pragma: no cover - no document is known that comes here
        return None


def _key_path(detail: ErrorDetails) -> KeyPath:
    return tuple(key for key in detail["loc"] if key != "[key]")


def _explain(detail: ErrorDetails, faults: FaultCollector) -> tuple[str, str]:
    """Say what is wrong, and the fix, in our own words."""
    path, value, context = _key_path(detail), detail["input"], detail.get("ctx", {})
    kind = detail["type"]
    if kind == FAULT:
        return str(context["what"]), str(context["fix"])
    if kind == "extra_forbidden":
        known = _keys_of(_nested_at(path[:-1]))
        otherwise = f"remove it; known here are {', '.join(known)}"
        return "there is no such key", faults.suggest(str(path[-1]), known, otherwise)
    if kind == "missing":
        example = _example(_nested_at(path[:-1]), path[-1])
        return "is missing", f"write for example {path[-1]}: {_render(example)}"
    if kind in _WANTED and not (path == () and value is None):
        wanted, fix = _WANTED[kind]
        return f"is {describe_value(value)}, not {wanted}", fix
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", "")
        return f"{quote(value)} is not known here", f"write {expected}"
    if kind == "greater_than_equal":
        return f"{quote(value)} is too small", f"write {context['ge']} or more, or remove the key"
    if kind == "less_than_equal":
        return f"{quote(value)} is too large", f"write {context['le']} or less"
    if kind == "string_too_long":
        return "is too long", f"write {context['max_length']} characters at most"
    if path == () and value is None:
        return "the document is empty", "begin it with version: 1"
    return detail["msg"], "correct it"


def _render(example: object) -> str:
    """Render an example as it could be written in the document, on one line."""
    if isinstance(example, dict):
        inside = ", ".join(f"{key}: {_render(value)}" for key, value in example.items())
        return f"{{{inside}}}"
    if isinstance(example, list):
        return f"[{', '.join(_render(entry) for entry in example)}]"
    return str(example)


def _nested_at(path: KeyPath) -> type[BaseModel] | None:
    """Return the class that reads what stands at ``path``; ``None`` if it has no declared keys."""
    found: Any = Declaration
    for key in path:
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = next((f for n, f in found.model_fields.items() if (f.alias or n) == key), None)
            found = field.annotation if field else None
        else:
            found = get_args(found)[0 if isinstance(key, int) else -1]
        found = next(
            (a for a in get_args(found) if _is_nested(a) and type(None) in get_args(found)), found
        )
    return found if _is_nested(found) else None


def _is_nested(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)


def _keys_of(model: type[BaseModel] | None) -> tuple[str, ...]:
    fields = model.model_fields if model else {}
    return tuple(field.alias or name for name, field in fields.items())


def _example(model: type[BaseModel] | None, key: object) -> object:
    field = model.model_fields.get(str(key)) if model else None
    return field.examples[0] if field and field.examples else None


def _repair(document: object, errors: list[ErrorDetails], faults: FaultCollector) -> object:
    """Return a copy without what has faults; examples stand in for what must be there."""
    repaired = _copy(document)
    dropped: dict[KeyPath, set[int]] = {}
    for detail in errors:
        path = _key_path(detail)
        above: Any = _follow(repaired, path[:-1])
        key = path[-1]
        if isinstance(above, list) and isinstance(key, int):
            dropped.setdefault(path[:-1], set()).add(key)
        elif isinstance(above, dict):  # pragma: no branch - nothing is dropped twice so far
            example = _example(_nested_at(path[:-1]), key)
            above.pop(key, None)
            if example is not None:
                above[key] = deepcopy(example)
    for path, numbers in dropped.items():
        entries: Any = _follow(repaired, path)
        kept = tuple(n for n in range(len(entries)) if n not in numbers)
        entries[:] = [entries[n] for n in kept]
        faults.renumber(path, kept)
    return repaired


def _copy(node: Any) -> Any:
    """Return a copy with a value of its own at every place: equal ones are one as they are read."""
    if isinstance(node, dict):
        return {key: _copy(below) for key, below in node.items()}
    return [_copy(below) for below in node] if isinstance(node, list) else node


def _follow(node: Any, path: KeyPath) -> Any:
    """Return what stands at ``path``, ``None`` if nothing does."""
    for key in path:
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError):  # pragma: no cover - as above
            return None
    return node
