"""Reads the settings of a ``jupyterhub_config.py``, or of a chart's ``extraConfig``, unexecuted.

What is assigned to ``c.X.y`` at the top of the file is a setting. What only happens under a
condition, in a loop or in a call is not known, and is said to be so.
"""

import ast
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.document.lines import Mark, below_of
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.deploy.importing.constants import Constants, find_setting
from jupyterhub_platform.deploy.importing.entries import Computed, Entry
from jupyterhub_platform.deploy.importing.findings import Findings
from jupyterhub_platform.deploy.importing.secret_values import hide_secrets

_MAX_VALUES: Final = 50_000
_MAX_LEVELS: Final = 30
_GROWS: Final = frozenset({"append", "extend", "update", "add", "insert", "setdefault", "prepend"})
_OF_PLATFORM: Final = "configure"
_CONDITION: Final = (
    "is set under a condition, which is not evaluated; write the value that holds into "
    "platform.yaml by hand"
)


@dataclass(slots=True)
class PythonSource:
    """The settings of one or several pieces of code, in the order in which the Hub reads them."""

    findings: Findings
    settings: dict[str, Entry] = field(default_factory=dict)
    profiles: list[Entry] = field(default_factory=list)
    """What looks like a profile anywhere in the code, also where only code chooses among them."""
    bases: dict[str, list[str]] = field(default_factory=dict)
    """What the classes of the code extend."""
    _constants: Constants = field(default_factory=Constants)

    def read(self, text: str, key: KeyPath = (), line_before: int = 0) -> None:
        """Read a piece of code; ``key`` is where it is in the source, if it is a part of one.

        Raises
        ------
        PolicyError
            Raised if it is not Python.
        """
        tree = parse_python(text, line_before)
        self._constants.line_before = line_before
        self._constants.settings = {
            name: (each.value, each.mark) for name, each in self.settings.items()
        }
        for statement in tree.body:
            self._read_statement(statement, key)
        self.profiles += find_profiles(tree, self._constants, key)

    def _read_statement(self, node: ast.stmt, key: KeyPath) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value, key)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._assign(node.target, node.value, key)
        elif isinstance(node, ast.AugAssign):
            grown = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
            self._assign(node.target, grown, key)
        elif isinstance(node, ast.Expr):
            self._read_call(node.value, key)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            what = Computed(f"is the {kind} {node.name}, which is code", node.name)
            bases = getattr(node, "bases", ())
            self.bases[node.name] = [ast.unparse(each).rpartition(".")[2] for each in bases]
            self._constants.names[node.name] = (what, self._constants.line(node))
        elif isinstance(node, ast.With | ast.Try):
            for each in node.body:
                self._read_statement(each, key)
        else:
            self._note_conditional(node, key)

    def _assign(self, target: ast.expr, value: ast.expr, key: KeyPath) -> None:
        read, mark = self._constants.read(value)
        if isinstance(target, ast.Name):
            self._constants.names[target.id] = (hide_secrets(_bounded(read), target.id), mark)
        elif setting := find_setting(target):
            self._set(setting, read, mark, key, self._constants.line(target))
        elif isinstance(target, ast.Subscript):
            self._set_item(target, read, mark, key)
        elif isinstance(target, ast.Tuple):
            for each in target.elts:
                if isinstance(each, ast.Name):
                    self._constants.names[each.id] = (Computed("is computed by code"), mark)

    def _set(self, setting: str, value: Any, mark: Mark, key: KeyPath, line: int) -> None:
        mark = (line, below_of(mark)) if below_of(mark) else line
        hidden = hide_secrets(_bounded(value), setting.partition(".")[2])
        entry = Entry(hidden, (*key, f"c.{setting}"), mark)
        self.settings[setting] = entry
        self._constants.settings[setting] = (entry.value, mark)

    def _set_item(self, target: ast.Subscript, value: Any, mark: Mark, key: KeyPath) -> None:
        setting, line = find_setting(target.value), self._constants.line(target)
        name, _ = self._constants.read(target.slice)
        if not setting:
            return
        before = self.settings.get(setting)
        whole = {} if before is None else before.value
        if isinstance(whole, dict) and isinstance(name, str):
            marks = below_of(before.mark) if before else {}
            below = {**marks, name: (line, below_of(mark)) if below_of(mark) else line}
            self._set(setting, {**whole, name: value}, (line, below), key, line)
        else:
            self._set(setting, Computed("is changed by code"), line, key, line)

    def _read_call(self, node: ast.expr, key: KeyPath) -> None:
        if not isinstance(node, ast.Call):
            return
        line = self._constants.line(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _GROWS:
            self._grow(node, node.func, key, line)
        elif isinstance(node.func, ast.Name):
            self._note_call(node, node.func.id, key, line)

    def _grow(self, node: ast.Call, function: ast.Attribute, key: KeyPath, line: int) -> None:
        setting = find_setting(function.value)
        section = _find_section(function.value)
        if section and function.attr == "update" and len(node.args) == 1:
            value, mark = self._constants.read(node.args[0])
            for name in value if isinstance(value, dict) else ():
                at = below_of(mark).get(name, line)
                self._set(f"{section}.{name}", value[name], at, key, line)
        if not setting:
            return
        before = self.settings.get(setting)
        value, mark = self._constants.read(node.args[0]) if len(node.args) == 1 else (None, line)
        known = before.value if before else ({} if function.attr == "update" else [])
        marks = below_of(before.mark) if before else {}
        if function.attr == "update" and isinstance(known, dict) and isinstance(value, dict):
            grown: Any = {**known, **value}
            below = {**marks, **{name: below_of(mark).get(name, line) for name in value}}
        elif function.attr in {"append", "add"} and isinstance(known, list) and node.args:
            grown, below = [*known, value], {**marks, str(len(known)): mark}
        elif isinstance(known, list) and isinstance(value, list):
            grown = [*known, *value]
            moved = {
                str(len(known) + n): below_of(mark).get(str(n), line) for n in range(len(value))
            }
            below = {**marks, **moved}
        else:
            grown, below = Computed("is changed by code"), {}
        self._set(setting, grown, (line, below), key, before.line if before else line)

    def _note_call(self, node: ast.Call, name: str, key: KeyPath, line: int) -> None:
        takes_all = any(isinstance(each, ast.Name) and each.id == "c" for each in node.args)
        entry = Entry(None, (*key, f"{name}(…)"), line)
        if name == "load_subconfig":
            why = "reads another file, which is not read here; import that one as well"
            self.findings.impossible(entry, why)
        elif takes_all and name == _OF_PLATFORM:
            self.findings.stays(entry)
        elif takes_all:
            why = "may change any setting when it runs, and is not executed; see what it sets"
            self.findings.impossible(entry, why)

    def _note_conditional(self, node: ast.stmt, key: KeyPath) -> None:
        for each in ast.walk(node):
            targets = each.targets if isinstance(each, ast.Assign) else ()
            for target in targets:
                holder = target.value if isinstance(target, ast.Subscript) else target
                if setting := find_setting(holder):
                    entry = Entry(None, (*key, f"c.{setting}"), self._constants.line(each))
                    self.findings.impossible(entry, _CONDITION)
                elif isinstance(target, ast.Name):
                    what = Computed("depends on a condition")
                    self._constants.names[target.id] = (what, self._constants.line(each))


def parse_python(text: str, line_before: int = 0) -> ast.Module:
    """Parse a piece of code, which is not executed.

    Raises
    ------
    PolicyError
        Raised if it is not Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = line_before + (getattr(error, "lineno", None) or 1)
        what = "this is not Python that can be read"
        raise PolicyError((Fault((), what, "correct it, or remove it", line=line),)) from None


def find_profiles(tree: ast.Module, constants: Constants, key: KeyPath) -> Iterator[Entry]:
    """Yield whatever is written like a profile of KubeSpawner, wherever it is in the code."""
    for node in _find_profile_nodes(tree.body):
        value, mark = constants.read(node)
        if isinstance(value, dict) and isinstance(value.get("display_name"), str):
            yield Entry(hide_secrets(_bounded(value)), (*key, "profile"), mark)


def _find_profile_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.Dict]:
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Dict):
            keys = {each.value for each in node.keys if isinstance(each, ast.Constant)}
            if "display_name" in keys and keys & {"kubespawner_override", "profile_options"}:
                yield node
                continue
            if keys & {"choices", "unlisted_choice"}:
                continue  # an option of a profile, whose choices are written like profiles
        waiting += list(ast.iter_child_nodes(node))[::-1]


def _find_section(node: ast.AST) -> str:
    """Return ``X`` of ``c.X``."""
    is_section = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    if is_section and isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "c":
        return node.attr
    return ""


def _bounded(value: Any) -> Any:
    """Return a value, unless names repeat more of it than a file has that people write."""
    waiting, seen = [(value, 0)], 0
    while waiting:
        each, levels = waiting.pop()
        seen += 1
        if seen > _MAX_VALUES or levels > _MAX_LEVELS:
            return Computed("repeats more than a file has that people write")
        if isinstance(each, dict | list):
            below = each.values() if isinstance(each, dict) else each
            waiting += [(one, levels + 1) for one in below]
    return value
