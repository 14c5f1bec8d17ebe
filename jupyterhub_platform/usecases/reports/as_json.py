"""Render reports as JSON, the same whatever they are made of."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from jupyterhub_platform.core.question import HeldLimit, limit_to_json
from jupyterhub_platform.usecases.holdings import LimitLine
from jupyterhub_platform.usecases.reports.paging import Page


def render_json(report: object) -> Any:
    """Render a report, or any part of one, as what :func:`json.dumps` takes."""
    match report:
        case HeldLimit():
            return limit_to_json(report)
        case LimitLine():
            words = {"figures": report.figures, "state": report.state}
            return limit_to_json(report.limit) | words | {"declared_at": report.declared_at}
        case Page():
            query = report.query
            return {
                "items": [render_json(item) for item in report.items],
                "total": report.total,
                "limit": query.limit,
                "offset": query.offset,
                "next": report.next,
            }
        case timedelta():
            return report.total_seconds()
        case datetime():
            return report.isoformat()
        case str() | int() | float() | None:
            return report
        case Mapping():
            return {str(key): render_json(value) for key, value in report.items()}
        case tuple() | list():
            return [render_json(item) for item in report]
        case _:
            return _render_fields(report)


def _render_fields(report: object) -> Any:
    if is_dataclass(report):
        return {field.name: render_json(getattr(report, field.name)) for field in fields(report)}
    raise TypeError(f"{type(report).__name__} is not part of a report")
