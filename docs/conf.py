"""How Sphinx makes a site of these pages; `make docs` runs it, and so does the build of a wheel.

The pages stay plain Markdown that any git host shows. README.md is the first one there; index.md
puts it in front of the site, with the order of the others. The Hub serves the site below a policy
that lets no script or style run from within a page, so that none is left there.
"""

import hashlib
import re
import tomllib
from os.path import relpath
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_PROJECT = tomllib.loads((_HERE.parent / "pyproject.toml").read_text())["project"]

project = str(_PROJECT["name"])
release = version = str(_PROJECT["version"])
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["README.md", "pictures/*.txt"]
suppress_warnings = [
    "myst.xref_missing",  # links to files that are no pages of the site, which a test follows
]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "pydata_sphinx_theme"
html_title = project
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_static_path = ["site"]
html_css_files = ["pages.css"]
html_sidebars = {"**": ["globaltoc"]}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_center": [],
    # The other button's name leaves out what is written on it.
    "navbar_persistent": ["search-button"],
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
}

_INCLUDE = re.compile(r"```\{include\} (\S+)\n```")
_LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(#[^)\s]*)?(?=\))")
_STANDS_FOR = {_HERE / "README.md": _HERE / "index.md"}
"""Pages of the site that have the text of another file."""
_INLINE = re.compile(r"<(script|style)(?: data-cfasync=\"false\")?>(.*?)</\1>", re.DOTALL)
_STYLE = re.compile(r'(<[^>]*) style="[^"]*"')


def _find_pages() -> None:
    """Note which pages stand for a file elsewhere in the repository, so that links lead to them."""
    for page in _HERE.rglob("*.md"):
        for name in _INCLUDE.findall(page.read_text()):
            _STANDS_FOR[(page.parent / name).resolve()] = page


def _read(file: Path, page: Path) -> str:
    """Read a file as a part of a page, with the links that lead from there."""

    def lead(link: re.Match[str]) -> str:
        target = (file.parent / link[1]).resolve()
        place = _STANDS_FOR.get(target, target)
        if not target.is_file():
            return link[0]
        if place.is_relative_to(_HERE):
            return relpath(place, page.parent) + (link[2] or "")
        return f"path:{relpath(place, page.parent)}"  # as it is

    def include(match: re.Match[str]) -> str:
        return _read((file.parent / match[1]).resolve(), page)

    parts = re.split(r"(^ *```.*?^ *```$)", file.read_text(), flags=re.MULTILINE | re.DOTALL)
    # Only what stands between blocks of code has links.
    parts[::2] = [_LINK.sub(lead, part) for part in parts[::2]]
    return "".join(_INCLUDE.sub(include, part) for part in parts)


def _take_source(app: Any, name: str, source: list[str]) -> None:
    page = Path(app.env.doc2path(name))
    source[0] = _read(page, page)


def _empty_pages(app: Any, fault: Exception | None) -> None:
    """Move scripts and styles out of the pages, into files of their own."""
    if fault is not None or app.builder.name != "html":
        return
    site = Path(app.outdir)

    def move(match: re.Match[str], page: Path) -> str:
        kind, text = match[1], match[2].strip()
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        name = f"{digest}.{'js' if kind == 'script' else 'css'}"
        file = site / "_static" / name
        file.write_text(text + "\n")
        address = relpath(file, page.parent)
        if kind == "script":
            return f'<script src="{address}"></script>'
        return f'<link rel="stylesheet" href="{address}">'

    for page in site.rglob("*.html"):
        text = _INLINE.sub(lambda match, page=page: move(match, page), page.read_text())
        page.write_text(_STYLE.sub(r"\1", text))
    names = (".buildinfo", "objects.inv", "_static/webpack-macros.html")
    for needless in (*site.rglob("*.map"), *(site / name for name in names)):
        needless.unlink(missing_ok=True)


def setup(app: Any) -> dict[str, Any]:
    """Have pages read and written as above."""
    _find_pages()
    app.connect("source-read", _take_source)
    app.connect("build-finished", _empty_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
