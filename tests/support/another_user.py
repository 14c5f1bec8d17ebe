"""A user of this machine who is neither root nor anybody whose servers run."""

import os
from typing import Final

OTHER_USER: Final = 65_533


def as_another_user() -> None:
    """Become that user, in a process that has just been forked."""
    os.setgid(OTHER_USER)
    os.setuid(OTHER_USER)
