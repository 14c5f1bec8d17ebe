"""Users of identity providers: their name, what rules give them, and how that ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.core.claims import MAX_VALUES, ProviderIdentity
from jupyterhub_platform.core.errors import ClaimsError, PolicyError
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.people.password_hashes import Argon2Hasher
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store.credentials import get_credentials, set_password
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Changes
from jupyterhub_platform.usecases.claimed_people import ClaimedPeople, Forget, LogIn
from jupyterhub_platform.usecases.credentials import LocalCredentials
from jupyterhub_platform.usecases.managed import PutObject, RetireObject
from jupyterhub_platform.usecases.policies import Policies, PublishPolicy
from jupyterhub_platform.usecases.reports.reader import StoreReader
from jupyterhub_platform.usecases.snapshot import InForce
from tests.usecases.conftest import Clock, read_audit

ISSUER = "https://id.example.org"
FILE = """\
version: 1
users:
  root: {level: admin}
  lee: {groups: [text]}
groups:
  vision: {from: [/projects/vision]}
  text: {}
  staff: {}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
identity:
  providers:
    company: {issuer: "https://id.example.org", names: NAMES, client: {id: hub, auth: none}}
    partner: {issuer: "https://partner.example.org", client: {id: hub, auth: none}}
  rules:
    - {when: {kind: alumni}, refuse: alumni are not let in}
    - {when: {kind: guest}, level: viewer, for: 7d}
    - {when: {groups: boss}, level: admin, allow_elevated: true}
    - {title: Staff, when: {groups: /staff}, level: developer, groups: [staff]}
"""


class Site:
    """A platform with a provider, whose users log in."""

    def __init__(self, store: Store, file: Path, clock: Clock) -> None:
        self.store, self.file, self.clock = store, file, clock
        self.policies = Policies(store, clock=clock)
        self.in_force = InForce(self.policies.publish(PolicyFiles(file), actor="root"))
        self.changes = Changes(store, self.in_force, clock=clock)
        self.hub: set[str] = set()

        async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
            return call(*arguments)

        self.claimed = ClaimedPeople(
            store,
            LocalCredentials(store, Argon2Hasher()),
            lambda: self.in_force.snapshot,
            self.changes.apply,
            in_thread,
            clock,
        )

    @property
    def policy(self) -> Policy:
        return self.in_force.snapshot.policy

    async def log_in(self, subject: str, user: str = "", **said: Any) -> str:
        given = identity(subject, user or subject, **said)
        return (await self.claimed.log_in(given, self.hub.__contains__)).name

    async def refresh(self, user: str, subject: str = "", **said: Any) -> bool:
        return await self.claimed.refresh(user, identity(subject or user, user, **said))

    async def write(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))
        await self.changes.apply(PublishPolicy(PolicyFiles(self.file), "root", self.store))

    def says(self, name: str) -> tuple[str, set[str]]:
        person = self.policy.people[name]
        return str(person.level), set(self.policy.declared_groups(name))

    def restarted(self) -> Policy:
        return self.policies.publish(PolicyFiles(self.file), actor="root").policy


def identity(subject: str, user: str, provider: str = "company", **said: Any) -> ProviderIdentity:
    issuer = ISSUER if provider == "company" else "https://partner.example.org"
    return ProviderIdentity(provider, issuer, subject, {"preferred_username": user, **said})


@pytest.fixture
def site(tmp_path: Path, store: Store, clock: Clock) -> Site:
    file = tmp_path / "platform.yaml"
    file.write_text(FILE.replace("NAMES", "assigned"))
    return Site(store, file, clock)


async def test_a_rule_makes_a_user_of_one_who_matches_it(site):
    assert await site.log_in("s1", "Kim", groups=["/staff", "/projects/vision"], name="Kim Lee")
    assert site.says("kim") == ("developer", {"staff", "vision"})
    person = site.policy.people["kim"]
    assert (person.title, person.level_rule, person.is_own) == (
        "Kim Lee",
        "identity.rules.3",
        False,
    )
    row = read_audit(site.store)[0]
    assert (row.actor, row.action, row.subject) == ("kim", "person.claimed", "kim")
    assert '"rule":"identity.rules.3"' in row.detail_json


async def test_it_is_the_same_after_a_restart_and_for_the_service(site, store_url):
    reader = StoreReader(store_url, clock=site.clock)
    assert "kim" not in reader.read().policy.people
    await site.log_in("kim", groups=["/staff", "/projects/vision"])
    assert reader.read().policy.people["kim"] == site.policy.people["kim"]
    assert await site.refresh("kim", groups=["/staff"])
    assert reader.read().policy.people["kim"] == site.policy.people["kim"]
    restarted = site.restarted()
    assert restarted.people["kim"] == site.policy.people["kim"]
    assert restarted.declared_groups("kim") == {"staff"}


async def test_a_user_whom_no_rule_lets_in_leaves_no_trace(site):
    with pytest.raises(ClaimsError, match="no rule of this platform lets you in"):
        await site.log_in("kim", groups=["/others"])
    with pytest.raises(ClaimsError, match="alumni are not let in"):
        await site.log_in("kim", kind="alumni", groups=["/staff"])
    assert "kim" not in site.policy.people
    assert read_audit(site.store)[0].action == "policy.published"


async def test_what_a_rule_gave_goes_with_the_claim(site):
    await site.log_in("kim", groups=["/staff", "/projects/vision"])
    assert await site.refresh("kim", groups=["/staff"])
    assert site.says("kim") == ("developer", {"staff"})
    assert not await site.refresh("kim", groups=[])
    assert site.says("kim") == ("viewer", set())
    assert not site.policy.lets_in("kim", site.clock.now)
    with pytest.raises(ClaimsError, match="no rule"):
        await site.log_in("kim", groups=[])
    assert await site.log_in("kim", groups=["/staff"]) == "kim"
    assert site.says("kim") == ("developer", {"staff"})


async def test_a_provider_that_says_nothing_of_groups_does_not_say_that_there_are_none(site):
    await site.log_in("kim", groups=["/staff"])
    site.clock.advance(hours=20)
    assert await site.refresh("kim")
    assert site.says("kim") == ("developer", {"staff"})
    site.clock.advance(hours=5)
    assert not await site.refresh("kim")


async def test_what_is_only_added_takes_nothing_back(site):
    await site.log_in("kim", groups=["/staff"], kind="guest")
    added = identity("kim", "kim", groups=["/projects/vision"])
    assert (await site.claimed.log_in(added, lambda _: True, adds=True)).name == "kim"
    assert site.says("kim") == ("viewer", {"vision"})
    assert (await site.claimed.log_in(identity("lee", "lee"), bool, adds=True)).name == "lee"
    with pytest.raises(ClaimsError, match="no rule of this platform"):
        await site.claimed.log_in(added, lambda _: True)
    assert site.says("kim") == ("viewer", set())


async def test_what_is_said_again_writes_nothing(site):
    await site.log_in("kim", groups=["/staff"], nonce="1", iat=1)
    before, rows = site.in_force.snapshot, len(read_audit(site.store))
    assert await site.log_in("kim", groups=["/staff"], nonce="2", iat=2) == "kim"
    assert await site.refresh("kim", groups=["/staff"])
    assert site.in_force.snapshot is before
    assert len(read_audit(site.store)) == rows


async def test_the_name_stays_with_the_subject(site):
    assert await site.log_in("s1", "kim", groups=["/staff"]) == "kim"
    assert await site.log_in("s1", "root", groups=["/staff"]) == "kim"
    assert site.says("root") == ("admin", set())
    with pytest.raises(ClaimsError, match="belongs to another user of company"):
        await site.log_in("s2", "kim", groups=["/staff"])
    assert not await site.refresh("kim", "s2", groups=["/staff"])


@pytest.mark.parametrize("name", ["root", "lee", "old"])
async def test_a_name_that_is_known_is_given_only_where_the_provider_assigns_names(site, name):
    site.hub.add("old")
    await site.write("assigned", "chosen")
    with pytest.raises(ClaimsError, match="users of company choose their names"):
        await site.log_in("s1", name, groups=["/staff"])
    await site.write("chosen", "assigned")
    assert await site.log_in("s1", name, groups=["/staff"]) == name


async def test_an_address_that_is_not_verified_gives_no_name(site):
    said = {"preferred_username": "", "email": "kim@example.org", "groups": ["/staff"]}
    told = r"has a name \(email does not count: company does not say that it is verified\)"
    with pytest.raises(ClaimsError, match=told):
        await site.claimed.log_in(replace(identity("s1", ""), claims=said), lambda _: False)
    verified = replace(identity("s1", ""), claims={**said, "email_verified": True})
    assert (await site.claimed.log_in(verified, lambda _: False)).name == "kim@example.org"
    partner = replace(identity("s1", "", "partner"), claims={**said, "email_verified": True})
    with pytest.raises(ClaimsError, match="belongs to another user of company"):
        await site.claimed.log_in(partner, lambda _: False)


async def test_a_rule_that_asks_for_an_address_says_that_it_is_not_verified(site):
    said = {"email": "kim@example.org"}
    with pytest.raises(ClaimsError, match=r"no rule of this platform lets you in$"):
        await site.log_in("kim", **said)
    await site.write("{groups: boss}", '{email: "*@example.org"}')
    with pytest.raises(ClaimsError, match=r"lets you in \(email does not count: company does"):
        await site.log_in("kim", **said)
    with pytest.raises(ClaimsError, match=r"no rule of this platform lets you in$"):
        await site.log_in("kim")
    assert await site.log_in("kim", **said, email_verified=True)
    with pytest.raises(ClaimsError, match=r"lets you in \(email does not count: company does"):
        await site.log_in("kim", **said)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"groups": [f"g{n}" for n in range(MAX_VALUES + 1)]}, "1001 values"),
        ({"groups": {"vision": True}}, "no text"),
        ({"groups": [["/staff"]]}, "no text"),
        ({"groups": ["/staff"], "note": "x" * 200_000}, "KiB"),
    ],
)
async def test_claims_that_cannot_be_read_let_nobody_in_and_end_nothing(site, said, why):
    with pytest.raises(ClaimsError, match=why):
        await site.log_in("kim", **said)
    await site.log_in("kim", groups=["/staff"])
    with pytest.raises(ClaimsError, match=why):
        await site.refresh("kim", **said)
    assert site.says("kim") == ("developer", {"staff"})


async def test_a_look_alike_of_another_user_is_refused(site):
    with pytest.raises(ClaimsError, match="looks like that of another user, lee"):
        await site.log_in("s1", "|ee", groups=["/staff"])


async def test_a_group_of_the_provider_that_is_called_like_a_level_gives_none(site):
    await site.log_in("kim", groups=["/staff", "level:admin"])
    assert site.says("kim") == ("developer", {"staff"})


async def test_what_file_and_hub_say_wins_field_by_field(site):
    await site.log_in("lee", groups=["/staff", "/projects/vision"])
    assert site.says("lee") == ("developer", {"text", "vision"})
    await site.log_in("kim", groups=["/staff"])
    kim = Key(Kind.USER, "kim")
    await site.changes.apply(PutObject(kim, {"level": "viewer"}, "why", "root"))
    assert site.says("kim") == ("viewer", {"staff"})
    assert site.policy.people["kim"].level_rule == ""
    assert await site.refresh("kim", groups=[])
    assert site.says("kim") == ("viewer", set())
    await site.refresh("kim", groups=["/staff"])
    await site.changes.apply(RetireObject(kim, "why", "root"))
    assert site.says("kim") == ("developer", {"staff"})


async def test_what_a_rule_gives_ends_with_time(site):
    await site.log_in("kim", kind="guest")
    assert site.policy.people["kim"].level is Level.VIEWER
    site.clock.advance(days=6)
    assert await site.refresh("kim", kind="guest")
    site.clock.advance(days=2)
    assert not site.policy.lets_in("kim", site.clock.now)
    assert not await site.refresh("kim", kind="guest")
    with pytest.raises(ClaimsError, match="has ended"):
        await site.log_in("kim", kind="guest")


async def test_other_rules_are_in_force_with_the_file(site):
    await site.log_in("kim", groups=["/staff", "/projects/vision"])
    await site.write("level: developer, groups: [staff]", "level: user")
    assert site.says("kim") == ("user", {"vision"})
    await site.write("from: [/projects/vision]", "title: Vision")
    assert site.says("kim") == ("user", set())
    await site.write("groups: /staff", "groups: /nobody")
    assert not site.policy.lets_in("kim", site.clock.now)


async def test_servers_are_told_what_policy_names_and_nothing_else(site):
    await site.write("images: [lab]}", "images: [lab], environment: {WHERE: {claim: department}}}")
    said = {"groups": ["/staff"], "department": "optics", "salary": 1}
    await site.log_in("kim", **said)
    tier = site.policy.tiers["small"]
    environment = site.policy.pod_of(tier, "staff", ["staff"], "kim").environment
    assert environment["WHERE"] == "optics"
    assert site.policy.people["kim"].claims == {"department": "optics"}
    assert site.restarted().people["kim"] == site.policy.people["kim"]
    await site.log_in("kim", **{**said, "department": ["optics", "text"]})
    assert "WHERE" not in site.policy.pod_of(tier, "staff", ["staff"], "kim").environment


async def test_servers_are_told_no_address_that_is_not_verified(site):
    told = "{MAIL: {claim: email}, LAND: {claim: address.country}}"
    await site.write("images: [lab]}", f"images: [lab], environment: {told}}}")
    said = {"groups": ["/staff"], "email": "boss@example.org", "address": {"country": "AU"}}

    def environment() -> Any:
        tier = site.policy.tiers["small"]
        return dict(site.policy.pod_of(tier, "staff", ["staff"], "kim").environment)

    await site.log_in("kim", **said)
    assert environment() == {"LAND": "AU"}
    await site.log_in("kim", **said, email_verified=True)
    assert environment() == {"LAND": "AU", "MAIL": "boss@example.org"}


async def test_a_group_is_retired_that_only_providers_feed(site):
    video = Key(Kind.GROUP, "video")
    await site.changes.apply(PutObject(video, {"from": ["/video"]}, "why", "root"))
    await site.log_in("kim", groups=["/staff", "/video"])
    assert site.says("kim")[1] == {"staff", "video"}
    await site.changes.apply(RetireObject(video, "why", "root"))
    assert site.says("kim")[1] == {"staff"}
    assert "video" not in site.restarted().groups


@pytest.mark.parametrize(
    ("name", "level", "keeps"), [("new", "user", False), ("boss", "admin", True)]
)
async def test_a_password_that_another_user_may_know_is_void(site, name, level, keeps):
    await site.changes.apply(PutObject(Key(Kind.USER, name), {"level": level}, "why", "root"))
    with site.store.begin() as transaction:
        set_password(transaction, name, "hash", site.clock.now)
    given = identity("s1", name, groups=["/staff"])
    assert (await site.claimed.log_in(given, lambda _: True)).lost_password is not keeps
    with site.store.read() as transaction:
        assert (get_credentials(transaction, name) is not None) is keeps
    assert not (await site.claimed.log_in(given, lambda _: True)).lost_password
    assert ("removed" in read_audit(site.store)[0].detail_json) is not keeps


async def test_an_admin_by_a_rule_is_no_reason_to_do_without_another(site):
    await site.log_in("ann", groups=["boss"])
    assert site.policy.people["ann"].level is Level.ADMIN
    assert site.policy.own_admins() == ("root",)
    assert site.policy.admins() == ("ann", "root")


async def test_a_managed_group_may_name_users_of_providers(site):
    await site.log_in("kim", groups=["/staff"])
    video = Key(Kind.GROUP, "video")
    says = {"members": ["kim"], "from": ["/video"]}
    await site.changes.apply(PutObject(video, says, "why", "root"))
    assert site.says("kim")[1] == {"staff", "video"}
    await site.refresh("kim", groups=["/staff", "/video"])
    await site.refresh("kim", groups=["/staff"])
    assert site.says("kim")[1] == {"staff", "video"}, "the group lists them itself"
    with pytest.raises(PolicyError, match=r"still named by groups\.video"):
        await site.changes.apply(Forget("kim", "left", "root"))
    await site.changes.apply(PutObject(video, {}, "why", "root"))
    await site.changes.apply(Forget("kim", "left", "root"))
    assert "kim" not in site.policy.people
    assert site.restarted().people.keys() == site.policy.people.keys()
    assert await site.log_in("s9", "kim", groups=["/staff"]) == "kim"


async def test_who_is_forgotten_while_they_are_refreshed_is_not_made_anew(site):
    await site.log_in("kim", groups=["/staff"])
    await site.changes.apply(Forget("kim", "another user's from now on", "root"))
    with pytest.raises(ClaimsError, match="it has another user for kim"):
        await site.changes.apply(LogIn(identity("kim", "kim", groups=["/staff"]), known="kim"))
    assert "kim" not in site.policy.people


async def test_who_is_forgotten_is_forgotten_by_the_service_too(site, store_url):
    reader = StoreReader(store_url, clock=site.clock)
    await site.log_in("kim", groups=["/staff"])
    assert "kim" in reader.read().policy.people
    await site.changes.apply(Forget("kim", "left", "root"))
    assert "kim" not in reader.read().policy.people
    with pytest.raises(ClaimsError, match="has not logged in"):
        await site.changes.apply(Forget("kim", "left", "root"))


async def test_a_provider_that_is_declared_no_more_lets_nobody_in(site):
    await site.log_in("kim", groups=["/staff"])
    await site.write("company: {issuer", "other: {issuer")
    assert not site.policy.lets_in("kim", site.clock.now)
    with pytest.raises(ClaimsError, match="not declared any more"):
        await site.log_in("kim", groups=["/staff"])


def test_times_end_where_the_earlier_one_does(site):
    rule = replace(site.policy.identity.rules[1], until=site.clock.now + timedelta(days=1))
    assert rule.ends(site.clock.now) == site.clock.now + timedelta(days=1)
    assert rule.ends(site.clock.now - timedelta(days=7)) == site.clock.now


async def test_groups_of_several_claims_count_together_and_each_is_kept_for_a_day(site):
    await site.write("names: assigned", "names: assigned, groups: [groups, access.roles]")
    await site.write("text: {}", "text: {from: [reader]}")
    staff = {"groups": ["/staff"]}
    await site.log_in("kim", **staff, access={"roles": ["reader"]})
    assert site.says("kim") == ("developer", {"staff", "text"})
    assert await site.refresh("kim", **staff, access={"roles": []})
    assert site.says("kim") == ("developer", {"staff"})
    assert await site.refresh("kim", **staff, access={"roles": ["reader"]})
    for _ in range(2):
        site.clock.advance(hours=11)
        assert await site.refresh("kim", **staff)
        assert site.says("kim") == ("developer", {"staff", "text"})
    site.clock.advance(hours=3)
    assert await site.refresh("kim", **staff)
    assert site.says("kim") == ("developer", {"staff"})
