"""Tiers: what they give, who may use them, and how they are used."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jupyterhub_platform.core.access import Access, AccessRule
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.policy import Limit
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Asked, Image, Tier
from jupyterhub_platform.store.decision_log import DecisionRecord
from jupyterhub_platform.usecases.availability import describe_tier_resources
from jupyterhub_platform.usecases.holdings import LimitLine, declared_at, hold
from jupyterhub_platform.usecases.reports.object_sources import ObjectSource, find_object_source
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

DENIALS_OF: Final = timedelta(hours=24)
"""The time of which denials are counted."""


@dataclass(frozen=True, slots=True)
class ImageLine:
    """An image of a tier, and what it is."""

    name: str
    title: str
    reference: str


@dataclass(frozen=True, slots=True)
class SizeLine:
    """One size of a tier."""

    name: str
    title: str
    requests: Resources
    limits: Resources
    may: str

    @property
    def gives(self) -> str:
        """What a server of it gets, as the spawn page says it."""
        return describe_tier_resources(Asked(self.requests, self.limits))


@dataclass(frozen=True, slots=True)
class ApprovedImage:
    """An approved image, which tiers start it, and where it comes from."""

    name: str
    title: str
    reference: str
    tiers: tuple[str, ...]
    running: int
    origin: ObjectSource
    description: str = ""
    may: str = ""


@dataclass(frozen=True, slots=True)
class TierLine:
    """One tier. ``running`` and ``denials`` count what the viewer may see."""

    name: str
    title: str
    description: str
    requests: Resources
    limits: Resources
    images: tuple[ImageLine, ...]
    may: str
    requestable: bool
    observe: bool
    running: int
    at_once: tuple[LimitLine, ...]
    denials: int
    declared_at: str
    origin: ObjectSource
    sizes: tuple[SizeLine, ...] = ()

    @property
    def gives(self) -> str:
        """What a server of it gets, as the spawn page says it; of each size, if it has some."""
        if self.sizes:
            return "; ".join(f"{size.title}: {size.gives}" for size in self.sizes)
        return describe_tier_resources(Asked(self.requests, self.limits))


@dataclass(frozen=True, slots=True)
class Tiers:
    """All tiers and all images, in the order of the policy."""

    sentence: str
    tiers: tuple[TierLine, ...]
    images: tuple[ApprovedImage, ...]
    revision: int
    at: datetime


def report_tiers(facts: ReportFacts, viewer: Viewer, denials: Iterable[DecisionRecord]) -> Tiers:
    """Report the tiers, with how many of the ``denials`` of the last day were theirs."""
    since = facts.at - DENIALS_OF
    refused: Counter[str] = Counter()
    for record in denials:
        if record.at >= since and viewer.sees_start(record):
            refused[record.tier] += record.times
    running = Counter(held.tier for held in facts.book if viewer.sees_start(held))
    lines = tuple(
        _line(facts, viewer, tier, running[name], refused[name])
        for name, tier in facts.policy.tiers.items()
    )
    used = sum(1 for line in lines if line.running)
    count = "1 tier" if len(lines) == 1 else f"{len(lines)} tiers"
    sentence = f"{count}; servers of {used} of them run now."
    return Tiers(sentence, lines, _list_images(facts, viewer), facts.revision, facts.at)


def _list_images(facts: ReportFacts, viewer: Viewer) -> tuple[ApprovedImage, ...]:
    running = Counter(held.image for held in facts.book if viewer.sees_start(held))
    tiers = facts.policy.tiers.values()
    return tuple(
        ApprovedImage(
            name,
            image.title or name,
            _say_reference(image),
            tuple(tier.name for tier in tiers if name in tier.images),
            running[name],
            find_object_source(facts, Key(Kind.IMAGE, name)),
            image.description,
            "" if image.access.is_open else describe_access(image.access, viewer),
        )
        for name, image in facts.policy.images.items()
    )


def _say_reference(image: Image) -> str:
    return str(image.pattern) if image.pattern else image.reference


def _list_sizes(tier: Tier, viewer: Viewer) -> Iterator[SizeLine]:
    for size, variant in zip(tier.sizes, tier.variants, strict=False):
        may = "" if size.access.is_open else describe_access(size.access, viewer)
        gives = variant.gives
        yield SizeLine(size.name, size.title, gives.requests, gives.limits, may)


def describe_access(access: Access, viewer: Viewer) -> str:
    """Say who may use a tier; users are named only to viewers who may see all users."""
    parts = []
    if access.groups:
        parts.append(f"members of {', '.join(sorted(access.groups))}")
    if access.levels:
        levels = sorted(access.levels)
        parts.append(f"the level{'s' if len(levels) > 1 else ''} {', '.join(levels)}")
    if access.users and viewer.reads_all:
        parts.append(", ".join(sorted(access.users)))
    elif access.users:
        parts.append(
            "1 person by name" if len(access.users) == 1 else f"{len(access.users)} people by name"
        )
    parts += [_describe_rule(rule, viewer) for rule in access.rules]
    return "; ".join(parts) or "everybody who may start servers"


def _describe_rule(rule: AccessRule, viewer: Viewer) -> str:
    named = Access(rule.groups, rule.users, rule.levels)
    return " with ".join(describe_access(named, viewer).split("; "))


def _line(facts: ReportFacts, viewer: Viewer, tier: Tier, running: int, denials: int) -> TierLine:
    images = (facts.policy.images[name] for name in tier.images if name in facts.policy.images)
    maximum = tier.at_once.platform
    scope, path = Scope("tier", tier=tier.name), f"tiers.{tier.name}.at_once.platform"
    limits = () if maximum is None else (Limit(scope, SERVERS, maximum, path),)
    return TierLine(
        name=tier.name,
        title=tier.title or tier.name,
        description=tier.description,
        requests=tier.gives.requests,
        limits=tier.gives.limits,
        images=tuple(ImageLine(i.name, i.title or i.name, _say_reference(i)) for i in images),
        may=describe_access(tier.access, viewer),
        requestable=tier.requestable,
        observe=tier.observe,
        running=running,
        at_once=tuple(hold(facts.policy, facts.book, limit) for limit in limits),
        denials=denials,
        declared_at=declared_at(facts.policy, f"tiers.{tier.name}"),
        origin=find_object_source(facts, Key(Kind.TIER, tier.name)),
        sizes=tuple(_list_sizes(tier, viewer)),
    )
