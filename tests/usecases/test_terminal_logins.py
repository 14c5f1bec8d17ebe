"""A code lets one terminal in, once, for two minutes; and nothing else does."""

import re
import secrets
from datetime import timedelta

import pytest

from jupyterhub_platform.usecases import terminal_logins
from jupyterhub_platform.usecases.rate_limit import RateLimitedError
from jupyterhub_platform.usecases.terminal_logins import (
    CODE_SECONDS,
    MAX_MACHINE,
    TRIES_IN_ALL,
    TRIES_OF_A_CODE,
    TRIES_OF_A_SOURCE,
    Asked,
    Browser,
    LoginCodeError,
    TerminalLogins,
    WrongCodeError,
    clean_machine,
    hash_verifier,
    is_challenge,
    say_check,
)


class Steady:
    now = 0.0

    def __call__(self) -> float:
        return self.now


VERIFIER = secrets.token_urlsafe(32)
KIM = Browser("kim", "session", "cookie")


@pytest.fixture
def clock() -> Steady:
    return Steady()


@pytest.fixture
def logins(clock: Steady) -> TerminalLogins:
    return TerminalLogins(clock)


def ask(verifier: str = VERIFIER) -> Asked:
    return Asked(hash_verifier(verifier), "laptop", timedelta(days=1))


def refused(logins: TerminalLogins, verifier: str, code: str, source: str = "a") -> str:
    with pytest.raises(LoginCodeError) as error:
        logins.take(verifier, code, source)
    return error.value.code


def test_a_code_works_once_however_it_is_typed(logins: TerminalLogins) -> None:
    code = logins.confirm(ask(), KIM)
    assert re.fullmatch(r"[a-z2-9]{4}-[a-z2-9]{4}", code)
    confirmed = logins.take(VERIFIER, f" {code.upper().replace('-', ' ')}", "a")
    assert (confirmed.browser, confirmed.asked) == (KIM, ask())
    assert refused(logins, VERIFIER, code) == "login.no_code"


def test_a_code_is_void_after_two_minutes(logins: TerminalLogins, clock: Steady) -> None:
    code = logins.confirm(ask(), KIM)
    clock.now += CODE_SECONDS - 1
    assert refused(logins, VERIFIER, "wrong") == "login.wrong_code"
    clock.now += 1
    assert refused(logins, VERIFIER, code) == "login.no_code"


def test_a_code_is_worth_nothing_to_another_terminal(logins: TerminalLogins) -> None:
    code = logins.confirm(ask(), KIM)
    for verifier in (secrets.token_urlsafe(32), hash_verifier(VERIFIER), ""):
        assert refused(logins, verifier, code) == "login.no_code"
    assert logins.take(VERIFIER, code, "a").browser == KIM


def test_a_terminal_tries_few_codes(logins: TerminalLogins) -> None:
    code = logins.confirm(ask(), KIM)
    said = [refused(logins, VERIFIER, "aaaa-aaaa") for _ in range(TRIES_OF_A_CODE)]
    assert said == ["login.wrong_code"] * (TRIES_OF_A_CODE - 1) + ["login.no_code"]
    assert refused(logins, VERIFIER, code) == "login.no_code"
    assert issubclass(WrongCodeError, LoginCodeError)


def test_a_source_tries_few_codes_and_keeps_no_other_out(
    logins: TerminalLogins, clock: Steady
) -> None:
    for number in range(TRIES_OF_A_SOURCE):
        refused(logins, f"verifier-{number}", "aaaa-aaaa", "eve")
    code = logins.confirm(ask(), KIM)
    with pytest.raises(RateLimitedError) as often:
        logins.take(VERIFIER, code, "eve")
    assert often.value.seconds == 10
    assert logins.take(VERIFIER, code, "kim's").browser == KIM
    clock.now += 10
    assert refused(logins, VERIFIER, code, "eve") == "login.no_code"


def test_all_sources_together_try_few_and_keep_no_user_out(logins: TerminalLogins) -> None:
    for number in range(TRIES_IN_ALL):
        refused(logins, "verifier", "aaaa-aaaa", f"eve-{number}")
    with pytest.raises(RateLimitedError):
        logins.take("verifier", "aaaa-aaaa", "eve-last")
    code = logins.confirm(ask(), KIM)
    assert logins.take(VERIFIER, code, "kim's").browser == KIM


def test_a_new_code_makes_the_earlier_ones_of_its_user_void(logins: TerminalLogins) -> None:
    first, other = logins.confirm(ask("first"), KIM), Browser("ann", "hers", "cookie")
    hers = logins.confirm(ask("hers"), other)
    second = logins.confirm(ask("second"), KIM)
    assert refused(logins, "first", first) == "login.no_code"
    assert logins.take("hers", hers, "a").browser == other
    assert logins.take("second", second, "a").browser == KIM


def test_a_code_ends_with_its_session(logins: TerminalLogins) -> None:
    code = logins.confirm(ask(), KIM)
    logins.forget("another")
    logins.forget("session")
    assert refused(logins, VERIFIER, code) == "login.no_code"


def test_no_more_wait_than_memory_has_room_for(
    logins: TerminalLogins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal_logins, "MAX_WAITING", 2)
    codes = [logins.confirm(ask(f"v{n}"), Browser(f"u{n}", "s", "c")) for n in range(3)]
    assert refused(logins, "v0", codes[0]) == "login.no_code"
    assert logins.take("v2", codes[2], "a").browser.user == "u2"


def test_no_code_is_kept_as_it_is(logins: TerminalLogins) -> None:
    code = logins.confirm(ask(), KIM)
    assert code not in repr(logins._waiting)
    assert code.replace("-", "") not in repr(logins._waiting)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("laptop", "laptop"),
        (" a\x00b\n\x1b[2Jc ", "ab[2Jc"),
        ("abc\u202edcba", "abcdcba"),
        ("x" * 1000, "x" * MAX_MACHINE),
        ("\u200b\u200b", ""),
    ],
)
def test_a_machine_says_little_and_nothing_unseen(said: str, shown: str) -> None:
    assert clean_machine(said) == shown


def test_a_challenge_is_a_hash_and_its_check_is_short() -> None:
    challenge = hash_verifier(VERIFIER)
    assert is_challenge(challenge)
    assert not any(map(is_challenge, ("", challenge[:-1], f"{challenge}\n", "é" * 43)))
    assert re.fullmatch(r"[A-Z2-9]{6}", say_check(challenge))
    assert say_check(challenge) != say_check(hash_verifier("another"))
