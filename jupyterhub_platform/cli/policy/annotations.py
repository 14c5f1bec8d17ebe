"""Faults as commands of GitHub's runners, which show them at the lines of a change."""

from collections.abc import Iterable, Iterator

from jupyterhub_platform.core.errors import Fault


def render_annotations(faults: Iterable[Fault], warnings: Iterable[Fault]) -> Iterator[str]:
    """Yield a line for each: ``::error file=platform.yaml,line=3::…``."""
    for level, found in (("error", faults), ("warning", warnings)):
        for each in found:
            where = f"file={_escape(each.file)}" if each.file else ""
            line = f",line={each.line}" if each.line else ""
            text = (
                f"{each.key}: {each.what}; {each.fix}" if each.path else f"{each.what}; {each.fix}"
            )
            yield f"::{level} {where}{line}::{_escape(text)}"


def _escape(text: str) -> str:
    """Keep what a file says from being read as a command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
