"""The pages of docs/ become a site without a warning, whole in itself.

No page is left out, no link is broken, and nothing comes from elsewhere or runs from within a page.
``tests/service/test_documentation_in_a_browser.py`` opens it where the Hub serves it.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.docs_site import ROOT, build_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("docs"))


class Page(HTMLParser):
    """What a page has that matters here: its anchors, its links, what it loads, what it runs.

    ``lost`` are links of its source that lead to no page of the site.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self.lost: list[str] = []
        self._is_link = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.anchors.update(filter(None, (given.get("id"), given.get("name"))))
        if tag == "a" and (target := given.get("href")):
            self.links.append(target)
            self._is_link = True
        elif tag == "span" and not self._is_link and "xref" in (given.get("class") or ""):
            self.lost.append(f"line {self.getpos()[0]}")
        elif tag in {"script", "link", "img", "iframe"}:
            self.loaded.append(given.get("src") or given.get("href") or "")
        runs = any(name.startswith("on") for name in given) or {"style"} & {tag, *given}
        if runs or (tag == "script" and "src" not in given):
            self.inline.append(str(self.get_starttag_text()))

    def handle_endtag(self, tag: str) -> None:
        self._is_link = self._is_link and tag != "a"


def read_pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}


def test_the_site_has_every_page(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    missing = [
        page
        for page in pages - {Path("README.md")}
        if not (site / page).with_suffix(".html").is_file()
    ]
    assert missing == []


def test_every_link_leads_somewhere(site: Path) -> None:
    assert list(list_broken(read_pages(site))) == []


def list_broken(pages: dict[Path, Page]) -> Iterator[str]:
    for path, page in pages.items():
        yield from (f"{path.name}: {each} should lead to another page" for each in page.lost)
        for link in (*page.links, *page.loaded):
            address = urlsplit(link)
            if address.scheme or not link:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            known = pages[target].anchors if target in pages else set()
            if not target.is_file() or (
                address.fragment and unquote(address.fragment) not in known
            ):
                yield f"{path.name}: {link}"


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text(
        '<p id="x"><a href="#x">x</a><a href="#y">y</a><a href="b.html">b</a>'
        '\n<span class="xref myst">c</span><a href="#x"><span class="xref">d</span></a>'
    )
    lost = "a.html: line 2 should lead to another page"
    assert list(list_broken(read_pages(tmp_path))) == [lost, "a.html: #y", "a.html: b.html"]


def test_nothing_runs_from_within_a_page_or_comes_from_elsewhere(site: Path) -> None:
    """The policy of the Hub's pages lets in neither, and a closed network has no elsewhere."""
    pages = read_pages(site)
    assert {path.name: page.inline for path, page in pages.items() if page.inline} == {}
    foreign = {each for page in pages.values() for each in page.loaded if urlsplit(each).netloc}
    assert foreign == set()
    sheets = [path.read_text() for path in site.rglob("*.css")]
    named = {url for text in sheets for url in re.findall(r"url\(\s*['\"]?([^'\")]+)", text)}
    assert {url for url in named if urlsplit(url).netloc} == set()


def test_what_is_inline_or_foreign_is_noticed() -> None:
    page = Page(
        '<script>x()</script><p style="a"><b onclick="y()"></b><img src="https://a.example/b">'
    )
    assert len(page.inline) == 3
    assert page.loaded == ["", "https://a.example/b"]


def test_no_page_says_on_which_machine_it_was_built(site: Path) -> None:
    for path in site.rglob("*"):
        if path.suffix in {".html", ".js", ".txt"}:
            assert str(ROOT) not in path.read_text(), path
