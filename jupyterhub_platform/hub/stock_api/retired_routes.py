"""Routes of JupyterHub's API that were retired: each names its replacement."""

from jupyterhub.apihandlers.base import APIHandler
from tornado import web


class RetiredRouteHandler(APIHandler):  # type: ignore[misc]
    """What the Hub replaced long ago; it answers even anonymous callers with an internal error."""

    def prepare(self) -> None:
        """Name the replacement, to any caller."""
        raise web.HTTPError(
            410, "Tokens are not looked up here any more. Ask /hub/api/user with the token."
        )
