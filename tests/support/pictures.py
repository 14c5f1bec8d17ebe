"""Pictures in the documentation, made by the tests and held current by them."""

import os
import re
from pathlib import Path

from playwright.sync_api import Page

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
UPDATE = "UPDATE_PICTURES"
# What differs from run to run: ages, times, and names that are made up.
_TIMES = re.compile(
    r"less than a minute|\b\d+ ?(?:s|min|h|seconds?|minutes?|hours?)\b|\b\d\d:\d\d\b"
)


def keep_picture(page: Page, name: str) -> None:
    """Check that the picture ``name`` shows this page, by its words; or take it anew.

    Raises
    ------
    AssertionError
        Raised if the page says something else than when the picture was taken.
    """
    words = _TIMES.sub("…", page.locator("body").inner_text())
    told = "\n".join(filter(None, map(str.strip, words.splitlines()))) + "\n"
    picture, beside = FOLDER / f"{name}.png", FOLDER / f"{name}.txt"
    if os.environ.get(UPDATE):
        FOLDER.mkdir(exist_ok=True)
        page.screenshot(path=picture, full_page=True)
        beside.write_text(told)
    assert picture.exists()
    assert told == beside.read_text(), f"{name}.png is of an older page: run with {UPDATE}=1"
