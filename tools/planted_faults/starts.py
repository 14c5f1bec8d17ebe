"""Faults in what makes a start cheap: kept counts, prepared rows, hashes, looks left out."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Drop, Never, Replace

STARTS: Final = (
    *noticed_by(
        "tests/hub/upstream/test_server_counts.py",
        (
            "a pending server is not counted",
            "CountedSpawner.__setattr__",
            Never("reports_to is not None and changes"),
        ),
        (
            "a server that is read anew is not counted",
            "keep_server_counts",
            Replace('(orm.Spawner, "expire")', '(orm.Spawner.server, "set")'),
        ),
        (
            "a server's row that changes is not counted",
            "keep_server_counts",
            Replace('(orm.Spawner.server, "set")', '(orm.Spawner.server, "remove")'),
        ),
        (
            "the servers of a user who is gone are counted",
            "CountedUsers.__delitem__",
            Replace("self.changed.add(number)", "None"),
        ),
        (
            "another class of spawners is believed to report",
            "CountedUsers._visit",
            Drop("self._unreported.add(key)"),
        ),
        (
            "counts that are wrong stay wrong",
            "correct_counts",
            Never("users.correct(key)"),
        ),
    ),
    *noticed_by(
        "tests/hub/servers/test_lifetimes.py",
        (
            "every look walks through everybody",
            "Lifetimes._list_running",
            Never("not any(map(concerns, self._book))"),
        ),
    ),
    *noticed_by(
        "tests/hub/upstream/test_token_hashing.py",
        (
            "what is left of a token's rounds is lost",
            "token_hashing:hash_token",
            Drop("hashed.update(each * left)"),
        ),
    ),
    *noticed_by(
        "tests/store/test_prepared.py",
        (
            "a prepared row is written without its types",
            "PreparedInsert.execute",
            Replace("write(values[name])", "values[name]"),
        ),
    ),
)
