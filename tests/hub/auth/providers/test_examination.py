"""What is made of a provider's answers, without one: each shape that real ones have."""

from io import BytesIO
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from jupyterhub_platform.hub.auth.providers.examination import (
    list_not_offered,
    read_clock,
    read_registration,
)

CALLBACK = "https://hub.example.org/hub/oauth_callback/staff"


def answer(code: int, **headers: str) -> HTTPResponse:
    return HTTPResponse(
        HTTPRequest("https://id.example.org/"), code, HTTPHeaders(headers), BytesIO(b"")
    )


@pytest.mark.parametrize(
    ("code", "leads_to", "is_registered"),
    [
        (302, f"{CALLBACK}?error=login_required&state=x", True),
        (303, f"{CALLBACK}?error=invalid_scope", True),
        (302, CALLBACK, True),
        (302, "https://id.example.org/login?return=/authorize", None),
        (302, f"https://id.example.org/login?return={CALLBACK}", None),
        (302, "https://id.example.org/error?error=redirect_uri_mismatch", False),
        (302, "https://id.example.org/prompt?error=login_required", None),
        (302, f"{CALLBACK}.evil.example/?error=login_required", None),
        (200, "", None),
        (400, "", False),
        (401, "", False),
        (403, "", None),
        (429, "", None),
        (500, "", None),
    ],
)
def test_whether_users_may_come_back_is_told_by_where_it_leads(
    code: int, leads_to: str, is_registered: bool | None
) -> None:
    headers = {"Location": leads_to} if leads_to else {}
    assert read_registration(answer(code, **headers), CALLBACK) is is_registered


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Mon, 30 Nov 2026 04:00:00 GMT", 0.5),
        ("Mon, 30 Nov 2026 04:02:00 GMT", 120.5),
        ("Mon, 30 Nov 2026 03:59:00 GMT", -59.5),
        ("Mon, 30 Nov 2026 05:00:00 +0100", 0.5),
        ("yesterday", None),
        ("", None),
        ("Mon, 99 Nov 2026 04:00:00 GMT", None),
    ],
)
def test_the_clock_is_read_to_the_half_of_a_second(date: str, ahead: float | None) -> None:
    assert read_clock(answer(200, Date=date), 1_796_011_200.0) == ahead


def test_only_what_a_document_lists_can_be_missing_there() -> None:
    wanted = {"claims": ["groups", "realm_access.roles", "a.b"], "scopes": ["openid", "x"]}
    document = {"claims_supported": ["groups", "realm_access"], "scopes_supported": "openid"}
    missing = list_not_offered(document, **wanted, client_auth=["private_key_jwt"])
    assert missing == {"claims": ("a.b",)}
    assert list_not_offered({}, **wanted, client_auth=["none"]) == {}
    foreign: dict[str, Any] = {"claims_supported": ["groups", "a.b", "realm_access", ["a"], {}]}
    assert list_not_offered(foreign, **wanted, client_auth=[]) == {}
