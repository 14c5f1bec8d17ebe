"""What was found out about a provider without a login."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found out about one provider.

    Attributes
    ----------
    fault
        Why nobody can log in by it; empty if that is not known to be so.
    callback, is_registered
        Where users come back, and whether the provider leads there; ``None`` if it did not say.
    ahead_seconds
        How far its clock is ahead of the Hub's; ``None`` if it did not say what time it is.
    not_offered
        What the policy wants of it and its discovery document does not list: ``claims``,
        ``scopes`` and ways in which a client proves itself (``client_auth``). What it lists
        nothing of is left out.
    """

    fault: str = ""
    callback: str = ""
    is_registered: bool | None = None
    ahead_seconds: float | None = None
    not_offered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
