"""What identity providers answer the Hub now, for ``jhp doctor``."""

import asyncio
from typing import Any

from tornado import web

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.identity_providers import Provider
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.auth.providers.errors import ProviderError
from jupyterhub_platform.hub.auth.providers.handlers import find_callback
from jupyterhub_platform.rest.identity_providers import (
    EXAMINE_PROVIDERS,
    ExaminedProvider,
    ExaminedProviders,
)
from jupyterhub_platform.usecases.reports.claims import count_absent_claims

_one_at_a_time = asyncio.Lock()
"""Callers cannot have the Hub ask providers many times at once."""


class ExamineProvidersHandler(PlatformAPIHandler):
    """Looks at each provider, as a login would."""

    async def get(self) -> None:
        """Answer operators, auditors and admins; 200 even if nobody can log in."""
        self.require(*EXAMINE_PROVIDERS.scopes)
        policy = self.platform.snapshot.policy
        feeds = any(group.provided_by for group in policy.groups.values())
        asked = [
            (each, {*policy.identity.list_needed(each), *([each.groups] if feeds else ())})
            for each in policy.identity.providers.values()
        ]
        async with _one_at_a_time:
            found = await asyncio.gather(*(self._examine(*each) for each in asked))
        self.answer(ExaminedProviders(providers=found))

    async def _examine(self, provider: Provider, claims: set[str]) -> ExaminedProvider:
        # A Hub without providers starts sooner without what they need.
        from jupyterhub_platform.hub.auth.providers.examination import Examined, examine

        needed = sorted(claims)
        try:
            client = self._find_client(provider.key)
            found = await examine(client, self._find_callback(provider.key), needed)
        except ProviderError as error:
            found = Examined(fault=str(error))
        store = self.platform.runtime.store
        try:
            logins, absent = await self.in_thread(count_absent_claims, store, provider, needed)
        except StoreError as error:
            raise self.store_is_down(error) from error
        return ExaminedProvider(
            key=provider.key,
            title=provider.title,
            kind=provider.kind,
            issuer=provider.issuer,
            fault=found.fault,
            callback=found.callback,
            is_registered=found.is_registered,
            ahead_seconds=found.ahead_seconds,
            not_offered={kind: list(names) for kind, names in found.not_offered.items()},
            logins=logins,
            absent_claims=absent,
        )

    def _find_client(self, key: str) -> Any:
        providers = getattr(self.authenticator, "providers", None)
        client = providers.find(key) if providers is not None else None
        if client is None:
            raise ProviderError("the Hub has an authenticator of its own, and asks no provider")
        return client

    def _find_callback(self, key: str) -> str:
        try:
            return find_callback(self, key)
        except web.HTTPError:
            return ""
