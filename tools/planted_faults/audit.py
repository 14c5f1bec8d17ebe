"""Faults in the audit, what proves it whole, and what is recorded of denials."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace

AUDIT: Final = (
    *noticed_by(
        "tests/hub/audit/test_audit_watch.py -k sqlite",
        (
            "a chain that was written anew is forgotten",
            "AuditWatch._verify",
            Replace("report.is_whole and known", "known"),
        ),
        (
            "heads are seen and not remembered",
            "AuditHeads.see",
            Replace("self.seen.append(head)", "self.seen = [head]"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_audit_retention.py -k sqlite",
        (
            "any checkpoint is believed",
            "PublicKey.why_not",
            Drop("self._key.verify(signature, checkpoint.text.encode())"),
        ),
        (
            "rows that are not as they were written are removed",
            "AuditRetention._find_due",
            Never("not walk.verification.ok"),
        ),
        (
            "what contradicts the audit is removed",
            "AuditRetention._find_due",
            Never("wrong is not None"),
        ),
        (
            "rows that are left need not lead to their checkpoint",
            "Walk._see_checkpoint",
            Drop("self._noted[found.seq].add(found.hash)"),
        ),
    ),
    *noticed_by(
        "tests/store/test_fair_lock.py",
        (
            "a thread that comes back goes ahead of those that wait",
            "FairLock.acquire",
            Replace("not self._is_held", "not self._is_held or not self._queue"),
        ),
        (
            "the thread that waited least is next",
            "FairLock.release",
            Replace("self._queue.popleft()", "self._queue.pop()"),
        ),
        (
            "a lock that is handed over at the last moment is lost",
            "FairLock._stop_waiting",
            Replace("turn not in self._queue", "False"),
        ),
    ),
    *noticed_by(
        "tests/store/test_audit.py",
        (
            "an outcome that was changed is sound",
            "_find_fault",
            Replace("_without_absent(rest)", "rest[:-3]"),
        ),
    ),
    *noticed_by(
        "tests/service/test_levels.py",
        (
            "every user reads the audit",
            "Resource.require_auditor",
            Never("not self.viewer.reads_audit"),
        ),
    ),
    *noticed_by(
        "tests/service/test_audit.py -k table",
        ("a cell is a formula", "list_cells", Replace("text.startswith(_FORMULAS)", "False")),
    ),
    *noticed_by(
        "tests/usecases/test_recorded_requests.py -k sqlite",
        (
            "a repeated attempt has a row of its own",
            "RecordedRequests.refuse",
            Never("attempt is not None"),
        ),
        (
            "a caller has every attempt recorded",
            "RecordedRequests.refuse",
            Never(
                "self._rate_limit.seconds_to_wait(request.actor) or len(caller.attempts) >= "
                "MAX_BURST"
            ),
        ),
        (
            "a subject that a stranger chose tells attempts apart",
            "RecordedRequest.key",
            Never("self.actor == ANONYMOUS"),
        ),
    ),
    *noticed_by(
        "tests/store/test_writer_lock.py -k link",
        (
            "a link is another store",
            "parse_url",
            Replace("Path(str(url.database)).resolve()", "Path(str(url.database))"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_audit_verification.py -k 'added or drops'",
        (
            "what was added beside the guards is not looked for",
            "_check_triggers",
            Replace("trigger_checks.find_added(transaction)", "()"),
        ),
        (
            "a row that the database drops is taken for written",
            "append_all",
            Never("entered.rowcount != len(values)"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_audit_verification.py",
        ("a changed row is sound", "_find_fault", Never("digest != found")),
        ("a row that does not follow is sound", "_find_fault", Never("previous != head.hash")),
        ("a missing row is sound", "_find_fault", Never("seq != due")),
        (
            "a head that was noted is not compared",
            "_find_other",
            Always("not other"),
        ),
        ("rows missing at the end are not", "Walk._find_missing", Never("last > self.head.seq")),
        (
            "a guard of the same name is a guard",
            "trigger_checks:find_missing",
            Replace('_plain(found.get(name, "")) != _plain(statement)', "name not in found"),
        ),
        (
            "a decision that is gone is not missed",
            "CrossCheck.compare",
            Drop("yield Contradiction(table.name, str(key), what)"),
        ),
        (
            "rows that the audit does not tell of are not looked for",
            "CrossCheck.conclude",
            Never("there > told"),
        ),
        (
            "the text of a revision is not looked at",
            "_compare_revision",
            Replace(
                (
                    'row.digest != digest or digest not in {f"sha256:{_hash(text)}" for '
                    "text in texts}"
                ),
                (
                    'row.digest != digest and digest not in {f"sha256:{_hash(text)}" for '
                    "text in texts}"
                ),
            ),
        ),
        ("what differs is the same", "_contradict", Never("found != told")),
        (
            "a line that quotes a head notes it",
            "read_noted",
            Replace("_NOTED.fullmatch", "_NOTED.search"),
        ),
        ("the ledger is left out", "_find_all", Never("ledger")),
    ),
    *noticed_by(
        "tests/deploy/test_audit_checks.py",
        ("what was not looked at is well", "check_audit", Never('if found.get("unread"): ...')),
    ),
    *noticed_by(
        "tests/usecases/test_denials.py",
        (
            "each denial is recorded whole",
            "Denials.record",
            Never("earlier is not None and now < earlier.until"),
        ),
        (
            "a caller has any number recorded",
            "Denials.record",
            Never("self._rate_limit.seconds_to_wait(by)"),
        ),
        ("any number is shared", "Denials.record", Never("len(caller.recorded) > MAX_BURST")),
        (
            "repeats are not counted",
            "Denials.record",
            Drop("earlier.repeats.add(decision.question.at)"),
        ),
        ("a denial is not audited", "_record_in_full", Replace('"server.denied"', '"seen"')),
    ),
)
