"""The calls by which a terminal logs a user in and out, with their bodies."""

from typing import Annotated, Final

from pydantic import Field

from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.request_bodies import Body, MayBe
from jupyterhub_platform.rest.response_bodies import Instant, Refusal, Response

PREFIX: Final = "/hub/api/platform/login"


class TakeLoginRequest(Body):
    """The code that the page showed, and the secret of the terminal that asked for it."""

    verifier: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9_-]{43,128}$"),
        MayBe("verifier is the secret whose hash the page's address has."),
    ]
    code: Annotated[
        str, Field(min_length=1, max_length=64), MayBe("code is what the page shows.")
    ] = Field(description="Case, blanks and dashes do not matter.")


class LoginPlace(Response):
    """Where users confirm a login."""

    page: str = Field(description="The page's address, to which the terminal adds what it asks.")
    code_seconds: int = Field(description="For how long a code can be used.")


class TerminalToken(Response):
    """A token of the user who confirmed; it is in this answer and nowhere else."""

    user: str
    token: str
    id: str
    expires_at: Instant
    scopes: list[str]


class LoggedOut(Response):
    """The token that works no longer."""

    user: str
    id: str


START_LOGIN: Final = Operation(
    "startLogin",
    "GET",
    PREFIX,
    "Says on which page a user confirms the login of a terminal.",
    {200: LoginPlace},
    who="everyone, without a login",
    refusals={409: Refusal},
)
TAKE_LOGIN: Final = Operation(
    "takeLogin",
    "POST",
    PREFIX,
    "Gives a terminal a token of the user who confirmed its login.",
    {201: TerminalToken},
    who="the terminal that asked, with the code that its user was shown",
    note="Cookies and tokens are not looked at. A code works once, for two minutes.",
    body=TakeLoginRequest,
    refusals={413: Refusal, 429: Refusal},
)
END_LOGIN: Final = Operation(
    "endLogin",
    "DELETE",
    PREFIX,
    "Revokes the token that it is called with.",
    {200: LoggedOut},
    who="a user, with a token that `jhp login` was given",
)

TERMINAL_LOGIN_CALLS: Final = (START_LOGIN, TAKE_LOGIN, END_LOGIN)
