"""Give each user their own user id and home, where the Hub may.

As root, a user's servers run under a user id that no other user has; no entry in ``/etc/passwd`` is
made. Without root all servers run as the Hub's own user, and the platform says so.
"""

import hashlib
import json
import os
import pwd
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.durable_files import rewrite
from jupyterhub_platform.hub.local.uid_register import UserIds

_REGISTER: Final = "people-uids.json"
_REGISTERED: Final = TypeAdapter(dict[str, int])
_PLAIN: Final = re.compile(r"[a-z0-9_.]")
_MAX_LENGTH: Final = 120


@dataclass(frozen=True, slots=True)
class Isolation:
    """Whether users' servers are isolated, and what to say where they are not."""

    isolated: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Person:
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
            "SHELL": _shell(),
            "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
            "JUPYTER_DATA_DIR": str(home / ".local/share/jupyter"),
            "JUPYTER_RUNTIME_DIR": str(home / ".local/share/jupyter/runtime"),
            "IPYTHONDIR": str(home / ".ipython"),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_DATA_HOME": str(home / ".local/share"),
        }


def _shell() -> str:
    return next((path for path in ("/bin/bash", "/bin/sh") if Path(path).exists()), "/bin/sh")


def escape_name(name: str) -> str:
    """Escape a name so that it is a safe file name, and stays unique.

    ``dev-1`` becomes ``dev-2d1``. The result never contains ``--``.
    """
    escaped = "".join(
        char
        if _PLAIN.fullmatch(char) and not (char == "." and at == 0)
        else "".join(f"-{byte:02x}" for byte in char.encode(errors="surrogatepass"))
        for at, char in enumerate(name)
    )
    if len(escaped) <= _MAX_LENGTH:
        return escaped
    digest = hashlib.sha256(escaped.encode()).hexdigest()[:32]
    return f"{escaped[:64].rstrip('-')}-.{digest}"


def describe_isolation(*, isolate: bool) -> Isolation:
    """Say whether users are isolated when this process starts their servers."""
    if isolate and os.geteuid() == 0:
        return Isolation(isolated=True, sentence="")
    return Isolation(
        isolated=False,
        sentence=(
            f"People's servers run as you ({_own_name()}): they are not isolated from each "
            "other or from the Hub."
        ),
    )


def _own_name() -> str:
    with suppress(KeyError):
        return pwd.getpwuid(os.geteuid()).pw_name
    return str(os.geteuid())


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


class People:
    """The users of one platform on this machine.

    Parameters
    ----------
    state
        State directory, which records who has which user id.
    homes
        Directory of the homes, which isolated people must be able to pass through.
    isolation
        Whether each has their own user id.
    ids
        The user ids that they are given.
    """

    def __init__(
        self,
        state: Path,
        homes: Path,
        isolation: Isolation,
        ids: UserIds,
    ) -> None:
        self._homes = homes
        self._register = state / _REGISTER
        self._isolation = isolation
        self._ids = ids
        self._known = _load(self._register)
        self._alone: set[str] = set()
        self._giving = threading.Lock()
        if isolation.isolated:
            self._keep_ids()

    def _keep_ids(self) -> None:
        """Register ids that are older than the register, so that no other user is given them."""
        for name in self._known:
            # Users who share one are told when they start a server.
            with suppress(LocalSpawnerError):
                self._uid_of(name)

    def person(self, name: str) -> Person:
        """Return the user ``name``, whose home exists and is closed to other users."""
        home = self._homes / escape_name(name)
        uid = self._uid_of(name) if self._isolation.isolated else None
        # Others may traverse the parents to their own homes, but not list them.
        self._homes.mkdir(mode=0o711, parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        if uid is not None:
            self._homes.chmod(0o711)
            _hand_over(home, uid)
        return Person(name, uid, home)

    def find_uid(self, name: str) -> int | None:
        """Return the user id that only this user has; None if they have none."""
        return self._known[name] if name in self._alone else None

    def _uid_of(self, name: str) -> int:
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
