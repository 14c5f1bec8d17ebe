"""Why a server does not run: asked of a live Hub, by page, API and command line."""

import html
import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.support.hub_fixtures import hub_of, token_of
from tests.support.live_hub import Api, LiveHub, wait_for
from tests.support.store_readers import read_releases

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
users:
  admin: {level: admin}
  dev: {level: developer}
  boss: {level: manager}
  other: {level: manager}
groups:
  vision: {members: [dev, admin], managers: [boss]}
  language: {members: [other], managers: [other]}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers:
  small:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: 2, memory: 1Gi}
    images: [lab]
  large:
    requests: {cpu: 100m, memory: 3Gi}
    images: [lab]
    access: {groups: [language]}
"""


SITE = """\
c.PlatformLocalSpawner.poll_interval = 1

def spoil(spawner):
    if spawner.name == "spoilt":
        said = 'echo "cannot read the settings, token=$JUPYTERHUB_API_TOKEN" >&2; exit 3'
        spawner.cmd = ["/bin/sh", "-c", said, "--"]
    if spawner.name == "dies":
        spawner.cmd = ["/bin/sh", "-c", 'echo "it began" >&2; exec "$@"', "--", *spawner.cmd]

c.PlatformLocalSpawner.pre_spawn_hook = spoil
"""


hub = hub_of(POLICY, site=SITE)
dev = token_of("dev")


def ask(api: Api, server: str, user: str = "dev") -> dict[str, Any]:
    answer = api.get(f"platform/why?user={user}&server={server}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_server_is_explained_while_it_runs_and_after_it_was_stopped(dev: Api) -> None:
    assert dev.start("dev", "calm", tier="small").status_code in {201, 202}
    assert ask(dev, "calm")["state"] in {"starting", "running"}
    dev.wait_until_ready("dev", "calm")
    assert (ask(dev, "calm")["state"], ask(dev, "calm")["cause"]["code"]) == (
        "running",
        "server.running",
    )
    dev.stop("dev", "calm")
    wait_for(lambda: ask(dev, "calm")["state"] == "ended", "the end to be told")
    answer = ask(dev, "calm")
    assert (answer["cause"]["code"], answer["tier"], answer["account"]) == (
        "server.stopped",
        "small",
        "vision",
    )


def test_a_server_that_dies_is_told_on_the_page_and_after_a_restart_of_the_hub(
    hub: LiveHub, dev: Api
) -> None:
    assert dev.start("dev", "dies", tier="small").status_code in {201, 202}
    dev.wait_until_ready("dev", "dies")
    for process in hub.list_marked():
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: ask(dev, "dies")["state"] == "ended", "the end to be seen")
    wait_for(lambda: "dies" not in dev.servers("dev"), "the Hub to take note")
    answer = ask(dev, "dies")
    assert (answer["state"], answer["cause"]["code"]) == ("ended", "server.failed")
    assert "server.failed" in read_releases(hub).values()
    for page in ("/hub/home", "/user/dev/dies/lab", "/hub/spawn-pending/dev/dies"):
        shown = hub.login("dev").get(page, follow_redirects=True).text
        assert "The server&#39;s program ended with an error." in shown, page
    hub.stop()
    hub.start()
    after = ask(hub.token("dev"), "dies")
    assert (after["cause"], after["since"]) == (answer["cause"], answer["since"])
    assert "ended with an error" in hub.login("dev").visit("/hub/home").text


def read_failed(hub: LiveHub, name: str) -> dict[str, dict[str, Any]]:
    # The token of a user reaches the service as well.
    told = hub.token(name).get(f"{hub.url}/services/platform/api/v1/overview").json()
    concerns = (each for each in told["attention"] if each["kind"] == "failed")
    return {each["subject"]: each for concern in concerns for each in concern["entries"]}


def test_a_failed_start_is_on_overview_with_the_end_of_its_log(hub: LiveHub, dev: Api) -> None:
    dev.start("dev", "spoilt", tier="small")
    wait_for(lambda: ask(dev, "spoilt")["state"] == "ended", "the failure to be seen")
    failed = read_failed(hub, "admin")
    assert failed["spoilt of dev"]["log"].endswith("cannot read the settings, token=[secret]")
    assert failed["spoilt of dev"]["sentence"].startswith(ask(dev, "spoilt")["cause"]["sentence"])
    assert failed["dies of dev"]["code"] == "server.failed"
    assert "it began" in failed["dies of dev"]["log"]
    assert "calm of dev" not in failed
    hub.stop()
    hub.start()
    assert read_failed(hub, "admin")["spoilt of dev"]["log"]
    seen = read_failed(hub, "boss")
    assert {each["log"] for each in seen.values()} == {""}
    jhp = [sys.executable, "-m", "jupyterhub_platform", "overview", "--state", str(hub.state)]
    said = subprocess.run([*jhp, "--logs"], capture_output=True, text=True, check=True).stdout
    assert "Failed servers (2)" in said
    assert "    | cannot read the settings, token=[secret]" in said
    told = subprocess.run([*jhp, "--json"], capture_output=True, text=True, check=True).stdout
    assert json.loads(told)["attention"][0]["kind"] == "failed"


def test_refused_start_is_explained_with_whom_to_ask(hub: LiveHub) -> None:
    dev = hub.token("dev")
    assert dev.start("dev", "never", tier="large").status_code == 403
    answer = ask(dev, "never")
    assert (answer["state"], answer["cause"]["code"]) == ("refused", "tier.not_granted")
    assert answer["cause"]["sentence"] == "The tier large is not open to you in vision."
    others = hub.token("admin").get("platform/why?user=dev&server=never").json()
    assert others["cause"]["sentence"] == "The tier large is not open to dev in vision."
    assert (answer["cause"]["who"], answer["account"]) == ("manager", "vision")
    decision = dev.get(f"platform/decisions/{answer['decision']}")
    assert decision.json()["codes"] == ["tier.not_granted"]
    assert "not open to you in vision" in decision.json()["sentence"]
    assert "not open to you in vision" in decision.json()["denials"][0]["reason"]
    assert dev.start("dev", "dies", tier="large").status_code == 403
    assert ask(dev, "dies")["state"] == "refused", "a later refusal counts more than the last run"


def test_managers_may_ask_and_others_learn_nothing(hub: LiveHub) -> None:
    for name, status in (("boss", 200), ("admin", 200), ("other", 404)):
        answer = hub.token(name).get("platform/why?user=dev&server=calm")
        assert answer.status_code == status, name
    for path in ("user=nobody", "user=dev&server=unknown", "user=../dev"):
        assert hub.token("admin").get(f"platform/why?{path}").status_code == 404, path


def test_the_command_line_and_the_page_of_the_service_say_the_same(hub: LiveHub) -> None:
    jhp = [sys.executable, "-m", "jupyterhub_platform", "why", "--state", str(hub.state)]
    said = subprocess.run([*jhp, "dev/never"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("never of dev was refused, since ")
    assert "The tier large is not open to dev in vision." in said
    assert "Who can help  a manager of vision" in said
    unknown = subprocess.run([*jhp, "dev/nosuch"], capture_output=True, text=True, check=False)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "was never started" in unknown.stderr
    path = "/services/platform/servers/why?user=dev&server=never"
    for name in ("dev", "boss", "admin"):
        page = hub.login(name).get(path, follow_redirects=True)
        assert page.status_code == 200
        # The same words for each, but that the user is addressed.
        answer = ask(hub.token(name), "never")
        for part in (answer["cause"]["sentence"], answer["cause"]["fix"], answer["cause"]["code"]):
            assert html.escape(part) in page.text, name
    assert hub.login("other").get(path, follow_redirects=True).status_code == 404
