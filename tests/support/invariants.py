"""Is a live platform whole after a fault: one look for everything that must hold.

The Hub says whether its book, its servers and its ledger are the same; what the Hub cannot say of
itself is looked at from outside: processes, the rows of before, the audit, what people were told.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from itertools import pairwise
from typing import Final

import httpx
from sqlalchemy import select

from jupyterhub_platform.hub.local.termination import find_reservations
from jupyterhub_platform.instance_id import read_instance
from jupyterhub_platform.store import audit
from jupyterhub_platform.store.audit import AuditHead
from jupyterhub_platform.store.schema import reservation
from tests.support.live_hub import LiveHub, wait_for
from tests.support.servers_in_hub import SERVERS_IN_HUB
from tests.support.store_readers import reading

PATIENCE_SECONDS: Final = 60
MAX_SHOWN: Final = 20
FRESH_COMPARISONS: Final = 2
"""Drift is what two looks in a row find."""

_TRACE: Final = re.compile(r'Traceback \(most recent|File "[^"]+", line \d+|sqlalche\.me')
_START: Final = re.compile(r"/hub/api/users/([^/]+)/servers?(?:/([^/]+))?$")
_DRIFT: Final = re.compile(r'^jupyterhub_platform_drift\{kind="(\w+)"\} ([\d.]+)$', re.MULTILINE)
_COMPARED: Final = re.compile(r"^jupyterhub_platform_comparisons_total ([\d.e+]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One row of the ledger, as far as it may never change or change once."""

    id: str
    user: str
    server: str
    account: str
    tier: str
    opened_at: datetime
    ready_at: datetime | None
    released_at: datetime | None
    release_reason: str | None


class InvariantChecker:
    """Looks at a platform again and again, and remembers what it saw.

    Made while the platform runs and is well. ``site`` of the platform sets
    ``c.Platform.check_seconds`` low, or every look waits for minutes.
    """

    def __init__(self, hub: LiveHub, admin: str = "admin") -> None:
        self.hub = hub
        self._admin = hub.token(admin)
        self._head: AuditHead | None = None
        self._terminal = len(hub.terminal.read_text())
        self._answers = len(hub.answers)
        self._asked = len(hub.asked)
        self._history = self._read_rows()

    def check(self, *, clock_moved: bool = False) -> None:
        """Wait until the platform has settled, and check that nothing was lost, left or doubled.

        Raises
        ------
        AssertionError
            Raised with every difference.
        """
        self._wait_for_the_hub()
        wait_for(self._is_settled, "servers to settle", PATIENCE_SECONDS)
        found: list[str] = self._list_differences()
        for _ in range(PATIENCE_SECONDS):
            if not found:
                break
            self._wait_for_comparisons()
            found = self._list_differences()
        rows = self._read_rows()
        found += _list_changes(self._history, rows)
        found += _list_impossible(rows.values(), may_overlap=clock_moved)
        found += self._list_miscounted(rows)
        found += self._list_audit_faults()
        found += self._list_unfit_for_people()
        self._history = rows
        said = "\n".join(line for line in self.hub.log.splitlines() if " 200 GET " not in line)
        assert not found, "after the fault:\n" + "\n".join([*found[:MAX_SHOWN], said[-6000:]])

    # -- the Hub's own opinion ----------------------------------------------------------------

    def _wait_for_the_hub(self) -> None:
        def answers() -> bool:
            try:
                return self._admin.get("users/admin").status_code == 200
            except httpx.HTTPError:
                return False

        wait_for(answers, "the Hub to answer", PATIENCE_SECONDS)
        self._wait_for_comparisons()

    def _wait_for_comparisons(self) -> None:
        before = self._compared()
        wait_for(
            lambda: self._compared() >= before + FRESH_COMPARISONS,
            "the Hub to compare book, servers and ledger",
            PATIENCE_SECONDS,
        )

    def _metrics(self) -> str:
        answer = self._admin.get(f"{self.hub.url}/hub/metrics")
        assert answer.status_code == 200, answer.text
        return answer.text

    def _compared(self) -> float:
        match = _COMPARED.search(self._metrics())
        assert match, "the Hub counts no comparisons"
        return float(match[1])

    def _servers(self) -> dict[tuple[str, str], bool]:
        """Return the active servers of everybody, and whether they are ready."""
        answer = self._admin.get("users", params={"limit": 1000})
        assert answer.status_code == 200, answer.text
        return {
            (user["name"], name): server["ready"] and not server["pending"]
            for user in answer.json()
            for name, server in user["servers"].items()
        }

    def _is_settled(self) -> bool:
        return all(self._servers().values())

    # -- what is looked at from outside -------------------------------------------------------

    def _list_differences(self) -> list[str]:
        """Compare the Hub's servers, open rows, living processes and the Hub's own drift."""
        held = {each.id: each for each in self._read_rows().values() if each.released_at is None}
        rows = Counter((each.user, each.server) for each in held.values())
        servers = self._servers()
        found = [f"{server} has {count} open rows" for server, count in rows.items() if count > 1]
        found += [f"{each} is held, and no server" for each in sorted(rows.keys() - servers.keys())]
        found += [
            f"{each} runs, and holds nothing" for each in sorted(servers.keys() - rows.keys())
        ]
        if SERVERS_IN_HUB not in self.hub.configuration.read_text():
            living = find_reservations(read_instance(self.hub.state))
            found += [f"processes of {each} are orphans" for each in sorted(living - held.keys())]
            found += [f"nothing runs of {held[each]}" for each in sorted(held.keys() - living)]
        drift = _DRIFT.findall(self._metrics())
        assert drift, "the Hub reports no drift at all, not even 0"
        found += [f"the Hub finds drift: {kind} {count}" for kind, count in drift if float(count)]
        return found

    def _read_rows(self) -> dict[str, Row]:
        columns = [reservation.c[field.name] for field in fields(Row)]
        with reading(self.hub) as transaction:
            rows = [Row(*row) for row in transaction.execute(select(*columns))]
        return {row.id: row for row in rows}

    def _list_miscounted(self, rows: dict[str, Row]) -> list[str]:
        """Compare new rows with the starts that were asked for and those that were accepted."""
        new = Counter((r.user, r.server) for r in rows.values() if r.id not in self._history)
        asked = Counter(_started(each) for each in self.hub.asked[self._asked :])
        accepted = Counter(
            _started(each.request)
            for each in self.hub.answers[self._answers :]
            if each.status_code in {201, 202}
        )
        self._asked = len(self.hub.asked)
        names = {name for name in (*new, *asked, *accepted) if name is not None}
        return [
            f"{name}: {accepted[name]} of {asked[name]} starts were accepted, {new[name]} charged"
            for name in sorted(names)
            # Asked again while it starts, the Hub accepts it and starts nothing.
            if not min(accepted[name], 1) <= new[name] <= asked[name]
        ]

    def _list_audit_faults(self) -> list[str]:
        with reading(self.hub) as transaction:
            verification = audit.verify(transaction, expected=self._head)
        self._head = verification.head
        return [] if verification.ok else [f"the audit is not whole: {verification.reason}"]

    def _list_unfit_for_people(self) -> list[str]:
        """Look at every answer, and at the terminal, for what no person should have to read."""
        answers = self.hub.answers[self._answers :]
        self._answers = len(self.hub.answers)
        found = [
            f"{each.request.method} {each.request.url} → {each.status_code}: {each.text[:500]}"
            for each in answers
            if each.status_code >= 400 and not is_for_people(each)
        ]
        terminal = self.hub.terminal.read_text()[self._terminal :]
        self._terminal += len(terminal)
        if _TRACE.search(terminal):
            found.append(f"a trace on the terminal:\n{terminal[-3000:]}")
        return found


def is_for_people(answer: httpx.Response) -> bool:
    """Tell whether an error shows no program's insides; where we or the Hub fail, in a sentence."""
    if _TRACE.search(answer.text) or answer.status_code == 500:
        return False
    if answer.status_code < 500:
        return True
    if "json" in answer.headers.get("content-type", ""):
        return len(str(answer.json().get("message", "")).split()) > 1
    return len(re.sub(r"<[^>]*>", " ", answer.text).split()) > 1


def _started(request: httpx.Request) -> tuple[str, str] | None:
    match = _START.search(request.url.path) if request.method == "POST" else None
    return (match[1], match[2] or "") if match else None


def _list_changes(before: dict[str, Row], now: dict[str, Row]) -> list[str]:
    """Find rows that are gone, or say now what they did not say before."""
    found = [f"the row {each} is gone" for each in sorted(before.keys() - now.keys())]
    for each in before.keys() & now.keys():
        old, new = asdict(before[each]), asdict(now[each])
        changed = [name for name in old if old[name] is not None and old[name] != new[name]]
        found += [f"the row {each} was changed: {', '.join(changed)}"] if changed else []
    return found


def _list_impossible(rows: Iterable[Row], *, may_overlap: bool) -> list[str]:
    """Find rows that end before they begin, and servers that were charged twice at a time."""
    ordered = sorted(rows, key=lambda row: (row.user, row.server, row.opened_at))
    found = [
        f"{row} ends before it begins"
        for row in ordered
        if row.released_at is not None and row.released_at < row.opened_at
    ]
    if may_overlap:
        return found
    return found + [
        f"{one.user}/{one.server} is charged twice: {one} and {other}"
        for one, other in pairwise(ordered)
        if (one.user, one.server) == (other.user, other.server)
        and (one.released_at is None or one.released_at > other.opened_at)
    ]
