"""A login is bound to the browser that began it, comes back once, and soon."""

from types import SimpleNamespace
from typing import Any

import pytest
from tornado.web import create_signed_value, decode_signed_value

from jupyterhub_platform.hub.auth.providers.attempts import (
    COOKIE,
    LIFE_SECONDS,
    MAX_AT_ONCE,
    MAX_NEXT,
    Attempts,
)
from jupyterhub_platform.hub.auth.providers.errors import AttemptError

KEY = "the cookie secret of this Hub"


class Browser:
    """The cookies of a browser, as tornado's handlers read and set them."""

    def __init__(self, *, has_prefix: bool = False) -> None:
        self.settings = {"cookie_host_prefix_enabled": has_prefix}
        self.hub = SimpleNamespace(base_url="/hub/")
        self.request = SimpleNamespace(cookies={}, protocol="http")
        self.options: dict[str, dict[str, Any]] = {}

    def set_secure_cookie(self, name: str, value: str, **options: Any) -> None:
        self.request.cookies[name] = create_signed_value(KEY, name, value).decode()
        self.options[name] = options

    def get_secure_cookie(self, name: str, max_age_days: float) -> bytes | None:
        value = self.request.cookies.get(name)
        return decode_signed_value(KEY, name, value, max_age_days=max_age_days)

    def clear_cookie(self, name: str, **_: Any) -> None:
        self.request.cookies.pop(name, None)


class Clock:
    """A time that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    return Attempts(clock)


def test_a_login_comes_back_once(attempts: Attempts) -> None:
    browser = Browser()
    attempt = attempts.begin(browser, "company", "/hub/token")
    thief = Browser()
    thief.request.cookies = dict(browser.request.cookies)
    assert attempts.finish(browser, "company", attempt.state) == attempt
    assert browser.request.cookies == {}
    with pytest.raises(AttemptError, match="did not begin it"):
        attempts.finish(browser, "company", attempt.state)
    with pytest.raises(AttemptError, match="finished already"):
        attempts.finish(thief, "company", attempt.state)


def test_it_comes_back_in_time_or_not_at_all(attempts: Attempts, clock: Clock) -> None:
    browser = Browser()
    one, other = (attempts.begin(browser, "company", "") for _ in range(2))
    clock.now += LIFE_SECONDS - 1
    attempts.finish(browser, "company", one.state)
    clock.now += 1
    with pytest.raises(AttemptError, match="ten minutes"):
        attempts.finish(browser, "company", other.state)


def test_a_cookie_of_the_future_is_none(attempts: Attempts, clock: Clock) -> None:
    browser = Browser()
    attempt = attempts.begin(browser, "company", "")
    clock.now -= 10
    with pytest.raises(AttemptError):
        attempts.finish(browser, "company", attempt.state)


@pytest.mark.parametrize(
    "state", ["", ".", "x", "00000000", "00000000.x", "../../x", "é", "0" * 9000]
)
def test_a_made_up_state_is_refused(attempts: Attempts, state: str) -> None:
    browser = Browser()
    attempts.begin(browser, "company", "")
    with pytest.raises(AttemptError):
        attempts.finish(browser, "company", state)


def test_the_right_name_with_a_wrong_proof_or_another_provider_is_refused(
    attempts: Attempts,
) -> None:
    browser = Browser()
    attempt = attempts.begin(browser, "company", "")
    for provider, state in (("company", f"{attempt.id}.x"), ("partner", attempt.state)):
        with pytest.raises(AttemptError, match="not the one"):
            attempts.finish(browser, provider, state)


def test_a_cookie_that_was_changed_or_is_of_another_login_counts_nothing(
    attempts: Attempts,
) -> None:
    browser = Browser()
    attempt = attempts.begin(browser, "company", "")
    name = f"{COOKIE}{attempt.id}"
    signed = browser.request.cookies[name]
    browser.request.cookies[name] = signed[:-1] + ("0" if signed[-1] != "0" else "1")
    with pytest.raises(AttemptError):
        attempts.finish(browser, "company", attempt.state)
    browser.request.cookies[f"{COOKIE}00000000"] = signed
    with pytest.raises(AttemptError):
        attempts.finish(browser, "company", "00000000." + attempt.state.partition(".")[2])


def test_what_the_browser_shows_is_made_of_the_secret_and_does_not_tell_it(
    attempts: Attempts,
) -> None:
    attempt = attempts.begin(Browser(), "company", "")
    shown = {attempt.state, attempt.nonce, attempt.challenge, attempt.verifier}
    assert len(shown) == 4
    assert not any(attempt.secret in each for each in shown)
    assert attempts.begin(Browser(), "company", "").state != attempt.state
    assert 43 <= len(attempt.verifier) <= 128


def test_a_browser_keeps_a_few_logins_and_small_ones(attempts: Attempts, clock: Clock) -> None:
    browser = Browser()
    begun = []
    for _ in range(20):
        clock.now += 1
        begun.append(attempts.begin(browser, "company", "x" * MAX_NEXT))
    assert len(browser.request.cookies) == MAX_AT_ONCE
    assert sum(len(n) + len(v) for n, v in browser.request.cookies.items()) < 10_000
    for attempt in begun[-MAX_AT_ONCE:]:
        assert attempts.finish(browser, "company", attempt.state).next == "x" * MAX_NEXT
    assert attempts.begin(browser, "company", "x" * (MAX_NEXT + 1)).next == ""


def test_cookies_are_for_the_hub_alone(attempts: Attempts) -> None:
    browser = Browser(has_prefix=True)
    attempt = attempts.begin(browser, "company", "")
    (name,) = browser.request.cookies
    assert name == f"__Host-{COOKIE}{attempt.id}"
    assert browser.options[name] == {
        "expires_days": None,
        "max_age": LIFE_SECONDS,
        "httponly": True,
        "samesite": "Lax",
        "path": "/",
        "secure": True,
    }
    # Also where it has the prefix, old ones are found.
    for _ in range(MAX_AT_ONCE):
        attempts.begin(browser, "company", "")
    assert len(browser.request.cookies) == MAX_AT_ONCE
