"""The report of an import, for people, for a merge request and for programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from jupyterhub_platform.core.errors import printable
from jupyterhub_platform.deploy.importing.findings import Finding, Imported, Outcome

_TITLES: Final[Mapping[Outcome, str]] = {
    Outcome.IMPOSSIBLE: "Impossible",
    Outcome.CHANGED: "Changed",
    Outcome.CARRIED: "Carried over",
}
"""In the order of what a reader has to do."""


def render_text(imported: Imported) -> str:
    """Render it as lines that name file and line, what cannot be imported first."""
    lines = []
    for outcome, title in _TITLES.items():
        found = _of(imported, outcome)
        if found:
            lines.append(f"{title}: {len(found)}")
            lines += [f"  {printable(_say_line(each))}" for each in found]
    return "\n".join([*lines, say_summary(imported)])


def _say_line(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    rest = "; ".join(filter(None, (_say_became(finding), finding.why)))
    return f"{place}: {finding.key}" + (f": {rest}" if rest else "")


def _say_became(finding: Finding) -> str:
    if finding.became:
        return f"-> {', '.join(finding.became)}"
    return "stays where it is" if finding.stays else ""


def say_summary(imported: Imported) -> str:
    """Say how many settings came over, and how."""
    counts = {outcome: len(_of(imported, outcome)) for outcome in _TITLES}
    return (
        f"{counts[Outcome.CARRIED]} carried over, {counts[Outcome.CHANGED]} changed, "
        f"{counts[Outcome.IMPOSSIBLE]} impossible."
    )


def render_markdown(imported: Imported, files: Sequence[str]) -> str:
    """Render it as tables, for a merge request."""
    lines = [f"# Import of {_cell(', '.join(files))}", "", say_summary(imported)]
    for outcome, title in _TITLES.items():
        if found := _of(imported, outcome):
            lines += [
                "",
                f"## {title}",
                "",
                "| Place | Setting | Became | Why |",
                "| --- | --- | --- | --- |",
            ]
            lines += map(_render_row, found)
    return "\n".join(lines)


def _render_row(finding: Finding) -> str:
    became = ", ".join(f"`{_cell(each)}`" for each in finding.became)
    where = became or ("stays where it is" if finding.stays else "")
    line = f":{finding.line}" if finding.line else ""
    return (
        f"| {_cell(finding.file)}{line} | `{_cell(finding.key)}` | {where} | {_cell(finding.why)} |"
    )


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")


def render_json(imported: Imported, files: Sequence[str]) -> dict[str, Any]:
    """Render it, and the document, as plain values."""
    return {
        "files": list(files),
        "kind": str(imported.kind),
        "counts": {str(each): len(_of(imported, each)) for each in Outcome},
        "findings": list(map(_render_finding, imported.findings)),
        "document": dict(imported.document),
    }


def _render_finding(finding: Finding) -> dict[str, Any]:
    return {
        "outcome": str(finding.outcome),
        "file": finding.file,
        "line": finding.line or None,
        "key": finding.key,
        "became": list(finding.became),
        "stays": finding.stays,
        "why": finding.why,
    }


def _of(imported: Imported, outcome: Outcome) -> list[Finding]:
    return list(_list(imported, outcome))


def _list(imported: Imported, outcome: Outcome) -> Iterator[Finding]:
    return (each for each in imported.findings if each.outcome is outcome)
