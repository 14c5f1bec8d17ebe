"""What reports say of a policy and of what is held; the words are checked to the letter."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyterhub_platform.core.errors import NotFoundError, StoreError, StoreUnreachableError
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.sentences import describe_share
from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.store import decision_log, ledger, policies
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports.as_json import render_json
from jupyterhub_platform.usecases.reports.overview import report_overview
from jupyterhub_platform.usecases.reports.own import GrantedLevel, report_own, report_person
from jupyterhub_platform.usecases.reports.paging import Query
from jupyterhub_platform.usecases.reports.people import report_people
from jupyterhub_platform.usecases.reports.reader import StoreReader
from jupyterhub_platform.usecases.reports.tiers import report_tiers
from jupyterhub_platform.usecases.reports.viewer import Viewer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GIB = 2**30
POLICY = """\
version: 1
defaults: {tier: small, user_quota: {servers: 3}}
users:
  kim: {level: developer}
  lee: {level: viewer}
  root: {level: admin}
groups:
  vision:
    members: [kim]
    quota: {memory: 8Gi}
    member_quota: {memory: 6Gi}
  text: {members: [kim, lee]}
images: {lab: {reference: "lab:1"}}
tiers:
  small: {requests: {cpu: 500m, memory: 1Gi}, images: [lab]}
  large: {requests: {cpu: 1, memory: 4Gi}, images: [lab], at_once: {platform: 1}}
"""


class Ledger:
    """A store that is written with one hand, and read with the other."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = Store.open(url)
        self.reader = StoreReader(url, clock=lambda: NOW)
        self.publish(POLICY)

    def publish(self, text: str) -> None:
        with self.store.begin() as transaction:
            policies.record_revision(
                transaction,
                document_json=text,
                digest=parse_policy(text.encode(), "platform.yaml").digest,
                source="/srv/platform.yaml",
                actor="root",
                at=NOW,
            )

    def hold(self, user: str, server: str, tier: str = "small", account: str = "vision") -> None:
        gib = 4 if tier == "large" else 1
        demand = Resources.of({"cpu": gib * 250, "memory": gib * GIB, "servers": 1})
        key = f"{user}-{server}-{tier}"
        held = Reservation(key, user, server, 1, account, tier, "lab", demand, NOW)
        with self.store.begin() as transaction:
            ledger.open_reservation(transaction, held, decision_json="{}", policy_revision=1)

    def deny(self, key: str, user: str, account: str, tier: str, at: datetime = NOW) -> None:
        record = decision_log.DecisionRecord(
            *(key, at, user, "", account, tier, False, False, ("quota.memory",), "No.", user),
            decision_json="{}",
        )
        with self.store.begin() as transaction:
            decision_log.record_denial(transaction, record)


@pytest.fixture
def book(sqlite_url: str) -> Iterator[Ledger]:
    book = Ledger(sqlite_url)
    yield book
    book.reader.close()
    book.store.close()


def own(name: str, *groups: str) -> Viewer:
    return Viewer(name, frozenset(groups), reads_own=True)


ALL = Viewer("root", reads_own=True, reads_all=True)
OF_VISION = Viewer("max", reads_own=True, reads_groups=frozenset({"vision"}))


@pytest.mark.parametrize(
    ("held", "holding", "fits"),
    [
        ([], "nothing", "What fits now: small, large."),
        (
            [("a", "small")],
            "0.25 CPU and 1 of 6 GiB in vision, and 1 of 3 servers in all accounts",
            "What fits now: small, large.",
        ),
        (
            [("a", "large")],
            "1 CPU and 4 of 6 GiB in vision, and 1 of 3 servers in all accounts",
            "What fits now: small.",
        ),
        (
            [("a", "large"), ("b", "small"), ("c", "small")],
            "1.5 CPU and 6 of 6 GiB in vision, and 3 of 3 servers in all accounts",
            "No tier fits now.",
        ),
    ],
)
def test_my_resources_open_with_what_i_hold_and_what_fits(
    book: Ledger, held: list[tuple[str, str]], holding: str, fits: str
) -> None:
    for server, tier in held:
        book.hold("kim", server, tier)
    report = report_own(book.reader.read(), own("kim"))
    assert report.sentence == f"You hold {holding}. {fits}"


def test_a_level_that_starts_nothing_is_told_so(book: Ledger) -> None:
    assert report_own(book.reader.read(), own("lee")).sentence == (
        "You hold nothing in text. You have the level viewer, which opens what is shared with you."
    )


def test_a_tier_and_a_level_of_a_grant_say_when_they_end(book: Ledger) -> None:
    closed = POLICY.replace("at_once:", "access: {levels: [operator]}, at_once:")
    end = "2026-03-03T12:00:00Z"
    given = f"user: kim, until: '{end}', by: root, reason: on call"
    book.publish(f"{closed}grants:\n  - {{{given}, level: operator}}\n")
    report = report_own(book.reader.read(), own("kim"))
    ends = {each.tier: each.until for each in report.accounts[0].offers}
    assert ends == {"small": None, "large": NOW + timedelta(days=2)}
    assert report.level == "operator"
    assert report.granted_level == GrantedLevel(NOW + timedelta(days=2), "developer", "grants.0")
    late = StoreReader(book.url, clock=lambda: NOW + timedelta(days=2)).read()
    assert (report_own(late, own("kim")).level, report_own(late, own("kim")).granted_level) == (
        "developer",
        None,
    )


def test_a_user_whom_the_policy_does_not_know_is_told_so(book: Ledger) -> None:
    report = report_own(book.reader.read(), own("stranger", "vision"))
    assert "You are not declared on this platform" in report.sentence


def test_memberships_that_the_hub_knows_count_for_the_viewer(book: Ledger) -> None:
    facts = book.reader.read()
    assert report_own(facts, own("root")).groups == ()
    assert report_own(facts, own("root", "text", "level:admin")).groups == ("text",)


def test_every_limit_says_what_is_held_left_and_where_it_is_declared(book: Ledger) -> None:
    book.hold("kim", "a", "large")
    report = report_own(book.reader.read(), own("kim"))
    vision = next(each for each in report.accounts if each.account == "vision")
    line = next(line for line in vision.limits if line.limit.scope.kind == "member")
    assert (line.figures, line.state) == ("4 of 6 GiB", "2 GiB left")
    assert line.limit.path == "groups.vision.member_quota.memory"
    assert line.declared_at == "platform.yaml:11"
    assert vision.declared_at == "platform.yaml:8"
    assert [(each.tier, each.fits) for each in vision.offers] == [("small", True), ("large", False)]
    assert "large asks for 4 GiB" in vision.offers[1].sentence


def test_amount_over_a_lowered_limit_is_reported(book: Ledger) -> None:
    book.hold("kim", "a", "large")
    book.reader.read()
    book.publish(POLICY.replace("memory: 6Gi", "memory: 3Gi"))
    facts = book.reader.read()
    line = report_own(facts, own("kim")).accounts[1].limits[0]
    assert facts.revision == 2
    assert (line.figures, line.state) == ("4 of 3 GiB", "over by 1 GiB")


SUSPENDED = "{level: developer, suspended: {reason: away}}"


def change_kim(text: str) -> tuple[str, frozenset[str]]:
    """Return a policy in which kim may start nothing, and the groups that the Hub has kim in."""
    changes = {
        "suspended": ("kim: {level: developer}", f"kim: {SUSPENDED}"),
        "viewer": ("kim: {level: developer}", "kim: {level: viewer}"),
        "removed": ("  kim: {level: developer}\n", ""),
        "left": ("members: [kim]", "members: [root]"),
    }
    policy = POLICY.replace(*changes[text])
    if text in {"removed", "left"}:
        policy = policy.replace("[kim]", "[root]").replace("[kim, lee]", "[lee]")
    groups = frozenset() if text in {"removed", "left"} else frozenset({"vision", "text"})
    return policy, groups


@pytest.mark.parametrize("change", ["suspended", "viewer", "removed", "left"])
@pytest.mark.parametrize("held", [True, False])
def test_nothing_fits_for_a_user_who_may_start_nothing(
    book: Ledger, change: str, held: bool
) -> None:
    policy, groups = change_kim(change)
    if held:
        book.hold("kim", "train")
    book.publish(policy)
    facts = book.reader.read()
    own = report_own(facts, Viewer("kim", groups, reads_own=True))
    seen = report_person(facts, Viewer("root", reads_own=True, reads_all=True), "kim")
    for report in (own, seen):
        offers = [offer for account in report.accounts for offer in account.offers]
        assert change != "left" or not offers
        assert not [offer.tier for offer in offers if offer.fits]
        assert "What fits now" not in report.sentence
        assert report.groups[-1:] == (("vision",) if held or groups else ())


def test_an_account_that_was_left_is_shown_while_something_is_held_there(book: Ledger) -> None:
    book.hold("kim", "a", "small")
    book.publish(POLICY.replace("members: [kim]\n", "members: []\n"))
    assert "vision" in report_own(book.reader.read(), own("kim")).groups


def test_manager_sees_a_person_only_within_their_groups(book: Ledger) -> None:
    book.hold("kim", "a", "small", "vision")
    book.hold("kim", "b", "large", "text")
    facts = book.reader.read()
    seen = report_person(facts, OF_VISION, "kim")
    assert [line.server for line in seen.servers] == ["a"]
    assert seen.groups == ("vision",)
    assert seen.limits == ()
    assert seen.sentence == (
        "kim holds 1 server, 0.25 CPU and 1 of 6 GiB in vision. What fits now: small."
    )
    assert "text" not in json.dumps(render_json(seen.accounts))
    kinds = {line.limit.scope.kind for each in seen.accounts for line in each.meters}
    assert kinds <= {"member", "account"}, "a limit in all accounts tells what is held elsewhere"
    assert [line.server for line in report_person(facts, ALL, "kim").servers] == ["a", "b"]


def test_a_manager_does_not_hear_that_a_person_is_in_no_group_at_all(book: Ledger) -> None:
    book.hold("kim", "a", "small", "vision")
    book.publish(POLICY.replace("members: [kim]\n", "members: []\n"))
    assert report_person(book.reader.read(), OF_VISION, "kim").sentence == (
        "kim holds 1 server, 0.25 CPU and 1 of 6 GiB in vision."
    )


def test_the_overview_names_what_is_full(book: Ledger) -> None:
    assert _overview(book, ALL) == "No server runs; nothing needs attention."
    book.hold("kim", "a", "small")
    assert _overview(book, ALL) == "1 server runs; nothing needs attention."
    book.hold("kim", "b", "large")
    assert _overview(book, ALL) == "2 servers run; large is full."
    book.hold("root", "c", "large")
    assert _overview(book, ALL) == "3 servers run; vision and large are full."


def test_groups_that_hold_something_come_before_all_others(book: Ledger) -> None:
    many = "".join(f"  a{n:02}: {{members: [kim]}}\n" for n in range(30))
    book.publish(POLICY.replace("groups:\n", f"groups:\n{many}"))
    book.hold("kim", "a", account="a29")
    book.hold("kim", "b", account="vision")
    accounts = report_overview(book.reader.read(), ALL, Query(), ()).accounts
    others = [f"a{n:02}" for n in range(10)]
    assert [each.name for each in accounts] == ["vision", "a29", *others]
    own = Viewer("boss", reads_groups=frozenset({"text", "a29"}))
    theirs = report_overview(book.reader.read(), own, Query(), ()).accounts
    assert [each.name for each in theirs] == ["a29", "text"]


def _overview(book: Ledger, viewer: Viewer) -> str:
    return report_overview(book.reader.read(), viewer, Query(), ()).sentence


def test_people_who_hold_something_are_listed_even_if_undeclared(book: Ledger) -> None:
    book.hold("ghost", "a", "small")
    report = report_people(book.reader.read(), ALL, Query(sort="-servers"))
    assert report.sentence == "4 people; 1 of them holds a server now."
    ghost = report.people.items[0]
    assert (ghost.name, ghost.level, ghost.groups) == ("ghost", "", ("vision",))
    found = report_people(book.reader.read(), ALL, Query(search="level:developer group:text"))
    assert [line.name for line in found.people.items] == ["kim"]


def test_tiers_count_the_denials_of_a_day(book: Ledger) -> None:
    book.hold("kim", "a", "large")
    book.deny("1", "kim", "vision", "large")
    book.deny("2", "kim", "text", "large")
    book.deny("3", "kim", "vision", "large", NOW - timedelta(hours=25))
    facts, denials = book.reader.read(), book.reader.list_decisions(admitted=False)
    large = report_tiers(facts, ALL, denials).tiers[1]
    assert (large.running, large.denials, large.at_once[0].figures) == (1, 2, "1 of 1 server")
    assert (large.gives, large.at_once[0].place) == (
        "1 CPU, 4 GiB",
        "the whole platform",
    )
    assert report_tiers(facts, OF_VISION, denials).tiers[1].denials == 1


def test_decisions_of_several_accounts_come_in_one_order(book: Ledger) -> None:
    for number, account in enumerate(("vision", "text", "vision", "other")):
        book.deny(f"d{number}", "kim", account, "large", NOW + timedelta(minutes=number))
    accounts = frozenset({"vision", "text"})
    found = book.reader.list_decisions(accounts=accounts, limit=2)
    assert [each.id for each in found] == ["d2", "d1"]
    rest = book.reader.list_decisions(accounts=accounts, limit=2, before="d1")
    assert [each.id for each in rest] == ["d0"]
    assert book.reader.list_decisions(accounts=frozenset()) == ()
    with pytest.raises(NotFoundError):
        book.reader.list_decisions(before="nothing")


def test_two_open_rows_of_one_server_do_not_stop_reports(book: Ledger) -> None:
    book.hold("kim", "a", "small")
    book.hold("kim", "a", "large")
    assert len(book.reader.read().book) == 1


def test_a_store_that_is_not_there_is_asked_again_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/later.sqlite"
    reader = StoreReader(url)
    with pytest.raises(StoreUnreachableError):
        reader.read()
    Store.open(url).close()
    with pytest.raises(StoreUnreachableError):
        reader.read()
    reader.close()
    with pytest.raises(StoreError, match="PLATFORM_DB_URL"):
        StoreReader("").read()


def test_reports_are_json_of_nothing_but_plain_values(book: Ledger) -> None:
    book.hold("kim", "a", "large")
    facts = book.reader.read()
    for report in (
        report_own(facts, own("kim")),
        report_people(facts, ALL, Query()),
        report_tiers(facts, ALL, ()),
        report_overview(facts, ALL, Query(), ()),
    ):
        data = render_json(report)
        assert json.loads(json.dumps(data)) == data
        assert data["at"] == NOW.isoformat()
    limit = render_json(report_own(facts, own("kim")))["accounts"][1]["limits"][0]
    assert limit["figures"] == "4 of 6 GiB"
    assert (limit["held"], limit["limit"], limit["left"]) == (4 * GIB, 6 * GIB, 2 * GIB)


@pytest.mark.parametrize(
    ("name", "held", "maximum", "said"),
    [
        ("memory", 6 * GIB, 8 * GIB, "6 of 8 GiB"),
        ("memory", 2**29, 8 * GIB, "512 MiB of 8 GiB"),
        ("memory", 0, 2**29, "0 of 512 MiB"),
        ("cpu", 1500, 2000, "1.5 of 2 CPU"),
        ("servers", 0, 1, "0 of 1 server"),
        ("nvidia.com/gpu", 1, 4, "1 of 4 GPU"),
    ],
)
def test_a_share_is_said_in_one_unit_where_there_is_one(
    name: str, held: int, maximum: int, said: str
) -> None:
    assert describe_share(name, held, maximum) == said
