"""The page of codes: of denials, other refusals, checks, and actions in the audit."""

from jupyterhub_platform.deploy.doctor.table import CHECKS
from jupyterhub_platform.hub.denials import STATUSES
from reference_pages.audit_actions import AUDIT_ACTIONS
from reference_pages.facts import DECISION_CODES, OTHER_CODES
from reference_pages.markdown import render_table


def render_codes() -> str:
    """Render the codes of denials, other refusals and checks, and the actions of the audit."""

    def status(code: str) -> str:
        return next(str(number) for prefix, number in STATUSES if code.startswith(prefix))

    decisions = ((f"`{code}`", status(code), text) for code, text in DECISION_CODES)
    others = ((f"`{code}`", number, text) for code, number, text in OTHER_CODES)
    actions = ((f"`{action}`", text) for action, text in AUDIT_ACTIONS)
    checks = ((f"`{check.code}`", check.message) for check in CHECKS)
    return "\n\n".join(
        [
            "# Codes",
            (
                "Codes are stable; sentences may change. How to read a denial: "
                "[Read a denial](../read-a-denial.md)."
            ),
            "## Denials of a decision",
            (
                "A decision carries every denial. Its status is the first of 400, 403, 409, 503 "
                "that any of its codes has: fix the request before the policy, the policy before "
                "what is held."
            ),
            render_table(("Code", "Status", "What it means"), decisions),
            "## Other refusals",
            "A dash: it appears in a log or on the terminal, not in an HTTP answer.",
            render_table(("Code", "Status", "What it means"), others),
            "## Checks of jhp doctor",
            render_table(("Check", "Where nothing is wrong"), checks),
            "## Actions in the audit",
            render_table(("Action", "When"), actions),
        ]
    )
