"""What an operator sets: ``c.PlatformLocalSpawner.…``, and the machine that follows from it."""

from pathlib import Path

from jupyterhub.traitlets import ByteSpecification
from traitlets import Bool, Float, Int, Tuple, Unicode
from traitlets.config import LoggingConfigurable

from jupyterhub_platform.hub.local.machine import Machine, open_machine
from jupyterhub_platform.hub.local.user_ids import FIRST_UID, LAST_UID, UID_REGISTER


class LocalSpawnerTraits(LoggingConfigurable):
    """The settings of :class:`~jupyterhub_platform.hub.local.spawner.LocalServerSpawner`."""

    state_dir = Unicode(
        ".jupyterhub-platform",
        help="Directory for what this platform keeps: server logs, user ids, and people's homes.",
    ).tag(config=True)

    homes_dir = Unicode(
        help="""Directory of people's homes; by default in ``state_dir``.

        As root, where people have user ids of their own, it must be where everybody may pass
        through; the default is then below ``/var/lib/jupyterhub-platform``.
        """,
    ).tag(config=True)

    isolate = Bool(
        True,
        help="""
        As root, run each person's servers as a user id of their own.

        Without root this has no effect: all servers run as the Hub's own user, and people are
        not isolated from each other or from the Hub.
        """,
    ).tag(config=True)

    uids = Tuple(
        Int(),
        Int(),
        default_value=(FIRST_UID, LAST_UID),
        help="""
        First and last of the user ids that people are given, if the Hub runs as root.

        Ids of accounts, and those that ``/etc/subuid`` sets aside for containers, are passed
        over. A person keeps the id for good.
        """,
    ).tag(config=True)

    uid_register = Unicode(
        str(UID_REGISTER),
        help="Directory that remembers all user ids given on this machine; one for all platforms.",
    ).tag(config=True)

    stop_grace = Float(
        10.0,
        help="Seconds that a server has to shut down its kernels before all of it is killed.",
    ).tag(config=True)

    kill_patience = Float(
        20.0,
        help="Seconds to go on killing what a server started before stopping it counts as failed.",
    ).tag(config=True)

    process_limit = Int(
        4096,
        help="Most processes and threads of one server, where the system can limit them; 0: any.",
    ).tag(config=True)

    debugger = Bool(
        False,
        help="""
        Let notebooks be debugged where people have user ids of their own.

        The debugger of Python kernels listens at a port of the machine: while somebody uses it,
        any other user of the machine can run code as them. So it is off there; the spawn page
        says which. Where people are not isolated, this has no effect and the debugger works.
        """,
    ).tag(config=True)

    log_limit = ByteSpecification("10M", help="Most that is kept of a run's log.").tag(config=True)

    def machine(self) -> Machine:
        """Return what is known about this machine.

        Raises
        ------
        LocalSpawnerError
            Raised if servers cannot be started here as asked.
        """
        first, last = self.uids
        homes = Path(self.homes_dir) if self.homes_dir else None
        return open_machine(
            Path(self.state_dir),
            isolate=self.isolate,
            uids=(first, last),
            homes=homes,
            uid_register=Path(self.uid_register),
        )
