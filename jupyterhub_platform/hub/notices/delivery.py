"""Delivers notices of the outbox, and has the ends of grants announced."""

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.notices import Channel, Notice, NoticeState
from jupyterhub_platform.factory import Runtime
from jupyterhub_platform.hub.metrics import platform_metrics
from jupyterhub_platform.hub.notices.addresses import Addresses
from jupyterhub_platform.hub.notices.mail import Mail, NoAddressError
from jupyterhub_platform.hub.notices.message import Message, UndeliveredError, find_link
from jupyterhub_platform.hub.notices.settings import NoticeSettings
from jupyterhub_platform.hub.public_address import find_public_pages
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.usecases.grant_end_notices import GrantEndNotices
from jupyterhub_platform.usecases.notices import Notify, Outbox

LOOK_SECONDS: Final = 2.0
"""How often it is seen whether a notice is due, and whether a grant has ended."""
TIDY_SECONDS: Final = 600.0

log = logging.getLogger(__name__)


class Sender(Protocol):
    """Sends notices by one channel."""

    channel: Channel

    @property
    def target(self) -> str:
        """Where they go, as may be shown."""
        ...

    async def send(self, notice: Notice, message: Message) -> None:
        """Send one, once."""
        ...


class Notices:
    """Runs everything about notices within the Hub. Belongs to its loop."""

    def __init__(self, app: Any, runtime: Runtime, settings: NoticeSettings) -> None:
        self._app = app
        self._runtime = runtime
        self.notify = Notify(settings.channels)
        self.outbox = Outbox(runtime.store)
        self.senders: list[Sender] = []
        if settings.webhook:
            # Not before: its library takes 4 MiB, which a Hub without a webhook does without.
            from jupyterhub_platform.hub.notices.webhook import Webhook

            self.senders.append(Webhook(settings.webhook))
        if settings.mail:
            self.senders.append(Mail(settings.mail, Addresses(app, settings.mail.domain)))
        self._ends = GrantEndNotices(runtime.store, self.notify, settings.before)
        self._tidied = 0.0

    def begin(self, repeat: Callable[[Callable[[], Awaitable[None]], float], None]) -> None:
        """Begin a job for each channel that is configured, so that none waits for another."""
        for sender in self.senders:
            repeat(partial(self.deliver, sender), LOOK_SECONDS)
        if self.senders:
            repeat(self.announce, LOOK_SECONDS)

    async def announce(self) -> None:
        """Have the ends of grants announced, and the outbox tidied."""
        health, now = self._runtime.health, datetime.now(UTC)
        if health.reason:
            return
        try:
            await in_store_thread(self._ends.announce, self._runtime.in_force.snapshot, now)
            if time.monotonic() - self._tidied > TIDY_SECONDS or not self._tidied:
                await in_store_thread(self.outbox.tidy, now)
                self._tidied = time.monotonic()
            for sender in self.senders:
                waiting = await in_store_thread(self.outbox.count_waiting, sender.channel)
                platform_metrics.NOTICES_WAITING.labels(str(sender.channel)).set(waiting)
        except StoreError as error:
            health.mark_down(error)

    async def deliver(self, sender: Sender) -> None:
        """Send all due notices of a channel, one after the other."""
        health = self._runtime.health
        try:
            while not health.reason:
                now = datetime.now(UTC)
                notice = await in_store_thread(self.outbox.take, sender.channel, now)
                if notice is None:
                    return
                state = await self._attempt(sender, notice)
                if state is not NoticeState.WAITING:
                    platform_metrics.NOTICES.labels(str(sender.channel), str(state)).inc()
        except StoreError as error:
            health.mark_down(error)

    async def _attempt(self, sender: Sender, notice: Notice) -> NoticeState:
        message = Message(
            notice,
            self._runtime.in_force.snapshot.policy.name,
            find_link(notice, find_public_pages(self._app)),
        )
        try:
            await sender.send(notice, message)
        except NoAddressError:
            error = f"No e-mail address of {notice.recipients[0]} is known."
            return await self._settle(notice, NoticeState.SKIPPED, error)
        except UndeliveredError as error:
            if error.for_good:
                return await self._settle(notice, NoticeState.FAILED, str(error))
            return await self._postpone(notice, str(error))
        except Exception as error:
            # One notice that cannot be rendered or sent must not hold up those behind it.
            log.exception("The notice %s cannot be sent", notice.id)
            return await self._postpone(notice, type(error).__name__)
        return await self._settle(notice, NoticeState.DELIVERED)

    async def _settle(self, notice: Notice, state: NoticeState, error: str = "") -> NoticeState:
        await in_store_thread(self.outbox.settle, notice, state, datetime.now(UTC), error)
        if state is NoticeState.FAILED:
            log.warning("The notice %s is not delivered: %s", notice.id, error)
        return state

    async def _postpone(self, notice: Notice, error: str) -> NoticeState:
        state = await in_store_thread(self.outbox.postpone, notice, datetime.now(UTC), error)
        if state is NoticeState.FAILED or notice.attempts == 1:
            log.warning("The notice %s has not arrived: %s", notice.id, error)
        return state

    def read_health(self) -> list[dict[str, Any]]:
        """Return the state of each configured channel. May take long: call it in a thread."""
        targets = {sender.channel: sender.target for sender in self.senders}
        states = self.outbox.read_states()
        return [
            {
                "channel": str(each.channel),
                "target": targets[each.channel],
                "error": each.error,
                **{str(state): number for state, number in each.counts.items()},
            }
            for each in states
            if each.channel in targets
        ]
