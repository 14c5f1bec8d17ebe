from dataclasses import replace

import pytest
from playwright.async_api import expect

from jupyterhub_platform.core.resources import Resources
from tests.hub.spawn_page.conftest import SCREENSHOTS
from tests.hub.spawn_page.hub import XSRF, FakeHub
from tests.hub.spawn_page.policies import make_book, make_grant, make_policy, view
from tests.support.axe import find_axe

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

POLICY = replace(make_policy(), grants=(make_grant(tier="gpu", add=Resources()),))
NOTES = ("Limits of CPU and memory are advisory here: servers run as local processes.",)
SOME = make_book(
    POLICY,
    ("dev1", "", "vision", "small"),
    ("dev1", "train-2", "vision", "medium"),
    ("dev2", "x", "vision", "large"),
)
FULL = make_book(
    POLICY,
    ("dev1", "", "vision", "small"),
    ("dev1", "train-2", "vision", "medium"),
    ("dev1", "fit", "vision", "medium"),
    ("dev2", "x", "vision", "large"),
    ("dev2", "y", "vision", "large"),
)
DENIED = (
    "<span>dev1 holds 3 of 3 servers in vision, and medium is 1 more. <code>quota.servers</code>"
    "</span>"
)


def preselected(query):
    return {key.removeprefix("opt-"): value for key, value in query.items()}


def some(query):
    return view(POLICY, SOME, notes=NOTES, preselect=preselected(query))


def full(query):
    wish = {"tier": "medium"} | preselected(query)
    return view(POLICY, FULL, preselect=wish, viewer_manages=frozenset({"vision"}))


def several(query):
    return view(POLICY, SOME, "dev2", viewer="dev2", preselect=preselected(query))


def refused(_query):
    return view(POLICY, SOME, "viewer")


PAGES = {
    "some": FakeHub(some),
    "full": FakeHub(full, error_html=DENIED),
    "several": FakeHub(several, for_user="dev2"),
    "refused": FakeHub(refused),
}


async def test_keyboard_alone_chooses_a_tier_and_starts_it(browser_page, serve):
    hub = serve(FakeHub(some))
    await browser_page.goto(hub.url)
    focused = browser_page.locator(":focus")
    for _ in range(30):
        await browser_page.keyboard.press("Tab")
        if await focused.get_attribute("type") == "radio":
            break
    assert await focused.get_attribute("value") == "small"
    await browser_page.keyboard.press("ArrowDown")
    assert await focused.get_attribute("value") == "medium"
    await browser_page.keyboard.press("Enter")
    await expect(browser_page).to_have_title("Starting")
    assert hub.sent.options == [{"tier": "medium", "account": "vision", "image": "lab"}]


async def test_focus_goes_in_reading_order(browser_page, serve):
    hub = serve(FakeHub(some))
    await browser_page.goto(hub.url)
    tops: list[float] = []
    for _ in range(40):
        await browser_page.keyboard.press("Tab")
        top = await browser_page.evaluate(
            """() => {
                const here = document.activeElement;
                // Cards of one row are read one by one, each to its end.
                const card = here.closest(".platform-card");
                const part = card ?? here.closest("details, .platform-start");
                return part && part.getBoundingClientRect().top + scrollY;
            }"""
        )
        if top is None and tops:
            break
        if top is not None:
            tops.append(top)
    assert len(tops) >= 5
    assert tops == sorted(tops)


async def test_the_form_works_without_javascript(serve, browser_page):
    hub = serve(FakeHub(several, for_user="dev2"))
    context = await browser_page.context.browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(hub.url)
    await page.get_by_role("link", name="vision").click()
    await page.get_by_label("Medium", exact=True).check()
    await page.get_by_label("Image of Medium").select_option("scipy")
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page).to_have_title("Starting")
    assert hub.sent.options == [{"tier": "medium", "account": "vision", "image": "scipy"}]
    await context.close()


async def test_choosing_an_image_chooses_its_tier(serve, browser_page):
    hub = serve(FakeHub(some))
    await browser_page.goto(hub.url)
    await browser_page.get_by_label("Image of Medium").select_option("scipy")
    await expect(browser_page.get_by_label("Medium", exact=True)).to_be_checked()


async def test_a_click_anywhere_on_a_card_chooses_it(serve, browser_page):
    hub = serve(FakeHub(some))
    await browser_page.goto(hub.url)
    box = await browser_page.get_by_text("For data that fits into memory.").bounding_box()
    await browser_page.mouse.click(box["x"] + 10, box["y"] + 10)
    await expect(browser_page.get_by_label("Medium", exact=True)).to_be_checked()


async def test_own_server_is_stopped_and_the_page_comes_back_with_the_tier(serve, browser_page):
    hub = serve(FakeHub(full, polls_until_gone=2))
    browser_page.on("dialog", lambda dialog: dialog.accept())
    await browser_page.goto(hub.url)

    async with browser_page.expect_navigation(url="**/hub/spawn?opt-*"):
        await browser_page.get_by_role("button", name="Stop train-2").first.click()
        await expect(browser_page.get_by_text("Stopping…")).to_be_visible()
        hub.page = some

    assert hub.sent.stopped == [("/hub/api/users/dev1/servers/train-2", XSRF)]
    assert hub.sent.polls == 2
    await expect(browser_page.get_by_label("Medium", exact=True)).to_be_checked()


async def test_nothing_is_stopped_when_the_person_thinks_again(serve, browser_page):
    hub = serve(FakeHub(full))
    browser_page.on("dialog", lambda dialog: dialog.dismiss())
    await browser_page.goto(hub.url)
    await browser_page.get_by_role("button", name="Stop train-2").first.click()
    assert hub.sent.stopped == []


async def test_a_stop_that_fails_says_why_and_can_be_tried_again(serve, browser_page):
    hub = serve(FakeHub(full, stop_status=400))
    browser_page.on("dialog", lambda dialog: dialog.accept())
    await browser_page.goto(hub.url)
    button = browser_page.get_by_role("button", name="Stop train-2").first
    await button.click()
    said = browser_page.get_by_text("Not stopped. The server is being renamed.")
    await expect(said).to_be_visible()
    await expect(button).to_be_enabled()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 400)])
async def test_the_page_is_accessible_and_never_wider_than_the_window(
    serve, browser_page, name, scheme, width
):
    hub = serve(replace(PAGES[name]))
    await browser_page.emulate_media(color_scheme=scheme)
    await browser_page.set_viewport_size({"width": width, "height": 900})
    await browser_page.goto(hub.url)
    SCREENSHOTS.mkdir(exist_ok=True)
    shot = SCREENSHOTS / f"spawn-page-{name}-{scheme}-{width}.png"
    await browser_page.screenshot(path=shot, full_page=True)
    await browser_page.evaluate(
        "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
    )

    assert await browser_page.evaluate("document.documentElement.scrollWidth") <= width
    await browser_page.add_script_tag(path=find_axe())
    found = await browser_page.evaluate(
        "axe.run('.platform-main', {rules: {'target-size': {enabled: true}}})"
    )
    violations = [
        (each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]
    ]
    assert violations == []


async def test_zoomed_to_200_percent_nothing_runs_off_the_page(serve, browser_page):
    hub = serve(replace(PAGES["full"]))
    await browser_page.set_viewport_size({"width": 640, "height": 450})
    await browser_page.goto(hub.url)
    await browser_page.evaluate("document.body.style.fontSize = '200%'")
    assert await browser_page.evaluate("document.documentElement.scrollWidth") <= 640


async def test_everything_the_page_loads_of_ours_is_small(serve, browser_page):
    sizes = {}

    async def note(response):
        if "/platform/static/" in response.url or response.url.endswith("/hub/spawn"):
            sizes[response.url] = len(await response.body())

    browser_page.on("response", note)
    hub = serve(replace(PAGES["full"]))
    await browser_page.goto(hub.url)
    await browser_page.wait_for_load_state("networkidle")
    assert len(sizes) == 4
    assert sum(sizes.values()) < 60_000
