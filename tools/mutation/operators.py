"""How a guard is broken: a few changes of its syntax tree, each at the one place where it fits.

What is looked for is code in any format; ``...`` in it stands for what does not matter. Where it
stands more than once, ``within`` is a larger piece of code around it that stands there once.
"""

import ast
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from mutation.patterns import find_only, read
from mutation.slots import Entry, EntrySlot, MisfitError, Node, Slot, list_slots


@dataclass(frozen=True)
class Operator(ABC):
    """A change of the one place where ``what`` stands."""

    what: str
    within: str = field(default="", kw_only=True)

    def apply(self, tree: ast.Module) -> None:
        """Change a tree.

        Raises
        ------
        MisfitError
            Raised if ``what`` does not stand there exactly once.
        """
        slots = list(list_slots(tree))
        if self.within:
            around = find_only(self.within, slots)
            slots = [slot for slot in slots if slot.is_inside(around)]
        self.change(find_only(self.pattern, slots))

    @property
    def pattern(self) -> str:
        """Return the code that is looked for."""
        return self.what

    @abstractmethod
    def change(self, slot: Slot) -> None:
        """Change what stands in a slot."""


@dataclass(frozen=True)
class Replace(Operator):
    """Something else stands there: ``by``."""

    by: str

    def change(self, slot: Slot) -> None:
        """Put it there."""
        _put(slot, self.by)


class Drop(Operator):
    """It is left out: a statement, an operand, an argument, an entry, a decorator, a filter."""

    def change(self, slot: Slot) -> None:
        """Leave it out."""
        slot.drop()


class Always(Operator):
    """A condition holds, whatever it asks for: an expression, or the one of ``if x: ...``."""

    def change(self, slot: Slot) -> None:
        """Answer it."""
        _put(_find_condition(slot), "True")


class Never(Operator):
    """A condition does not hold: an expression, or the one of ``if x: ...``."""

    def change(self, slot: Slot) -> None:
        """Answer it."""
        _put(_find_condition(slot), "False")


class Return(Operator):
    """The only ``return`` of a function returns this."""

    @property
    def pattern(self) -> str:
        """Return the code that is looked for."""
        return "return ..."

    def change(self, slot: Slot) -> None:
        """Put another one there."""
        _put(slot, f"return {self.what}")


@dataclass(frozen=True)
class InsertBefore(Operator):
    """Something is done before a statement: ``by``."""

    by: str

    def change(self, slot: Slot) -> None:
        """Put it before the statement."""
        slot.put([*_as_statements(read(self.by)), *slot.nodes])


@dataclass(frozen=True)
class Text:
    """In a file that is not Python, something else stands in the place of ``old``: ``new``."""

    old: str
    new: str

    def change(self, text: str) -> str:
        """Return what a text becomes.

        Raises
        ------
        MisfitError
            Raised if ``old`` does not stand there exactly once.
        """
        if text.count(self.old) != 1:
            raise MisfitError(f"This stands {text.count(self.old)} times there: {self.old}")
        return text.replace(self.old, self.new)


def _find_condition(slot: Slot) -> Slot:
    [node, *_] = slot.nodes
    return Slot(node, "test", None, slot) if isinstance(node, ast.If | ast.While) else slot


def _put(slot: Slot, code: str) -> None:
    """Put in a slot what fits there of the readings of some code."""
    readings = read(code)
    [old, *_] = slot.nodes
    kind = _kind_of(slot, old)
    if kind is ast.stmt:
        slot.put(_as_statements(readings))
        return
    fitting = [each for each in readings if all(isinstance(node, kind) for node in each)]
    if fitting:
        slot.put(fitting[0])
    elif isinstance(slot.parent, ast.Expr) and slot.up is not None:
        slot.up.put(_as_statements(readings))
    else:
        raise MisfitError(f"This does not fit there: {code}")


def _kind_of(slot: Slot, old: ast.AST) -> type[Node]:
    if isinstance(slot, EntrySlot):
        return Entry
    kinds = (ast.stmt, ast.expr, ast.keyword, ast.excepthandler)
    return next((kind for kind in kinds if isinstance(old, kind)), type(old))


def _as_statements(readings: Sequence[Sequence[Node]]) -> list[ast.stmt]:
    for reading in readings:
        if all(isinstance(node, ast.stmt) for node in reading):
            return [node for node in reading if isinstance(node, ast.stmt)]
        if len(reading) == 1 and isinstance(reading[0], ast.expr):
            return [ast.Expr(reading[0])]
    raise MisfitError("Only a statement has room there.")
