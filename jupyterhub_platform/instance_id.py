"""The id of a state directory, which all processes, sockets and user ids of its platform bear."""

import uuid
from pathlib import Path
from typing import Final

from jupyterhub_platform.atomic_files import write_once
from jupyterhub_platform.core.errors import LocalSpawnerError

_FILE: Final = "instance-id"


def read_instance(state: Path) -> str:
    """Return the id of a state directory; the first call creates it.

    Raises
    ------
    LocalSpawnerError
        Raised if the file that holds it is damaged: servers could not be recognised.
    """
    path = state / _FILE
    found = write_once(path, f"{uuid.uuid4().hex}\n").strip()
    if len(found) != 32 or not found.isalnum():
        raise LocalSpawnerError(
            f"{path} does not hold the id of this platform, so its servers cannot be recognised. "
            "Restore it from a backup; or, when no server runs, delete it."
        )
    return found
