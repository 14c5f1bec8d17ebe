"""Reads rows for ``jhp audit``: from the store itself, or from a Hub by REST. Both answer alike."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import click

from jupyterhub_platform.cli.audit.record import find_settings
from jupyterhub_platform.cli.hub.client import HubClient
from jupyterhub_platform.core.errors import StoreError, StoreMismatchError
from jupyterhub_platform.factory import read_store
from jupyterhub_platform.usecases.reports.as_json import render_json
from jupyterhub_platform.usecases.reports.audit import read_part, report_audit, report_event
from jupyterhub_platform.usecases.reports.paging import QueryError


class Source(Protocol):
    """Reads the audit."""

    def read(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the part of the audit that a query of the REST call asks for."""
        ...

    def find(self, number: int) -> dict[str, Any] | None:
        """Return one row; ``None`` if there is none."""
        ...


class _Stored:
    def __init__(self, store: Any) -> None:
        self._store = store

    def read(self, query: Mapping[str, str]) -> dict[str, Any]:
        try:
            part = read_part(query, datetime.now(UTC))
        except QueryError as error:
            raise click.UsageError(str(error)) from None
        answer: dict[str, Any] = render_json(report_audit(self._store, part))
        return answer

    def find(self, number: int) -> dict[str, Any] | None:
        event = report_event(self._store, str(number))
        return None if event is None else render_json(event)


class _Asked:
    def __init__(self, hub: HubClient) -> None:
        self._hub = hub

    def read(self, query: Mapping[str, str]) -> dict[str, Any]:
        return self._hub.read("audit", dict(query), keys=("items", "go_on"))

    def find(self, number: int) -> dict[str, Any] | None:
        return self._hub.read(f"audit/{number}", {}, keys=("number", "sentence", "hash"))


@contextmanager
def open_source(url: str | None, state: Path | None) -> Iterator[Source]:
    """Open the store of a state directory or of the environment, or the Hub at ``url``.

    Raises
    ------
    StoreMismatchError
        Raised if the store is not the one that was there before.
    click.UsageError
        Raised if there is no readable store.
    """
    if url is not None:
        with HubClient.find(url, Path(os.curdir)) as hub:
            yield _Asked(hub)
        return
    try:
        store = read_store(find_settings(state))
    except StoreMismatchError:
        raise
    except StoreError as error:
        raise click.UsageError(
            f"The audit cannot be read: {error}. --state or PLATFORM_DB_URL says where the store "
            "is; --url asks a Hub."
        ) from None
    try:
        yield _Stored(store)
    finally:
        store.close()
