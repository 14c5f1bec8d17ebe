"""Which names from elsewhere are people of the platform: those in their one form, and no others."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyterhub.auth import Authenticator, DummyAuthenticator
from tornado import web

from jupyterhub_platform.factory import build_runtime
from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.auth.governed_authenticator import wrap_authenticator
from jupyterhub_platform.hub.people.membership_sync import MembershipSync
from jupyterhub_platform.hub.people.password_hashes import Argon2Hasher
from jupyterhub_platform.hub.platform import Platform

POLICY = """\
version: 1
users:
  ann: {level: admin}
  kim: {level: user}
  o'malley: {level: user}
  out: {level: user, suspended: {reason: Lost a laptop}}
groups:
  vision: {members: [kim, out]}
images:
  lab: {reference: example/lab:1}
tiers:
  small: {requests: {cpu: 1, memory: 1Gi}, images: [lab]}
"""


def accepted(site: Authenticator, name: str) -> str | None:
    """Return who ``name`` is, as the Hub works it out at a login; nothing if they are refused."""
    form = site.normalize_username(name)
    return form if site.validate_username(form) else None


@pytest.fixture(params=[DummyAuthenticator, PlatformAuthenticator])
def site(request: pytest.FixtureRequest) -> Authenticator:
    return wrap_authenticator(request.param)()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("kim", "kim"),
        ("KIM", "kim"),
        ("Kim@B.c", "kim@b.c"),
        ("Kim.Lee_B.c#EXT#@x.onmicrosoft.com", "kim.lee_b.c#ext#@x.onmicrosoft.com"),
        ("O'MALLEY", "o'malley"),
        ("JOSÉ", "josé"),
        ("ΝΊΚΟΣ", "νίκοσ"),
        ("νίκος", "νίκοσ"),
    ],
)
def test_case_makes_no_other_person(site: Authenticator, name: str, form: str) -> None:
    assert accepted(site, name) == form


@pytest.mark.parametrize(
    "name",
    [
        *("\u212aim", "\ufb01ona", "\uff4bim", "wei\u00df", "\u2173an", "k\u0456m", "ki\u200bm"),
        *("jose\u0301", "grö\u00dfe", "\uff2aosé"),
    ],
)
def test_a_name_that_only_looks_like_a_users_is_refused(site: Authenticator, name: str) -> None:
    assert accepted(site, name) is None


@pytest.mark.parametrize(
    "name", [" kim", "kim ", " KIM ", "\u00a0kim", "kim\u3000", "kim\t", "kim\n"]
)
def test_a_blank_beside_a_name_makes_another_name(site: Authenticator, name: str) -> None:
    assert accepted(site, name) is None


@pytest.mark.parametrize("name", ["", "ki  m", "../kim", "a" * 256, "..", "kim%2e", "kim\0"])
def test_invalid_user_name_is_refused(site: Authenticator, name: str) -> None:
    assert accepted(site, name) is None


@pytest.mark.parametrize("name", ["KIM", "\u212aim", "kim "])
def test_only_names_in_their_one_form_can_be_added_by_hand(site: Authenticator, name: str) -> None:
    assert not site.validate_username(name)


def test_a_site_says_itself_who_is_who(site: Authenticator) -> None:
    site.username_map = {"\u017eiga": "ziga", "kim": "kim2"}
    assert accepted(site, "\u017diga") == "ziga"
    assert accepted(site, "KIM") == "kim2"
    site.username_map = {**site.username_map, " lee": "lee"}
    assert accepted(site, " Lee") == "lee"
    assert accepted(site, "\u212aim") is None, "the Kelvin sign is no k, in no map"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform that has started, without a Hub around it."""
    file = tmp_path / "platform.yaml"
    file.write_text(POLICY)
    platform = Platform(state_dir=str(tmp_path / "state"), policy_file=str(file))
    platform.runtime = build_runtime(platform.settings, Argon2Hasher())
    platform.memberships = MembershipSync(SimpleNamespace(), platform.runtime, levels_only=False)
    yield platform
    platform.runtime.store.close()


def user_named(name: str) -> SimpleNamespace:
    """Return a user as the Hub has one."""
    declared = [SimpleNamespace(name=group) for group in ("level:user", "vision")]
    return SimpleNamespace(name=name, admin=False, groups=declared)


async def test_declared_user_is_let_in_and_refreshed(
    site: Authenticator, platform: Platform
) -> None:
    site.platform = platform
    assert site.check_blocked_users("kim")
    assert await site.refresh_user(user_named("kim"))


def test_a_name_that_looks_like_a_users_is_no_name(site: Authenticator, platform: Platform) -> None:
    assert accepted(site, "sc|ent|st") == "sc|ent|st"
    site.platform = platform
    assert accepted(site, "k|m") == "k|m"
    assert accepted(site, "o`malley") is None
    assert accepted(site, "o'malley") == "o'malley"


async def test_undeclared_user_is_neither_let_in_nor_refreshed(
    site: Authenticator, platform: Platform
) -> None:
    site.platform = platform
    with pytest.raises(web.HTTPError, match="mallory is not declared on this platform"):
        site.check_blocked_users("mallory")
    assert await site.refresh_user(user_named("mallory")) is False


async def test_suspended_user_is_neither_let_in_nor_refreshed(
    site: Authenticator, platform: Platform
) -> None:
    site.platform = platform
    with pytest.raises(web.HTTPError, match="out is suspended"):
        site.check_blocked_users("out")
    with pytest.raises(web.HTTPError, match="out is suspended"):
        await site.refresh_user(user_named("out"))


@pytest.mark.parametrize(("said", "theirs"), [(["theirs", "level:admin"], {"theirs"}), ([], set())])
def test_groups_of_the_configuration_stay_beside_those_of_a_provider(
    platform: Platform, said: list[str], theirs: set[str]
) -> None:
    site = wrap_authenticator(DummyAuthenticator)(manage_groups=True)
    site.platform = platform
    site._loaded = {"kim": frozenset({"collab", "level:operator"}), "lee": frozenset({"other"})}
    united = site.unite({"name": "kim", "groups": said}, None)
    assert set(united["groups"]) == {"level:user", "vision", "collab", *theirs}
