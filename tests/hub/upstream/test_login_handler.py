"""The login page takes further names for its template, beside JupyterHub's own."""

import inspect
from typing import Any

import pytest
from jupyterhub.handlers.login import LoginHandler

from jupyterhub_platform.hub.upstream.login_handler import NamedLoginHandler


class Named(NamedLoginHandler):
    """Has one more."""

    def list_names(self) -> dict[str, Any]:
        return {"further": 1}


def test_jupyterhub_still_renders_its_page_in_that_method() -> None:
    assert "self" in inspect.signature(LoginHandler._render).parameters
    assert "self._render(" in inspect.getsource(LoginHandler.get)
    assert "self._render(" in inspect.getsource(LoginHandler.post)


@pytest.mark.parametrize(("kind", "names"), [(Named, {"further": 1}), (NamedLoginHandler, {})])
def test_names_are_passed_on(
    kind: type[NamedLoginHandler], names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def render(_self: Any, *arguments: Any, **named: Any) -> str:
        given.update(named, arguments=arguments)
        return "a page"

    monkeypatch.setattr(LoginHandler, "_render", render)
    assert kind._render(object.__new__(kind), "wrong", username="kim") == "a page"
    assert given == {"arguments": ("wrong",), "username": "kim", **names}
