"""The message of ``jhp up`` once the platform runs: address, users, and how to reach it."""

import getpass
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import click

from jupyterhub_platform.cli.own_command import as_pasted
from jupyterhub_platform.cli.state import write_private
from jupyterhub_platform.core.levels import ELEVATED, Level
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.factory import read_credentials
from jupyterhub_platform.hub.people.password_hashes import Argon2Hasher
from jupyterhub_platform.settings import Settings

Passwords: TypeAlias = Mapping[str, str | None]
"""Passwords by user; ``None`` for users who changed theirs."""

MAX_SAMPLED: Final = 150
"""How many people get a sample password."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def choose_sampled(policy: Policy) -> list[str]:
    """Return who gets a sample password: everybody, or of many those with the most to say first.

    Each is hashed before the Hub answers, which takes a tenth of a second.
    """

    def place(name: str) -> tuple[bool, bool, str]:
        level = policy.people[name].level
        return level is not Level.ADMIN, level not in ELEVATED, name

    return sorted(sorted(policy.people, key=place)[:MAX_SAMPLED])


def list_passwords(settings: Settings, passwords: Mapping[str, str]) -> dict[str, str | None]:
    """Return the sample passwords that still work; ``None`` for users who changed theirs."""
    credentials = read_credentials(settings, Argon2Hasher())
    return {
        name: password if credentials.verify(name, password) else None
        for name, password in passwords.items()
    }


def write_ready(path: Path, url: str, people: Passwords) -> None:
    """Write the file that says that the platform is ready."""
    write_private(
        path.absolute(), json.dumps({"url": url, "people": dict(people)}, indent=2) + "\n"
    )


def announce(
    policy: Policy, settings: Settings, public: tuple[str, int], url: str, people: Passwords
) -> None:
    """Tell the operator where the platform runs, and with which passwords."""
    host, port = public
    widths = [max(map(len, ["name", *people])), max(len(p.level) for p in policy.people.values())]
    rows = [
        f"  {name:<{widths[0]}}  {policy.people[name].level:<{widths[1]}}  "
        f"{password or '(their own)':<19}  {', '.join(sorted(policy.declared_groups(name)))}"
        for name, password in people.items()
    ]
    head = f"  {'name':<{widths[0]}}  {'level':<{widths[1]}}  {'password':<19}  groups"
    tell("\n".join([f"\n{policy.name} runs at {url}\n", head, *(row.rstrip() for row in rows), ""]))
    others = len(policy.people) - len(people)
    if others > 0:
        tell(f"{others:,} more have no password yet: invite them with `jhp invite NAME`.\n")
    if host not in _LOOPBACK:
        tell(
            f"Every machine that reaches {host}:{port} can try to log in, and passwords cross the "
            "network in the clear.\nPut a proxy with TLS in front of it.\n"
        )
    elif os.environ.get("SSH_CONNECTION"):
        tell(
            "From your own machine:\n"
            f"  ssh -L {port}:127.0.0.1:{port} "
            f"{getpass.getuser()}@{socket.gethostname()}\n"
        )
    tell(f"Policy: {settings.policy_file} (changes take effect by themselves)\nCtrl-C stops it.")


def tell(text: Any) -> None:
    """Tell the operator something on the terminal."""
    click.echo(as_pasted(str(text)), err=True)
