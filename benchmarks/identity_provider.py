"""An identity provider that lets in whom a client names: the work of a login is the Hub's.

``python -m benchmarks.identity_provider PORT GROUPS`` serves until it is ended. ``GROUPS`` is how
many groups it says of everybody.
"""

import asyncio
import base64
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import RSAKey
from tornado import web

CLIENT: Final = "hub"
SECRET: Final = "the secret of the client"  # noqa: S105 - of nothing
AS: Final = "as"
"""The argument of the login page that names the user."""
LIFE_SECONDS: Final = 3600


def _pack(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def _unpack(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text))


class _Page(web.RequestHandler):
    def initialize(self, issuer: str, key: RSAKey, groups: Sequence[str]) -> None:
        self.issuer = issuer
        self.key = key
        self.groups = groups

    def check_xsrf_cookie(self) -> None:
        """Ask for none: what is sent here has no effect."""

    def claims_of(self, name: str) -> dict[str, Any]:
        return {"sub": name, "preferred_username": name, "groups": self.groups}


class _Discovery(_Page):
    def get(self) -> None:
        places = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "userinfo_endpoint": "userinfo",
            "jwks_uri": "keys",
        }
        found = {name: f"{self.issuer}/{path}" for name, path in places.items()}
        self.write({"issuer": self.issuer, **found})


class _Keys(_Page):
    def get(self) -> None:
        self.write({"keys": [{**self.key.as_dict(private=False), "use": "sig", "kid": "one"}]})


class _Login(_Page):
    def get(self) -> None:
        known = {"name": self.get_argument(AS), "nonce": self.get_argument("nonce", "")}
        state, back = self.get_argument("state"), self.get_argument("redirect_uri")
        self.redirect(f"{back}?code={_pack(known)}&state={state}")


class _Tokens(_Page):
    def post(self) -> None:
        known, now = _unpack(self.get_argument("code")), int(time.time())
        signed = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + LIFE_SECONDS}
        signed |= {"nonce": known["nonce"]} if known["nonce"] else {}
        token = jwt.encode(
            {"alg": "RS256", "kid": "one"}, {**signed, **self.claims_of(known["name"])}, self.key
        )
        given = {"access_token": _pack(known["name"]), "id_token": token}
        self.write({**given, "token_type": "Bearer", "expires_in": LIFE_SECONDS})


class _Userinfo(_Page):
    def get(self) -> None:
        token = self.request.headers["Authorization"].partition(" ")[2]
        self.write(self.claims_of(_unpack(token)))


async def _serve(port: int, groups: int) -> None:
    known = {
        "issuer": f"http://127.0.0.1:{port}",
        "key": RSAKey.generate_key(2048),
        "groups": [f"/projects/team-{number:03d}" for number in range(groups)],
    }
    pages = {
        "/.well-known/openid-configuration": _Discovery,
        "/keys": _Keys,
        "/authorize": _Login,
        "/token": _Tokens,
        "/userinfo": _Userinfo,
    }
    web.Application([(path, page, known) for path, page in pages.items()]).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
