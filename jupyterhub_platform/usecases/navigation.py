"""Navigation: the pages there are for a user, in order, alike in the Hub and the service.

Only pages that are open to them are named: none is greyed out.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

REQUESTS = "requests"
"""The page whose entry counts what waits for the user's answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """An entry: the page's path below the platform's service, and its title."""

    path: str
    title: str


def list_places(
    *, reads_own: bool, reads_others: bool, reads_all: bool, reads_audit: bool
) -> tuple[Place, ...]:
    """Return the entries for a user who may read their own things, those of others, or all."""
    anything = reads_own or reads_others
    entries = (
        (reads_own, "", "My resources"),
        (reads_others, "overview", "Overview"),
        (reads_others, "people", "People"),
        (anything, "groups", "Groups"),
        (reads_others, "tiers", "Tiers"),
        (anything, "grants", "Grants"),
        (reads_own, REQUESTS, "Requests"),
        (anything, "usage", "Usage"),
        (reads_all, "policy", "Policy"),
        (reads_audit, "audit", "Audit"),
    )
    return tuple(Place(path, title) for shown, path, title in entries if shown)


def count_waiting(
    asked: Iterable[tuple[str, str]], name: str, charges: Collection[str], *, changes_all: bool
) -> int:
    """Count the open requests that wait for the answer of a user, for the entry of their page.

    ``asked`` are account and user of each, ``charges`` the groups that the user is in charge of.
    """
    return sum(user != name and (changes_all or account in charges) for account, user in asked)
