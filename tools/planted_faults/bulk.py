"""Faults in bulk changes: what single changes refuse, half of a chunk, skipped lines."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace

BULK: Final = (
    *noticed_by(
        "tests/usecases/test_bulk_changes.py -k sqlite",
        (
            "a stopped bulk change goes on",
            "BulkChunk._record",
            Never("found is None or found.state is not BulkState.RUNNING"),
        ),
        (
            "a manager changes anyone in bulk",
            "BulkSteps._authority",
            Replace("self.job.manager", '""'),
        ),
        (
            "a manager learns what is so already",
            "BulkSteps._find",
            Drop("check_touch(...)"),
        ),
        ("a bulk change makes a group", "BulkSteps._find", Never("found is None")),
        ("a grant is for anyone", "_check_known", Never("name not in snapshot.policy.people")),
        (
            "undo overwrites what others changed",
            "BulkSteps._undo",
            Never("now != revision.after"),
        ),
        (
            "people are added in part",
            "BulkChunk._record",
            Never("steps.refused and job.act.is_whole"),
        ),
        (
            "what a refused table did stays",
            "BulkChunk._fail",
            Drop("bulk_changes.add_job(transaction, undo)"),
        ),
        (
            "what half of a chunk did counts twice",
            "BulkSteps._take_some",
            Drop("self.after = before"),
        ),
        (
            "a manager adds people to any group",
            "PutObject.plan_alone",
            Drop("raise NotAllowedError(why_not)"),
        ),
        (
            "one fault keeps the others back",
            "BulkSteps._take_some",
            Never("len(items) > 1"),
        ),
    ),
    *noticed_by(
        "tests/hub/api/test_live_bulk.py -k always_fails",
        (
            "what always fails is tried for ever",
            "BulkRunner._try_chunk",
            Always("failures + 1 < len(SHARES)"),
        ),
    ),
    *noticed_by(
        "tests/core/test_persistent_map.py",
        (
            "what was dropped is there",
            "PersistentMap.__contains__",
            Always("self._changes[key] is not _GONE"),
        ),
        (
            "tables that differ are taken for the same",
            "list_changed",
            Always("before.get(key) is not after.get(key)"),
        ),
        (
            "a table forgets its changes",
            "PersistentMap._with",
            Replace("{**self._changes, **changes}", "dict(changes)"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_cursors.py",
        (
            "a cursor of another order is taken",
            "_find_first",
            Never("sorted_by != order"),
        ),
        (
            "a list in reverse repeats a line",
            "_find_first",
            Replace("bisect_left(found, last, key=key)", "bisect_right(found, last, key=key)"),
        ),
    ),
    *noticed_by(
        "tests/core/test_people_table.py",
        ("a table has formulas", "_check_cells", Never("v.startswith(_FORMULAS)")),
        (
            "a column that is there twice is read once",
            "_read_columns",
            Never("columns.count(each) > 1"),
        ),
        (
            "lines end where no program shows it",
            "parse_table",
            Replace('io.StringIO(text, newline="")', "text.splitlines(keepends=True)"),
        ),
    ),
    *noticed_by(
        "tests/service/test_people_table.py",
        (
            "another table is added than was previewed",
            "PeopleTablePage.post",
            Never("moved or found.faults"),
        ),
        (
            "every form takes files",
            "AuthenticatedHandler._refuse_content_type",
            Drop("self.TAKES_FILES"),
        ),
        (
            "a table that is sent again is another change",
            "PeopleTablePage._show",
            Replace('(is_same and self.sent("key")) or uuid4().hex', "uuid4().hex"),
        ),
    ),
    *noticed_by(
        "tests/service/test_store_outage.py",
        (
            "users read where the store is",
            "errors:translate",
            Never("isinstance(error, StoreError) and not in_full"),
        ),
    ),
)
