"""The places of a syntax tree, what stands in them, and how to put something else there."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


class MisfitError(Exception):
    """Raised if a fault does not fit the code; the message says why."""


@dataclass(frozen=True)
class Entry:
    """One entry of a dictionary, which has no node of its own."""

    key: ast.expr | None
    value: ast.expr


Node = ast.AST | Entry


@dataclass(frozen=True, eq=False)
class Slot:
    """A field of a node or, with an index, a run of what it lists; ``up`` is where the node is."""

    parent: ast.AST
    field: str
    index: int | None
    up: "Slot | None"
    length: int = 1

    @property
    def nodes(self) -> list[ast.AST]:
        """Return what stands here."""
        value = getattr(self.parent, self.field)
        return [value] if self.index is None else value[self.index : self.index + self.length]

    def put(self, nodes: Sequence[Node]) -> None:
        """Put something else here."""
        if self.index is not None:
            getattr(self.parent, self.field)[self.index : self.index + self.length] = nodes
        elif len(nodes) == 1:
            setattr(self.parent, self.field, nodes[0])
        else:
            raise MisfitError("Only one expression has room there.")

    def drop(self) -> None:
        """Leave out what stands here: a statement, an operand, or one of several."""
        if isinstance(self.parent, ast.Expr) and self.up is not None:
            self.up.drop()
        elif isinstance(self.parent, ast.BinOp) and self.up is not None:
            other = self.parent.right if self.field == "left" else self.parent.left
            self.up.put([other])
        elif self.index is None:
            raise MisfitError("What stands there cannot be left out, only replaced.")
        else:
            self.put([])
            self._close_up(getattr(self.parent, self.field))

    def _close_up(self, rest: list[Any]) -> None:
        if isinstance(self.parent, ast.BoolOp) and len(rest) == 1 and self.up is not None:
            self.up.put(rest)
        elif self.field == "body" and not rest:
            rest.append(ast.Pass())

    def is_inside(self, other: "Slot") -> bool:
        """Tell whether this is the other one, or within what stands there."""
        same = self.parent is other.parent and self.field == other.field
        run = None if other.index is None else range(other.index, other.index + other.length)
        if same and (run is None or self.index in run):
            return True
        return self.up is not None and self.up.is_inside(other)


class EntrySlot(Slot):
    """The place of an entry in a dictionary; ``field`` is that of its value."""

    def put(self, nodes: Sequence[Node]) -> None:
        """Put other entries here."""
        assert isinstance(self.parent, ast.Dict) and self.index is not None  # noqa: PT018, S101
        entries = [node for node in nodes if isinstance(node, Entry)]
        end = self.index + 1
        self.parent.keys[self.index : end] = [entry.key for entry in entries]
        self.parent.values[self.index : end] = [entry.value for entry in entries]

    def drop(self) -> None:
        """Leave this entry out."""
        self.put([])


def list_slots(parent: ast.AST, up: Slot | None = None) -> Iterator[Slot]:
    """Yield each place within a node."""
    for field, value in ast.iter_fields(parent):
        several = isinstance(value, list)
        for index, node in enumerate(value if several else [value]):
            if isinstance(node, ast.AST):
                slot = Slot(parent, field, index if several else None, up)
                yield slot
                yield from list_slots(node, slot)
