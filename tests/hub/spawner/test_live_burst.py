"""More starts at once than a cluster bears: the attack against concurrent_spawn_limit."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.live_hub import LiveHub, running
from tests.support.servers_in_hub import SERVERS_IN_HUB, start_at_once

pytestmark = [pytest.mark.hub, pytest.mark.full]

PEOPLE = 6
EACH = 20
MAX_AT_ONCE = 100
"""JupyterHub's own default, which the platform leaves as it is."""
NAMES = [f"p{number}" for number in range(PEOPLE)]
PEOPLE_OF_POLICY = ", ".join(f"{name}: {{level: developer}}" for name in NAMES)
POLICY = f"""\
version: 1
users: {{admin: {{level: admin}}, {PEOPLE_OF_POLICY}}}
groups: {{all: {{members: [{", ".join(NAMES)}]}}}}
images: {{lab: {{reference: "quay.io/jupyter/base-notebook:latest"}}}}
tiers: {{small: {{requests: {{cpu: 100m, memory: 256Mi}}, images: [lab]}}}}
"""


@pytest.mark.parametrize(
    ("settings", "refused"),
    [("", PEOPLE * EACH - MAX_AT_ONCE), ("c.JupyterHub.concurrent_spawn_limit = 0\n", 0)],
    ids=["on", "off"],
)
def test_a_burst_of_starts_succeeds_only_where_the_limit_is_off(
    make_directory: Callable[[], Path], settings: str, refused: int
) -> None:
    servers = [(name, f"s{number}") for name in NAMES for number in range(EACH)]
    hub = LiveHub(
        make_directory(),
        POLICY,
        site=SERVERS_IN_HUB + settings,
        environment={"SECONDS_TO_START": "60"},
    )
    with running(hub):
        answers = asyncio.run(start_at_once(hub, hub.token("admin"), servers))
    counts = Counter(answer.status_code for answer in answers.values())
    assert counts == Counter({202: len(servers) - refused, 429: refused})
