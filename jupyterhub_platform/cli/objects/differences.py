"""Renders differences of documents by lines: ``+`` for added values, ``-`` for removed ones."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jupyterhub_platform.cli.terminal import paint, printable


def render_differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Iterator[str]:
    """Yield a line for each value that was added or removed between two documents."""
    old, new = dict(_flatten(before or {})), dict(_flatten(after or {}))
    for path in dict.fromkeys([*old, *new]):
        if old.get(path) == new.get(path):
            continue
        if path in old:
            yield paint(f"  - {printable(path)}: {_render(old[path])}", fg="red")
        if path in new:
            yield paint(f"  + {printable(path)}: {_render(new[path])}", fg="green")


def render_document(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each value of a document."""
    for path, value in _flatten(document):
        yield f"  {printable(path)}: {_render(value)}"


def _flatten(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        path = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, path)
        else:
            yield path, value


def _render(value: Any) -> str:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return printable(", ".join(value)) or "none"
    return printable(json.dumps(value, ensure_ascii=False))
