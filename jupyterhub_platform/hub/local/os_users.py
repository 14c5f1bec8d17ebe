"""Give each user their own user id and home, where the Hub may.

As root, a user's servers run under a user id that no other user has; no entry in ``/etc/passwd`` is
made. Without root all servers run as the Hub's own user, and the platform says so.
"""

import hashlib
import json
import os
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import psutil
from pydantic import TypeAdapter

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.hub.local.uid_register import UserIds

_REGISTER: Final = "people-uids.json"
_REGISTERED: Final = TypeAdapter(dict[str, int])
_ESCAPED: Final = re.compile(rb"\A\.|[^a-z0-9_.]")
_MAX_LENGTH: Final = 120


@dataclass(frozen=True, slots=True)
class OsUser:
    """The user id and home of one user's servers; ``uid`` is None for the Hub's own user."""

    name: str
    uid: int | None
    home: Path

    def environment(self) -> dict[str, str]:
        """Return the variables that point a program at this user's own directories."""
        home = self.home
        return {
            "HOME": str(home),
            "USER": self.name,
            "LOGNAME": self.name,
            "SHELL": "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh",
            "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
            "JUPYTER_DATA_DIR": str(home / ".local/share/jupyter"),
            "JUPYTER_RUNTIME_DIR": str(home / ".local/share/jupyter/runtime"),
            "IPYTHONDIR": str(home / ".ipython"),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_DATA_HOME": str(home / ".local/share"),
        }


def escape_name(name: str) -> str:
    """Escape a name so that it is a safe file name, and stays unique.

    ``dev-1`` becomes ``dev-2d1``. The result never contains ``--``.
    """
    plain = name.encode(errors="surrogatepass")
    escaped = _ESCAPED.sub(lambda byte: b"-%02x" % ord(byte[0]), plain).decode()
    if len(escaped) <= _MAX_LENGTH:
        return escaped
    digest = hashlib.sha256(escaped.encode()).hexdigest()[:32]
    return f"{escaped[:64].rstrip('-')}-.{digest}"


@cache
def say_isolation(*, isolated: bool) -> str:
    """Say that users are not isolated from each other; empty where they are."""
    if isolated:
        return ""
    return (
        f"People's servers run as you ({psutil.Process().username()}): they are not isolated from "
        "each other or from the Hub."
    )


def read_uids(state: Path) -> frozenset[int]:
    """Return the user ids that a state directory gives to its users, as far as readable."""
    with suppress(LocalSpawnerError):
        return frozenset(_load(state / _REGISTER).values() if os.geteuid() == 0 else ())
    return frozenset()


def _load(register: Path) -> dict[str, int]:
    try:
        found = _REGISTERED.validate_json(register.read_bytes(), strict=True)
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if found is None or len(set(found.values())) != len(found):
        raise LocalSpawnerError(
            f"{register} cannot be read: it is not a list of names, each with its own user id. "
            "It says whose files are whose: restore it from a backup, or rebuild it from the "
            "owners of the directories of people's homes."
        )
    return found


class OsUsers:
    """The users of one platform on this machine.

    Parameters
    ----------
    state
        State directory, which records who has which user id.
    homes
        Directory of the homes, which isolated people must be able to pass through.
    ids
        The user ids that they are given; None where all have that of the Hub.
    """

    def __init__(self, state: Path, homes: Path, ids: UserIds | None) -> None:
        self._homes = homes
        self._register = state / _REGISTER
        self._ids = ids
        self._known = _load(self._register)
        self._alone: set[str] = set()
        self._giving = threading.Lock()
        # Ids that are older than the register are entered, so that no other user is given them.
        for name in self._known:
            # Users who share one are told when they start a server.
            with suppress(LocalSpawnerError):
                self._uid_of(name)

    def provide(self, name: str) -> OsUser:
        """Return the user ``name``, whose home exists and is closed to other users."""
        home = self._homes / escape_name(name)
        uid = self._uid_of(name)
        # Others may traverse the parents to their own homes, but not list them.
        self._homes.mkdir(mode=0o711, parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        if uid is not None:
            self._homes.chmod(0o711)
            _hand_over(home, uid)
        return OsUser(name, uid, home)

    def find_uids(self, name: str) -> frozenset[int]:
        """Return the user id that only this user has; empty if they have none."""
        return frozenset({self._known[name]} if name in self._alone else ())

    def _uid_of(self, name: str) -> int | None:
        if self._ids is None:
            return None
        with self._giving:
            uid = self._known.get(name)
            if uid is None:
                uid = self._ids.give(name)
                known = {**self._known, name: uid}
                rewrite(self._register, json.dumps(known, indent=2, sort_keys=True) + "\n")
                self._known = known
            elif name not in self._alone:
                self._ids.keep(name, uid)
            self._alone.add(name)
            return uid


def _hand_over(home: Path, uid: int) -> None:
    """Make ``home`` the user's own, without following a link that they may have put there."""
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(handle).st_uid not in {0, uid}:
            raise LocalSpawnerError(
                f"{home} belongs to user id {os.fstat(handle).st_uid}, not to {uid} who is to "
                f"use it. If it is theirs: chown -R {uid}:{uid} {home}. Otherwise move it away."
            )
        os.fchown(handle, uid, uid)
        os.fchmod(handle, 0o700)
    finally:
        os.close(handle)
