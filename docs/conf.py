"""How Sphinx makes a site of these pages; `make docs` runs it.

The pages stay plain Markdown that any git host shows. README.md is the first one there; index.md
puts it in front of the site, with the order of the others.
"""

import tomllib
from pathlib import Path

_PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]

project = str(_PROJECT["name"])
release = version = str(_PROJECT["version"])
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["README.md", "pictures/*.txt"]
suppress_warnings = [
    "myst.xref_missing",  # links to files outside of docs/, which a test follows
]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "pydata_sphinx_theme"
html_title = project
html_show_sourcelink = False
html_show_copyright = False
html_sidebars = {"**": ["globaltoc"]}
html_theme_options = {
    "navbar_center": [],
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
