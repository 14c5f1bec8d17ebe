"""What KubeSpawner alone makes of a site's earlier configuration: pods, and claims of homes."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from jupyterhub import orm
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.crypto import CryptKeeper
from jupyterhub.objects import Hub, Server
from jupyterhub.user import User
from jupyterhub.utils import maybe_future
from kubespawner import KubeSpawner
from kubespawner.clients import load_config
from traitlets.config import Config

from tests.sites.folders import Visitor
from tests.support.kubernetes_api import FakeKubernetes


class Made(NamedTuple):
    """What is created for a server; ``claims`` are those of volumes, by name."""

    pod: Mapping[str, Any]
    claims: Mapping[str, Any]


def make_stock(config: Config, visitor: Visitor, options: Mapping[str, str], port: int) -> Made:
    """Return what a Hub with this configuration creates for a user who chooses these options."""
    return asyncio.run(_make(config, visitor, options, port))


async def _make(config: Config, visitor: Visitor, options: Mapping[str, str], port: int) -> Made:
    cluster = FakeKubernetes.start()
    load_config.cache_clear()
    config.KubeSpawner.update({"k8s_api_host": cluster.url, "port": port, "events_enabled": False})
    db = orm.new_session_factory("sqlite:///:memory:")()
    CryptKeeper.clear_instance()
    CryptKeeper.instance(keys=[b"0" * 32])
    try:
        user = await _make_user(db, config, visitor)
        chosen = config.JupyterHub.spawner_class
        kind = chosen if isinstance(chosen, type) else KubeSpawner
        spawner = user._new_spawner("", spawner_class=kind)
        await _start(user, spawner, options)
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


async def _start(user: User, spawner: Any, options: Mapping[str, str]) -> None:
    """Start it as ``User.spawn`` does, which needs a whole Hub."""
    row = orm.Server(base_url=user.base_url)
    user.db.add(row)
    user.db.commit()
    spawner.server = Server(orm_server=row)
    spawner.api_token = "of-a-server"
    spawner.user_options = dict(options)
    await spawner.run_auth_state_hook(await user.get_auth_state())
    await spawner.apply_group_overrides()
    await maybe_future(spawner.run_pre_spawn_hook())
    await spawner.start()


async def _make_user(db: Any, config: Config, visitor: Visitor) -> User:
    row = orm.User(name=visitor.name, admin=visitor.is_admin)
    row.groups = [orm.Group(name=name) for name in visitor.claims.get("groups", ())]
    db.add(row)
    db.commit()
    settings = {
        "config": config,
        "hub": Hub(ip="10.0.0.1", port=8081, base_url="/hub/", public_host=""),
        "base_url": "/",
        "authenticator": DummyAuthenticator(allow_all=True, enable_auth_state=True),
        "log": logging.getLogger("JupyterHub"),
    }
    user = User(row, settings, db=db)
    if visitor.claims:
        await user.save_auth_state({"oauth_user": visitor.claims, "user": visitor.claims})
    return user
