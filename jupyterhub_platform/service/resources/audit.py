"""The audit: who did what to whom, for auditors and admins alone."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.rest.response_bodies import AuditHealth
from jupyterhub_platform.service.errors import translate, unknown
from jupyterhub_platform.service.hub_api import read_audit_state
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.audit import (
    FILTERS,
    RESULTS,
    AuditEvent,
    AuditEvents,
    list_changes,
    read_part,
    report_audit,
    report_event,
)
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

DOORS: Final = {
    "page": "a page",
    "api": "REST",
    "cli": "jhp",
    "platform": "the platform",
}
_LABELS: Final = {
    "actor": "by",
    "action": "did",
    "subject": "to",
    "result": "result",
    "since": "since",
    "until": "until",
}
_AREAS: Final = (
    *("person.", "group.", "tier.", "image.", "grant.", "policy.", "server."),
    *("token.", "share.", "share_code.", "service.", "call.refused"),
)


class Audit(Resource[AuditEvents]):
    """Who did what to whom, newest first; ``after`` lists oldest first."""

    TAKES = FILTERS | {"limit", "cursor", "before", "after"}
    TEMPLATE = "audit.html"

    def may(self, *names: str) -> None:
        """Refuse all but auditors and admins."""
        self.require_auditor()

    async def prepare(self) -> None:
        """Read which rows are requested."""
        self.arguments = {name: self.handler.argument(name) for name in self.TAKES}
        try:
            self.part = read_part(self.arguments, datetime.now(UTC))
        except PlatformError as error:
            raise translate(error) from error

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> AuditEvents:
        """Report the rows that are requested."""
        return report_audit(self.handler.reader.open_store(), self.part)

    async def add_for_page(self, report: AuditEvents) -> dict[str, Any]:
        """Add whether the record is whole, the filters, and where the list goes on."""
        state = await read_audit_state(self.handler.hub_auth.api_url, self.handler.token)
        looked_at = state.looked_at if state is not None else None
        chosen = {name: self.arguments[name] for name in sorted(FILTERS) if self.arguments[name]}
        return {
            "chain": state,
            "verified_at": looked_at and datetime.fromisoformat(looked_at),
            "has_later": any(each.number > _rows_of(state) for each in report.items),
            "chosen": chosen,
            "labels": _LABELS,
            "areas": _AREAS,
            "doors": DOORS,
            "results": RESULTS,
            "without": {name: _link(chosen, **{name: ""}) for name in chosen},
            "narrow": lambda **more: _link(chosen, **more),
            "further": _link(chosen, before=str(report.go_on)) if report.go_on else "",
            "is_first": not self.arguments["before"],
            "export": urlencode(chosen),
        }


def _rows_of(state: AuditHealth | None) -> int:
    """Return how many rows the Hub looked at last; the audit counts them without a gap."""
    return (state.rows or 0) if state is not None else 0


class AuditRow(Resource[AuditEvent]):
    """One row of the audit, with everything that it holds."""

    TEMPLATE = "audit_row.html"

    def may(self, *names: str) -> None:
        """Refuse all but auditors and admins."""
        self.require_auditor()

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> AuditEvent:
        """Report the row with this number."""
        (number,) = names
        found = report_event(self.handler.reader.open_store(), number)
        if found is None:
            raise unknown("row")
        return found

    async def add_for_page(self, report: AuditEvent) -> dict[str, Any]:
        """Add what changed, and the row as JSON."""
        raw = json.dumps(self.to_json(report), indent=2, ensure_ascii=False)
        return {"changes": list_changes(report), "raw": raw, "doors": DOORS}


def _link(chosen: dict[str, str], **changes: str) -> str:
    return "?" + urlencode({name: value for name, value in (chosen | changes).items() if value})
