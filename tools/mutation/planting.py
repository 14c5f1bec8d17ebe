"""How the text of a file changes when a fault is planted: only in the lines of its definition."""

import ast
import re
from dataclasses import dataclass

from mutation.definitions import BLOCK, Definition, Package, parse_within
from mutation.faults import Fault
from mutation.operators import Text
from mutation.slots import MisfitError


@dataclass(frozen=True)
class Planting:
    """A file with a fault in it, and without."""

    path: str
    before: str
    after: str


def prepare(fault: Fault, package: Package) -> Planting:
    """Return what a fault makes of the file that it is in.

    Raises
    ------
    MisfitError
        Raised if it fits no place of the package, or more than one.
    """
    if isinstance(fault.how, Text):
        path = package.find_file(fault.where)
        return Planting(path, package.texts[path], fault.how.change(package.texts[path]))
    found = package.find(fault.where)
    text = package.texts[found[0].path]
    changed = []
    misfits: list[MisfitError] = []
    for definition in found:
        tree = definition.parse(text)
        try:
            fault.how.apply(tree)
        except MisfitError as error:
            misfits.append(error)
        else:
            changed.append(write_back(tree, definition, text))
    if len(changed) > 1:
        raise MisfitError(f"{fault.where} is defined more than once, and this fits each time.")
    if not changed:
        raise misfits[0]
    return Planting(found[0].path, text, changed[0])


def write_back(tree: ast.Module, definition: Definition, text: str) -> str:
    """Put what a definition has become in its lines; what comes after keeps its numbers if it can.

    Raises
    ------
    MisfitError
        Raised if the text of it would mean something else.
    """
    lines = text.split("\n")
    unparsed = ast.unparse(ast.fix_missing_locations(tree)).split("\n")
    head = [n for n, line in enumerate(unparsed) if line.strip() == BLOCK][: definition.depth]
    new = unparsed[head[-1] + 1 if head else 0 :]
    new = "\n".join(new).lstrip("\n").split("\n")
    if _describe(parse_within(definition.depth, new)) != _describe(tree):
        raise MisfitError("What it makes of the code cannot be written down.")
    # Lines that are named elsewhere, as in an error of a compiler, go on meaning the same.
    new += [""] * (definition.last - definition.first + 1 - len(new))
    return "\n".join([*lines[: definition.first - 1], *new, *lines[definition.last :]])


def _describe(tree: ast.Module) -> str:
    """Write down a tree, without what follows from where each name stands."""
    return re.sub(r", ctx=\w+\(\)", "", ast.dump(tree))
