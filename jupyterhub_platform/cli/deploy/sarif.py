"""What a plan finds in SARIF 2.1.0, which GitHub and GitLab show beside the lines of a change."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Any, Final

from jupyterhub_platform.core.errors import Fault
from jupyterhub_platform.rest.policy_plans import Plan

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_PLACED: Final = re.compile(
    r"(?P<file>[^\n:]+):(?P<line>\d+): (?:warning: )?(?P<text>.*)", re.DOTALL
)
_RULES: Final = {
    "policy-fault": "The policy file has a fault.",
    "policy-warning": "Something is valid, and probably a mistake.",
    "plan-conflict": "The file declares what is managed in the Hub.",
    "plan-destructive": "A change takes away what is in use.",
    "plan-cut": "A change gives considerably less.",
    "plan-over": "A limit is set below what is held.",
}


def render_sarif(file: str, plan: Plan | None, faults: Iterable[Fault | str]) -> dict[str, Any]:
    """Render what was found: the faults of a file, or what its plan says."""
    found = [*(_render("policy-fault", "error", file, str(each)) for each in faults)]
    if plan is not None:
        found += _list_found(file, plan)
    driver = {
        "name": "jhp",
        "version": _read_version(),
        "rules": [
            {"id": name, "shortDescription": {"text": text}} for name, text in _RULES.items()
        ],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": found}],
    }


def _list_found(file: str, plan: Plan) -> Iterator[dict[str, Any]]:
    for risk in plan.risks:
        rule = "plan-destructive" if risk.destructive else "plan-cut"
        yield _render(rule, "error" if risk.destructive else "warning", file, risk.sentence)
    for each in plan.conflicts:
        text = f"The {each.kind} {each.name} is managed in the Hub, by {each.by}."
        yield _render("plan-conflict", "error", file, text)
    for over in plan.over:
        whose = " in ".join(filter(None, (over.user, over.account or over.tier))) or "the platform"
        text = f"{over.path}: {whose} holds more {over.resource} than it allows."
        yield _render("plan-over", "warning", file, text)
    for warning in plan.warnings:
        yield _render("policy-warning", "warning", file, warning)


def _render(rule: str, level: str, file: str, text: str) -> dict[str, Any]:
    placed = _PLACED.fullmatch(text)
    where, line = (placed["file"], int(placed["line"])) if placed else (file, 1)
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": placed["text"] if placed else text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": PurePosixPath(where).as_posix()},
                    "region": {"startLine": line},
                }
            }
        ],
    }


def _read_version() -> str:
    try:
        return version("jupyterhub-platform")
    except PackageNotFoundError:
        return "unknown"
