"""Give users ids that no other user on this machine has, or ever had.

State directories come and go, but users' files stay. So one directory of the machine remembers
every id that was ever given, one file per id. A file exists completely or not at all and never
changes: neither a crash nor a second Hub gives an id twice.
"""

import json
import pwd
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from jupyterhub_platform.atomic_files import write_once
from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.hub.local.processes import list_owners

FIRST_UID: Final = 200_000
LAST_UID: Final = 265_535

ISOLATED_HOMES: Final = Path("/var/lib/jupyterhub-platform")
"""Where homes are if users have their own user ids: the state directory is closed to them."""

UID_REGISTER: Final = ISOLATED_HOMES / "uids"

_SUBORDINATE: Final = re.compile(r"^[^:\n]*:(\d+):(\d+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a user id: a user of the platform that has this instance id."""

    platform: str
    # It may have moved, and the user is still the same.
    state: str = field(compare=False)
    name: str

    def __str__(self) -> str:
        return f"{self.name} of the platform in {self.state}"


@dataclass(frozen=True, slots=True)
class UserIds:
    """The user ids of one platform's users.

    Attributes
    ----------
    platform
        Instance id of the platform's state directory.
    state
        That directory, for messages.
    homes
        Where the homes of its users are.
    span
        First and last of the ids that may be given.
    register
        Directory that remembers who has which id, the same for all platforms of the machine.
    all_homes
        Directory below which platforms keep homes in ``*/homes/``.
    """

    platform: str
    state: Path
    homes: Path
    span: tuple[int, int] = (FIRST_UID, LAST_UID)
    register: Path = UID_REGISTER
    all_homes: Path = ISOLATED_HOMES

    def give(self, name: str) -> int:
        """Return an unused id, which belongs to this user from then on.

        Raises
        ------
        LocalSpawnerError
            Raised if none is free.
        """
        self._open_register()
        me = self._owner(name)
        for uid in self._free():
            if self._enter(uid, me) == me:
                return uid
        first, last = self.span
        raise LocalSpawnerError(
            f"No user id from {first} to {last} is free for {name}; "
            "set a wider c.LocalServerSpawner.uids."
        )

    def keep(self, name: str, uid: int) -> None:
        """Make sure that only ``name`` has the id that they were given before.

        Raises
        ------
        LocalSpawnerError
            Raised if another user has it too.
        """
        self._open_register()
        me = self._owner(name)
        entry = self.register / str(uid)
        if not entry.exists():
            home = next((home for home, owner in self._foreign_homes() if owner == uid), None)
            if home is not None:
                raise self._conflict(me, uid, f"the owner of {home}", home)
        other = self._enter(uid, me)
        if other != me:
            raise self._conflict(me, uid, str(other), entry)

    def _owner(self, name: str) -> Owner:
        return Owner(self.platform, str(self.state), name)

    def _conflict(self, me: Owner, uid: int, other: str, evidence: Path) -> LocalSpawnerError:
        return LocalSpawnerError(
            f"{me} has the user id {uid}, and so has {other}: they could read each other's files. "
            "Stop the Hub of one of them and take that line out of its people-uids.json: the next "
            "start gives another id, and says how to hand over the home. If the other one is gone "
            f"for good, with all files, remove {evidence}."
        )

    def _open_register(self) -> None:
        try:
            self.register.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.register.chmod(0o700)
        except OSError as error:
            raise LocalSpawnerError(
                f"{self.register} cannot be used ({error.strerror}). It remembers which user ids "
                "were given on this machine: make it a directory that root can write, or name "
                "another with c.LocalServerSpawner.uid_register."
            ) from error

    def _enter(self, uid: int, owner: Owner) -> Owner:
        """Register ``owner`` for an id without an owner, and return its owner."""
        entry = self.register / str(uid)
        found = write_once(entry, json.dumps(asdict(owner)))
        try:
            return Owner(**json.loads(found))
        except (ValueError, TypeError):
            return Owner("", "?", f"a user whom {entry} does not name")

    def _free(self) -> Iterator[int]:
        """Yield ids without a user, account, home, process or container."""
        first, last = self.span
        given = {int(entry.name) for entry in self.register.iterdir() if entry.name.isdecimal()}
        given |= {entry.pw_uid for entry in pwd.getpwall()} | list_owners()
        given |= {owner for _, owner in [*self._foreign_homes(), *_owners_in(self.homes)]}
        containers = _list_subordinates()
        for uid in range(first, last + 1):
            if uid not in given and not any(uid in one for one in containers) and _is_unknown(uid):
                yield uid

    def _foreign_homes(self) -> Iterator[tuple[Path, int]]:
        for homes in self.all_homes.glob("*/homes"):
            if homes != self.homes:
                yield from _owners_in(homes)


def _owners_in(homes: Path) -> Iterator[tuple[Path, int]]:
    for home in homes.glob("*"):
        with suppress(FileNotFoundError):
            yield home, home.lstat().st_uid


def _is_unknown(uid: int) -> bool:
    # A directory service may know accounts that it does not list.
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return True
    return False


def _list_subordinates() -> list[range]:
    found: list[range] = []
    for path in (Path("/etc/subuid"), Path("/etc/subgid")):
        with suppress(OSError):
            fields = _SUBORDINATE.findall(path.read_text(encoding="utf-8"))
            found += [range(int(first), int(first) + int(count)) for first, count in fields]
    return found
