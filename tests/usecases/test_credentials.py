"""Local accounts: an invite is good once, and a password is its owner's alone."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.store import credentials
from jupyterhub_platform.store.credentials import Credentials
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.credentials import (
    MAX_PASSWORD_LENGTH,
    InviteError,
    LocalCredentials,
    PasswordError,
    check_password,
)
from tests.support.cheap_hasher import CountingHasher
from tests.support.policies import NOW
from tests.usecases.conftest import Clock, read_audit

GOOD = "correct horse battery"
OTHER = "staple the battery 9"
DAY = timedelta(days=1)


class HasherWithVisitor(CountingHasher):
    """While it hashes for one caller, another gets something done."""

    visit: Callable[[], object] | None = None

    def hash(self, password: str) -> str:
        """Let the visitor in, once."""
        visit, self.visit = self.visit, None
        if visit is not None:
            visit()
        return super().hash(password)


@dataclass
class Town:
    """Local accounts on a real store."""

    store: Store
    clock: Clock
    hasher: CountingHasher = field(default_factory=CountingHasher)

    def __post_init__(self) -> None:
        self.accounts = LocalCredentials(self.store, self.hasher, clock=self.clock)

    def invite(self, name: str = "ada", valid_for: timedelta = DAY) -> str:
        return self.accounts.invite(name, by="root", valid_for=valid_for).token

    def look_up(self, name: str = "ada") -> Credentials:
        with self.store.read() as transaction:
            found = credentials.get_credentials(transaction, name)
        assert found is not None
        return found

    def audited(self) -> list[tuple[str, str, str, dict[str, str]]]:
        """Return what the audit says, oldest first."""
        return [
            (row.actor, row.action, row.subject, json.loads(row.detail_json))
            for row in reversed(read_audit(self.store))
        ]


@pytest.fixture
def town(store, clock) -> Town:
    return Town(store, clock)


# -- invites -------------------------------------------------------------------------------------


def test_an_invite_lets_a_person_set_a_password_once(town):
    token = town.invite()
    assert town.accounts.find_invited(token) == "ada"
    assert not town.accounts.has_password("ada")
    assert town.accounts.accept(token, GOOD) == "ada"
    assert town.accounts.has_password("ada")
    assert town.accounts.verify("ada", GOOD)
    with pytest.raises(InviteError, match="not valid any more"):
        town.accounts.accept(token, OTHER)
    assert town.accounts.verify("ada", GOOD)
    assert not town.accounts.verify("ada", OTHER)


def test_an_invite_is_shown_once_and_kept_as_a_hash(town):
    invite = town.accounts.invite("ada", by="root", valid_for=DAY)
    assert (invite.name, invite.expires_at) == ("ada", NOW + DAY)
    assert len(invite.token) >= 43
    kept = town.look_up()
    assert invite.token not in repr(kept)
    assert (kept.invite_by, kept.invite_expires_at) == ("root", NOW + DAY)
    assert invite.token not in json.dumps(town.audited())
    assert town.invite("bob") != town.invite("bob")


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1)])
def test_an_invite_expires(town, late):
    token = town.invite()
    town.clock.now = NOW + DAY - timedelta(seconds=1)
    assert town.accounts.find_invited(token) == "ada"
    town.clock.now = NOW + DAY + late
    with pytest.raises(InviteError):
        town.accounts.find_invited(token)
    with pytest.raises(InviteError):
        town.accounts.accept(token, GOOD)
    assert not town.accounts.has_password("ada")


def test_an_earlier_invite_is_void_once_there_is_a_new_one(town):
    first, second = town.invite(), town.invite()
    with pytest.raises(InviteError):
        town.accounts.accept(first, GOOD)
    assert town.accounts.accept(second, GOOD) == "ada"


def test_a_new_invite_leaves_the_password_as_it_is(town):
    town.accounts.accept(town.invite(), GOOD)
    token = town.invite()
    assert town.accounts.verify("ada", GOOD)
    town.accounts.accept(token, OTHER)
    assert not town.accounts.verify("ada", GOOD)
    assert town.accounts.verify("ada", OTHER)


def test_an_unknown_invite_is_refused_in_the_same_words_as_a_used_one(town):
    used = town.invite()
    town.accounts.accept(used, GOOD)
    said = set()
    for each in (used, "", "nosuch", "\0", "é" * 5000):
        with pytest.raises(InviteError) as caught:
            town.accounts.accept(each, GOOD)
        said.add(str(caught.value))
    assert said == {"This invite is not valid any more. Ask for a new one."}


def test_a_password_that_is_refused_leaves_the_invite_good(town):
    token = town.invite()
    with pytest.raises(PasswordError):
        town.accounts.accept(token, "short")
    assert town.accounts.accept(token, GOOD) == "ada"


def test_an_invite_that_is_used_meanwhile_is_not_used_again(store, clock):
    hasher = HasherWithVisitor()
    accounts = LocalCredentials(store, hasher, clock=clock)
    token = accounts.invite("ada", by="root", valid_for=DAY).token
    hasher.visit = lambda: accounts.accept(token, OTHER)
    with pytest.raises(InviteError):
        accounts.accept(token, GOOD)
    assert accounts.verify("ada", OTHER)
    assert not accounts.verify("ada", GOOD)
    assert len(read_audit(store)) == 2


def test_two_browsers_that_accept_at_the_same_time_set_one_password(town):
    token, ready = town.invite(), threading.Barrier(2)
    outcomes: list[str] = []

    def accept(password: str) -> None:
        ready.wait(10)
        try:
            town.accounts.accept(token, password)
            outcomes.append(password)
        except InviteError:
            outcomes.append("")

    threads = [threading.Thread(target=accept, args=(each,)) for each in (GOOD, OTHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    (set_,) = [each for each in outcomes if each]
    assert len(outcomes) == 2
    assert town.accounts.verify("ada", set_)
    assert not town.accounts.verify("ada", OTHER if set_ == GOOD else GOOD)


# -- passwords -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "A password has at least 12 characters."),
        ("elevenchars", "A password has at least 12 characters."),
        ("x" * 1025, "A password has 1024 characters at most."),
        ("ada-ada-ada-2026", "A password is more than the name with digits."),
        ("ADA 1234567890", "A password is more than the name with digits."),
        ("123456789012", "A password is more than the name with digits."),
        ("            ", "A password is more than the name with digits."),
        ("abababababab", "A password has more than three different characters."),
        ("AaAaAaAaBbBb", "A password has more than three different characters."),
        ("correct horse \ud800", "A password has a character that cannot be kept."),
    ],
)
def test_passwords_that_are_easy_to_guess_are_refused(password, sentence):
    with pytest.raises(PasswordError) as caught:
        check_password("ada", password)
    assert str(caught.value) == sentence


def test_a_password_that_is_refused_changes_nothing(town):
    town.accounts.change("ada", GOOD)
    with pytest.raises(PasswordError):
        town.accounts.change("ada", "ada-ada-ada-2026")
    assert town.accounts.verify("ada", GOOD)
    assert len(town.audited()) == 1


@pytest.mark.parametrize("password", [GOOD, "x" * 1021 + "abc", "ada loves maps", "пароль из слов"])
def test_passwords_that_are_hard_to_guess_are_taken(password):
    check_password("ada", password)


@given(st.text(max_size=30), st.text(max_size=40))
def test_checking_a_password_never_fails_otherwise(name, password):
    try:
        check_password(name, password)
    except PasswordError:
        return
    assert 12 <= len(password) <= MAX_PASSWORD_LENGTH


def test_a_wrong_password_is_wrong(town):
    town.accounts.change("ada", GOOD)
    town.accounts.change("bob", OTHER)
    assert town.accounts.verify("ada", GOOD)
    for name, password in (("ada", OTHER), ("bob", GOOD), ("ada", ""), ("ada", GOOD.upper())):
        assert not town.accounts.verify(name, password)


def test_a_name_without_a_password_costs_as_much_as_one_with(town):
    town.accounts.change("ada", GOOD)
    town.invite("invited")
    before = town.hasher.hashed
    for name in ("ada", "nobody", "invited", "", "\0"):
        town.hasher.verified.clear()
        assert not town.accounts.verify(name, OTHER)
        assert len(town.hasher.verified) == 1
    assert town.hasher.hashed == before


def test_no_password_fits_users_without_one(town):
    for password in ("", "None", town.accounts._nobody):
        assert not town.accounts.verify("nobody", password)


def test_a_password_that_is_too_long_is_not_hashed(town):
    town.accounts.change("ada", GOOD)
    assert not town.accounts.verify("ada", "x" * (MAX_PASSWORD_LENGTH + 1))
    assert town.hasher.verified == []


def test_text_that_is_no_unicode_is_no_password(town):
    town.accounts.change("ada", GOOD)
    assert not town.accounts.verify("ada", "correct \ud800")
    assert not town.accounts.verify("nobody", "correct \ud800")


def test_a_change_voids_open_invites(town):
    token = town.invite()
    town.accounts.change("ada", GOOD)
    with pytest.raises(InviteError):
        town.accounts.accept(token, OTHER)
    assert town.accounts.verify("ada", GOOD)


# -- hashes of before ------------------------------------------------------------------------------


def test_an_old_hash_is_made_again_at_login(town):
    town.accounts.change("ada", GOOD)
    town.hasher.version = 2
    assert not town.accounts.verify("ada", OTHER)
    assert str(town.look_up().password_hash).startswith("v1$")
    assert town.accounts.verify("ada", GOOD)
    assert str(town.look_up().password_hash).startswith("v2$")
    before = town.hasher.hashed
    assert town.accounts.verify("ada", GOOD)
    assert town.hasher.hashed == before


def test_a_hash_that_is_made_again_leaves_an_open_invite_good(town):
    town.accounts.change("ada", GOOD)
    token = town.invite()
    town.hasher.version = 2
    assert town.accounts.verify("ada", GOOD)
    assert town.accounts.find_invited(token) == "ada"


def test_a_login_goes_on_where_the_hash_cannot_be_made_again(town, caplog):
    town.accounts.change("ada", GOOD)
    town.hasher.version = 2
    if town.store.display_url.startswith("sqlite"):
        statement = (
            "CREATE TRIGGER full BEFORE UPDATE ON local_account "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    else:
        statement = (
            "ALTER TABLE local_account ADD CONSTRAINT full_disk CHECK (password_hash LIKE 'v1%%')"
        )
    with town.store.begin() as transaction:
        transaction.exec_driver_sql(statement)
    assert town.accounts.verify("ada", GOOD)
    assert "The password of ada keeps its old hash" in caplog.text


def test_a_login_never_brings_back_a_password_that_was_changed_meanwhile(store, clock):
    hasher = HasherWithVisitor()
    accounts = LocalCredentials(store, hasher, clock=clock)
    accounts.change("ada", GOOD)
    hasher.version = 2
    hasher.visit = lambda: accounts.change("ada", OTHER)
    accounts.verify("ada", GOOD)
    assert accounts.verify("ada", OTHER)
    assert not accounts.verify("ada", GOOD)


# -- samples, audit, outage ------------------------------------------------------------------------


def test_sample_passwords_are_for_those_without_one(town):
    town.accounts.change("ada", GOOD)
    samples = {"ada": "sample for ada", "bob": "sample for bob"}
    town.accounts.provide_samples(samples)
    assert town.accounts.verify("ada", GOOD)
    assert not town.accounts.verify("ada", "sample for ada")
    assert town.accounts.verify("bob", "sample for bob")
    town.accounts.change("bob", OTHER)
    town.accounts.provide_samples(samples)
    assert town.accounts.verify("bob", OTHER)


def test_every_change_is_audited_and_no_secret_is_in_it(town):
    token = town.invite()
    town.accounts.accept(token, GOOD)
    town.accounts.change("ada", OTHER)
    town.accounts.provide_samples({"bob": "sample for bob"})
    found = town.audited()
    assert found == [
        ("root", "person.invited", "ada", {"expires_at": (NOW + DAY).isoformat()}),
        ("ada", "person.password_set", "ada", {"with": "invite"}),
        ("ada", "person.password_set", "ada", {"with": "change"}),
        ("platform", "person.password_set", "bob", {"with": "sample"}),
    ]
    for secret in (token, GOOD, OTHER, "sample for bob", "v1$"):
        assert secret not in json.dumps(found)


def test_looking_changes_nothing(town):
    town.accounts.verify("nobody", GOOD)
    town.accounts.has_password("nobody")
    with pytest.raises(InviteError):
        town.accounts.find_invited("nosuch")
    assert town.audited() == []


def test_no_user_is_let_in_without_the_store(town, outage):
    town.accounts.change("ada", GOOD)
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        town.accounts.verify("ada", GOOD)
    with pytest.raises(StoreUnreachableError):
        town.invite()
    outage.end()
    assert town.accounts.verify("ada", GOOD)
