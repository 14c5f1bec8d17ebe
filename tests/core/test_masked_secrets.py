"""What a plan must not print: values at keys of secrets, and values that look like one."""

import time

import pytest

from jupyterhub_platform.core.masked_secrets import Mask

CANARY = "hunter2-canary"
PEM = "-----BEGIN PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        f"DB_PASSWORD: {CANARY}",
        f"  api_key: '{CANARY}'  # ours",
        f"env: {{API_TOKEN: {CANARY}, OTHER: x}}",
        f'"client_secret": "{CANARY} with words"',
        f"token: |\n  {CANARY}\n\n  {CANARY} again\nnext: x",
        f"token:\n  {CANARY}",
        f"token: first\n  {CANARY}",
        f"key: |\n  {PEM}\n  {CANARY}\n  -----END PRIVATE KEY-----\n",
        f"url: postgresql://hub:{CANARY}@db/hub",
        f"- name: X\n  PASSWORD={CANARY}",
        f"names: [{'x, ' * 5_000}], env: {{TOKEN: {CANARY}}}",
    ],
)
def test_a_secret_is_not_shown(text: str) -> None:
    masked = Mask().mask_text(text)
    assert CANARY not in masked
    assert "(hidden 1)" in masked
    assert masked.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "value",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1" * 18,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2ln",
        "glpat-" + "x" * 20,
    ],
)
def test_a_value_that_looks_like_a_secret_is_not_shown(value: str) -> None:
    assert Mask().mask_text(f"note: {value}") == "note: (hidden 1)"
    assert Mask().mask_value("tiers.small.environment.NOTE", value) == "(hidden 1)"


@pytest.mark.parametrize(
    "text",
    [
        "secret: {env: OIDC_SECRET}",
        "environment: {PASSWORD: {secret: database, key: word}}",
        "existingSecret: hub-secret\nsecretName: tls",
        "token:\n  valid: {hours: 3}",
        "users:\n  kim: {level: user}",
        "PASSWORD:",
    ],
)
def test_what_only_says_where_a_secret_is_is_shown(text: str) -> None:
    assert Mask().mask_text(text) == text


def test_a_changed_secret_shows_as_changed_and_the_same_as_the_same() -> None:
    mask = Mask()
    assert mask.mask_text("TOKEN: a") == "TOKEN: (hidden 1)"
    assert mask.mask_text("TOKEN: b\nTOKEN: a") == "TOKEN: (hidden 2)\nTOKEN: (hidden 1)"
    assert mask.mask_value("groups.vision.environment.TOKEN", "a") == "(hidden 1)"


@pytest.mark.parametrize(
    ("path", "shown"),
    [("users.kim.level", "user"), ("x.secret", "user"), ("x.TOKEN", "(hidden 1)")],
)
def test_a_value_is_masked_by_its_key(path: str, shown: str) -> None:
    assert Mask().mask_value(path, "user") == shown


def test_nothing_is_said_of_no_value() -> None:
    assert Mask().mask_value("x.TOKEN", "") == ""


def test_a_long_line_takes_time_that_grows_with_its_length() -> None:
    began = time.process_time()
    Mask().mask_text(f"x: {'a' * 100_000}")
    Mask().mask_text("token " * 10_000)
    assert time.process_time() - began < 2
