"""Lists of very many: what was made once of the policy finds what a look at each line finds."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.store import suspensions
from jupyterhub_platform.usecases.reports.paging import Query, matches
from jupyterhub_platform.usecases.reports.people import _words, report_people
from jupyterhub_platform.usecases.reports.reader import ReportFacts, StoreReader
from jupyterhub_platform.usecases.reports.search import SearchTexts
from jupyterhub_platform.usecases.reports.viewer import Viewer
from tests.usecases.test_reports import ALL, NOW, POLICY, Ledger

MANAGER = Viewer("root", reads_groups=frozenset({"vision"}))


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'platform.sqlite'}")
    ledger.publish(POLICY.replace("  lee: {", "  lee: {title: Lee the GREAT, "))
    ledger.hold("ghost", "a")
    ledger.hold("lee", "a", account="vision")
    with ledger.store.begin() as tx:
        suspensions.put_suspensions(tx, {"kim": Suspension("left", None, "root", NOW)})
    yield ledger
    ledger.reader.close()
    ledger.store.close()


def _find(facts: ReportFacts, viewer: Viewer, search: str) -> list[str]:
    found = report_people(facts, viewer, Query(search=search)).people
    assert found.total == len(found.items)
    return [line.name for line in found.items]


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("", ["ghost", "kim", "lee", "root"]),
        ("e", ["ghost", "kim", "lee", "root"]),
        ("great", ["lee"]),
        ("title:great", ["lee"]),
        ("title:grea", []),
        ("GREAT the", ["lee"]),
        ("group:vision", ["ghost", "kim", "lee"]),
        ("group:text", ["kim", "lee"]),
        ("group:tex", []),
        ("visio", ["ghost", "kim", "lee"]),
        ("state:suspended", ["kim"]),
        ("suspended", ["kim"]),
        ("state:active level:admin", ["root"]),
        ("level:", []),
        ("nothing:of", []),
    ],
)
def test_a_search_finds_what_a_look_at_each_user_finds(
    book: Ledger, search: str, names: list[str]
) -> None:
    facts = book.reader.read()
    assert _find(facts, ALL, search) == names
    wanted = search.casefold().split()
    everybody = ["ghost", "kim", "lee", "root"]
    assert [n for n in everybody if matches(wanted, _words(facts, ALL, n))] == names


def test_a_manager_finds_the_people_of_their_groups_alone(book: Ledger) -> None:
    facts = book.reader.read()
    assert _find(facts, MANAGER, "") == ["ghost", "kim", "lee"]
    assert _find(facts, MANAGER, "group:text") == []


@pytest.mark.parametrize("sort", ["name", "level", "servers", "memory"])
def test_every_column_sorts_both_ways(book: Ledger, sort: str) -> None:
    facts = book.reader.read()
    up = report_people(facts, ALL, Query(sort=sort)).people.items
    down = report_people(facts, ALL, Query(sort=f"-{sort}")).people.items
    assert up == tuple(reversed(down))
    keys = {
        "name": lambda line: line.name,
        "level": lambda line: (line.level, line.name),
        "servers": lambda line: (line.servers, line.name),
        "memory": lambda line: (line.holds.amount("memory"), line.name),
    }
    assert list(up) == sorted(up, key=keys[sort])


def test_equal_texts_are_kept_once() -> None:
    texts = SearchTexts.of({"name": ["a", "b"], "title": ["X y", "X y".replace("y", "y")]})
    assert texts.columns["title"][0] is texts.columns["title"][1]
    assert texts.find(["x"]) == [0, 1]
    assert texts.find(["b", "title:y"]) == [1]
    assert texts.find([]) == [0, 1]


def test_what_is_derived_is_made_once_for_each_revision(book: Ledger) -> None:
    made: list[Policy] = []

    def make(policy: Policy) -> int:
        made.append(policy)
        return len(made)

    assert [book.reader.read().derive(make) for _ in range(3)] == [1, 1, 1]
    book.publish(POLICY)
    assert book.reader.read().derive(make) == 2


def test_all_who_wait_for_a_new_file_get_the_same_policy(book: Ledger) -> None:
    reader = StoreReader(book.url, clock=lambda: NOW)
    found: list[ReportFacts] = []
    threads = [threading.Thread(target=lambda: found.append(reader.read())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader.close()
    assert len({id(facts.policy) for facts in found}) == 1


def test_while_a_new_file_takes_long_the_one_before_is_shown(book: Ledger) -> None:
    reader = StoreReader(book.url, clock=lambda: NOW, patience=0)
    before = reader.read()
    many = "".join(f"  person{number}: {{}}\n" for number in range(500))
    book.publish(POLICY.replace("users:\n", f"users:\n{many}"))
    book.hold("kim", "b")
    meanwhile = reader.read()
    assert (meanwhile.revision, meanwhile.policy) == (before.revision, before.policy)
    assert meanwhile.book.of_server("kim", "b")
    until = time.monotonic() + 30
    while reader.read().revision == before.revision and time.monotonic() < until:
        time.sleep(0.01)
    after = reader.read()
    reader.close()
    assert after.revision == before.revision + 1
    assert "person499" in after.policy.people
