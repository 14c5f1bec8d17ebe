"""Names callers of the Hub, and their kind of client, for the audit."""

import pwd
from typing import Any, Final

from jupyterhub_platform.http.forwarded_headers import find_local_user, source_of
from jupyterhub_platform.origin import API, CLI, PAGE, SERVICE_AGENT, RequestOrigin
from jupyterhub_platform.usecases.recorded_requests import ANONYMOUS

COMMAND_LINE: Final = "jhp"
"""The service whose token ``jhp`` has on the machine of the Hub, and how it introduces itself."""

UNIX: Final = "unix:"
"""Begins the name of a user of the Hub's own machine; no user of the Hub has such a name."""


def name_caller(handler: Any) -> str:
    """Name the caller: a user or a service of the Hub, or the user who runs ``jhp`` on its machine.

    The kernel says whose process ``jhp`` is, since its token is the same for all.
    """
    try:
        caller = handler.current_user
    except RuntimeError:
        # The request was refused before JupyterHub found out who calls.
        caller = None
    if caller is None:
        return ANONYMOUS
    if caller.kind != "service" or caller.name != COMMAND_LINE:
        return str(caller.name)
    number = find_local_user(handler.request)
    return COMMAND_LINE if number is None else f"{UNIX}{_name_user(number)}"


def is_command_line(name: str) -> bool:
    """Tell whether this names a user of ``jhp`` on the Hub's machine."""
    return name == COMMAND_LINE or name.startswith(UNIX)


def find_request_origin(request: Any) -> RequestOrigin:
    """Return where a request comes from; the kind of client is what it says of itself."""
    agent = request.headers.get("User-Agent", "")
    if agent.partition("/")[0] == COMMAND_LINE:
        via = CLI
    elif agent == SERVICE_AGENT or "Authorization" not in request.headers:
        via = PAGE
    else:
        via = API
    number = find_local_user(request)
    return RequestOrigin(
        via, str(request.remote_ip or "") if number is None else source_of(request)
    )


def _name_user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
