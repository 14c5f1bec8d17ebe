"""An OAuth 2.0 identity provider, as far as a Hub needs one: visitors are the users it is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.json_answers import JsonAnswers, serving


class FakeProvider:
    """Sends everybody back at once, and says ``person`` of them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.person: dict[str, Any] = {}


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
            self.answer({"access_token": "of-a-person", "token_type": "bearer"})

    with serving(Answers) as provider.url:
        yield provider
