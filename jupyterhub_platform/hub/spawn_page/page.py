"""Contents of the spawn page, as plain values: words and figures, no markup and no rules."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from jupyterhub_platform.core.decision import Decision
from jupyterhub_platform.usecases.availability import Amount
from jupyterhub_platform.usecases.holdings import LimitLine

State: TypeAlias = Literal["fits", "observed", "full", "later", "on-request"]
"""Of a card: it may start; it may, and would be denied if its tier did not only observe; it does
not fit; a grant that opens it begins later; it has to be asked for."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence and its stable code."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """An account that can be charged instead, and how many tiers fit there now."""

    name: str
    title: str
    url: str
    fits: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """An image that a tier offers."""

    name: str
    title: str
    chosen: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class SizeChoice:
    """A size that a tier offers: what it gives, and whether it fits now."""

    name: str
    title: str
    gives: str
    fits: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class OwnServer:
    """The user's own server that blocks a tier, and what stopping it would free.

    ``enough`` says that the tier fits once this one has stopped.
    """

    name: str
    title: str
    tier: str
    frees: str
    enough: bool
    since: datetime
    stop_url: str


@dataclass(frozen=True, slots=True)
class Others:
    """Other users' blocking servers: a count for all, names for those in charge."""

    words: str
    named: tuple[str, ...] = ()
    unnamed: int = 0


@dataclass(frozen=True, slots=True)
class Later:
    """When a later grant makes the tier fit, if nothing else changes."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What blocks a tier, and what can be done about it."""

    own: tuple[OwnServer, ...] = ()
    others: tuple[Others, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TierCard:
    """A tier, what it gives, and whether it may start now.

    ``ends`` says when a server is stopped by itself, ``left_after`` what remains once it runs.
    ``asked`` marks the tier that a link or a refused attempt named. ``again`` leads back to this
    page with this tier preselected, ``request_url`` to where the tier, or more quota, is asked for.
    ``until`` is when the tier is no longer open, if grants alone open it. ``gives`` is that of the
    size which is chosen of ``sizes``. Within ``patterns`` users name an image themselves; then
    ``named_image`` is what they named before.
    """

    name: str
    title: str
    description: str
    gives: tuple[Amount, ...]
    images: tuple[ImageChoice, ...]
    state: State
    decision: Decision
    ends: str = ""
    left_after: str = ""
    reasons: tuple[Reason, ...] = ()
    remedies: tuple[str, ...] = ()
    obstacles: Obstacles = Obstacles()
    later: Later | None = None
    checked: bool = False
    asked: bool = False
    again: str = ""
    request_url: str = ""
    until: datetime | None = None
    sizes: tuple[SizeChoice, ...] = ()
    patterns: tuple[str, ...] = ()
    named_image: str = ""

    @property
    def may_start(self) -> bool:
        """Whether it can be chosen."""
        return self.state in {"fits", "observed"}

    @property
    def status(self) -> str:
        """The state in words."""
        return {
            "fits": "fits",
            "observed": "over a limit, starts anyway",
            "full": "does not fit",
            "later": "not yet",
            "on-request": "on request",
        }[self.state]


@dataclass(frozen=True, slots=True)
class SpawnPage:
    """The whole page.

    ``server`` names the server, empty for the default one. ``refusals`` say why nothing can be
    started at all, ``empty`` why no card is shown; ``ask_url`` is where a level that starts servers
    is asked for, if that is what is missing. ``account_reason`` says why the account is
    preselected. ``notes`` is the small print, ``whose`` says whose servers may block a tier. With
    ``shows_codes`` its viewer sees codes, and where limits are declared.
    """

    server: str
    answer: str
    whose: str
    account: str
    account_title: str
    account_reason: str
    accounts: tuple[AccountChoice, ...]
    bars: tuple[LimitLine, ...]
    limits: tuple[LimitLine, ...]
    cards: tuple[TierCard, ...]
    refusals: tuple[Reason, ...]
    remedies: tuple[str, ...]
    empty: str
    notes: tuple[str, ...]
    home_url: str
    user_url: str
    ask_url: str
    now: datetime
    shows_codes: bool = False

    @property
    def may_start(self) -> bool:
        """Whether there is anything to start."""
        return bool(self.open_cards)

    @property
    def open_cards(self) -> tuple[TierCard, ...]:
        """The tiers that can be chosen."""
        return tuple(card for card in self.cards if card.may_start)

    @property
    def closed_cards(self) -> tuple[TierCard, ...]:
        """The tiers that can be read but not chosen; requested ones first."""
        closed = (card for card in self.cards if not card.may_start)
        return tuple(sorted(closed, key=lambda card: not card.asked))
