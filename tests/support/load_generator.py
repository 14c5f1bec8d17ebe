"""People who start and stop servers without end, whatever happens to the platform."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.support.live_hub import LiveHub, server_path

SERVERS = ("one", "two", "three")


@contextmanager
def load(hub: LiveHub, name: str, chance: random.Random) -> Iterator[None]:
    """Have one thread for each of some servers of ``name`` start and stop it."""
    api, over = hub.token(name), threading.Event()
    seeds = [chance.random() for _ in SERVERS]

    def work(server: str, seed: float) -> None:
        own = random.Random(seed)
        while not over.wait(own.uniform(0.0, 0.4)):
            path = server_path(name, server)
            body = {"user_options": {"tier": "small"}}
            try:
                api.post(path, json=body) if own.random() < 0.6 else api.delete(path)
            except httpx.HTTPError:
                continue  # nothing answers now

    threads = [
        threading.Thread(target=work, args=each) for each in zip(SERVERS, seeds, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(90)
