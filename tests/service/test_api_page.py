"""The REST API to read: every call of the document, small, without a script, linked everywhere."""

import re

from jupyterhub_platform.rest.document import PARTS
from jupyterhub_platform.rest.verbs import VERBS
from jupyterhub_platform.service.api_page import make_reference
from tests.service.conftest import PREFIX, Running

CALLS = {each.id: each for _, _, calls, _ in PARTS for each in calls}


async def test_every_call_is_there_with_its_verb_and_an_example(running: Running) -> None:
    async with running.browser("viewer") as browser:
        text = (await browser.get(f"{PREFIX}api")).text
    for name, call in CALLS.items():
        assert f'<h3 id="{name}">' in text
        assert call.path in text
    assert len(text) < 160_000, len(text)
    targets = set(re.findall(r'href="#([^"]+)"', text))
    assert targets <= set(re.findall(r'id="([^"]+)"', text))
    assert "curl -H &#34;$AUTH&#34; -X PUT -H &#39;If-Match: *&#39;" in text


async def test_every_page_leads_to_it(running: Running) -> None:
    async with running.browser("developer") as browser:
        assert f'href="{PREFIX}api"' in (await browser.get(PREFIX)).text


async def test_the_root_lists_the_calls_that_are_below_it(running: Running) -> None:
    async with running.program("viewer") as program:
        for path in (f"{PREFIX}api/v1", f"{PREFIX}api/v1/"):
            answer = await program.get(path)
            assert answer.status_code == 200
            calls = answer.json()["calls"]
            assert {each["id"] for each in calls} == {
                each.id for each in CALLS.values() if each.path.startswith("/services/")
            }


def test_verbs_are_of_calls_that_exist() -> None:
    assert VERBS.keys() <= CALLS.keys()


def test_calls_are_grouped_by_what_they_are_about() -> None:
    nouns = {noun: [call.id for call in calls] for noun, _, calls in make_reference().nouns}
    assert "putGroup" in nouns["groups"]
    assert "listGroups" in nouns["groups"]
    assert sorted(id_ for ids in nouns.values() for id_ in ids) == sorted(CALLS)
