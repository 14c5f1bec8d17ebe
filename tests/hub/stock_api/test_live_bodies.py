"""Faulty requests at the Hub's own API: refused, and no other user notices."""

import pytest

from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import LiveHub, wait_for

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
users:
  admin: {level: admin}
  kim: {level: viewer}
  dev: {level: developer}
groups: {vision: {members: [kim, dev, admin]}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
"""
HALF = "\\ud800"
TOKENS = "users/{me}/tokens"


hub = hub_of(POLICY)


@pytest.mark.parametrize(
    ("name", "method", "path", "body"),
    [
        ("kim", "POST", TOKENS, f'{{"note": "{HALF}"}}'),
        ("kim", "POST", TOKENS, '{"note": "\\u0000"}'),
        ("kim", "POST", TOKENS, '{"note": ["a"]}'),
        ("kim", "POST", TOKENS, f'{{"scopes": ["{HALF}"]}}'),
        ("kim", "POST", TOKENS, '{"roles": [{}]}'),
        ("dev", "POST", "shares/dev/", f'{{"user": "{HALF}"}}'),
        ("dev", "PATCH", "shares/dev/", f'{{"user": "{HALF}"}}'),
        ("dev", "POST", "shares/dev/", '{"group": 5}'),
        ("admin", "POST", "users", '{"usernames": 5}'),
        ("admin", "POST", "users", '{"usernames": [{}]}'),
        ("admin", "POST", "groups/vision/users", '{"users": [[]]}'),
        ("admin", "POST", "groups/vision/users", f'{{"users": ["{HALF}"]}}'),
        ("admin", "PUT", "groups/vision/properties", f'{{"a": [{{"{HALF}": 1}}]}}'),
    ],
)
def test_an_invalid_body_is_refused_and_hurts_no_user(
    hub: LiveHub, name: str, method: str, path: str, body: str
) -> None:
    sender, other = hub.token(name), hub.token("dev")
    answer = sender.request(method, path.format(me=name), content=body)
    assert answer.status_code == 400, answer.text
    assert "text" in answer.json()["message"]
    assert other.get("user").status_code == 200


def test_a_page_that_no_database_counts_to_is_refused(hub: LiveHub) -> None:
    answer = hub.token("admin").get("users", params={"offset": 10**23})
    assert answer.status_code == 400
    assert "offset" in answer.json()["message"]


@pytest.mark.parametrize("path", ["accept-share?code={}", "api/users/none?a=b&token={}"])
def test_a_refused_secret_is_not_in_the_log(hub: LiveHub, path: str) -> None:
    secret = "0123456789abcdef0123456789"
    answer = hub.login("dev").get(f"/hub/{path.format(secret)}")
    assert answer.status_code in {403, 404}
    wait_for(lambda: path.format("[secret]") in hub.log, "the line of the log")
    assert secret not in hub.log
