"""Finds the processes that listen at a port or socket, as far as this user can see them."""

from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import psutil

EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 compared, and bound where that was asked for
_MAX_NAME_LENGTH: Final = 64


def find_port_holders(address: str, port: int) -> Iterable[str]:
    """Name the processes that listen at a port, as far as this user can see them."""
    wanted, seen = _plain(address), set()
    for each in psutil.net_connections("tcp"):
        if each.status != psutil.CONN_LISTEN or each.laddr.port != port:
            continue
        if wanted in EVERYWHERE or _plain(each.laddr.ip) in {wanted, *EVERYWHERE}:
            seen.add(each.pid)
    return [describe_process(pid) for pid in sorted(seen, key=lambda pid: pid or 0)]


def _plain(address: str) -> str:
    """Return an IPv4 address without its IPv6 wrapping."""
    try:
        plain = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(getattr(plain, "ipv4_mapped", None) or plain)


def find_socket_holders(path: Path) -> list[str]:
    """Name the processes that listen at a Unix socket."""
    pids = {each.pid for each in psutil.net_connections("unix") if each.laddr == str(path)}
    return [describe_process(pid) for pid in sorted(pid for pid in pids if pid)]


def describe_process(pid: int | None) -> str:
    """Describe a process: its id, its program and its user."""
    if pid is None:
        return "a process of another user"
    try:
        process = psutil.Process(pid)
        uid, name = process.uids().real, process.username()
        # psutil also shows an unnamed user as a number.
        owner = f"uid {uid}" if name == str(uid) else f"user {name}, uid {uid}"
        return f"process {pid} ({_as_shown(process.name())}, {owner})"
    except psutil.Error:
        return f"process {pid}"


def _as_shown(name: str) -> str:
    """Strip terminal control characters from a name that a process gave itself."""
    return "".join(char if char.isprintable() else "?" for char in name[:_MAX_NAME_LENGTH])
