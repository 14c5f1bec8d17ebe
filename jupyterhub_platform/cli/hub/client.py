"""Calls a Hub's REST API, with a user's token."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from jupyterhub_platform.cli.hub.access import Access, find_access
from jupyterhub_platform.cli.hub.trust import explain_certificate, make_context
from jupyterhub_platform.cli.own_command import NAME
from jupyterhub_platform.core.errors import PlatformError

HUB_PREFIX: Final = "/hub/api/"
SERVICE_PREFIX: Final = "/services/platform/api/v1/"


class HubRefusedError(PlatformError):
    """Raised if the Hub, or its service, says no: with its sentence, and what it answered."""

    def __init__(self, status: int, body: Mapping[str, Any], reason: str) -> None:
        self.status = status
        self.body = body
        super().__init__(f"The Hub refused ({status}): {body.get('message') or reason}")


class HubSilentError(PlatformError):
    """Raised if nothing answers where the Hub should be."""


class HubClient:
    """A client of one Hub; close it, or use it in a ``with`` statement."""

    def __init__(
        self, url: str, token: str, socket: Path | None = None, service: Path | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._http = self._connect(f"{self._url}{HUB_PREFIX}", socket)
        at_socket = self._connect(f"{self._url}{SERVICE_PREFIX}", service) if service else None
        self._known_service = at_socket

    @property
    def url(self) -> str:
        """The address of the Hub's public port."""
        return self._url

    @property
    def _service(self) -> httpx.Client:
        """The connection to the service, whose host may be another one than the Hub's."""
        if self._known_service is None:
            self._known_service = self._connect(self._find_service())
        return self._known_service

    def _find_service(self) -> str:
        """Ask the Hub for the address of its service: the token goes nowhere else.

        Raises
        ------
        PlatformError
            Raised if the Hub does not say it, or as :func:`locate_service` does.
        """
        roots = self.get("platform/", keys=["roots"])["roots"]
        named = [each for each in map(str, roots) if each.endswith(SERVICE_PREFIX)]
        return locate_service(self._url, named[0] if named else SERVICE_PREFIX)

    def _connect(self, address: str, socket: Path | None = None) -> httpx.Client:
        token, is_under_tls = self._token, socket is None and address.startswith("https:")
        return httpx.Client(
            base_url=address,
            verify=make_context() if is_under_tls else True,
            # Only the Hub can listen there; a port that the platform has left, any process can
            # take.
            transport=httpx.HTTPTransport(uds=str(socket)) if socket else None,
            headers={
                "User-Agent": NAME,
                **({"Authorization": f"Bearer {token}"} if token else {}),
            },
            timeout=30,
            trust_env=False,
        )

    @classmethod
    def find(cls, url: str | None, state: Path) -> Self:
        """Find the Hub and the token for it, as :mod:`access` says.

        Raises
        ------
        click.BadParameter
            Raised if ``url`` is not a valid address.
        PlatformError
            Raised if there is no token for it.
        """
        return cls.of(find_access(url, state))

    @classmethod
    def of(cls, access: Access) -> Self:
        """Return the client of a Hub that was found."""
        place = access.place
        hub, service = (place.sockets.hub, place.sockets.service) if place.sockets else (None, None)
        return cls(place.url, access.token, hub, service)

    def post(self, path: str, body: dict[str, Any], *, keys: Iterable[str]) -> dict[str, Any]:
        """Post to a route below ``/hub/api/``, and return the answer, which has these keys.

        Raises
        ------
        PlatformError
            Raised if the Hub cannot be reached, or refuses, with its own sentence; or if the answer
            does not come from a Hub with this platform.
        """
        return self._ask("POST", path, keys, json=body)

    def get(
        self, path: str, query: dict[str, str] | None = None, *, keys: Iterable[str]
    ) -> dict[str, Any]:
        """Get a route below ``/hub/api/``, and return the answer, which has these keys.

        Raises
        ------
        PlatformError
            As :meth:`post` does.
        """
        return self._ask("GET", path, keys, params=query)

    def read(self, path: str, query: Mapping[str, str], *, keys: Iterable[str]) -> dict[str, Any]:
        """Get a route below the service's ``api/v1/``, and return the answer with these keys.

        Raises
        ------
        PlatformError
            As :meth:`post` does.
        """
        return self._take(self._send(self._service, "GET", path, params=query), keys)

    def stream(self, path: str, query: Mapping[str, str]) -> Iterator[str]:
        """Yield a file of CSV from the service, as it comes.

        Raises
        ------
        PlatformError
            Raised as :meth:`post` does, and if the file breaks off.
        """
        try:
            with self._service.stream("GET", path, params=dict(query)) as answer:
                if answer.is_error:
                    answer.read()
                    self._take(answer, ())
                if answer.headers.get("Content-Type", "").partition(";")[0] != "text/csv":
                    raise self._explain_stranger(answer)
                yield from answer.iter_text()
        except httpx.HTTPError as error:
            raise self._explain(error) from None

    def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request to a path of the Hub's API or the service's; the answer may be a refusal.

        Raises
        ------
        PlatformError
            Raised if there is no answer.
        """
        if path.startswith(SERVICE_PREFIX):
            return self._send(self._service, method, path.removeprefix(SERVICE_PREFIX), **content)
        return self._send(self._http, method, path.removeprefix(HUB_PREFIX), **content)

    def take(self, answer: httpx.Response, keys: Iterable[str]) -> dict[str, Any]:
        """Return the JSON object that was answered, which has these keys.

        Raises
        ------
        HubRefusedError
            Raised if it is a refusal.
        PlatformError
            Raised if it is not the answer of a Hub with this platform.
        """
        return self._take(answer, keys)

    def _ask(self, method: str, path: str, keys: Iterable[str], **content: Any) -> dict[str, Any]:
        return self._take(self._send(self._http, method, path, **content), keys)

    def _send(self, http: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise self._explain(error) from None

    def _explain(self, error: httpx.HTTPError) -> PlatformError:
        asked, hub = error.request.url, httpx.URL(self._url)
        address = f"{asked.scheme}://{asked.netloc.decode()}"
        if untrusted := explain_certificate(error, address):
            return PlatformError(untrusted)
        if (asked.host, asked.port) != (hub.host, hub.port):
            return PlatformError(
                f"The platform's service at {address} does not answer: {error}. The Hub at "
                f"{self._url} names it; check that this name resolves."
            )
        return HubSilentError(
            f"The Hub at {self._url} does not answer: {error}. Check that it runs."
        )

    def _take(self, answer: httpx.Response, keys: Iterable[str]) -> dict[str, Any]:
        data = _read_object(answer)
        if answer.is_error:
            raise HubRefusedError(answer.status_code, data, answer.reason_phrase)
        if not data.keys() >= set(keys):
            raise self._explain_stranger(answer)
        return data

    def _explain_stranger(self, answer: httpx.Response) -> PlatformError:
        return PlatformError(
            f"The program at {self._url} does not answer like a Hub with this platform "
            f"({answer.status_code} for {answer.url.path}). It may be a login page, another "
            "program or another version. Check the address."
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        if self._known_service is not None:
            self._known_service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def locate_service(hub: str, named: str) -> str:
    """Return the address of the service's API, as the Hub at ``hub`` has ``named`` it.

    Raises
    ------
    PlatformError
        Raised if the token would be less protected there than on its way to the Hub.
    """
    if named.startswith("/"):
        return f"{hub}{SERVICE_PREFIX}"
    try:
        service = httpx.URL(named)
    except httpx.InvalidURL:
        service = httpx.URL()
    schemes = {"https"} if httpx.URL(hub).scheme == "https" else {"http", "https"}
    if service.scheme not in schemes or not service.host or service.userinfo:
        raise PlatformError(
            f"The Hub at {hub} names {named!r} as the address of its service, to which no token is "
            "sent. It begins with the scheme of c.JupyterHub.subdomain_host: check that."
        )
    return named


def _read_object(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer; empty if it has none."""
    try:
        data = answer.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
