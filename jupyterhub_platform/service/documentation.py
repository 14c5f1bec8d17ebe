"""The documentation as a site, served here since some networks lead to no other place that has it.

It is open to everyone, like the style sheets: it is the same at each site and knows nothing of this
one, and the page that says how users log in has to be read before they do.

::

    build/docs/ of a checkout    what ``make docs`` has made
    bundled/docs/ of the wheel   what was made when the package was built
"""

from pathlib import Path
from typing import Final

from tornado.web import StaticFileHandler

from jupyterhub_platform.service.errors import RefusalError
from jupyterhub_platform.service.response import ResponseHandler

PACKAGE: Final = Path(__file__).resolve().parents[1]
FIRST_PAGE: Final = "index.html"


def find_site(package: Path = PACKAGE) -> Path:
    """Say where the site is that was made for the package in this folder, or will be."""
    bundled = package / "bundled" / "docs"
    return bundled if bundled.is_dir() else package.parent / "build" / "docs"


class Documentation(ResponseHandler, StaticFileHandler):
    """One file of the site; a browser asks each time whether it has changed, as an upgrade does."""

    def initialize(self) -> None:  # type: ignore[override]  # the application says where the site is
        """Take the folder of the site from the application."""
        super().initialize(str(self.settings["documentation"]), FIRST_PAGE)

    def set_default_headers(self) -> None:
        """Let browsers keep the site, and ask whether what they have is current."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-cache")

    def prepare(self) -> None:
        """Say how there would be a site, where there is none.

        Raises
        ------
        RefusalError
            Raised if this installation has none.
        """
        if not Path(self.root, FIRST_PAGE).is_file():
            raise RefusalError(
                404,
                "The documentation is not built here. In a checkout, `make docs` builds it; its "
                "pages can also be read as they are, in docs/.",
                "platform.not_found",
            )

    def parse_url_path(self, url_path: str | None) -> str:
        """Return the path of a file; nothing is the folder itself, which has a first page."""
        return super().parse_url_path(url_path or "")
