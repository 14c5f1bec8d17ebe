"""Each step of JupyterHub's spawn page can be overridden, and otherwise stays JupyterHub's."""

import inspect
from typing import Any

import pytest
from jupyterhub.handlers.pages import SpawnHandler

from jupyterhub_platform.hub.upstream.spawn_handler import SpawnHooks

STEPS = {
    "get_page": "_get",
    "post_form": "_post",
    "render_form": "_render_form",
    "read_link": "_get_user_options",
    "make_pending_url": "_get_pending_url",
    "start_server": "_wrap_spawn_single_user",
}


class Spawner:
    """Has had a start."""

    _spawn_future: Any = None


@pytest.mark.parametrize(("hook", "step"), STEPS.items())
def test_a_step_has_the_arguments_that_jupyterhub_calls_it_with(hook: str, step: str) -> None:
    stock, ours = (inspect.signature(getattr(kind, step)) for kind in (SpawnHandler, SpawnHooks))
    assert list(ours.parameters) == list(stock.parameters)
    assert [each.default for each in ours.parameters.values()] == [
        each.default for each in stock.parameters.values()
    ]
    assert inspect.iscoroutinefunction(getattr(SpawnHooks, hook)) == inspect.iscoroutinefunction(
        inspect.unwrap(getattr(SpawnHandler, step))
    )


@pytest.mark.parametrize(("hook", "step"), STEPS.items())
async def test_a_hook_is_called_in_place_of_the_step_and_leads_back_to_it(
    hook: str, step: str
) -> None:
    called: list[str] = []

    def note(name: str, answer: Any) -> Any:
        def plain(self: Any, *given: Any) -> Any:
            called.append(name)
            return answer(self, *given)

        async def waited(self: Any, *given: Any) -> Any:
            called.append(name)
            return await answer(self, *given)

        is_waited = inspect.iscoroutinefunction(getattr(SpawnHooks, hook))
        return waited if is_waited else plain

    async def end_waited(self: Any, *given: Any) -> Any:
        return {}

    def end(self: Any, *given: Any) -> Any:
        return {}

    is_waited = inspect.iscoroutinefunction(getattr(SpawnHooks, hook))
    last = type("Last", (SpawnHandler,), {step: note("step", end_waited if is_waited else end)})
    page = type("Page", (SpawnHooks, last), {hook: note("hook", getattr(SpawnHooks, hook))})
    handler: Any = object.__new__(page)
    parameters = list(inspect.signature(getattr(SpawnHooks, step)).parameters)[1:]
    given: list[Any] = [Spawner() if name == "spawner" else {} for name in parameters]
    # Permissions are JupyterHub's own.
    answered = inspect.unwrap(getattr(page, step))(handler, *given)
    if inspect.isawaitable(answered):
        await answered
    assert called == ["hook", "step"]
