"""What tornado logs of a failed request holds no token or code."""

import logging
from collections.abc import Iterator

import pytest

from jupyterhub_platform.hub.upstream.log_scrubbing import scrub_log

LOGGERS = ("tornado.general", "tornado.application")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    filters = {name: list(logging.getLogger(name).filters) for name in LOGGERS}
    yield
    for name, kept in filters.items():
        logging.getLogger(name).filters = kept


@pytest.mark.parametrize("name", LOGGERS)
@pytest.mark.parametrize(
    ("line", "scrubbed"),
    [
        ("GET /hub/x?token=abc (1)", "GET /hub/x?token=[secret] (1)"),
        ("GET /x?a=b&code=abc&state=def'", "GET /x?a=b&code=[secret]&state=[secret]'"),
        ("uri='/hub/login?_xsrf=a%20b')", "uri='/hub/login?_xsrf=[secret]')"),
        ("GET /x?access_token=abc", "GET /x?access_token=[secret]"),
        ("GET /x?page=2", "GET /x?page=2"),
        ("no token=abc in an address", "no token=abc in an address"),
    ],
)
def test_secrets_of_an_address_are_not_logged(
    caplog: pytest.LogCaptureFixture, name: str, line: str, scrubbed: str
) -> None:
    scrub_log()
    scrub_log()
    logging.getLogger(name).warning("%s", line)
    logging.getLogger(name).warning(line)
    assert [each.getMessage() for each in caplog.records] == [scrubbed, scrubbed]


def test_other_programs_log_as_they_did(caplog: pytest.LogCaptureFixture) -> None:
    scrub_log()
    logging.getLogger("of.another").warning("GET /x?token=abc")
    assert caplog.messages == ["GET /x?token=abc"]
