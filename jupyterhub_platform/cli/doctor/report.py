"""Prints the report of ``jhp doctor``: the answer first, then a line for each check."""

import json
from collections import Counter
from collections.abc import Sequence

import click

from jupyterhub_platform.deploy.doctor.findings import Result, Status

_COLOURS = {
    Status.OK: "green",
    Status.UNKNOWN: "cyan",
    Status.WARNING: "yellow",
    Status.FAILED: "red",
}


def render_report(results: Sequence[Result], skipped: Sequence[str]) -> str:
    """Render for a terminal; the caller strips the colours where there are none."""
    width = max(len(result.check.code) for result in results)
    lines = [render_answer(results), ""]
    for result in results:
        code = f"{result.check.code:<{width}}"
        if not result.findings:
            lines.append(f"{_render_status(Status.OK)} {code}  {result.check.message}")
        for finding in result.findings:
            lines += [
                f"{_render_status(finding.status)} {code}  {finding.what}",
                f"         why  {finding.why}",
                f"         fix  {finding.fix}",
            ]
    return "\n".join([*lines, *([""] if skipped else []), *skipped])


def _render_status(status: Status) -> str:
    return click.style(f"{status:<8}", fg=_COLOURS[status])


def render_answer(results: Sequence[Result]) -> str:
    """Summarise the results in one sentence."""
    counts = Counter(result.status for result in results)
    bad = [
        f"{counts[status]} {word}"
        for status, word in (
            (Status.FAILED, "failed"),
            (Status.WARNING, "with a warning"),
            (Status.UNKNOWN, "not known"),
        )
        if counts[status]
    ]
    checks = "1 check" if len(results) == 1 else f"{len(results)} checks"
    return f"{checks}: {', '.join(bad)}." if bad else f"{checks}, all well."


def render_json(results: Sequence[Result], skipped: Sequence[str], *, ok: bool) -> str:
    """Render for programs."""
    rendered = {
        "ok": ok,
        "checks": [result.to_json() for result in results],
        "skipped": list(skipped),
    }
    return json.dumps(rendered, indent=2, ensure_ascii=False)
