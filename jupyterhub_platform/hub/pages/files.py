"""Templates and static files of the Hub's pages, and what all of these pages share."""

from pathlib import Path
from typing import Final

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.static import CacheControlStaticFilesHandler

TEMPLATE_DIRECTORY: Final = Path(__file__).parent / "templates"
STATIC_DIRECTORY: Final = Path(__file__).parent / "static"


class StaticFiles(CacheControlStaticFilesHandler):  # type: ignore[misc]
    """Serves the platform's style sheets and scripts, as the Hub serves its own."""


class HeadAsGet(BaseHandler):  # type: ignore[misc]
    """Answers ``HEAD`` as a visit, which the Hub's own pages refuse."""

    async def head(self, *names: str) -> None:
        """Answer as for a ``GET``, without the page."""
        answer = self.get(*names)
        if answer is not None:
            await answer
