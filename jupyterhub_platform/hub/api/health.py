"""The platform's health by REST: settings, store, policy file, drift and proxies."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime

from tornado import web

from jupyterhub_platform.core.managed import Key
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.rest.hub_calls import HEALTH, SETTINGS
from jupyterhub_platform.rest.response_bodies import (
    Health,
    Proxies,
    RefusedRole,
    Settings,
    WeakenedSetting,
)
from jupyterhub_platform.usecases.health import read_store_state


class SettingsHandler(PlatformAPIHandler):
    """How safe the Hub's own settings are: what a site weakened, and the consequences."""

    def get(self) -> None:
        """Answer operators, auditors and admins."""
        self.require(*SETTINGS.scopes)
        weakened = [
            WeakenedSetting(setting=each.setting.name, sentence=each.sentence)
            for each in self.platform.list_weakened()
        ]
        refused = [
            RefusedRole(role=each.name, sentence=each.sentence)
            for each in self.platform.refused_roles
        ]
        hard = self.platform.hard_profile
        self.answer(Settings(hard_profile=hard, weakened=weakened, refused_roles=refused))


class HealthHandler(PlatformAPIHandler):
    """The platform's health in this Hub: store, policy file, drift. Reads only."""

    async def get(self) -> None:
        """Answer operators, auditors and admins; 200 even if something is unhealthy."""
        self.require(*HEALTH.scopes)
        platform, checker = self.platform, self.platform.checker
        runtime, since = platform.runtime, platform.policy_watch.faults.since
        store = await self.in_thread(read_store_state, runtime.store, runtime.health)
        policy = await self.in_thread(platform.policy_watch.reader.read)
        managed = await self.in_thread(_count, platform.snapshot.sources.managed)
        channels = await self.in_thread(platform.notices.read_health)
        health = {
            "now": datetime.now(UTC).isoformat(),
            "store": asdict(store),
            "policy": {
                "revision": platform.snapshot.revision,
                **asdict(policy),
                "faulty_since": since.isoformat() if policy.faults and since else None,
                "managed": managed,
            },
            "memberships": platform.memberships.to_json(),
            "audit": platform.audit_watch.to_json(),
            "checker": {
                "seconds": platform.check_seconds,
                "looked_at": checker.looked_at and checker.looked_at.isoformat(),
                "drift": [asdict(drift) for drift in checker.drifts],
            },
            "notices": channels,
            "observed_pods": runtime.observed_pods.to_json(),
        }
        self.answer(Health.model_validate(health))


def _count(managed: Iterable[Key]) -> dict[str, int]:
    """Return how many objects there are of each kind; there may be as many as users."""
    found = Counter(str(key.kind) for key in managed)
    return {kind: found[kind] for kind in sorted(found)}


class ProxiesHandler(PlatformAPIHandler):
    """Where proxies are, so that the service trusts the same forwarded headers."""

    async def get(self) -> None:
        """Answer only the platform's own service."""
        if (self.current_user.kind, self.me) != ("service", roles.SERVICE_NAME):
            raise web.HTTPError(403, "This is for the platform's own service.")
        self.answer(Proxies(addresses=await self.platform.proxies.list_all()))
