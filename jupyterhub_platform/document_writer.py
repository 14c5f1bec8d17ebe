"""The one writer of YAML: puts an object into a policy file, or takes one out.

Only the lines of that object change: comments, order and style of the rest stay as they are. What
was written must be read again before it is believed.
"""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from jupyterhub_platform.core.errors import PlatformError

_INDENT: Final = 2
_BLOCK_STYLES: Final = frozenset({"|", ">"})


class WriteError(PlatformError):
    """Raised if a file cannot be changed without touching more than the object."""


def add_object(text: str, section: str, name: str | None, document: Mapping[str, Any]) -> str:
    """Return the text with an object at the end of its section; without a name in its list.

    Raises
    ------
    WriteError
        Raised if it is not the text of a mapping with one key a line.
    """
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    found = _find(_compose(text), section)
    if found is None:
        return "".join([*lines, f"{section}:\n", *_render(name, document, _INDENT)])
    key, node = found
    is_empty = isinstance(node, ScalarNode) or not node.value
    if is_empty:
        end = key.end_mark
        if node.value or not isinstance(node, ScalarNode):
            # The key and its colon stay, and a comment after the value.
            rest = lines[node.end_mark.line][node.end_mark.column :]
            colon = lines[end.line].index(":", end.column) + 1
            lines[end.line] = f"{lines[end.line][:colon]}{rest}"
        at, indent = end.line + 1, key.start_mark.column + _INDENT
    elif node.flow_style:
        # JSON is YAML within braces.
        value = json.dumps(document, ensure_ascii=False)
        entry = value if name is None else f"{json.dumps(name, ensure_ascii=False)}: {value}"
        return _splice(text, _end(node.value[-1]), _end(node.value[-1]), f", {entry}")
    else:
        at, indent = _last_line(node) + 1, _indent_of(node)
    return "".join([*lines[:at], *_render(name, document, indent), *lines[at:]])


def remove_object(text: str, section: str, name: str) -> str:
    """Return the text without an object. Comments stay.

    Raises
    ------
    WriteError
        Raised if it is not there.
    """
    lines = text.splitlines(keepends=True)
    found = _find(_compose(text), section)
    entries = found[1].value if found and isinstance(found[1], MappingNode) else []
    entry = next(((k, v) for k, v in entries if str(k.value) == name), None)
    if found is None or entry is None:
        raise WriteError(f"The file declares no {section}.{name}.")
    if found[1].flow_style:
        return _cut_out(text, entries, entries.index(entry))
    first, last = entry[0].start_mark.line, max(entry[0].end_mark.line, _last_line(entry[1]))
    if len(entries) == 1:
        end = found[0].end_mark
        colon = lines[end.line].index(":", end.column) + 1
        lines[end.line] = f"{lines[end.line][:colon]} {{}}{lines[end.line][colon:]}"
    return "".join([*lines[:first], *lines[last + 1 :]])


def _compose(text: str) -> MappingNode:
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        raise WriteError(f"The file is not YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(node, MappingNode) or node.flow_style:
        raise WriteError("The file is not a mapping with one key a line.")
    return node


def _find(document: MappingNode, section: str) -> tuple[Node, Any] | None:
    return next(((k, v) for k, v in document.value if str(k.value) == section), None)


def _end(entry: Any) -> int:
    """Return where an entry of a mapping or a list ends in the text."""
    return int((entry[1] if isinstance(entry, tuple) else entry).end_mark.index)


def _cut_out(text: str, entries: list[Any], number: int) -> str:
    """Return the text without an entry within braces, and without one comma."""
    key = entries[number][0]
    if number + 1 < len(entries):
        return _splice(text, key.start_mark.index, entries[number + 1][0].start_mark.index, "")
    first = _end(entries[number - 1]) if number else key.start_mark.index
    return _splice(text, first, _end(entries[number]), "")


def _splice(text: str, first: int, last: int, between: str) -> str:
    return f"{text[:first]}{between}{text[last:]}"


def _indent_of(node: Any) -> int:
    first = node.value[0]
    column = first[0].start_mark.column if isinstance(node, MappingNode) else None
    return int(node.start_mark.column if column is None else column)


def _last_line(node: Any) -> int:
    """Return the line on which the last of a node stands; comments after it do not count."""
    if isinstance(node, ScalarNode) and node.style in _BLOCK_STYLES:
        return int(node.end_mark.line) - int(node.end_mark.column == 0)
    if isinstance(node, ScalarNode) or node.flow_style:
        return int(node.end_mark.line)
    last = node.value[-1]
    if isinstance(node, SequenceNode):
        return _last_line(last)
    return max(int(last[0].end_mark.line), _last_line(last[1]))


def _render(name: str | None, document: Mapping[str, Any], indent: int) -> Iterator[str]:
    # Numbers that remember how they were written are plain ones here.
    plain = json.loads(json.dumps(document))
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 2**16
    yaml.sort_base_mapping_type_on_output = False
    stream = io.StringIO()
    yaml.dump([plain] if name is None else {name: plain}, stream)
    for line in stream.getvalue().splitlines(keepends=True):
        yield f"{' ' * indent}{line}"
