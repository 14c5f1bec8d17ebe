"""A table of people on the page: hostile cells are shown as text, and nothing is sent unseen."""

from html import unescape
from typing import Any

import httpx
import pytest

from tests.service.conftest import PREFIX, Running, xsrf_of
from tests.service.test_editing import TRIED

NEW = f"{PREFIX}new/people"
TABLE = "name,level,groups\nann,user,vision\nben,,\n"
TRY, ADD = "POST bulk?dry_run=true", "POST bulk"


def tried(*, in_place: tuple[str, ...] = (), **refused: str) -> dict[str, Any]:
    refusals = [{"name": name, "reason": why} for name, why in refused.items()]
    return {
        "in_place": list(in_place),
        "refusals": refusals,
        "refused": len(refusals),
        "effects": TRIED["effects"],
    }


async def send(
    running: Running,
    browser: httpx.AsyncClient,
    table: str,
    form: dict[str, str] | None = None,
    file: bytes = b"",
) -> httpx.Response:
    token = xsrf_of((await browser.get(PREFIX)).text)
    # An empty file is what a browser sends if none was chosen.
    files = {"file": ("people.csv", file, "text/csv")}
    return await browser.post(
        NEW,
        data={"_xsrf": token, "table": table, **(form or {})},
        files=files,
        headers={"Origin": running.url},
    )


def hidden(page: str, name: str) -> str:
    return page.partition(f'name="{name}" value="')[2].partition('"')[0]


async def test_only_what_was_previewed_is_added_and_once(running: Running) -> None:
    running.hub.answers = {TRY: (200, tried(in_place=("ben",))), ADD: (202, {"id": "4f2a"})}
    async with running.browser("admin") as browser:
        seen = (await send(running, browser, TABLE)).text
        assert "1 user will be added; 1 is there already, and left as it is." in seen
        assert "ann as user, in vision" in seen
        assert "It can be undone on its page." in seen
        form = {name: hidden(seen, name) for name in ("key", "digest")}
        form |= {"step": "run", "why": "a term"}
        moved = await send(running, browser, TABLE + "cid,,\n", form)
        assert "The table has changed since the preview." in moved.text
        assert hidden(moved.text, "key") != form["key"]
        assert ADD not in {each.call for each in running.hub.changes}
        browser.follow_redirects = False
        # A browser sends other ends of lines than the file had.
        begun = await send(running, browser, TABLE.replace("\n", "\r\n"), form)
    assert (begun.status_code, begun.headers["location"]) == (303, f"{PREFIX}bulk/4f2a")
    sent = running.hub.changes[-1]
    assert (sent.who, sent.call, sent.once) == ("admin", ADD, form["key"])
    assert sent.body == {
        "act": "add-people",
        "reason": "a term",
        "people": [
            {"name": "ann", "document": {"level": "user"}, "groups": ["vision"]},
            {"name": "ben"},
        ],
    }


async def test_faults_of_the_table_and_of_the_hub_have_their_places(running: Running) -> None:
    why = "users.ann.level: “boss” is no level; write user"
    running.hub.answers = {TRY: (200, tried(ann=why))}
    table = "name,level\nann,boss\n=cmd(),\nben,user\n,user\nben,\n"
    async with running.browser("admin") as browser:
        page = unescape((await send(running, browser, table)).text)
    assert "Nothing is added: 4 faults to correct." in page
    for place in (
        "Line 2, column 2, level: users.ann.level: “boss” is no level; write user",
        "Line 3, column 1, name: begins as a formula",
        "Line 5, column 1, name: has no name",
        "Line 6, column 1, name: repeats ben of line 4",
    ):
        assert place in page
    assert 'value="run"' not in page


HOSTILE = "</textarea><script>alert(1)</script>"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (f"name,title\nann,{HOSTILE}\n".encode(), "1 user will be added"),
        (f"name,{HOSTILE}\n".encode(), "The table has the columns name, </textarea>"),
        (b"name,title\nann,a\0b\n", "Line 2, column 2, title: has a character that is not printed"),
        ("name\nann\n".encode("utf-16"), "The table is not UTF-8"),
        ("name;title\r\nann;J\u00fcrgen\r\n".encode("latin-1"), "The table is not UTF-8"),
        ("\ufeffname;title\r\nann;J\u00fcrgen\r\n".encode(), "ann (J\u00fcrgen)"),
        (b"name,name\nann,ben\n", "The table has the column name twice"),
        (b'name\n"ann\n', "Line 2 of the table is not CSV"),
        (b"name\n", "The table names no one below its first line."),
        (b"", "The table has the columns of nothing"),
        (b"name\n" + b"a\n" * 20_001, "The table has 20,001 lines of people"),
    ],
)
@pytest.mark.parametrize("as_file", [True, False])
async def test_whatever_a_table_has_it_is_text(
    running: Running, data: bytes, words: str, as_file: bool
) -> None:
    running.hub.answers = {TRY: (200, tried())}
    async with running.browser("admin") as browser:
        if as_file:
            page = (await send(running, browser, "name\nother\n", file=data)).text
        else:
            token = xsrf_of((await browser.get(PREFIX)).text).encode()
            body = b"".join(
                b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % each
                for each in ((b"_xsrf", token), (b"table", data))
            )
            kind = {"Content-Type": "multipart/form-data; boundary=x", "Origin": running.url}
            answer = await browser.post(NEW, content=body + b"--x--\r\n", headers=kind)
            page = answer.text
    if data:
        assert words in unescape(page)
    assert "<script>alert" not in page
    assert "other" not in page or not (as_file and data)


async def test_a_hub_that_refuses_is_quoted_and_the_table_is_kept(running: Running) -> None:
    full = (413, {"status": 413, "detail": "The body is too large.", "code": "request.large"})
    running.hub.answers = {TRY: (200, tried()), ADD: full}
    async with running.browser("admin") as browser:
        seen = (await send(running, browser, TABLE)).text
        form = {name: hidden(seen, name) for name in ("key", "digest")}
        answer = await send(running, browser, TABLE, form | {"step": "run", "why": "x"})
    assert answer.status_code == 413
    assert "The body is too large." in answer.text
    assert "ann,user,vision" in answer.text
    # It may have been done: sent again, it is the same change.
    assert hidden(answer.text, "key") == form["key"]


async def test_what_the_hub_refuses_at_last_is_placed_as_in_a_preview(running: Running) -> None:
    why = [{"name": "ben", "reason": "There is a user ben already."}]
    refused = (422, {"status": 422, "detail": "1 of 2", "refusals": why})
    running.hub.answers = {TRY: (200, tried()), ADD: refused}
    async with running.browser("admin") as browser:
        seen = (await send(running, browser, TABLE)).text
        form = {name: hidden(seen, name) for name in ("key", "digest")} | {"step": "run"}
        page = (await send(running, browser, TABLE, form)).text
        assert "Nothing is added: 1 fault to correct." in page
        assert "Line 3, column 1, name: There is a user ben already." in page
        faulty = TABLE + "=1,,\n"
        seen = (await send(running, browser, faulty)).text
        form = {name: hidden(seen, name) for name in ("key", "digest")} | {"step": "run"}
        await send(running, browser, faulty, form)
    assert [each.call for each in running.hub.changes] == [TRY, ADD, TRY, TRY]


@pytest.mark.parametrize("name", ["viewer", "user", "developer", "operator", "auditor"])
async def test_who_may_add_no_one_is_refused(running: Running, name: str) -> None:
    async with running.browser(name) as browser:
        assert (await browser.get(NEW)).status_code == 403
        answer = await send(running, browser, TABLE)
        assert "Add people from a table" not in (await browser.get(f"{PREFIX}people")).text
    assert answer.status_code == 403
    assert {TRY, ADD}.isdisjoint(each.call for each in running.hub.changes)


async def test_no_other_page_takes_files(running: Running) -> None:
    async with running.browser("admin") as browser:
        token = xsrf_of((await browser.get(PREFIX)).text)
        for place, status in (("new/people", 200), ("new/group", 415), ("new/bulk", 415)):
            answer = await browser.post(
                PREFIX + place,
                data={"_xsrf": token},
                files={"file": ("a.csv", b"", "text/csv")},
                headers={"Origin": running.url},
            )
            assert answer.status_code == status, place
        forged = {"Origin": "https://evil.example"}
        files = {"file": ("a.csv", TABLE.encode(), "text/csv")}
        answer = await browser.post(NEW, data={"_xsrf": token}, files=files, headers=forged)
        assert answer.status_code == 403
        assert (await browser.post(NEW, files=files)).status_code == 403
    assert TRY not in {each.call for each in running.hub.changes}
