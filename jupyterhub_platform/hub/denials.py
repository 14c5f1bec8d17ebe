"""Renders a denial for the Hub: the status, the sentence, and a link to the whole decision."""

from typing import Final

from jupyterhub.spawner import SpawnException
from markupsafe import escape

from jupyterhub_platform.core.causes import Cause
from jupyterhub_platform.core.decision import Decision
from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.hub.retry_after import retry_after
from jupyterhub_platform.usecases.admission import STORE_RETRY_SECONDS

STATUSES: Final = (
    # The first prefix that matches any code of a decision wins: fix the request before the policy,
    # the policy before what is held, and that before what the platform can hold.
    ("options.", 400),
    ("person.", 403),
    ("level.", 403),
    ("account.", 403),
    ("tier.", 403),
    ("size.", 403),
    ("image.", 403),
    ("quota.", 409),
    ("capacity.", 503),
)
CAPACITY_RETRY_SECONDS: Final = 60
STORE_SENTENCE: Final = (
    "Nothing can be started right now: the platform cannot record it. "
    "Running servers are not affected. Try again in a minute, or ask an admin to look at the store."
)


class AdmissionDenied(SpawnException):  # type: ignore[misc]
    """A denial, as the Hub shows it on its pages, in its API and in its log.

    ``cause`` is reported for this start later, where there is more to say than the sentence;
    ``decision`` is the whole answer, if admission gave one.
    """

    def __init__(self, sentence: str, *, status: int, code: str, html: str = "") -> None:
        html = html or str(escape(sentence))
        # `reason` is a metric label and the HTTP reason phrase: short, fixed, never data.
        super().__init__(
            sentence, reason=code.partition(".")[0], message_html=html, status_code=status
        )
        self.jupyterhub_message = sentence
        self.jupyterhub_html_message = html
        self.headers: dict[str, str] = {}
        self.code = code
        self.cause: Cause | None = None
        self.decision: Decision | None = None


def status_of(decision: Decision) -> int:
    """Return the HTTP status that answers a start with this decision."""
    if decision.admitted:
        return 201
    for prefix, status in STATUSES:
        if any(code.startswith(prefix) for code in decision.codes):
            return status
    return 409


def denied(decision: Decision, decision_id: str, api_url: str, *, to: str = "") -> AdmissionDenied:
    """Create the denial of a start, with headers linking to the whole decision, if it has a row.

    It is said ``to`` the user who asked, if the server is theirs; the Hub's log names them.
    """
    status = status_of(decision)
    link = f"{api_url}/decisions/{decision_id}"
    codes = ", ".join(decision.codes)
    error = AdmissionDenied(
        decision.sentence,
        status=status,
        code=decision.codes[0],
        html=f'<span data-code="{escape(codes)}">{escape(decision.sentence)}</span>',
    )
    error.decision = decision
    if to:
        error.jupyterhub_message = sentence = decision.say_to(to)
        error.jupyterhub_html_message = (
            f'<span data-code="{escape(codes)}">{escape(sentence)}</span>'
        )
    if decision_id:
        error.headers = {"X-Platform-Decision": decision_id, "Link": f'<{link}>; rel="describedby"'}
    if status == 503:
        return retry_after(error, CAPACITY_RETRY_SECONDS)
    return error


def store_is_down(error: StoreError) -> AdmissionDenied:
    """Create the refusal of a start that the store could not record."""
    refusal = AdmissionDenied(STORE_SENTENCE, status=503, code=error.code)
    return retry_after(refusal, STORE_RETRY_SECONDS)


def not_admitted() -> AdmissionDenied:
    """Create the refusal of a start that admission was not asked about."""
    return AdmissionDenied(
        "This server was not admitted, so nothing was started. Start it again from the spawn page.",
        status=403,
        code="server.not_admitted",
    )
