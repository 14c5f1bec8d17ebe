"""How the platform in this Hub is, by REST: settings, store, policy file, drift and proxies."""

from dataclasses import asdict
from datetime import UTC, datetime

from tornado import web

from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.rest.answers import Health, Proxies, Settings, WeakenedSetting
from jupyterhub_platform.rest.hub_calls import HEALTH, SETTINGS
from jupyterhub_platform.usecases.health import look_at_store


class SettingsHandler(PlatformAPIHandler):
    """How safe the Hub's own settings are: what a site made weaker, and what goes wrong then."""

    def get(self) -> None:
        """Answer operators, auditors and admins."""
        self.require(*SETTINGS.scopes)
        weakened = [
            WeakenedSetting(setting=each.setting.name, sentence=each.sentence)
            for each in self.platform.list_weakened()
        ]
        self.answer(Settings(hard_profile=self.platform.hard_profile, weakened=weakened))


class HealthHandler(PlatformAPIHandler):
    """How the platform in this Hub is: store, policy file, drift. It reads, and changes nothing."""

    async def get(self) -> None:
        """Answer operators, auditors and admins; 200 also where something is not well."""
        self.require(*HEALTH.scopes)
        platform, checker = self.platform, self.platform.checker
        runtime, since = platform.runtime, platform.policy_watch.faults.since
        store = await self.in_thread(look_at_store, runtime.store, runtime.health)
        policy = await self.in_thread(platform.policy_watch.file.look)
        said = {
            "now": datetime.now(UTC).isoformat(),
            "store": asdict(store),
            "policy": {
                "revision": platform.snapshot.revision,
                **asdict(policy),
                "faulty_since": since.isoformat() if policy.faults and since else None,
            },
            "audit": platform.audit_watch.to_json(),
            "checker": {
                "seconds": platform.check_seconds,
                "looked_at": checker.looked_at and checker.looked_at.isoformat(),
                "drift": [asdict(drift) for drift in checker.drifts],
            },
        }
        self.answer(Health.model_validate(said))


class ProxiesHandler(PlatformAPIHandler):
    """Where proxies are, for the service: it believes the same of what is said of others."""

    async def get(self) -> None:
        """Answer the platform's own service, and nobody else."""
        if (self.current_user.kind, self.me) != ("service", roles.SERVICE_NAME):
            raise web.HTTPError(403, "This is for the platform's own service.")
        self.answer(Proxies(addresses=await self.platform.proxies.list_all()))
