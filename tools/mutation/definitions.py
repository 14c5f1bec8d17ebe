"""Where the package defines what: functions, classes and constants by their names.

A name is ``decide``, ``Sockets.bind`` or ``Level.ADMIN``, as long as one module has it. Otherwise
parts of that module's path go before it, in their order, as many as tell it from others:
``throttle:find`` or ``deploy/scheduling:find``. ``deploy/scheduling:`` alone is the whole module.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mutation.slots import MisfitError

PACKAGE = "jupyterhub_platform"
BLOCK = "class _:"
_INDENT = "    "

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Definition:
    """The lines of a file, from the first to the last, that define something.

    ``depth`` says how many blocks it is in.
    """

    path: str
    first: int
    last: int
    depth: int

    def parse(self, text: str) -> ast.Module:
        """Parse only these lines of a file, within as many blocks."""
        return parse_within(self.depth, text.split("\n")[self.first - 1 : self.last])


def parse_within(depth: int, lines: Sequence[str]) -> ast.Module:
    """Parse lines that are indented, in blocks made for them."""
    blocks = [f"{_INDENT * each}{BLOCK}" for each in range(depth)]
    return ast.parse("\n".join([*blocks, *lines]))


def read_texts(root: Path, *folders: str) -> dict[str, str]:
    """Return the texts of all files in some folders of a repository, by their paths."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*"))
    return {
        str(path.relative_to(root)): path.read_text()
        for path in paths
        if path.is_file() and "__pycache__" not in path.parts
    }


@dataclass(frozen=True)
class Package:
    """All files of the package by their paths, and what its modules define."""

    texts: Mapping[str, str]
    names: Mapping[str, Sequence[Definition]]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Self:
        """Look up what modules define."""
        names: dict[str, list[Definition]] = {}
        for path, text in texts.items():
            if path.startswith(f"{PACKAGE}/") and path.endswith(".py"):
                names.setdefault("", []).append(Definition(path, 1, text.count("\n") + 1, 0))
                for name, definition in _list_definitions(path, ast.parse(text).body, ""):
                    names.setdefault(name, []).append(definition)
        return cls(texts, names)

    @classmethod
    def at(cls, root: Path) -> Self:
        """Read the package of a repository."""
        return cls.of(read_texts(root, PACKAGE))

    def find(self, where: str) -> list[Definition]:
        """Return what a name means: all definitions of it in one module.

        Raises
        ------
        MisfitError
            Raised if no module has it, or several have.
        """
        module, _, name = where.rpartition(":")
        found = [each for each in self.names.get(name, ()) if _is_module(each.path, module)]
        paths = sorted({each.path for each in found})
        if not found:
            others = sorted({each.path for each in self.names.get(name, ())})
            hint = f"; but {name} is in {' and '.join(others)}" if others and name else ""
            raise MisfitError(f"Nothing is called {where}{hint}.")
        if len(paths) > 1:
            raise MisfitError(
                f"{where} is in {' and '.join(paths)}: write parts of the path before it, as in "
                f"{Path(paths[0]).stem}:{name}."
            )
        return found

    def find_file(self, where: str) -> str:
        """Return the path of a file that is not Python, by its end.

        Raises
        ------
        MisfitError
            Raised if there is none, or more than one.
        """
        found = [path for path in self.texts if f"/{path}".endswith(f"/{where}")]
        if len(found) != 1:
            raise MisfitError(f"{len(found)} files have paths that end with {where}, and not one.")
        return found[0]


def _is_module(path: str, parts: str) -> bool:
    left = iter(path.removesuffix(".py").split("/"))
    return not parts or all(part in left for part in parts.split("/"))


def _list_definitions(
    path: str, body: Sequence[ast.stmt], prefix: str
) -> Iterator[tuple[str, Definition]]:
    for node in body:
        first = min([node.lineno, *(each.lineno for each in _list_decorators(node))])
        depth = node.col_offset // len(_INDENT)
        definition = Definition(path, first, node.end_lineno or first, depth)
        for name in _list_names(node):
            yield f"{prefix}{name}", definition
        inner = f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix
        for block in _list_blocks(node):
            yield from _list_definitions(path, block, inner)


def _list_decorators(node: ast.stmt) -> list[ast.expr]:
    return node.decorator_list if isinstance(node, _Function | ast.ClassDef) else []


def _list_names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [
                each.id
                for target in targets
                for each in ast.walk(target)
                if isinstance(each, ast.Name)
            ]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _list_blocks(node: ast.stmt) -> list[list[ast.stmt]]:
    match node:
        case ast.ClassDef(body=body) | ast.With(body=body):
            return [body]
        case ast.If(body=body, orelse=orelse):
            return [body, orelse]
        case ast.Try(body=body, orelse=orelse, finalbody=finalbody, handlers=handlers):
            return [body, orelse, finalbody, *(each.body for each in handlers)]
        case _:
            return []
