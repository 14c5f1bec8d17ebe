"""What an expression of Python says without being executed: literals, names of them, f-strings.

Whatever else it is stays :class:`~jupyterhub_platform.deploy.importing.entries.Computed`, with its
reason, while the rest around it is read.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jupyterhub_platform.core.document.lines import Mark, Marks, below_of
from jupyterhub_platform.deploy.importing.entries import Computed

_MAX_DEPTH: Final = 40
_MAX_ITEMS: Final = 10_000
_MAX_TEXT: Final = 100_000
_OPERATORS: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_CONTAINERS: Final = frozenset({"list", "tuple", "set", "frozenset"})


@dataclass(slots=True)
class Constants:
    """The names of a module whose values are known, and how an expression is read with them.

    ``settings`` are values of ``c.X.y``, by ``X.y``.
    """

    line_before: int = 0
    names: dict[str, tuple[Any, Mark]] = field(default_factory=dict)
    settings: dict[str, tuple[Any, Mark]] = field(default_factory=dict)
    _depth: int = 0
    _items: int = 0

    def line(self, node: ast.AST) -> int:
        """Return the line of a node in the source."""
        return self.line_before + int(getattr(node, "lineno", 1))

    def read(self, node: ast.AST) -> tuple[Any, Mark]:
        """Return what an expression says, with the lines of its parts."""
        self._depth += 1
        self._items += 1
        try:
            if self._depth > _MAX_DEPTH or self._items > _MAX_ITEMS:
                return Computed("is longer than what is read of a file"), self.line(node)
            reader = getattr(self, f"_read_{type(node).__name__.lower()}", self._read_other)
            value, mark = reader(node)
            return value, mark
        finally:
            self._depth -= 1

    def _read_other(self, node: ast.AST) -> tuple[Any, Mark]:
        names = (getattr(each, "attr", getattr(each, "id", "")) for each in ast.walk(node))
        if not {"environ", "getenv"}.isdisjoint(names):
            return Computed("is read from the environment"), self.line(node)
        return Computed("is computed by code, which is not executed"), self.line(node)

    def _read_constant(self, node: ast.Constant) -> tuple[Any, Mark]:
        is_plain = node.value is None or isinstance(node.value, str | int | float)
        return (node.value, self.line(node)) if is_plain else self._read_other(node)

    def _read_name(self, node: ast.Name) -> tuple[Any, Mark]:
        if node.id in self.names:
            value, mark = self.names[node.id]
            # Where the name is used is where the setting is; its parts are where they are written.
            return value, _mark(self.line(node), below_of(mark))
        return Computed(f"is {node.id}, which only code knows"), self.line(node)

    def _read_attribute(self, node: ast.Attribute) -> tuple[Any, Mark]:
        if (setting := find_setting(node)) and setting in self.settings:
            return self.settings[setting]
        return self._read_other(node)

    def _read_list(self, node: ast.List | ast.Tuple | ast.Set) -> tuple[Any, Mark]:
        values: list[Any] = []
        marks: Marks = {}
        for each in node.elts:
            spread = isinstance(each, ast.Starred)
            value, mark = self.read(each.value if isinstance(each, ast.Starred) else each)
            if spread and not isinstance(value, list):
                return Computed("has parts that only code knows"), self.line(node)
            for number, one in enumerate(value if spread else [value]):
                at = below_of(mark).get(str(number), self.line(each)) if spread else mark
                marks[str(len(values))] = at
                values.append(one)
                self._items += 1
        return values, _mark(self.line(node), marks)

    _read_tuple = _read_set = _read_list

    def _read_dict(self, node: ast.Dict) -> tuple[Any, Mark]:
        values: dict[str, Any] = {}
        marks: Marks = {}
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value, mark = self.read(value_node)
            if key_node is None:
                if not isinstance(value, dict):
                    return Computed("has parts that only code knows"), self.line(node)
                values |= value
                marks |= {key: below_of(mark).get(key, self.line(value_node)) for key in value}
                continue
            key, _ = self.read(key_node)
            if isinstance(key, str | int | float):
                values[str(key)] = value
                marks[str(key)] = _mark(self.line(key_node), below_of(mark))
        return values, _mark(self.line(node), marks)

    def _read_call(self, node: ast.Call) -> tuple[Any, Mark]:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in _CONTAINERS and len(node.args) <= 1 and not node.keywords:
            value, mark = self.read(node.args[0]) if node.args else ([], self.line(node))
            return (value, mark) if isinstance(value, list) else self._read_other(node)
        if name == "dict" and not node.args:
            keys: list[ast.expr | None] = [
                ast.copy_location(ast.Constant(each.arg), each.value) if each.arg else None
                for each in node.keywords
            ]
            values = [each.value for each in node.keywords]
            return self._read_dict(ast.copy_location(ast.Dict(keys, values), node))
        return self._read_other(node)

    def _read_joinedstr(self, node: ast.JoinedStr) -> tuple[Any, Mark]:
        texts = []
        for part in node.values:
            is_plain = isinstance(part, ast.FormattedValue)
            if isinstance(part, ast.FormattedValue) and (part.format_spec or part.conversion > 0):
                return self._read_other(node)
            value, _ = self.read(part.value if isinstance(part, ast.FormattedValue) else part)
            if not isinstance(value, str | int | float) and (is_plain or value is not None):
                return self._read_other(node)
            texts.append(str(value))
        return _bounded("".join(texts)), self.line(node)

    def _read_subscript(self, node: ast.Subscript) -> tuple[Any, Mark]:
        holder, mark = self.read(node.value)
        key, _ = self.read(node.slice)
        if isinstance(holder, dict) and isinstance(key, str) and key in holder:
            return holder[key], below_of(mark).get(key, self.line(node))
        is_place = isinstance(holder, list) and isinstance(key, int) and not isinstance(key, bool)
        if is_place and -len(holder) <= key < len(holder):
            return holder[key], below_of(mark).get(str(key % len(holder)), self.line(node))
        return self._read_other(node)

    def _read_unaryop(self, node: ast.UnaryOp) -> tuple[Any, Mark]:
        value, mark = self.read(node.operand)
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value, mark
        return self._read_other(node)

    def _read_binop(self, node: ast.BinOp) -> tuple[Any, Mark]:
        left, mark = self.read(node.left)
        right, other = self.read(node.right)
        if isinstance(node.op, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
            return {**left, **right}, _mark(self.line(node), {**below_of(mark), **below_of(other)})
        is_add = isinstance(node.op, ast.Add)
        if is_add and isinstance(left, list) and isinstance(right, list):
            moved = {str(int(key) + len(left)): each for key, each in below_of(other).items()}
            return left + right, _mark(self.line(node), {**below_of(mark), **moved})
        if is_add and isinstance(left, str) and isinstance(right, str):
            return _bounded(left + right), self.line(node)
        return self._calculate(node, left, right)

    def _calculate(self, node: ast.BinOp, left: Any, right: Any) -> tuple[Any, Mark]:
        known = _OPERATORS.get(type(node.op))
        is_power = isinstance(node.op, ast.Pow)
        if not (_is_number(left) and _is_number(right)) or not (known or is_power):
            return self._read_other(node)
        try:
            if is_power and 0 <= right <= 64 and abs(left) <= 2**16:
                return left**right, self.line(node)
            if known and max(abs(left), abs(right)) < 2**128:
                return known(left, right), self.line(node)
        except ArithmeticError:
            return Computed("cannot be calculated"), self.line(node)
        return self._read_other(node)


def find_setting(node: ast.AST) -> str:
    """Return ``X.y`` of ``c.X.y``; empty if it is something else."""
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)):
        return ""
    holder = node.value
    is_config = isinstance(holder.value, ast.Name) and holder.value.id == "c"
    return f"{holder.attr}.{node.attr}" if is_config else ""


def _mark(line: int, below: Marks) -> Mark:
    return (line, below) if below else line


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bounded(text: str) -> Any:
    return text if len(text) <= _MAX_TEXT else Computed("is longer than what is read of a file")
