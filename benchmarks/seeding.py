"""Fills what a Hub starts from: its database, and the store of the platform."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyterhub import orm, roles

from benchmarks.population import Population, make_document, make_policy, render_document
from jupyterhub_platform.core.memberships import list_declared
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.store import policies
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.admission import Admission, Start
from jupyterhub_platform.usecases.snapshot import InForce, Snapshot
from jupyterhub_platform.usecases.store_health import StoreHealth


def fill_site(directory: Path, population: Population, port: int) -> None:
    """Write policy, store and Hub database, as they are while everybody busy has a server.

    A stock Hub and a governed one start from the same files: the Hub's databases do not differ.
    """
    directory.mkdir(parents=True)
    (directory / "platform.yaml").write_text(render_document(make_document(population)))
    policy = make_policy(population)
    held = fill_store(f"sqlite:///{(directory / 'platform.sqlite').absolute()}", population, policy)
    _fill_hub(f"sqlite:///{directory / 'hub.sqlite'}", population, policy, held, port)


def fill_store(url: str, population: Population, policy: Policy) -> dict[str, Reservation]:
    """Admit everybody who is busy, and return what they hold; remember their memberships."""
    store = Store.open(url)
    try:
        admission = Admission(store, StoreHealth(store), InForce(Snapshot(policy, 1)))
        account = population.account_of()
        held = {
            name: admission.admit(
                Start(name, frozenset({account[name]}), "", {"tier": "small"}, number)
            ).reservation
            for number, name in enumerate(population.busy, start=1)
        }
        with store.begin() as transaction:
            applied = list_declared(policy)
            pairs = [(name, group) for name, groups in applied.items() for group in groups]
            policies.add_applied_memberships(transaction, pairs)
    finally:
        store.close()
    return held


def _fill_hub(
    url: str, population: Population, policy: Policy, held: dict[str, Reservation], port: int
) -> None:
    session = orm.new_session_factory(url)()
    for role in roles.get_default_roles():
        roles.create_role(session, role)
    memberships = list_declared(policy)
    user_id = {name: number for number, name in enumerate(sorted(memberships), start=1)}
    groups = sorted({group for groups in memberships.values() for group in groups})
    group_id = {name: number for number, name in enumerate(groups, start=1)}
    role_id = {role.name: role.id for role in session.query(orm.Role)}
    now = datetime.now(UTC).replace(tzinfo=None)
    server_id = {name: number for number, name in enumerate(population.busy, start=1)}
    _insert(session, orm.User, [{"id": id_, "name": name} for name, id_ in user_id.items()])
    _insert(session, orm.Group, [{"id": id_, "name": name} for name, id_ in group_id.items()])
    session.execute(
        orm.user_group_map.insert(),
        [
            {"user_id": user_id[name], "group_id": group_id[group]}
            for name, groups in memberships.items()
            for group in groups
        ],
    )
    _insert(
        session,
        orm._role_associations["user"],
        [{"user_id": id_, "role_id": role_id["user"]} for id_ in user_id.values()],
    )
    _insert(
        session,
        orm.Server,
        [
            {"id": id_, "ip": "127.0.0.1", "port": port, "base_url": f"/user/{name}/"}
            for name, id_ in server_id.items()
        ],
    )
    _insert(
        session,
        orm.Spawner,
        [
            {
                "id": id_,
                "user_id": user_id[name],
                "server_id": id_,
                "name": "",
                "state": {"runs": True, "platform": held[name].to_json()},
                "user_options": {"tier": "small"},
                "started": now,
                "last_activity": now,
            }
            for name, id_ in server_id.items()
        ],
    )
    session.commit()
    engine = session.get_bind()
    session.close()
    engine.dispose()


def _insert(session: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(table.__table__.insert(), rows)
