"""Arguments and variables that every server gets, whatever starts it."""

from typing import Any, Final

from jupyterhub_platform.hub.configuration.hardening import (
    IDENTITY_ARGUMENT,
    IDENTITY_SECONDS,
    TOKEN_IN_URL,
)
from jupyterhub_platform.hub.spawner.admitted import AdmittedMixin

STOCK_REPORT_SECONDS: Final = 300
"""How often a server reports its activity to the Hub by default."""
_REPORTS_PER_IDLE_TIMEOUT: Final = 4


class ServerArgumentsMixin(AdmittedMixin):
    """Has servers ask the Hub about their visitors, and report their activity, in time."""

    cmd: Any
    environment: dict[str, Any]

    def get_args(self) -> list[str]:
        """Limit how long a server caches the Hub's answers about visitors, unless the site does."""
        arguments: list[str] = super().get_args()  # type: ignore[misc]
        command = [*(self.cmd or ()), *arguments]
        if any(each.partition("=")[0] == IDENTITY_ARGUMENT for each in command):
            return arguments
        return [*arguments, f"{IDENTITY_ARGUMENT}={IDENTITY_SECONDS}"]

    def get_env(self) -> dict[str, Any]:
        """Drop the Hub's variables about tokens; have the server report its activity in time."""
        environment: dict[str, Any] = super().get_env()  # type: ignore[misc]
        if TOKEN_IN_URL not in self.environment:
            environment.pop(TOKEN_IN_URL, None)
        idle = self.admitted.reservation.idle_timeout if self.admitted else None
        if idle is not None:
            seconds = min(
                STOCK_REPORT_SECONDS,
                max(1, round(idle.total_seconds() / _REPORTS_PER_IDLE_TIMEOUT)),
            )
            environment.setdefault("JUPYTERHUB_ACTIVITY_INTERVAL", str(seconds))
        return environment
