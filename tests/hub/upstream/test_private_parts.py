"""Only ``hub/upstream`` touches the private parts of JupyterHub's objects."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.proxy import Proxy
from jupyterhub.services.service import Service
from jupyterhub.spawner import Spawner
from jupyterhub.user import User
from tornado.web import RequestHandler

PACKAGE = Path(__file__).resolve().parents[3] / "jupyterhub_platform"
ELSEWHERE = sorted(
    path
    for path in (*(PACKAGE / "hub").rglob("*.py"), *(PACKAGE / "service").rglob("*.py"))
    if not path.is_relative_to(PACKAGE / "hub/upstream")
)
CLASSES = (
    *(Authenticator, JupyterHub, Proxy, RequestHandler, Service, SpawnHandler, Spawner, User),
    UserServerAPIHandler,
)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def list_private_names() -> frozenset[str]:
    """Return the private names of what JupyterHub hands to spawners, authenticators and pages."""
    found = {name for kind in CLASSES for name in dir(kind) if is_private(name)}
    for kind in CLASSES:
        for node in ast.walk(ast.parse(Path(inspect.getfile(kind)).read_text())):
            # Attributes that only instances have.
            if isinstance(node, ast.Attribute) and is_private(node.attr):
                found.add(node.attr)
    # Of named tuples, where it is public.
    return frozenset(found - {"_replace"})


PRIVATE = list_private_names()


def list_uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield where private names of JupyterHub's are used, overridden or imported."""
    own = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and ast.unparse(node.value) == "self"
    }
    own |= {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            receiver = ast.unparse(node.value)
            is_own = receiver in {"self", "cls"} and node.attr in own
            if (node.attr in PRIVATE and not is_own) or receiver == "super()":
                yield node.lineno, f"{receiver}.{node.attr}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"getattr", "setattr"}:
            name = node.args[1]
            if isinstance(name, ast.Constant) and name.value in PRIVATE:
                yield node.lineno, f"{ast.unparse(node.func)} of {name.value}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jupyterhub."):
            for each in node.names:
                if is_private(each.name):
                    yield node.lineno, f"import of {each.name}"


def test_the_private_names_of_jupyterhub_are_known() -> None:
    assert {"_spawn_future", "_stop_pending", "_render_form", "_auth_refreshed"} <= PRIVATE
    assert "_headers_written" in PRIVATE


@pytest.mark.parametrize(
    ("code", "uses"),
    [
        ("spawner._spawn_future.cancel()", ["spawner._spawn_future"]),
        ("spawner._stop_pending = True", ["spawner._stop_pending"]),
        ("class A(B):\n  async def f(self): return await super()._get()", ["super()._get"]),
        ("self._log_name", ["self._log_name"]),
        ("getattr(spawner, '_spawn_pending', None)", ["getattr of _spawn_pending"]),
        ("from jupyterhub.orm import _role_associations", ["import of _role_associations"]),
        ("self._app = app\nself._app.db", []),
        ("other._of_ours", []),
        ("self.__dict__", []),
    ],
)
def test_a_use_of_a_private_part_is_noticed(code: str, uses: list[str]) -> None:
    assert [use for _, use in list_uses(ast.parse(code))] == uses


# KubeSpawner is made to be subclassed, and keeps these within one major version.
MADE_FOR_SUBCLASSES = {
    *("super()._start", "super()._make_create_pvc_request", "super()._list_and_update"),
    "super()._start_reflector",
}


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_private_parts_are_used_only_in_upstream(path: Path) -> None:
    uses = list(list_uses(ast.parse(path.read_text())))
    if path.is_relative_to(PACKAGE / "hub/kubernetes"):
        uses = [each for each in uses if each[1] not in MADE_FOR_SUBCLASSES]
    assert uses == [], "give it a public name in a module of hub/upstream"
