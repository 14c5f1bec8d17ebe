"""The page that stops a server, and goes back to where that was asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final
from urllib.parse import quote, urlencode

from jupyterhub_platform.service.errors import RefusalError
from jupyterhub_platform.service.pages import PageHandler
from jupyterhub_platform.service.stopping import check_names, say_server, stop_server

WANTED: Final = ("opt-tier", "opt-account", "opt-image")
"""What is to be started once the server has stopped, as the Hub's spawn page is told."""
_SPAWN: Final = "spawn"
_MAX_LENGTH: Final = 64


class StopPage(PageHandler):
    """Stop a server: asked again before it is another person's."""

    TAKES = frozenset({"user", "server", "back", *WANTED})
    BACK: ClassVar[dict[str, str]] = {"own": "", "overview": "overview", "people": "people"}

    async def get(self) -> None:
        """Show the page."""
        user, server = self._read_server(self.argument)
        await self._ask(user, server, self._read_back(user, server, self.argument))

    async def post(self) -> None:
        """Stop the server, or ask again first."""
        user, server = self._read_server(self.get_body_argument)
        back = self._read_back(user, server, self.get_body_argument)
        is_own = self.viewer.reads_own and user == self.viewer.name
        if not is_own and self.get_body_argument("confirmed", "") != "yes":
            await self._ask(user, server, back)
            return
        token = self.hub_auth.get_token(self)
        stop = await stop_server(self.hub_auth.api_url, token, user, server)
        state = {"stopped": user, "server": server, "state": "done" if stop.done else "stopping"}
        told = back.wanted if back.name == _SPAWN else state
        self.redirect(f"{back.place}?{urlencode(told)}", status=303)

    def _read_back(self, user: str, server: str, read: Callable[..., str]) -> "_Back":
        name, environment = read("back", "own"), self.settings["environment"]
        if name == _SPAWN:
            names = [quote(each, safe="") for each in (user, server) if each]
            place = f"{environment.hub_host}{environment.hub_prefix}spawn/{'/'.join(names)}"
            wanted = {option: read(option, "")[:_MAX_LENGTH] for option in WANTED}
            return _Back(name, place, {each: value for each, value in wanted.items() if value})
        name = name if name in self.BACK else "own"
        return _Back(name, environment.prefix + self.BACK[name], {})

    def _read_server(self, read: Callable[..., str]) -> tuple[str, str]:
        user, server = read("user", ""), read("server", "")
        check_names(user, server)
        return user, server

    async def _ask(self, user: str, server: str, back: "_Back") -> None:
        try:
            facts, viewer = await self.look_up(self.read_facts)
        except RefusalError:
            # A stop needs the Hub alone; only what the server holds cannot be shown.
            held = None
        else:
            held = facts.book.of_server(user, server)
            if held is not None and not viewer.sees_start(held):
                held = None
        self.write_page(
            "stop.html",
            now=datetime.now(UTC),
            user_name=user,
            server=server,
            what=say_server(user, server),
            held=held,
            own=user == self.viewer.name,
            back=back,
            back_url=f"{back.place}?{urlencode(back.wanted)}" if back.wanted else back.place,
        )


@dataclass(frozen=True, slots=True)
class _Back:
    """Where the stop was asked for, and what is to be started there after it."""

    name: str
    place: str
    wanted: Mapping[str, str]
