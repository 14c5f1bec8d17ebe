"""Which planted faults to run: by words, by chance, or by what changed since a commit."""

import ast
import io
import random
import subprocess
import tarfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from mutation.definitions import PACKAGE, Package
from mutation.faults import Fault
from mutation.operators import Text
from mutation.slots import MisfitError

TABLES = "tools/planted_faults"


def find_path(fault: Fault, package: Package) -> str:
    """Return the path of the file that a fault is in; nothing, if it fits none."""
    try:
        if isinstance(fault.how, Text):
            return package.find_file(fault.where)
        return package.find(fault.where)[0].path
    except MisfitError:
        return ""


def select(faults: Sequence[Fault], words: Sequence[str], package: Package) -> list[Fault]:
    """Return the faults with one of ``words`` in their path or names; all, without words."""
    return [
        fault
        for fault in faults
        if not words
        or any(word in f"{find_path(fault, package)} {fault.where} {fault.name}" for word in words)
    ]


def take_sample(faults: Sequence[Fault], number: int, seed: int) -> list[Fault]:
    """Return some faults by chance, in their order; the same ones for the same seed."""
    chosen = random.Random(seed).sample(range(len(faults)), min(number, len(faults)))  # noqa: S311
    return [faults[index] for index in sorted(chosen)]


def select_changed(
    faults: Sequence[Fault],
    before: Mapping[str, str],
    after: Mapping[str, str],
    changed: Collection[str],
) -> list[Fault]:
    """Return the faults whose guard, whose row or whose tests are not what they were.

    Parameters
    ----------
    faults
        All faults.
    before, after
        The package and the tables of faults, then and now: texts by their paths.
    changed
        Paths of all files that changed.
    """
    was, now = Package.of(before), Package.of(after)
    rows = _list_rows(after) - _list_rows(before)
    new = {(name, where) for name, where, _ in rows}
    return [
        fault
        for fault in faults
        if (fault.name, fault.where) in new
        or not set(fault.tests).isdisjoint(changed)
        or _describe(fault, was) != _describe(fault, now)
    ]


def _describe(fault: Fault, package: Package) -> str:
    """Write down what a fault is planted in, without its format."""
    path = find_path(fault, package)
    text = package.texts.get(path, "")
    if isinstance(fault.how, Text) or not path:
        return text
    return " ".join(ast.dump(each.parse(text)) for each in package.find(fault.where))


def _list_rows(texts: Mapping[str, str]) -> set[tuple[str, str, str]]:
    """Return name, place and change of each row that tables are written with."""
    return {
        (str(name), str(where), ast.dump(how))
        for path, text in texts.items()
        if path.startswith(TABLES)
        for node in ast.walk(ast.parse(text))
        for name, where, how in _read_row(node)
    }


def _read_row(node: ast.AST) -> list[tuple[object, object, ast.expr]]:
    if isinstance(node, ast.Tuple):
        match node.elts:
            case [ast.Constant(name), ast.Constant(where), ast.Call() as how]:
                return [(name, where, how)]
            case _:
                pass
    return []


def read_commit(root: Path, base: str) -> dict[str, str]:
    """Return package and tables as they were where this branch left ``base``."""
    commit = _ask_git(root, "merge-base", base, "HEAD").decode().strip()
    archive = io.BytesIO(_ask_git(root, "archive", commit))
    texts, tops = {}, tuple(f"{folder}/" for folder in (PACKAGE, TABLES))
    with tarfile.open(fileobj=archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.startswith(tops) else None
            if file is not None:
                texts[member.name] = file.read().decode()
    return texts


def _ask_git(root: Path, *words: str) -> bytes:
    command = ("git", *words)
    return subprocess.run(command, cwd=root, capture_output=True, check=True).stdout  # noqa: S603
