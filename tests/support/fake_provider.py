"""An OAuth 2.0 identity provider, as far as a Hub needs one: visitors are the users it is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.json_answers import JsonAnswers, serving


class FakeProvider:
    """Sends everybody back at once, and says ``person`` of them, at each address and signed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.person: dict[str, Any] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "of-the-provider"})

    def give(self) -> dict[str, Any]:
        """Return what a code gives."""
        head = {"alg": "RS256", "kid": self.key.kid}
        signed = jwt.encode(head, {"aud": "hub", **self.person}, self.key)
        return {"access_token": "of-a-person", "token_type": "bearer", "id_token": signed}


@contextmanager
def running_provider() -> Iterator[FakeProvider]:
    """Serve a provider on a port of its own."""

    provider = FakeProvider("")

    class Answers(JsonAnswers):
        def get(self) -> None:
            if self.read_path() == "/authorize":
                self.send_back()
            else:
                self.answer(provider.person)

        def post(self) -> None:
            self.read_body()
            self.answer(provider.give())

    with serving(Answers) as provider.url:
        yield provider
