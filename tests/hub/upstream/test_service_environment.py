"""The environment of a service stays out of the Hub's database."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.services.service import Service

from jupyterhub_platform.hub.upstream.service_environment import (
    keep_environments_out_of_database,
)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JupyterHub]:
    """Give a Hub that has a database, and starts nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Service.class_traits()["environment"].metadata, "in_db", True)
    made = JupyterHub(db_url="sqlite:///:memory:")
    made.init_db()
    made.init_hub()
    made.init_oauth()
    yield made
    made.db.close()
    made.session_factory.kw["bind"].dispose()


def store(app: JupyterHub) -> str:
    """Make a service with a secret, and return what the database has of it."""
    spec = {"name": "s", "command": ["true"], "environment": {"SECRET": "opensesame"}}
    service = app.service_from_spec(spec)
    assert service.environment == {"SECRET": "opensesame"}
    app.db.commit()
    row = orm.Service.find(app.db, "s")
    columns = {name: getattr(row, name) for name in dict(row.__table__.columns)}
    return json.dumps(columns, default=str)


def test_jupyterhub_by_itself_stores_it(app: JupyterHub) -> None:
    assert "opensesame" in store(app)


def test_a_secret_is_not_stored(app: JupyterHub) -> None:
    keep_environments_out_of_database()
    keep_environments_out_of_database()
    assert "opensesame" not in store(app)
