"""The calls about users who log in by an identity provider."""

from typing import Any, Final

from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.request_bodies import Body, Reason
from jupyterhub_platform.rest.response_bodies import Refusal, Response
from jupyterhub_platform.rest.scopes import ADMIN

PREFIX: Final = "/hub/api/platform/users"


class ForgetLoginRequest(Body):
    """Why a login is forgotten."""

    reason: Reason


class ForgottenLogin(Response):
    """Whose login was forgotten, and what follows."""

    user: str
    message: str


_REFUSALS: Final[dict[int, Any]] = {404: Refusal, 409: Refusal, 413: Refusal, 503: Refusal}
FORGET_LOGIN: Final = Operation(
    "forgetLogin",
    "POST",
    f"{PREFIX}/{{name}}/forget-login",
    "Forgets which user of an identity provider has a name, with all that a rule gives them.",
    {200: ForgottenLogin},
    scopes=(ADMIN,),
    note="409 if no provider knows the user, or something that is managed still names them.",
    body=ForgetLoginRequest,
    refusals=_REFUSALS,
)
PROVIDER_LOGIN_CALLS: Final = (FORGET_LOGIN,)
