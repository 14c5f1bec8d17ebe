"""Fields of the Hub's REST API are bounded: it compares, parses and keeps what they hold."""

from typing import Any

import pytest
from tornado import web

from jupyterhub_platform.hub.stock_api.bodies import (
    MAX_NAMES,
    MAX_SCOPES,
    MAX_TEXT,
    MAX_TIME,
    check_fields,
)

LONG_TIME = "9" * (MAX_TIME + 1)


@pytest.mark.parametrize(
    "body",
    [
        {"last_activity": "9" * MAX_TIME},
        {"last_activity": None, "servers": {"": {"last_activity": "2026-03-01T00:00:00Z"}}},
        {"servers": None},
        {"servers": ["kept", "as", "it", "was"]},
        {"note": "n" * MAX_TEXT, "scopes": [f"s{n}" for n in range(MAX_SCOPES)]},
        {"usernames": [f"u{n}" for n in range(MAX_NAMES)]},
        {"user_options": {"note": "x" * 10 * MAX_TEXT}},
    ],
    ids=str,
)
def test_fields_within_their_limits_pass(body: dict[str, Any]) -> None:
    check_fields(body)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"last_activity": LONG_TIME}, "last_activity is a time: text of 64 characters at most."),
        ({"last_activity": ["2026"]}, "last_activity is a time: text of 64 characters at most."),
        (
            {"servers": {"": {"last_activity": LONG_TIME}}},
            "last_activity is a time: text of 64 characters at most.",
        ),
        ({"note": "n" * (MAX_TEXT + 1)}, "note has 1024 characters at most."),
        ({"name": "n" * (MAX_TEXT + 1)}, "name has 1024 characters at most."),
        (
            {"scopes": ["read:users!user=" + "a" * MAX_TEXT]},
            "Each text in scopes has 1024 characters at most.",
        ),
        ({"scopes": [f"s{n}" for n in range(MAX_SCOPES + 1)]}, "scopes has 100 texts at most."),
        ({"roles": ["user"] * (MAX_SCOPES + 1)}, "roles has 100 texts at most."),
        (
            {"users": [f"u{n}" for n in range(MAX_NAMES + 1)]},
            "users has 1000 texts at most. Send the others in further requests.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_fields_beyond_their_limits_are_refused(body: dict[str, Any], sentence: str) -> None:
    with pytest.raises(web.HTTPError) as refused:
        check_fields(body)
    assert (refused.value.status_code, refused.value.log_message) == (400, sentence)
