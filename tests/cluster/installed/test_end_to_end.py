"""From the checkout's images to a person's kernel: all of it real, on a node, in a browser."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.cluster.installed.installation import Installation
from tests.cluster.objects import wait_for
from tests.support.chromium import log_in
from tests.support.live_hub import Api

pytestmark = [pytest.mark.node, pytest.mark.browser]

SECONDS = 1000
KERNEL_ANSWERS = Path("tests/support/kernel_answers.js").read_text()
POD, CLAIM = "jupyter-dev1", "claim-dev1"
READ_LIMITS = """
from pathlib import Path
root = Path("/sys/fs/cgroup")
if (root / "memory.max").exists():
    memory = (root / "memory.max").read_text()
    quota, period = (root / "cpu.max").read_text().split()
else:
    memory = (root / "memory/memory.limit_in_bytes").read_text()
    quota, period = ((root / f"cpu/cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
(int(memory), int(quota) / int(period))
"""
EAT = """
import subprocess, sys
from pathlib import Path
# Many small ones: where memory's end takes a single process, that is the biggest one, the server.
# With control groups of the second kind it takes all of the container, whichever process ate.
Path("/proc/1/oom_score_adj").write_text("1000")
child = "eaten = b'x' * (16 << 20); import time; time.sleep(60)"
len([subprocess.Popen([sys.executable, "-c", child]) for _ in range(40)])
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60 * SECONDS)
    yield page
    context.close()


def start(page: Page, platform: Installation, tier: str) -> None:
    """Choose a tier's card, and wait for JupyterLab."""
    page.goto(f"{platform.url}/hub/spawn")
    page.get_by_label(tier, exact=True).check()
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.wait_for_url(re.compile(r"/user/dev1/lab"), timeout=120 * SECONDS)
    page.locator("#jp-top-panel").wait_for(timeout=120 * SECONDS)


def compute(page: Page, code: str) -> str:
    """Run code in a new kernel of the server whose JupyterLab the page shows."""
    answer: str = page.evaluate(KERNEL_ANSWERS, code)
    return answer


def read_held(api: Api) -> dict[str, int]:
    """Return what a user holds, by resource, as the usage API says it."""
    usage = api.get("platform/usage").json()
    (account,) = usage["accounts"]
    assert len(usage["servers"]) in {0, 1}
    return {limit["resource"]: limit["held"] for limit in account["limits"]}


def test_a_person_works_on_a_node_and_finds_their_files_again(
    platform_on_node: Installation, page: Page
) -> None:
    platform = platform_on_node
    api = platform.token("dev1")
    log_in(page, platform.url, "dev1", platform.passwords["dev1"])

    start(page, platform, "Small")
    assert compute(page, "6*7") == "42"
    # As the tier says: 512Mi and half a core, to the byte, where the kernel of the node keeps them.
    assert compute(page, READ_LIMITS) == "(536870912, 0.5)"
    assert compute(page, "from pathlib import Path; (Path.home()/'note').write_text('kept')") == "4"
    # A suspended user is out within seconds only if servers ask the Hub that often.
    assert "--HubOAuth.cache_max_age=5" in compute(page, "open('/proc/1/cmdline').read()")
    assert read_held(api) == {"servers": 1, "cpu": 100}
    assert list(platform.list_servers()) == [POD]

    api.stop("dev1")
    wait_for(lambda: not platform.list_servers(), "the pod to be gone")
    assert read_held(api) == {"servers": 0, "cpu": 0}
    claim = platform.core.read_namespaced_persistent_volume_claim(CLAIM, platform.namespace)
    assert claim.status.phase == "Bound"

    start(page, platform, "Large")
    assert compute(page, READ_LIMITS) == "(1073741824, 1.0)"
    assert compute(page, "from pathlib import Path; (Path.home()/'note').read_text()") == "'kept'"
    api.stop("dev1")


def test_a_cell_that_eats_memory_ends_its_server_and_nothing_else(
    platform_on_node: Installation, page: Page
) -> None:
    platform = platform_on_node
    api = platform.token("dev1")
    log_in(page, platform.url, "dev1", platform.passwords["dev1"])
    start(page, platform, "Small")

    def find_killed() -> bool:
        statuses = platform.list_servers()[POD].status.container_statuses
        ends = [each.state.terminated or each.last_state.terminated for each in statuses]
        return [end.reason for end in ends if end] == ["OOMKilled"]

    with ThreadPoolExecutor(1) as pool:
        # The pod is soon gone: a look afterwards may be too late.
        killed = pool.submit(wait_for, find_killed, "the server to be killed", 120)
        compute(page, EAT)
        assert killed.result()
    wait_for(lambda: api.servers("dev1") == {}, "the Hub to notice", 60)
    assert read_held(api) == {"servers": 0, "cpu": 0}

    # What happened is said in words where they look next, with the tier that has more and fits.
    why = api.get("platform/why?user=dev1").json()
    assert (why["state"], why["cause"]["code"]) == ("ended", "server.out_of_memory")
    assert why["larger_tier"] == "large"
    page.goto(f"{platform.url}/hub/home")
    told = page.get_by_role("status").filter(has_text="ended at")
    assert "used more memory than its tier has" in told.inner_text()
    assert "Start it again with large, which has 1 GiB and fits now" in told.inner_text()
    told.get_by_role("link", name="Choose large").click()
    page.wait_for_url(re.compile("/hub/spawn/dev1"))
    assert page.get_by_label("Large", exact=True).is_checked()
