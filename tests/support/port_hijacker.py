"""What another user of the machine does to get a port of the platform: try, and never stop.

Run by its path: ``port_hijacker.py PORT ADDRESSES SHARED``. After the first round it says
``trying``, and each way in which it could bind or listen, once. When its input ends it says how
many rounds it made.
"""

import os
import select
import socket
import sys
from contextlib import ExitStack, suppress
from itertools import product

OPTIONS = ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (2, 15))


def attempt(address: str, port: int, options: tuple[int, ...], only_ipv6: bool) -> str:
    """Try to listen in one way; say how far that went, or nothing."""
    got = ""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as thief:
        for option in options:
            thief.setsockopt(socket.SOL_SOCKET, option, 1)
        if only_ipv6 and ":" in address:
            thief.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        with suppress(OSError):
            thief.bind((address, port))
            got = f"bound {address} {options}"
            thief.listen()
            got = f"listens {address} {options}"
    return got


def main(port: int, addresses: list[str], shared: list[str]) -> None:
    """Try everything again and again, until there is no more to read.

    To share the port elsewhere may make a kernel believe that one may share it here as well.
    """
    os.nice(5)
    told, rounds = set(), 0
    with ExitStack() as held:
        for each in shared:
            beside = held.enter_context(socket.socket())
            beside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with suppress(OSError):
                beside.bind((each, port))
                beside.listen()
        while rounds == 0 or not select.select([sys.stdin], [], [], 0)[0]:
            for address, options, only in product(addresses, OPTIONS, (False, True)):
                got = attempt(address, port, options, only)
                if got and got not in told:
                    told.add(got)
                    print(got, flush=True)
            rounds += 1
            if rounds == 1:
                print("trying", flush=True)
    print(f"rounds {rounds}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2].split(), sys.argv[3].split())
