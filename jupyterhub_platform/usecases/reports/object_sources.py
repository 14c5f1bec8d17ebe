"""The source of an object of the policy: a line of the file, or the last change in the Hub."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from jupyterhub_platform.core.claimed_people import say_refused
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.usecases.holdings import declared_at
from jupyterhub_platform.usecases.reports.reader import ReportFacts


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """Where an object comes from: ``declared_at`` a line, or changed last ``by`` a user of the Hub.

    ``version`` counts the changes of a managed object.
    """

    source: Literal["declared", "managed"]
    declared_at: str = ""
    version: int | None = None
    by: str = ""
    at: datetime | None = None

    @property
    def is_managed(self) -> bool:
        """Whether it can be changed in the Hub."""
        return self.source == "managed"


def find_object_source(facts: ReportFacts, key: Key) -> ObjectSource:
    """Return where an object comes from."""
    found = facts.snapshot.sources.managed.get(key)
    if found is None:
        return ObjectSource("declared", declared_at(facts.policy, key.path))
    return ObjectSource("managed", "", found.version, found.by, found.at)


def name_source(facts: ReportFacts, name: str) -> str:
    """Return what the policy knows a user by: declared, managed, claimed, or nothing."""
    person = facts.policy.people.get(name)
    if person is None:
        return ""
    if not person.is_own:
        return "claimed"
    return "managed" if Key(Kind.USER, name) in facts.snapshot.sources.managed else "declared"


def say_not_let_in(facts: ReportFacts, name: str) -> str:
    """Say why a user of an identity provider is not let in; empty if they are."""
    person = facts.policy.people.get(name)
    if person is None or person.is_let_in(facts.at):
        return ""
    return say_refused(person.claimed, facts.at, "them")
