"""What another user of the machine tries at the ports and sockets of a user's server.

Run as that user: ``socket_prober.py SECONDS UID``. It connects to every loopback port where ``UID``
listens, as a client of a kernel's output and as a debugger, and to every Unix socket that the
system names; it prints as JSON what it was told.
"""

import contextlib
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import zmq

_LISTENS = "0A"


def list_ports(uid: int) -> list[int]:
    """List the ports at which a user's programs listen, which the kernel tells everybody."""
    lines: list[str] = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            lines += Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return sorted(
        {int(r[1].split(":")[1], 16) for r in rows if r[3] == _LISTENS and r[7] == str(uid)}
    )


def list_unix_sockets() -> list[str]:
    """List the names of all Unix sockets; those of the abstract namespace begin with ``@``."""
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return sorted({row[7] for row in rows if len(row) > 7})


def debug(port: int) -> str:
    """Ask the listener for an expression, as a debugger does; return all that is answered."""
    asked: list[dict[str, Any]] = [
        {"command": "initialize", "arguments": {"adapterID": "x"}},
        {"command": "attach", "arguments": {"connect": {"host": "127.0.0.1", "port": port}}},
        {"command": "evaluate", "arguments": {"expression": "__import__('os').getuid()"}},
    ]
    with socket.create_connection(("127.0.0.1", port), 2) as debugger:
        for number, each in enumerate(asked, 1):
            body = json.dumps({"seq": number, "type": "request", **each}).encode()
            debugger.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return _receive(debugger)


def _receive(client: socket.socket) -> str:
    client.settimeout(1)
    said = b""
    with contextlib.suppress(OSError):
        while len(said) < 100_000 and (more := client.recv(10_000)):
            said += more
    return said.decode(errors="replace")


def try_unix(name: str) -> bool:
    """Tell whether a connection is accepted."""
    address = "\0" + name[1:] if name.startswith("@") else name
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(address)
        except OSError:
            return False
    return True


def main(seconds: float, uid: int) -> dict[str, Any]:
    """Listen in on everything for a while, and try the rest afterwards."""
    context = zmq.Context()
    poller, ports = zmq.Poller(), set[int]()
    heard, answers = "", dict[int, str]()
    deadline = time.monotonic() + seconds
    print("listening", flush=True)
    while time.monotonic() < deadline:
        for port in set(list_ports(uid)) - ports:
            ports.add(port)
            for kind in (zmq.SUB, zmq.DEALER):
                client = context.socket(kind)
                client.linger = 0
                if kind == zmq.SUB:
                    client.subscribe(b"")
                client.connect(f"tcp://127.0.0.1:{port}")
                poller.register(client, zmq.POLLIN)
        for client, _ in poller.poll(100):
            heard += repr(client.recv_multipart())
    for port in sorted(ports):
        try:
            answers[port] = debug(port)
        except OSError as error:
            answers[port] = str(error)
    context.destroy(0)
    names = list_unix_sockets()
    return {
        "uid": os.getuid(),
        "ports": sorted(ports),
        "heard": heard,
        "answers": answers,
        "sockets": names,
        "accepted": [name for name in names if try_unix(name)],
    }


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]), int(sys.argv[2]))))
