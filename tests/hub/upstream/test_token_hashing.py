"""Hashes are those of JupyterHub, byte by byte: it made those that its database has."""

from typing import Any

import jupyterhub.oauth.provider
import jupyterhub.orm
import jupyterhub.utils
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jupyterhub_platform.hub.upstream.token_hashing import hash_token, speed_up_token_hashing

STOCK: Any = hash_token.__wrapped__


@settings(deadline=None)
@given(
    token=st.text(max_size=80),
    salt=st.text(max_size=20) | st.binary(max_size=20).map(lambda salt: salt.hex().encode()),
    rounds=st.integers(-1, 3_000),
    algorithm=st.sampled_from(["sha512", "sha256", "blake2b"]),
)
@example("x", "salt", 16_384, "sha512")
@example("\udc80", "salt", 1_024, "sha512")
def test_a_hash_is_that_of_jupyterhub(
    token: str, salt: str | bytes, rounds: int, algorithm: str
) -> None:
    stock = STOCK(token, salt=salt, rounds=rounds, algorithm=algorithm)
    assert hash_token(token, salt=salt, rounds=rounds, algorithm=algorithm) == stock


def test_a_salt_is_made_anew_for_each_token() -> None:
    first, second = hash_token("token"), hash_token("token")
    assert first != second
    assert [len(each.split(":")[2]) for each in (first, second)] == [16, 16]


def test_a_token_is_checked_against_the_hash_that_jupyterhub_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = STOCK("token")
    for module in (jupyterhub.utils, jupyterhub.orm, jupyterhub.oauth.provider):
        monkeypatch.setattr(module, "hash_token", STOCK)
    speed_up_token_hashing()
    assert jupyterhub.utils.hash_token is hash_token
    assert jupyterhub.orm.hash_token is hash_token
    assert jupyterhub.oauth.provider.hash_token is hash_token
    assert jupyterhub.orm.compare_token(stored, "token")
    assert not jupyterhub.orm.compare_token(stored, "other")


def test_an_algorithm_that_there_is_not_is_an_error_as_it_was() -> None:
    for each in (STOCK, hash_token):
        with pytest.raises(ValueError, match="unsupported hash type"):
            each("token", algorithm="none")
