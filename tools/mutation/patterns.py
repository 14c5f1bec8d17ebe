"""Where a piece of code stands in a syntax tree, whatever its format.

``...`` in what is looked for stands for anything: one expression or, where it ends a list, the rest
of it, such as more arguments, or the body of a statement with its ``else``.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mutation.slots import Entry, EntrySlot, MisfitError, Node, Slot

Reading = Sequence[Node]

_WITHOUT_MEANING = {"ctx", "kind", "type_comment"}
_AROUND = (("f(", "\n)"), ("{", "\n}"), ("try: pass\n", ""))


def read(code: str) -> list[Reading]:
    """Return each way to read a piece of code: as an expression, as statements, as an argument.

    Raises
    ------
    MisfitError
        Raised if there is none.
    """
    readings = [_list_alone(_parse(before + code + after)) for before, after in _AROUND]
    body = tree.body if (tree := _parse(code)) is not None else []
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        readings.append(body)
    elif not isinstance(body[0].value, ast.Starred):  # This has been read as an argument.
        readings.append([body[0].value])
    if not any(readings):
        raise MisfitError(f"This is not Python: {code}")
    return [reading for reading in readings if reading]


def _parse(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except SyntaxError:
        return None


def _list_alone(tree: ast.Module | None) -> Reading:
    """Return what stands only in a call, a dictionary or a ``try``, and is all that is there."""
    match tree:
        case ast.Module(body=[ast.Expr(value=ast.Call(args=[], keywords=keywords))]):
            return keywords
        case ast.Module(body=[ast.Expr(value=ast.Call(args=[ast.Starred() as one], keywords=[]))]):
            return [one]
        case ast.Module(body=[ast.Expr(value=ast.Dict(keys=[key], values=[value]))]):
            return [Entry(key, value)]
        case ast.Module(body=[ast.Try(handlers=[handler], orelse=[], finalbody=[])]):
            return [handler]
        case _:
            return []


def find_only(code: str, slots: Iterable[Slot]) -> Slot:
    """Return the one of several places where a piece of code stands.

    Raises
    ------
    MisfitError
        Raised if there is none, or more than one.
    """
    readings = read(code)
    found = [each for slot in slots for reading in readings for each in _find(reading, slot)]
    if len(found) != 1:
        raise MisfitError(f"This stands {len(found)} times there, and not once: {code}")
    return found[0]


def _find(pattern: Reading, slot: Slot) -> Iterator[Slot]:
    [node] = slot.nodes
    first = pattern[0]
    if isinstance(first, Entry):
        yield from _find_entry(first, node, slot)
    elif len(pattern) == 1:
        # The target of an assignment is not an expression.
        if _fits(first, node) and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            yield slot
    elif slot.index is not None:
        run = Slot(slot.parent, slot.field, slot.index, slot.up, len(pattern))
        if _fit_all(pattern, run.nodes):
            yield run


def _find_entry(entry: Entry, node: ast.AST, slot: Slot) -> Iterator[Slot]:
    if isinstance(node, ast.Dict):
        for index, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            if _fits(entry.key, key) and _fits(entry.value, value):
                yield EntrySlot(node, "values", index, slot)


def _fit_all(patterns: Sequence[Any], nodes: Sequence[Any]) -> bool:
    if patterns and _is_anything(patterns[-1]):
        patterns = patterns[:-1]
        nodes = nodes[: len(patterns)]
    return len(patterns) == len(nodes) and all(map(_fits, patterns, nodes))


def _fits(pattern: Any, node: Any) -> bool:
    if isinstance(pattern, list) and isinstance(node, list):
        return _fit_all(pattern, node)
    if not isinstance(pattern, ast.AST):
        return type(pattern) is type(node) and bool(pattern == node)
    if _is_anything(pattern):
        return isinstance(node, ast.expr)
    without = _WITHOUT_MEANING | _list_left_open(pattern)
    return type(pattern) is type(node) and all(
        _fits(getattr(pattern, field, None), getattr(node, field, None))
        for field in pattern._fields
        if field not in without
    )


def _list_left_open(pattern: ast.AST) -> set[str]:
    """Return the fields for which a ``...`` in another field stands as well."""
    match pattern:
        case ast.Call(args=[*_, last], keywords=[]) if _is_anything(last):
            return {"keywords"}
        case ast.If(body=[*_, last]) | ast.For(body=[*_, last]) if _is_anything(last):
            return {"orelse"}
        case _:
            return set()


def _is_anything(pattern: Any) -> bool:
    match pattern:
        case ast.Constant(value=value) | ast.Expr(value=ast.Constant(value=value)):
            return value is ...
        case _:
            return False
