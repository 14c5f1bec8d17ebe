"""The platform's service over a store, beside a Hub that says who calls: a process to be measured.

``python -m benchmarks.page_service URL`` prints a line of JSON: the address, and a token of an
admin. It ends with its input.
"""

import asyncio
import json
import sys
from types import SimpleNamespace
from typing import Any

from tests.service.conftest import start_service


async def _serve(url: str) -> None:
    only_url: Any = SimpleNamespace(url=url)
    running, _ = await start_service(only_url)
    said = {"url": running.url, "token": running.tokens["admin"]}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
