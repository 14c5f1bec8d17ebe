"""Changes by forms: with the caller's own token, of what they saw, and with nothing lost."""

from typing import Any

import httpx
import pytest

from jupyterhub_platform.core.managed import Kind
from tests.service.conftest import PREFIX, Running, xsrf_of
from tests.service.test_objects import change, grant

TYPED = {"title": "Typed & kept", "members": "dev1", "why": "because <it> is", "quota.cpu": "4"}
DONE: dict[str, Any] = {"kind": "group", "name": "video", "revision": 9, "version": 2}
TRIED = DONE | {
    "dry_run": True,
    "before": {"title": "Video"},
    "after": {"title": "New"},
    "effects": {
        "gains": [{"tier": "gpu", "count": 60, "people": ["dev1", "dev2"]}],
        "losses": [],
        "over": [
            {
                "scope": "member",
                "user": "dev2",
                "account": "video",
                "tier": "",
                "resource": "memory",
                "held": 2**30,
                "maximum": 2**29,
                "path": "groups.video.quota.memory",
            }
        ],
        "over_count": 1,
        "running": [],
        "running_count": 0,
    },
}
MANAGED = {
    "kind": "group",
    "name": "video",
    "source": "managed",
    "document": {"title": "Video", "members": ["dev2"], "volumes": []},
    "version": 3,
    "by": "root",
    "at": "2026-03-01T12:00:00+00:00",
    "declared_at": None,
}


async def submit(
    running: Running, browser: httpx.AsyncClient, place: str, **form: str
) -> httpx.Response:
    token = xsrf_of((await browser.get(PREFIX)).text)
    return await browser.post(
        PREFIX + place, data={"_xsrf": token, **form}, headers={"Origin": running.url}
    )


def digest_in(page: str) -> str:
    return page.partition('name="previewed" value="')[2].partition('"')[0]


async def test_a_group_is_previewed_then_changed_with_the_caller_s_own_token(
    running: Running,
) -> None:
    running.hub.answers = {
        "GET groups/video": (200, MANAGED),
        "PUT groups/video?dry_run=true": (200, TRIED),
        "PUT groups/video": (200, DONE),
    }
    async with running.browser("admin") as browser:
        form = await browser.get(PREFIX + "groups/video/edit")
        assert "volumes: []" in form.text
        sent = {**TYPED, "seen": "3", "more": "volumes: []", "step": "save"}
        shown = await submit(running, browser, "groups/video/edit", **sent)
        assert "60 people" in shown.text
        assert "holds 1 GiB, and may hold 512 MiB" in shown.text
        digest = digest_in(shown.text)
        other = {**sent, "title": "Other"}
        again = await submit(running, browser, "groups/video/edit", **other, previewed=digest)
        assert digest_in(again.text) not in {"", digest}
        before = [each.call for each in running.hub.changes]
        assert "PUT groups/video" not in before
        done = await submit(running, browser, "groups/video/edit", **sent, previewed=digest)
    last = running.hub.changes[-1]
    assert (last.who, last.call, last.seen) == ("admin", "PUT groups/video", '"3"')
    document = {"title": "Typed & kept", "members": ["dev1"], "quota": {"cpu": 4}, "volumes": []}
    assert last.body == {"document": document, "reason": TYPED["why"]}
    assert done.url.path == PREFIX + "groups/video"
    assert done.url.query == b"changed=9"


async def test_a_new_object_must_be_new_and_a_grant_is_given_once(running: Running) -> None:
    running.hub.answers = {
        "PUT images/torch": (201, {"kind": "image", "name": "torch", "revision": 4}),
        "POST grants": (201, {"kind": "grant", "name": "abc", "revision": 5}),
    }
    async with running.browser("admin") as browser:
        image = {"name": "torch", "reference": "quay.io/x/torch:1", "why": "asked for"}
        await submit(running, browser, "new/image", **image)
        gift = {"user": "dev1", "tier": "gpu", "until": "2d", "reason": "paper", "why": "mail"}
        form = (await browser.get(PREFIX + "new/grant?user=dev1&tier=gpu")).text
        assert 'value="dev1"' in form
        once = form.partition('name="once" value="')[2].partition('"')[0]
        answer = await submit(running, browser, "new/grant", **gift, once=once)
    made, given = running.hub.changes[-2:]
    assert (made.call, made.seen) == ("PUT images/torch", "not *")
    assert (given.call, given.once, len(once)) == ("POST grants", once, 32)
    assert given.body["document"]["until"] > running.filled.now.isoformat()
    assert "by" not in given.body["document"]
    assert "Done: revision 5 is in force" in answer.text
    assert f"{PREFIX}policy/4/rollback" in answer.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            (422, {"detail": "x", "faults": ["groups.video.quota.cpu: is odd; write 2"]}),
            ["is odd; write 2"],
        ),
        ((422, {"detail": "x", "faults": ["nothing fits; look"]}), ["nothing fits; look"]),
        ((403, {"detail": "You are not in charge."}), ["You are not in charge."]),
        ((409, {"detail": "It is declared."}), ["It is declared."]),
        ((400, {"detail": "Say why: reason is one line of text."}), ["Say why"]),
        ((503, {"detail": "The store does not answer."}), ["The store does not answer."]),
        (
            (412, {"detail": "root changed it.", "current": MANAGED | {"version": 7}}),
            ["root changed it.", "Both versions", "<del>Video</del>", 'name="seen" value="7"'],
        ),
        (
            (412, {"detail": "It is gone.", "current": None}),
            ["It is gone.", f'action="{PREFIX}new/group"'],
        ),
    ],
)
async def test_whatever_is_refused_nothing_that_was_typed_is_lost(
    running: Running, answer: tuple[int, dict[str, Any]], words: list[str]
) -> None:
    running.hub.answers = {"PUT groups/video?dry_run=true": answer}
    async with running.browser("admin") as browser:
        sent = {**TYPED, "seen": "3", "more": "volumes: []", "step": "preview"}
        page = await submit(running, browser, "groups/video/edit", **sent)
    assert page.status_code == answer[0]
    kept = ("Typed &amp; kept", "dev1</textarea>", "because &lt;it&gt; is", 'value="4"', "volumes")
    for word in (*words, *kept):
        assert word in page.text, word
    assert digest_in(page.text) == ""


async def test_nothing_is_lost_when_the_hub_does_not_answer(running: Running) -> None:
    async with running.browser("admin") as browser:
        token = xsrf_of((await browser.get(PREFIX)).text)
        running.hub.silent = True
        sent = {**TYPED, "seen": "3", "step": "preview", "_xsrf": token}
        page = await browser.post(PREFIX + "groups/video/edit", data=sent)
    assert page.status_code == 503
    assert "Typed &amp; kept" in page.text


NOTES_AND_READS = {"POST refused", "GET undeclared"}
"""What a page tells the Hub, or asks it, beside changes."""
POSTS = (
    *(f"new/{kind}" for kind in Kind),
    *(f"{place}/x/{act}" for place in ("people", "groups", "tiers") for act in ("edit", "retire")),
    *("images/x/edit", "images/x/retire", "grants/x/edit", "grants/x/retire"),
    *("groups/vision/members", "policy/1/rollback"),
    *(f"people/dev1/{act}" for act in ("suspend", "resume", "invite", "forget-login")),
)
CONTROLS = ("/edit", "/retire", "/new/", "/members", "/suspend", "/rollback", "/forget")


async def test_a_form_without_the_token_of_its_page_reaches_nothing(running: Running) -> None:
    async with running.browser("admin") as browser:
        token = xsrf_of((await browser.get(PREFIX)).text)
        for place in POSTS:
            for headers in ({}, {"Origin": "https://elsewhere.example"}):
                data = {"why": "x", "act": "add", **({"_xsrf": token} if headers else {})}
                answer = await browser.post(PREFIX + place, data=data, headers=headers)
                assert answer.status_code == 403, place
            frame = {"Sec-Fetch-Dest": "iframe"}
            answer = await browser.get(PREFIX + place, headers=frame)
            assert answer.status_code == 403, place
    assert [each for each in running.hub.changes if each.call not in NOTES_AND_READS] == []


@pytest.mark.parametrize("level", ["viewer", "user", "developer", "operator", "auditor"])
async def test_who_may_change_nothing_sees_no_control_and_sends_nothing(
    running: Running, level: str
) -> None:
    change(running.filled, Kind.GROUP, "video", {"members": ["dev1", "user"]})
    grant(running.filled, "mine", 5, user="dev1", account="video", add={"cpu": 1})
    pages = ("groups", "groups/video", "grants", "people", "people/dev1", "tiers", "policy")
    async with running.browser(level) as browser:
        for place in pages:
            text = (await browser.get(PREFIX + place)).text
            for control in CONTROLS:
                assert control not in text.partition("<main>")[2], (place, control)
        for place in POSTS:
            answer = await submit(running, browser, place, why="x", act="add", name="x")
            assert answer.status_code == 403, place
            assert (await browser.get(PREFIX + place)).status_code == 403, place
    assert [each for each in running.hub.changes if each.call not in NOTES_AND_READS] == []


async def test_a_member_is_added_to_the_group_as_it_is_now(running: Running) -> None:
    change(running.filled, Kind.GROUP, "video", {"members": ["dev2"]})
    running.hub.answers = {
        "GET groups/video": (200, MANAGED),
        "PUT groups/video": (200, DONE),
        "PUT groups/video?dry_run=true": (200, TRIED),
    }
    async with running.browser("admin") as browser:
        add = {"user": "Dev1", "act": "add", "why": "joins"}
        await submit(running, browser, "groups/video/members", **add)
        added = running.hub.changes[-1]
        asked = await browser.get(PREFIX + "groups/video/members?user=dev2")
        odd = await submit(running, browser, "groups/video/members", user="dev2", why="x")
    assert (added.call, added.seen) == ("PUT groups/video", '"3"')
    assert added.body["document"]["members"] == ["dev2", "dev1"]
    assert "Remove dev2 from video" in asked.text
    assert "jhp policy rollback" in asked.text
    assert odd.status_code == 400


async def test_what_is_destructive_names_whom_it_touches_and_how_to_undo_it(
    running: Running,
) -> None:
    running.filled.start("dev1", "train", "small", "vision")
    running.hub.answers = {
        "GET groups/video": (200, MANAGED),
        "DELETE groups/video?dry_run=true": (200, TRIED),
        "DELETE groups/video": (412, {"detail": "root changed it.", "current": None}),
        "GET tiers/used": (200, MANAGED | {"kind": "tier", "name": "used"}),
        "DELETE tiers/used?dry_run=true": (422, {"detail": "x", "faults": ["named by defaults"]}),
        "GET groups/vision": (200, MANAGED | {"source": "declared", "declared_at": "p.yaml:17"}),
    }
    async with running.browser("admin") as browser:
        asked = (await browser.get(PREFIX + "groups/video/retire")).text
        late = await submit(running, browser, "groups/video/retire", seen="3", why="kept text")
        used = (await browser.get(PREFIX + "tiers/used/retire")).text
        declared = (await browser.get(PREFIX + "groups/vision/retire")).text
        suspend = (await browser.get(PREFIX + "people/dev1/suspend")).text
    for word in ("60 people", "Retire the group video", "jhp policy rollback 1", 'value="3"'):
        assert word in asked
    assert (late.status_code, "root changed it." in late.text) == (412, True)
    assert "kept text" in late.text
    assert "named by defaults" in used
    assert "<button" not in used.partition("<main>")[2].partition("</main>")[0]
    assert "p.yaml:17" in declared
    assert "jhp release group vision" in declared
    assert "train: small in vision" in suspend
    assert "jhp resume dev1" in suspend
    assert not [each for each in running.hub.changes if each.call.startswith("POST")]


@pytest.mark.parametrize("place", ["suspend", "forget-login", "delete"])
async def test_what_ends_a_stay_names_the_pods_that_go_on(running: Running, place: str) -> None:
    running.filled.count("dev1", "worker-1", "dask", "vision")
    async with running.browser("admin") as browser:
        asked = (await browser.get(PREFIX + f"people/dev1/{place}")).text
        other = (await browser.get(PREFIX + f"people/dev2/{place}")).text
    assert "No server of theirs runs." in asked
    assert "1 pod of theirs goes on" in asked
    assert "worker-1: 1.5 CPU in vision" in asked
    assert "of theirs goes on" not in other


async def test_many_are_suspended_with_the_number_of_pods_that_go_on(running: Running) -> None:
    running.filled.count("dev1", "worker-1", "dask", "vision")
    counts = {"total": 1, "done": 1, "same": 0, "refused": 0, "checked": 1}
    tried = {**counts, "touched": ["dev1"], "refusals": [], "effects": TRIED["effects"]}
    running.hub.answers = {"POST bulk?dry_run=true": (200, tried)}
    async with running.browser("admin") as browser:
        data = {"act": "suspend", "name": "dev1", "step": "preview", "why": "x"}
        asked = await submit(running, browser, "new/bulk", **data)
    assert "<strong>1 pod</strong> of theirs goes on" in asked.text


async def test_an_invite_is_shown_in_the_answer_to_the_form_alone(running: Running) -> None:
    url = "https://hub.example/hub/invite/?token=secret"
    said = {"user": "dev1", "url": url, "expires_at": "2026-03-03T12:00:00+00:00"}
    running.hub.answers = {"POST users/dev1/invite": (201, said)}
    async with running.browser("admin") as browser:
        asked = await browser.get(PREFIX + "people/dev1/invite")
        made = await submit(running, browser, "people/dev1/invite")
        again = await browser.get(PREFIX + "people/dev1/invite")
    assert (made.status_code, url in made.text) == (200, True)
    assert made.headers["Cache-Control"] == "no-store"
    assert "secret" not in asked.text + again.text


async def test_a_suspension_says_until_when_and_what_ended(running: Running) -> None:
    ended = {"servers": ["train"], "tokens": 2, "shares": 0}
    running.hub.answers = {"POST users/dev1/suspend": (200, {"until": None, "ended": ended})}
    async with running.browser("admin") as browser:
        sent = {"why": "on leave", "until": "14d"}
        page = await submit(running, browser, "people/dev1/suspend", **sent)
    (asked,) = running.hub.changes
    assert asked.body["reason"] == "on leave"
    assert asked.body["until"] > running.filled.now.isoformat()
    assert "Ended: 1 server, 2 tokens" in page.text


async def test_a_login_is_forgotten_with_what_follows(running: Running) -> None:
    said = "Who logs in as dev1 next begins anew. Their files stay."
    running.hub.answers = {"POST users/dev1/forget-login": (200, {"user": "dev1", "message": said})}
    running.filled.start("dev1", "train", "small", "vision")
    async with running.browser("admin") as browser:
        asked = await browser.get(PREFIX + "people/dev1/forget-login")
        done = await submit(running, browser, "people/dev1/forget-login", why="a new identity")
        running.hub.answers = {
            "POST users/dev1/forget-login": (409, {"detail": "no provider knows dev1"})
        }
        refused = await submit(running, browser, "people/dev1/forget-login", why="a new identity")
    assert "1 server goes on" in asked.text
    assert "Forget the login of dev1" in asked.text
    assert running.hub.changes[0].body == {"reason": "a new identity"}
    assert said in done.text
    assert (refused.status_code, "no provider knows dev1" in refused.text) == (409, True)


async def test_a_rollback_shows_what_it_undoes_and_goes_by_the_revision_that_was_seen(
    running: Running,
) -> None:
    change(running.filled, Kind.GROUP, "video", {"members": ["dev2"]})
    running.hub.answers = {
        "POST policy/rollback?dry_run=true": (200, {"revision": 3, "undone": 1}),
        "POST policy/rollback": (409, {"detail": "Revision 9 is in force."}),
    }
    async with running.browser("admin") as browser:
        asked = (await browser.get(PREFIX + "policy/1/rollback")).text
        late = await submit(running, browser, "policy/1/rollback", seen="2", why="wrong")
        running.hub.answers["POST policy/rollback"] = (200, {"revision": 3, "undone": 1})
        done = await submit(running, browser, "policy/1/rollback", seen="2", why="wrong")
    assert "admin made the group video" in asked
    assert "jhp policy rollback 2" in asked
    assert (late.status_code, "Revision 9 is in force." in late.text) == (409, True)
    assert (running.hub.changes[-1].seen, running.hub.changes[-1].body["to"]) == ('"2"', 1)
    assert done.url.path == PREFIX + "policy"
