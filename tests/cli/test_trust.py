"""A Hub with the certificate of a private authority: trusted if that is named, else explained."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_platform.cli.hub.client import SERVICE_PREFIX, HubClient
from jupyterhub_platform.cli.hub.trust import VARIABLES
from jupyterhub_platform.core.errors import PlatformError
from tests.cli.test_hub_client import answering
from tests.support.tls_front import Front, under_tls

HASHED = "0e44a9f5.0"
"""The name by which OpenSSL finds the authority in a folder: a hash of its subject."""
BODY = b'{"name": "kim", "roots": []}'


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with answering(200, BODY) as url, under_tls(tmp_path, int(url.rpartition(":")[2])) as front:
        yield front


def ask(port: int, host: str = "localhost") -> str:
    """Ask Hub and service; return what is said if that fails."""
    with HubClient(f"https://{host}:{port}", "secret-word") as client:
        try:
            assert client.get("user", keys=("name",))["name"] == "kim"
            assert client.send("GET", f"{SERVICE_PREFIX}people").status_code == 200
        except PlatformError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("as_folder", [False, True])
def test_an_authority_that_a_variable_names_is_trusted(
    front: Front, monkeypatch: pytest.MonkeyPatch, variable: str, as_folder: bool
) -> None:
    place = front.authority
    if as_folder:
        place = front.authority.parent / "folder"
        place.mkdir()
        (place / HASHED).write_bytes(front.authority.read_bytes())
    monkeypatch.setenv(variable, str(place))
    assert ask(front.port) == ""


def test_one_that_no_one_names_is_refused_in_three_lines_with_the_remedy(front: Front) -> None:
    what, why, remedy = ask(front.port).splitlines()
    assert what == (
        f"The certificate of https://localhost:{front.port} is not trusted, so nothing was sent."
    )
    assert why == "unable to get local issuer certificate."
    assert "set SSL_CERT_FILE to the file of that in PEM." in remedy


def test_a_named_authority_goes_before_all_others(
    front: Front, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with under_tls(other, 1) as another:
        monkeypatch.setenv("SSL_CERT_FILE", str(another.authority))
        assert "is not trusted" in ask(front.port)


def test_a_certificate_for_another_name_is_no_matter_of_authorities(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(front.authority))
    _, why, remedy = ask(front.port, "127.0.0.1").splitlines()
    assert "not valid for '127.0.0.1'" in why
    assert remedy == "Call it by a name that the certificate has, or have it made for this one."


def test_a_certificate_that_has_expired_is_to_be_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(200, BODY) as url:
        port = int(url.rpartition(":")[2])
        with under_tls(tmp_path, port, days=-1) as front:
            monkeypatch.setenv("SSL_CERT_FILE", str(front.authority))
            _, why, remedy = ask(front.port).splitlines()
    assert (why, remedy) == (
        "certificate has expired.",
        "Have it renewed, or set the clock of this machine.",
    )


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_variable_that_names_no_certificates_is_said_to(
    front: Front, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    place = front.authority.parent / "typo.pem"
    if content is not None:
        place.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(place))
    with pytest.raises(PlatformError) as refused:
        ask(front.port)
    assert f"REQUESTS_CA_BUNDLE names {place}, which holds no certificates" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 2
