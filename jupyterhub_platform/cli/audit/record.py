"""Locates the audit record: its store, and the heads that were noted of it elsewhere."""

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import click

from jupyterhub_platform.cli.local.hub_log import list_files
from jupyterhub_platform.core.errors import StoreError, StoreMismatchError
from jupyterhub_platform.factory import read_store
from jupyterhub_platform.settings import Settings
from jupyterhub_platform.usecases.audit_key import AuditKeyError, PublicKey, read_public
from jupyterhub_platform.usecases.audit_verification import (
    Head,
    VerificationReport,
    read_noted,
    verify,
)

HUB_LOG: Final = Path("logs") / "hub.log"
_TELL_SECONDS: Final = 2.0


def find_settings(state: Path | None) -> Settings:
    """Return where the store is: in ``state``, unless the environment names a database."""
    environment = dict(os.environ)
    if state is not None:
        environment["PLATFORM_STATE_DIR"] = str(state)
    return Settings.from_environment(environment)


def find_log(settings: Settings) -> tuple[Path, ...]:
    """Return the log of the Hub that ``jhp up`` started, and its older files, if there are any."""
    return tuple(list_files(settings.state_dir / HUB_LOG))


def read_heads(logs: Iterable[Path]) -> list[Head]:
    """Read the heads that Hubs noted in their logs."""
    heads: list[Head] = []
    for path in logs:
        with path.open(errors="replace") as lines:
            heads += read_noted(lines)
    return heads


def verify_record(
    settings: Settings, noted: Iterable[Head], key: PublicKey | None = None
) -> VerificationReport:
    """Check the whole record, with progress on stderr if it takes long.

    Without a ``key``, checkpoints are verified with that of the state directory.

    Raises
    ------
    StoreMismatchError
        Raised if the store is not the one that was there before.
    click.UsageError
        Raised if there is no readable store.
    """
    try:
        store = read_store(settings)
        try:
            key = key or read_public(settings.state_dir)
            return verify(store, noted, key=key, say=_make_teller())
        finally:
            store.close()
    except StoreMismatchError:
        raise
    except AuditKeyError as error:
        raise click.UsageError(f"Nothing was verified: {error}.") from None
    except StoreError as error:
        raise click.UsageError(
            f"Nothing was verified: {error}. --state or PLATFORM_DB_URL says where the store is."
        ) from None


def _make_teller() -> Callable[[str, int], None]:
    tell_again = time.monotonic() + _TELL_SECONDS

    def tell(part: str, rows: int) -> None:
        nonlocal tell_again
        if time.monotonic() >= tell_again:
            click.echo(f"{part}: {rows:,} rows so far", err=True)
            sys.stderr.flush()
            tell_again = time.monotonic() + _TELL_SECONDS

    return tell
