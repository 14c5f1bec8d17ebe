"""What JupyterHub's login page is made of, as a public method that can be overridden.

``LoginHandler`` renders its page in a private method, which takes names for the template and has no
hook for more of them.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: ``LoginHandler`` has a public method for the names of its page.
"""

from collections.abc import Mapping
from typing import Any

from jupyterhub.handlers.login import LoginHandler


class NamedLoginHandler(LoginHandler):  # type: ignore[misc]
    """The login page, with further names in its template."""

    def list_names(self) -> Mapping[str, Any]:
        """Return what the template has beside JupyterHub's own names."""
        return {}

    def _render(self, *arguments: Any, **names: Any) -> Any:
        return super()._render(*arguments, **self.list_names(), **names)
