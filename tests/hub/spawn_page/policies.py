"""A small policy and book, as an operator could have declared and people could hold."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from jupyterhub_platform.core.access import Access
from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.people import Group, Person
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quantities import parse_quantity
from jupyterhub_platform.core.question import Subject, subject_of
from jupyterhub_platform.core.quotas import Defaults, Rule
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import AtOnce, Image, Tier
from jupyterhub_platform.hub.spawn_page.page import SpawnPage, TierCard
from jupyterhub_platform.hub.spawn_page.page_builder import build_page
from jupyterhub_platform.hub.spawn_page.page_context import PageLinks, PageViewer
from jupyterhub_platform.usecases.book import Book

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def amounts(**texts: str | int) -> dict[str, int]:
    names = {"gpu": "nvidia.com/gpu"}
    return {names.get(k, k): parse_quantity(v, names.get(k, k)) for k, v in texts.items()}


def rule(path: str, **texts: str | int) -> Rule:
    return Rule(path, dict(amounts(**texts)))


def tier(name: str, title: str, description: str, requests: dict[str, int], **more: Any) -> Tier:
    limits = more.pop("limits", requests)
    images = more.pop("images", ("lab", "scipy"))
    return Tier(
        name, title, description, Resources.of(requests), Resources.of(limits), images, **more
    )


def make_policy(**changes: Any) -> Policy:
    people = {
        "admin": Level.ADMIN,
        "manager": Level.MANAGER,
        "operator": Level.OPERATOR,
        "auditor": Level.AUDITOR,
        "dev1": Level.DEVELOPER,
        "dev2": Level.DEVELOPER,
        "viewer": Level.VIEWER,
        "loner": Level.USER,
    }
    policy = Policy(
        name="Example",
        quota=rule("quota", servers=40, cpu=64, memory="256Gi", gpu=4),
        defaults=Defaults(user=rule("defaults.user_quota", servers=4), tier="small"),
        people={name: Person(name, level) for name, level in people.items()},
        groups={
            "language": Group(
                "language",
                "Language models",
                frozenset({"dev2"}),
                frozenset({"manager"}),
                rule("groups.language.quota", cpu=16, memory="64Gi"),
                rule("groups.language.member_quota"),
            ),
            "vision": Group(
                "vision",
                "Computer vision",
                frozenset({"dev1", "dev2", "viewer"}),
                frozenset({"manager"}),
                rule("groups.vision.quota", cpu=24, memory="96Gi", gpu=2),
                rule("groups.vision.member_quota", servers=3, cpu=8, memory="32Gi"),
            ),
        },
        images={
            "lab": Image("lab", "JupyterLab", "quay.io/jupyter/base-notebook"),
            "scipy": Image("scipy", "JupyterLab with SciPy", "quay.io/jupyter/scipy-notebook"),
        },
        tiers={
            each.name: each
            for each in (
                tier(
                    "small",
                    "Small",
                    "For notebooks, text and small tables.",
                    amounts(cpu=1, memory="2Gi"),
                    limits=amounts(cpu=2, memory="4Gi"),
                ),
                tier(
                    "medium",
                    "Medium",
                    "For data that fits into memory.",
                    amounts(cpu=2, memory="8Gi"),
                ),
                tier(
                    "large",
                    "Large",
                    "For big joins and long fits.",
                    amounts(cpu=6, memory="24Gi"),
                    images=("scipy",),
                ),
                tier(
                    "gpu",
                    "GPU",
                    "For training and for models.",
                    amounts(cpu=2, memory="8Gi", gpu=1),
                    images=("lab",),
                    access=Access(levels=frozenset({Level.ADMIN})),
                    requestable=True,
                ),
                tier(
                    "secret",
                    "Secret",
                    "Nobody but admins.",
                    amounts(cpu=1),
                    access=Access(users=frozenset({"admin"})),
                    at_once=AtOnce(user=1),
                ),
            )
        },
    )
    return replace(policy, **changes)


def with_tier(policy: Policy, name: str, **changes: Any) -> Policy:
    tiers = dict(policy.tiers)
    tiers[name] = replace(tiers[name], **changes)
    return replace(policy, tiers=tiers)


def make_grant(**changes: Any) -> Grant:
    grant = Grant(
        path="grants.0",
        user="dev1",
        group="",
        account="vision",
        add=Resources(),
        tier="",
        starts=NOW + timedelta(days=8),
        until=NOW + timedelta(days=30),
        by="manager",
        reason="paper deadline",
    )
    return replace(grant, **changes)


def make_book(policy: Policy, *rows: tuple[str, str, str, str]) -> Book:
    """Fill a book with (user, server, account, tier)."""
    book = Book()
    for number, (user, server, account, name) in enumerate(rows):
        book.enter(
            Reservation(
                f"r{number}",
                user,
                server,
                number,
                account,
                name,
                "lab",
                policy.tiers[name].demand,
                NOW - timedelta(hours=3 + number),
            )
        )
    return book


def view(
    policy: Policy,
    book: Book | None = None,
    user: str = "dev1",
    *,
    subject: Subject | None = None,
    viewer: str = "",
    viewer_manages: frozenset[str] = frozenset(),
    can_read_all: bool = False,
    query: str = "",
    **changes: Any,
) -> SpawnPage:
    options: dict[str, Any] = {
        "now": NOW,
        "revision": 1,
        "stored_options": {},
        "preselect": {},
        "viewer": PageViewer(viewer or user, viewer_manages, can_read_all),
        "links": PageLinks("/hub/", "/services/platform/", query),
    }
    subject = subject or subject_of(policy, user, frozenset(), None)
    server = changes.pop("server", "")
    return build_page(policy, book or Book(), subject, server, **(options | changes))


def cards_of(page: SpawnPage) -> Mapping[str, TierCard]:
    return {card.name: card for card in page.cards}


POLICY = make_policy()
FULL = (
    ("dev1", "", "vision", "small"),
    ("dev1", "train-2", "vision", "medium"),
    ("dev1", "fit", "vision", "medium"),
)

HELD = st.lists(
    st.tuples(
        st.sampled_from(["dev1", "dev2"]),
        st.sampled_from(["", "a", "b", "c", "d"]),
        st.just("vision"),
        st.sampled_from(list(POLICY.tiers)),
    ),
    unique_by=lambda row: row[:2],
)
