"""What the platform makes of an imported document: who is admitted to what, and the pods."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from jupyterhub import orm
from jupyterhub.crypto import CryptKeeper
from jupyterhub.objects import Server
from jupyterhub.user import User
from jupyterhub.utils import maybe_future
from kubespawner import KubeSpawner
from kubespawner.clients import load_config
from traitlets.config import Config

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.core.decision import Decision, decide
from jupyterhub_platform.core.identity_providers import OWN_NAME
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.managed import Sources
from jupyterhub_platform.core.offers import find_image
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import Subject, ask, subject_of
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.documents import ReadPolicy
from jupyterhub_platform.hub.kubernetes.site_spawner import wrap_spawner
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner
from jupyterhub_platform.usecases.admission import Admitted
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.claims_of_login import choose_name, find_provider, take_claims
from tests.sites.folders import Visitor
from tests.sites.stock import Made, _make_user
from tests.support.kubernetes_api import FakeKubernetes

NOW: Final = datetime(2026, 11, 30, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Guest:
    """A visitor of a site as the imported document has them."""

    policy: Policy
    subject: Subject
    is_let_in: bool

    @classmethod
    def of(cls, read: ReadPolicy, visitor: Visitor) -> "Guest":
        """Log a visitor in, by the claims that their provider gives."""
        policy = read.policy
        name = visitor.name
        if visitor.claims and policy.identity.providers:
            (key, provider) = next(iter(policy.identity.providers.items()))
            claims = {**visitor.claims, OWN_NAME: visitor.name, **_list_organizations(visitor)}
            identity = ProviderIdentity(key, provider.issuer, visitor.name, claims)
            name = choose_name(identity, find_provider(policy, identity))
            login = take_claims(None, identity, provider, NOW)
            policy = Sources(read.document).log_in(policy, replace(login, name=name), NOW)[1]
        groups = frozenset(visitor.claims.get("groups", ()))
        person = policy.people.get(name)
        is_let_in = person is not None and person.is_let_in(NOW)
        return cls(policy, subject_of(policy, name, groups, None), is_let_in)

    def as_admin(self) -> "Guest":
        """Return the same user as an admin, to whom everything is open."""
        subject = Subject(self.subject.name, Level.ADMIN, self.subject.accounts)
        return Guest(self.policy, subject, self.is_let_in)

    def decide(self, options: Mapping[str, str]) -> Decision:
        """Decide on a start; it is charged to a group that opens the tier, if one is needed."""
        tier = options.get("tier", self.policy.defaults.tier)
        opened = self.policy.tiers[tier].access.groups if tier in self.policy.tiers else ()
        account = next((each for each in self.subject.accounts if each in opened), "")
        asked = Options(tier, account, options.get("image", ""), size=options.get("size", ""))
        question = ask(self.policy, Book(), self.subject, "", asked, now=NOW, revision=1)
        return decide(question)

    def admit(self, decision: Decision) -> Admitted:
        """Return what admission gives a spawner."""
        question = decision.question
        tier = self.policy.tiers[question.tier].find_variant(question.size)
        assert tier is not None
        reservation = Reservation(
            id=secrets.token_hex(16),
            user=self.subject.name,
            server="",
            spawner_id=1,
            account=question.account,
            tier=question.tier,
            size=question.size,
            image=question.image,
            demand=decision.demand,
            opened_at=NOW,
            idle_timeout=tier.idle_timeout,
        )
        subject = question.subject
        pod = self.policy.pod_of(tier, question.account, subject.accounts, subject.name)
        return Admitted(reservation, tier, find_image(self.policy, question.image), pod, decision)


def _list_organizations(visitor: Visitor) -> dict[str, list[str]]:
    """Return the claim that GitHub's teams come with."""
    teams = [each.partition(":") for each in visitor.claims.get("groups", ())]
    return {"organizations": sorted({name for name, colon, _ in teams if colon})}


def make_pod(config: Config, visitor: Visitor, admitted: Admitted, port: int) -> Made:
    """Return what the platform creates for an admitted start, beside what a site has kept."""
    return asyncio.run(_make(config, visitor, admitted, port))


async def _make(config: Config, visitor: Visitor, admitted: Admitted, port: int) -> Made:
    cluster = FakeKubernetes.start()
    load_config.cache_clear()
    config.KubeSpawner.update({"k8s_api_host": cluster.url, "port": port, "events_enabled": False})
    db = orm.new_session_factory("sqlite:///:memory:")()
    CryptKeeper.clear_instance()
    CryptKeeper.instance(keys=[b"0" * 32])
    try:
        user = await _make_user(db, config, visitor)
        chosen = config.JupyterHub.spawner_class
        kind = (
            wrap_spawner(chosen, KubeTierSpawner) if isinstance(chosen, type) else KubeTierSpawner
        )
        await _start(user, user._new_spawner("", spawner_class=kind), admitted)
        (pod,) = cluster.created
        return Made(pod, cluster.claims)
    finally:
        CryptKeeper.clear_instance()
        await KubeSpawner._stop_all_reflectors()
        KubeSpawner.reflectors.clear()
        await cluster.close()
        engine = db.get_bind()
        db.close()
        engine.dispose()


async def _start(user: User, spawner: Any, admitted: Admitted) -> None:
    row = orm.Server(base_url=user.base_url)
    user.db.add(row)
    user.db.commit()
    spawner.server = Server(orm_server=row)
    spawner.api_token = "of-a-server"
    spawner.admitted = admitted
    await spawner.run_auth_state_hook(await user.get_auth_state())
    await spawner.apply_group_overrides()
    await maybe_future(spawner.run_pre_spawn_hook())
    await spawner.start()
