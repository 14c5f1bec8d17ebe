"""Explains a server's state, and stops it: the Hub answers, with the caller's token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final
from urllib.parse import quote, urlencode

from jupyterhub_platform.rest.service_responses import StoppedServer
from jupyterhub_platform.service.api import ApiHandler
from jupyterhub_platform.service.errors import RefusalError, beyond
from jupyterhub_platform.service.hub_api import read_hub
from jupyterhub_platform.service.pages import PageHandler
from jupyterhub_platform.service.stopping import check_names, describe_server, stop_server

WANTED: Final = ("opt-tier", "opt-account", "opt-image")
"""The start that follows the stop, as arguments of the Hub's spawn page."""
_SPAWN: Final = "spawn"
_MAX_LENGTH: Final = 64


class WhyPage(PageHandler):
    """Why a server is in its state, as the Hub answers it to the caller."""

    TAKES = frozenset({"user", "server"})

    async def get(self) -> None:
        """Show the page."""
        user, server = self.argument("user"), self.argument("server")
        check_names(user, server)
        query = urlencode({"user": user, "server": server})
        why = await read_hub(self.hub_auth.api_url, self.token, f"why?{query}")
        since = datetime.fromisoformat(why["since"])
        what = describe_server(user, server, self.viewer.name)
        self.write_page("why.html", now=datetime.now(UTC), why=why, since=since, what=what)


class StopCall(ApiHandler):
    """Stop a server, on the caller's behalf."""

    async def delete(self, user: str, server: str) -> None:
        """Stop the server."""
        stop = await stop_server(self.hub_auth.api_url, self.headers_for_hub, user, server)
        self.set_status(200 if stop.done else 202)
        stopped = StoppedServer(user=user, server=server, stopped=stop.done, message=stop.sentence)
        self.send(stopped.to_json())


class StopPage(PageHandler):
    """Stop a server, after a confirmation if it is another user's."""

    TAKES = frozenset({"user", "server", "back", *WANTED})
    BACK: ClassVar[dict[str, str]] = {"own": "", "overview": "overview", "people": "people"}

    async def get(self) -> None:
        """Show the page."""
        user, server = self._read_server(self.argument)
        await self._ask(user, server, self._read_back(user, server, self.argument))

    async def post(self) -> None:
        """Stop the server, or ask for confirmation first."""
        user, server = self._read_server(self.get_body_argument)
        back = self._read_back(user, server, self.get_body_argument)
        is_own = self.viewer.reads_own and user == self.viewer.name
        if not is_own and self.get_body_argument("confirmed", "") != "yes":
            await self._ask(user, server, back)
            return
        stop = await stop_server(self.hub_auth.api_url, self.headers_for_hub, user, server)
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
            facts, viewer = await self.read_in_thread(self.read_facts)
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
            what=describe_server(user, server, self.viewer.name),
            held=held,
            own=user == self.viewer.name,
            back=back,
            back_url=f"{back.place}?{urlencode(back.wanted)}" if back.wanted else back.place,
        )


class RemovePage(PageHandler):
    """Take one of the caller's own named servers off their list, after a confirmation."""

    TAKES = frozenset({"server"})

    async def get(self) -> None:
        """Ask for confirmation."""
        self.write_page("remove.html", server=self._check(self.argument("server")))

    async def post(self) -> None:
        """Remove it."""
        server = self._check(self.get_body_argument("server", ""))
        if not server:
            raise RefusalError(400, "Name the server to remove.", "options.server")
        user = self.viewer.name
        await stop_server(self.hub_auth.api_url, self.headers_for_hub, user, server, remove=True)
        self.redirect(f"{self._prefix}?{urlencode({'removed': server})}", status=303)

    @property
    def _prefix(self) -> str:
        return str(self.settings["environment"].prefix)

    def _check(self, server: str) -> str:
        if not self.viewer.reads_own:
            raise beyond("servers of your own")
        check_names(self.viewer.name, server)
        return server


@dataclass(frozen=True, slots=True)
class _Back:
    """Where the stop was requested, and what to start there afterwards."""

    name: str
    place: str
    wanted: Mapping[str, str]
