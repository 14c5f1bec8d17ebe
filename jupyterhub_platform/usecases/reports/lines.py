"""A server that runs, as every list of servers shows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Tier
from jupyterhub_platform.usecases.reports.reader import ReportFacts


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A server that holds something. ``id`` is that of the decision that admitted it.

    ``pod`` is the name of the observed pod that holds it, if it is not a server; then ``tier`` is
    what the policy calls such pods.
    """

    id: str
    user: str
    server: str
    account: str
    tier: str
    tier_title: str
    image: str
    demand: Resources
    since: datetime
    ends_at: datetime | None = None
    idle_timeout: timedelta | None = None
    pod: str = ""


def say_tier(tier: Tier | None, held: Reservation) -> str:
    """Say the tier that a server runs in, with its size: by their titles, while policy has them."""
    title = (tier.title if tier else "") or held.tier
    sizes = {size.name: size.title for size in tier.sizes} if tier else {}
    return f"{title}, {sizes.get(held.size, held.size)}" if held.size else title


def server_line(facts: ReportFacts, held: Reservation) -> ServerLine:
    """Return what is shown of a server."""
    tier = facts.policy.tiers.get(held.tier)
    source = facts.policy.observed_pods.get(held.tier) if held.pod else None
    return ServerLine(
        held.id,
        held.user,
        held.server,
        held.account,
        held.tier,
        source.title if source else say_tier(tier, held),
        held.image,
        held.demand,
        held.opened_at,
        held.ends_at,
        held.idle_timeout,
        held.pod,
    )
