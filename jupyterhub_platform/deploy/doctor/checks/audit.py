"""Checks the integrity of the audit, in the store itself or as the Hub found it."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unknown

_WHY: Final = "Who did what, and what was charged to whom, cannot be relied on."
_OLD: Final = timedelta(hours=24)
MAX_SHOWN: Final = 5


def check_audit(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the audit's chain, and what it tells of, is what was written."""
    found = facts.record
    if found is None or (found.get("unread") and facts.has("health")):
        found = _found_by_hub(facts)
    if found.get("unread"):
        yield unknown(
            f"The record is not verified: {found['unread']}",
            "A change of the past would not be noticed.",
            "jhp audit verify, where the store can be read.",
        )
        return
    findings = found.get("findings", ())
    for each in findings[:MAX_SHOWN]:
        row = f" {each['row']}" if each["row"] else ""
        yield failed(f"{each['part']}{row}: {each['what']}", _WHY, str(each["fix"]))
    if len(findings) > MAX_SHOWN:
        more = len(findings) - MAX_SHOWN
        yield failed(f"{more} more rows are not what was written.", _WHY, "jhp audit verify")


def _found_by_hub(facts: DoctorFacts) -> Mapping[str, Any]:
    health = facts.hub.health if facts.hub else {}
    found = health.get("audit")
    if not isinstance(found, Mapping) or found.get("looked_at") is None:
        return {"unread": "the Hub has not looked at it yet."}
    if found.get("findings"):
        return found
    looked_at, now = (datetime.fromisoformat(str(t)) for t in (found["looked_at"], health["now"]))
    if now - looked_at > _OLD:
        return {"unread": f"the Hub looked at it last at {found['looked_at']}."}
    return found
