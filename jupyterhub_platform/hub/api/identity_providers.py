"""What identity providers answer the Hub now, for ``jhp doctor``."""

import asyncio

from tornado import web

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.identity_providers import AUTHENTICATOR, Provider
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.auth.providers.errors import ProviderError
from jupyterhub_platform.hub.auth.providers.examined import Examined
from jupyterhub_platform.hub.auth.providers.handlers import find_callback
from jupyterhub_platform.hub.auth.providers.registry import find_missing
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
            (each, {*policy.identity.list_needed(each), *(each.groups if feeds else ())})
            for each in policy.identity.providers.values()
        ]
        async with _one_at_a_time:
            found = await asyncio.gather(*(self._examine(*each) for each in asked))
        self.answer(ExaminedProviders(providers=found))

    async def _examine(self, provider: Provider, claims: set[str]) -> ExaminedProvider:
        needed = sorted(claims)
        found = await self._visit(provider, needed)
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

    async def _visit(self, provider: Provider, needed: list[str]) -> Examined:
        if fault := self._find_fault(provider):
            return Examined(fault=fault)
        if provider.kind == AUTHENTICATOR:
            # It has no address of its own that could be asked.
            return Examined()
        try:
            client = self.authenticator.providers.find(provider.key)
        except ProviderError as error:
            return Examined(fault=str(error))
        if client is None:
            return Examined(fault="it is not declared any more")
        # A Hub without providers starts sooner without what they need.
        from jupyterhub_platform.hub.auth.providers.examination import examine

        return await examine(client, self._find_callback(provider.key), needed)

    def _find_fault(self, provider: Provider) -> str:
        """Say why a provider is not asked by this Hub's authenticator; empty if it is."""
        is_own = provider.kind == AUTHENTICATOR
        if self.authenticator.local_credentials:
            return find_missing(provider) if is_own else ""
        return "" if is_own else "c.JupyterHub.authenticator_class names another authenticator"

    def _find_callback(self, key: str) -> str:
        try:
            return find_callback(self, key)
        except web.HTTPError:
            return ""
