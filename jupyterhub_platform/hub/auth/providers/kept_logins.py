"""Keeps what providers say of users fresh while they are logged in, without a login.

Whatever happens on the way to a provider says nothing of its users: only its own word that access
has ended ends it. Without any word for too long, users log in again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.hub.auth.providers.errors import (
    RETRY_SECONDS,
    AccessEndedError,
    ProviderAnswerError,
    ProviderDownError,
    ProviderError,
)
from jupyterhub_platform.hub.auth.providers.front_end import FrontEndClient
from jupyterhub_platform.hub.auth.providers.proven import Proven, are_as_before, read_state
from jupyterhub_platform.hub.auth.providers.registry import Providers, RedirectingClient

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 5.0
"""How long a request waits for a provider; what takes longer goes on without it."""
_KEEP_SECONDS: Final = 600.0
"""How old the stored time of the last word may become before it is stored again."""

Take = Callable[[str, ProviderIdentity], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class _Known:
    """The last word on a user: of which stored state, when in monotonic time, and what it was."""

    stored: object
    until: float
    may_stay: bool


class KeptLogins:
    """Asks providers about users again. Belongs to the Hub's loop.

    ``take`` takes what a provider says of a user by name, and tells whether they may stay.
    """

    def __init__(self, providers: Providers, take: Take) -> None:
        self._providers = providers
        self._take = take
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[bool]] = {}
        self._down_until: dict[str, float] = {}

    async def refresh(self, user: Any, handler: Any) -> bool:
        """Tell whether a user may go on, and take what has changed of them.

        Raises
        ------
        tornado.web.HTTPError
            Raised as by ``take``.
        """
        stored = user.encrypted_auth_state
        if stored is None:
            return True  # logged in with a password of the platform
        known = self._known.get(user.name)
        if known is not None and known.stored == stored and time.monotonic() < known.until:
            return known.may_stay
        task = self._asking.get(user.name)
        if task is None:
            task = asyncio.ensure_future(self._ask(user, handler))
            self._asking[user.name] = task
            task.add_done_callback(lambda _: self._asking.pop(user.name, None))
        done, _ = await asyncio.wait({task}, timeout=WAIT_SECONDS)
        if done:
            return task.result()
        state = read_state(await user.get_auth_state())
        return state is not None and self._find_grace(state) > 0

    def _find_grace(self, state: Proven) -> float:
        """Return for how many seconds what is known of a user still counts."""
        declared = {each.key: each for each in self._providers.list_declared()}
        provider = declared.get(state.identity.provider)
        return state.at + provider.grace.total_seconds() - time.time() if provider else 0.0

    async def _ask(self, user: Any, handler: Any) -> bool:
        self._providers.prepare()
        state = read_state(await user.get_auth_state())
        if state is None:
            log.warning(
                "What a provider said of %s cannot be read, with this key at least; they log in "
                "again",
                user.name,
            )
            return self._note(user, RETRY_SECONDS, may_stay=False)
        client = self._find_client(state)
        if client is None:
            log.info("%s logs in again: their provider is not declared any more", user.name)
            return self._note(user, RETRY_SECONDS, may_stay=False)
        try:
            return await self._ask_provider(user, handler, client, state)
        except AccessEndedError as error:
            log.info("%s of %s logs in again: %s", user.name, client.provider.key, error)
            # What was void stays so; a new login brings another state.
            return self._note(user, 24 * 3600.0, may_stay=False)
        except ProviderError as error:
            self._note_down(client.provider.key, error)
            return self._note_unknown(user, RETRY_SECONDS, state)

    def _find_client(self, state: Proven) -> RedirectingClient | FrontEndClient | None:
        try:
            client = self._providers.find(state.identity.provider)
        except ProviderError as error:
            self._note_down(state.identity.provider, error)
            return None
        same = client is not None and client.provider.issuer == state.identity.issuer
        return client if same else None

    async def _ask_provider(
        self, user: Any, handler: Any, client: RedirectingClient | FrontEndClient, state: Proven
    ) -> bool:
        key, fresh = client.provider.key, client.provider.refresh.total_seconds()
        if 0 <= time.time() - state.at < fresh and user.name not in self._known:
            # The Hub was restarted, or they have just logged in.
            return self._note(user, fresh - (time.time() - state.at), may_stay=True)
        if isinstance(client, FrontEndClient):
            proven = self._read_front_end(client, handler, state)
        else:
            if time.monotonic() < self._down_until.get(key, 0.0):
                raise ProviderDownError("it did not answer just now")
            state, proven = await self._renew(user, client, state)
        self._down_until.pop(key, None)
        if proven is None:
            # It cannot be asked without the user.
            return self._note_unknown(user, fresh, state)
        may_stay = await self._take(user.name, proven.identity)
        is_old = proven.at - state.at > min(_KEEP_SECONDS, fresh * 2)
        if may_stay and (is_old or not are_as_before(state, proven)):
            await self._save(user, proven)
        return self._note(user, fresh, may_stay=may_stay)

    async def _renew(
        self, user: Any, client: RedirectingClient, state: Proven
    ) -> tuple[Proven, Proven | None]:
        """Return what is known, with tokens of now, and who a user is with them."""
        stored = user.encrypted_auth_state
        tokens = await client.renew(state)
        renewed = replace(state, tokens=tokens)
        if tokens != state.tokens:
            # At once: the ones of before are void, whatever happens next.
            if user.encrypted_auth_state != stored:
                raise ProviderDownError("the user has logged in meanwhile")
            await self._save(user, renewed)
        return renewed, await client.ask_again(state, tokens)

    def _read_front_end(self, client: FrontEndClient, handler: Any, state: Proven) -> Proven | None:
        """Return who a request is of; ``None`` if it is not of this user's browser."""
        if handler is None or getattr(handler, "_token_authenticated", False):
            return None
        try:
            proven = client.prove(handler.request)
        except AccessEndedError:
            return None
        if proven.identity.subject != state.identity.subject:
            raise AccessEndedError("another user's card is there now")
        return proven

    async def _save(self, user: Any, proven: Proven) -> None:
        await user.save_auth_state(proven.render_state())

    def _note_unknown(self, user: Any, seconds: float, state: Proven) -> bool:
        left = self._find_grace(state)
        return self._note(user, min(seconds, max(left, 1.0)), may_stay=left > 0)

    def _note(self, user: Any, seconds: float, *, may_stay: bool) -> bool:
        until = time.monotonic() + seconds
        self._known[user.name] = _Known(user.encrypted_auth_state, until, may_stay)
        return may_stay

    def _note_down(self, key: str, error: ProviderError) -> None:
        now = time.monotonic()
        if now >= self._down_until.get(key, 0.0):
            tell = log.error if isinstance(error, ProviderAnswerError) else log.warning
            tell("The identity provider %s says nothing of users: %s", key, error)
        if isinstance(error, ProviderDownError):
            self._down_until[key] = now + RETRY_SECONDS
