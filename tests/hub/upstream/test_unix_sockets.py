"""JupyterHub with Unix sockets for servers and services."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.objects import Server

from jupyterhub_platform.http.sockets import render_unix_url
from jupyterhub_platform.hub.upstream.unix_sockets import use_unix_sockets

URL = "http+unix://%2frun%2fa.sock"


def make_server(proto: str = "http+unix", ip: str = "%2frun%2fa.sock") -> Server:
    return Server.from_orm(
        orm.Server(proto=proto, ip=ip, port=80, base_url="/user/ada/", cookie_name="c")
    )


@pytest.fixture
async def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JupyterHub:
    """Give a Hub that has a database, and starts nothing."""
    monkeypatch.chdir(tmp_path)
    JupyterHub.clear_instance()
    made = JupyterHub(db_url="sqlite:///:memory:", hub_bind_url=URL, hub_connect_url=URL)
    made.init_db()
    made.init_hub()
    made.init_oauth()
    yield made
    made.db.close()
    made.session_factory.kw["bind"].dispose()
    JupyterHub.clear_instance()


def test_path_of_a_socket_survives_a_reader_that_makes_hosts_small() -> None:
    path = Path("/srv/Über uns/A_b-c.sock")
    url = render_unix_url(path)
    assert url == url.lower()
    assert urlsplit(url).hostname == url.removeprefix("http+unix://")
    assert unquote(url.removeprefix("http+unix://")) == str(path)


def test_server_at_a_socket_has_no_port_in_its_address() -> None:
    use_unix_sockets()
    assert make_server().host == URL
    assert make_server().url == f"{URL}/user/ada/"
    assert make_server("http", "127.0.0.1").host == "http://127.0.0.1:80"
    hub = Server(bind_url=f"{URL}/hub/", base_url="/hub/")
    assert hub.host == URL


def test_service_at_a_socket_is_routed_to_there_and_told_so(app: JupyterHub) -> None:
    use_unix_sockets()
    service = app.service_from_spec({"name": "s", "url": URL, "command": ["true"]})
    assert service.server.host == URL
    assert (service.url, service.orm.url) == (URL, URL)
    again = app.service_from_spec({"name": "s", "url": "http://127.0.0.1:9", "command": ["true"]})
    assert again.server.host == "http://127.0.0.1:9"


def test_service_that_comes_through_the_api_cannot_name_a_socket(app: JupyterHub) -> None:
    use_unix_sockets()
    with pytest.raises(ValueError, match="Unsupported scheme"):
        app.service_from_spec({"name": "s", "url": URL, "oauth_no_confirm": True}, False)


def test_service_of_a_hub_at_a_socket_is_told_that_socket(app: JupyterHub) -> None:
    use_unix_sockets()
    app.init_hub()
    assert app.hub.ip not in {"", "0.0.0.0", "::"}
    assert app.hub.api_url == f"{URL}/hub/api"
