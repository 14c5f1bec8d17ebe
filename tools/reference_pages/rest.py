"""The page of REST calls, in the Hub and of the service."""

from collections.abc import Iterator
from typing import Any, Final

from jupyterhub_platform.hub.routes import platform_handlers
from jupyterhub_platform.rest.hub_calls import HUB_CALLS
from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.service_calls import SERVICE_CALLS
from jupyterhub_platform.service.app import ROUTES
from reference_pages.facts import HUB_ROUTES, SERVICE_NAMES, SERVICE_ROUTES
from reference_pages.markdown import first_line, plain, render_table

_METHODS: Final = ("get", "post", "put", "patch", "delete")


def _say_pattern(pattern: str) -> str:
    return pattern.replace("([^/]+)", "NAME").replace("\\.", ".")


def _methods_of(handler: type) -> Iterator[tuple[str, str]]:
    own = [each for each in handler.__mro__ if each.__module__.startswith("jupyterhub_platform")]
    for name in _METHODS:
        method = next((vars(each)[name] for each in own if name in vars(each)), None)
        if method is not None:
            yield name.upper(), first_line(method)


def _say_arguments(handler: type[Any]) -> str:
    takes = [f"`{name}=`" for name in sorted(getattr(handler, "TAKES", ()))]
    return f" Takes {', '.join(takes)}." if takes else ""


def _describe_call(call: Operation) -> tuple[str, str, str]:
    """Return a row for a call of ours, from what is said of it once."""
    parts = [call.summary, call.note]
    keys = call.body.model_fields if call.body is not None else {}
    if keys:
        needed = [f"`{key}`" + ("" if f.is_required() else "?") for key, f in keys.items()]
        parts.append(f"Body: {', '.join(needed)}.")
    if call.arguments:
        parts.append(f"Takes {', '.join(f'`{each.name}=`' for each in call.arguments)}.")
    return f"`{call.route}`", call.say_who(), plain(" ".join(filter(None, parts)))


def render_rest() -> str:
    """Render the routes in the Hub and those of the service."""
    hub = [_describe_call(call) for call in HUB_CALLS]
    for pattern, handler, *_ in platform_handlers():
        if not pattern.startswith("/api/platform/"):
            path, who, note = HUB_ROUTES[pattern]
            for method, text in list(_methods_of(handler)) or [("GET", "")]:
                hub.append((f"`{method} {path}`", who, f"{text} {note}"))
    service = []
    for pattern, handler in ROUTES:
        shown = f"/services/platform/{SERVICE_NAMES.get(pattern, _say_pattern(pattern))}"
        if not pattern.startswith("api/v1/"):
            for method, _ in list(_methods_of(handler)) or [("GET", "")]:
                what = first_line(handler) + _say_arguments(handler)
                service.append((f"`{method} {shown}`", SERVICE_ROUTES[pattern], what))
    service += [_describe_call(call) for call in SERVICE_CALLS]
    head = ("Route", "Who", "What")
    return "\n\n".join(
        [
            "# REST",
            (
                "Send a token of the Hub: `Authorization: token …`. Permissions are scopes, so "
                "that a role of your own can hold them too. [openapi.json](openapi.json) "
                "describes every call of the API, with the keys of its body and of its answers, as "
                "OpenAPI 3.1; a Hub has it at `/hub/api/platform/openapi.json`."
            ),
            "## In the Hub",
            (
                "Changes and decisions. The prefix is that of the Hub. A body is a JSON object; "
                "keys that are marked with a `?` may be left out, and unknown ones are refused."
            ),
            render_table(head, hub),
            (
                "A start goes to the Hub's own route, `POST /hub/api/users/NAME/servers/SERVER`, "
                'with the body `{"user_options": {"tier": …, "account": …, "image": …}}`. A denial '
                "is its sentence as `message`, with the headers `X-Platform-Decision` and `Link` "
                "that lead to the whole decision, and `Retry-After` with a 503."
            ),
            "## Of the service",
            (
                "Reading, and stopping a server. Refusals are JSON: `status`, `message`, `code`. "
                "A call below `api/` takes the arguments that are listed here; others are refused "
                "with 400 and `query.invalid`. A page ignores arguments that it does not take. "
                "`HEAD` is answered as `GET`."
            ),
            render_table(head, service),
        ]
    )
