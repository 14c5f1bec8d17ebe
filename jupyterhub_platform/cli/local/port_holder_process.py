"""The small process that keeps the public port bound while ``jhp up`` does not run.

It is started with sockets that are bound and never listen, and does nothing: as long as they are
open, the kernel refuses connections, and keeps every other user from listening there. It is run by
its path, isolated, and so uses only the standard library.

It exits when its directory, the platform's state directory, has been removed: the logins that it
protects are worth nothing without the keys that were there.
"""

import os
import time
from contextlib import suppress

_LOOK_SECONDS = 5


def main() -> None:
    """Stay until the directory is gone, or until the process is ended."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 light
        score.write("-1000")
    # Its starter waits until it is detached, and is not its parent afterwards.
    if os.fork():
        os._exit(0)
    while _is_there():
        time.sleep(_LOOK_SECONDS)


def _is_there() -> bool:
    try:
        return os.stat(".").st_nlink > 0  # noqa: PTH116 light
    except OSError:
        # A file server that does not answer for a while has not removed anything.
        return True


if __name__ == "__main__":
    main()
