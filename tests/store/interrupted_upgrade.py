"""A program that upgrades a store and dies at every statement in turn, as ``kill -9`` would.

``python -m tests.store.interrupted_upgrade URL`` prints, as JSON, what was left each time, and
what a last upgrade that nothing interrupted made of it.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from alembic import command  # noqa: F401 - imported once, before the forks
from sqlalchemy import event, inspect

from jupyterhub_platform.store.engine import create_sqlite_file, open_engine, parse_url
from jupyterhub_platform.store.upgrade import read_version, upgrade


def die_at(url: str, statement: int) -> bool:
    """Upgrade in a process that dies before its n-th statement, or commit; True if it died."""
    child = os.fork()
    if child == 0:
        engine = open_engine(parse_url(url), read_only=False)
        count = 0

        def step(*_: Any) -> None:
            nonlocal count
            count += 1
            if count == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(engine, "before_cursor_execute", step)
        event.listen(engine, "commit", step)
        upgrade(engine)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"the upgrade failed at statement {statement}")
    return os.WIFSIGNALED(status)


def look(url: str) -> list[Any]:
    """Return the schema version and the number of tables."""
    engine = open_engine(parse_url(url), read_only=True)
    with engine.connect() as connection, connection.begin():
        found = [read_version(connection), len(inspect(connection).get_table_names())]
    engine.dispose()
    return found


def main() -> None:
    """Die at the first, the second, … statement of each version, until none is left."""
    url = sys.argv[1]
    create_sqlite_file(parse_url(url))
    left: list[list[Any]] = []
    statement = 1
    while die_at(url, statement):
        found = look(url)
        # The next upgrade begins with the next version.
        statement = 1 if left and found[0] != left[-1][0] else statement + 1
        left.append(found)
    print(json.dumps({"left": left, "at_last": look(url)}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
