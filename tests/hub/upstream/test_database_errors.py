"""A failure of the Hub's database is answered with 503, whatever the request."""

from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError, OperationalError
from tornado import web

from jupyterhub_platform.hub.upstream.database_errors import (
    SENTENCE,
    HubDatabaseError,
    count_commits,
    explain_failed_identification,
    explain_failures,
)
from tests.hub.upstream.conftest import Serve

LOST = text("SELECT * FROM lost")


def test_a_failure_is_explained_and_noted_and_remains_one_of_sqlalchemys() -> None:
    engine, noted = create_engine("sqlite://"), []
    explain_failures(engine, lambda: noted.append(1))
    with engine.connect() as connection, pytest.raises(OperationalError) as caught:
        connection.execute(LOST)
    engine.dispose()
    error = caught.value
    assert isinstance(error, HubDatabaseError)
    assert isinstance(error, web.HTTPError)
    assert (error.status_code, error.jupyterhub_message) == (503, SENTENCE)
    assert error.headers == {"Retry-After": "10"}
    assert str(error) == "The Hub's own database: no such table: lost"
    assert noted == [1]


def test_a_value_that_breaks_a_rule_is_no_failure_of_the_database() -> None:
    engine, noted = create_engine("sqlite://"), []
    explain_failures(engine, lambda: noted.append(1))
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE names (name TEXT UNIQUE)"))
        connection.execute(text("INSERT INTO names VALUES ('a')"))
        with pytest.raises(IntegrityError) as caught:
            connection.execute(text("INSERT INTO names VALUES ('a')"))
    engine.dispose()
    assert not isinstance(caught.value, web.HTTPError)
    assert noted == []


async def succeed(handler: Any) -> None:
    handler.write({})


async def test_a_failure_while_the_caller_is_identified_is_no_anonymous_caller(
    serve: Serve, database: Any
) -> None:
    explain_failures(database.get_bind(), lambda: None)
    explain_failed_identification()
    explain_failed_identification()
    async with serve(succeed) as client:
        assert (await client.get("/hub/api/asked")).status_code == 200
        database.execute(text("ALTER TABLE api_tokens RENAME TO lost"))
        database.commit()
        asked = {"Authorization": "token secret"}
        answer = await client.get("/hub/api/asked", headers=asked)
        assert (answer.status_code, answer.json()["message"]) == (503, SENTENCE)
        assert answer.headers["Retry-After"] == "10"
        # The next one is not answered for the failure of that one.
        assert (await client.get("/hub/api/asked")).status_code == 200


def test_commits_are_counted_from_when_they_are_first_asked_for(database: Any) -> None:
    database.execute(text("CREATE TABLE some (name TEXT)"))
    database.commit()
    assert count_commits(database) == 0
    for expected in (1, 2):
        database.execute(text("INSERT INTO some VALUES ('a')"))
        database.commit()
        assert count_commits(database) == expected
    database.execute(text("INSERT INTO some VALUES ('a')"))
    database.rollback()
    assert count_commits(database) == 2
