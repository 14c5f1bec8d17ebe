"""The tables of the store, as the newest schema version has them.

Versions are four-digit numbers, in order; each is a module in
``migrations/versions``, and :data:`SCHEMA_VERSION` names the newest. Whatever
is JSON is kept as text, so that its bytes are the same on both databases.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

from jupyterhub_platform.store.column_types import CleanText, UtcTime

SCHEMA_VERSION: Final = "0015"
"""The newest schema version, and the one that this code reads and writes."""

VERSION_TABLE: Final = "platform_alembic_version"
"""Ours alone: JupyterHub keeps its own version in ``alembic_version``."""


metadata = MetaData()

store_info = Table("store_info", metadata, Column("id", String(36), primary_key=True))

policy_revision = Table(
    "policy_revision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("document", CleanText, nullable=False),
    Column("digest", String(128), nullable=False),
    Column("source", CleanText, nullable=False),
    Column("actor", CleanText, nullable=False),
    Column("at", UtcTime, nullable=False),
)

managed_object = Table(
    "managed_object",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", CleanText, primary_key=True),
    Column("document", CleanText, nullable=False),
    Column("version", Integer, nullable=False),
    Column("by_name", CleanText, nullable=False),
    Column("at", UtcTime, nullable=False),
)

managed_revision = Table(
    "managed_revision",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("name", CleanText, nullable=False),
    Column("before", CleanText),
    Column("after", CleanText),
    Column("actor", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("at", UtcTime, nullable=False),
)
Index("managed_revision_of", managed_revision.c.kind, managed_revision.c.name)

applied_membership = Table(
    "applied_membership",
    metadata,
    Column("user_name", CleanText, primary_key=True),
    Column("group_name", CleanText, primary_key=True),
)

added_membership = Table(
    "added_membership",
    metadata,
    Column("user_name", CleanText, primary_key=True),
    Column("group_name", CleanText, primary_key=True),
)

local_account = Table(
    "local_account",
    metadata,
    Column("name", CleanText, primary_key=True),
    Column("password_hash", Text),
    Column("password_set_at", UtcTime),
    Column("invite_hash", String(128), unique=True),
    Column("invite_expires_at", UtcTime),
    Column("invite_by", CleanText),
    Column("invite_used_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

claimed_person = Table(
    "claimed_person",
    metadata,
    Column("issuer", CleanText, primary_key=True),
    Column("subject", CleanText, primary_key=True),
    Column("provider", CleanText, nullable=False),
    Column("name", CleanText, unique=True),
    Column("was", CleanText),
    Column("claims", CleanText, nullable=False),
    Column("first_at", UtcTime, nullable=False),
    Column("grouped_at", UtcTime, nullable=False),
    Column("change", BigInteger, nullable=False),
)
Index("claimed_person_of_change", claimed_person.c.change)

suspension = Table(
    "suspension",
    metadata,
    Column("name", CleanText, primary_key=True),
    Column("reason", CleanText, nullable=False),
    Column("until", UtcTime),
    Column("by_name", CleanText, nullable=False),
    Column("at", UtcTime, nullable=False),
)

access_request = Table(
    "access_request",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user", CleanText, nullable=False),
    Column("account", CleanText, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("wish", CleanText, nullable=False),
    Column("seconds", Integer),
    Column("reason", CleanText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", CleanText),
    Column("decided_at", UtcTime),
    Column("answer", CleanText),
)
Index("access_request_of_state", access_request.c.state, access_request.c.at)
Index("access_request_of_user", access_request.c.user, access_request.c.at)

revoked_share = Table(
    "revoked_share",
    metadata,
    Column("suspended", CleanText, primary_key=True),
    Column("owner", CleanText, primary_key=True),
    Column("server", CleanText, primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("shared_with", CleanText, primary_key=True),
    Column("scopes", CleanText, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("spawner_id", BigInteger, nullable=False),
    Column("shared_with_id", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
)

reservation = Table(
    "reservation",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("user", CleanText, nullable=False),
    Column("server", CleanText, nullable=False),
    Column("spawner_id", BigInteger, nullable=False),
    Column("account", CleanText, nullable=False),
    Column("tier", CleanText, nullable=False),
    Column("image", CleanText, nullable=False),
    Column("demand", Text, nullable=False),
    Column("policy_revision", Integer, nullable=False),
    Column("observed", Boolean, nullable=False),
    Column("codes", CleanText, nullable=False),
    Column("sentence", CleanText, nullable=False),
    Column("decision", CleanText, nullable=False),
    Column("requested_by", CleanText, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime),
    Column("idle_seconds", Integer),
    Column("ready_at", UtcTime),
    Column("released_at", UtcTime),
    Column("release_reason", CleanText),
    Column("size", CleanText),
)
Index("reservation_by_time", reservation.c.opened_at, reservation.c.id)
Index(
    "reservation_open",
    reservation.c.user,
    reservation.c.server,
    sqlite_where=reservation.c.released_at.is_(None),
    postgresql_where=reservation.c.released_at.is_(None),
)

_ENDED = reservation.c.released_at.is_not(None)
# A row gets into these only when it is closed: an admission does without.
for _name, _columns in (
    ("reservation_ended", ()),
    ("reservation_ended_of_user", (reservation.c.user,)),
    ("reservation_ended_of_account", (reservation.c.account,)),
    ("reservation_ended_of_tier", (reservation.c.tier,)),
):
    Index(
        _name,
        *_columns,
        reservation.c.released_at,
        sqlite_where=_ENDED,
        postgresql_where=_ENDED,
    )

decision = Table(
    "decision",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("user", CleanText, nullable=False),
    Column("server", CleanText, nullable=False),
    Column("account", CleanText, nullable=False),
    Column("tier", CleanText, nullable=False),
    Column("admitted", Boolean, nullable=False),
    Column("observed", Boolean, nullable=False),
    Column("codes", CleanText, nullable=False),
    Column("sentence", CleanText, nullable=False),
    Column("decision", CleanText, nullable=False),
    Column("requested_by", CleanText, nullable=False),
)
Index("decision_by_time", decision.c.at, decision.c.id)

denial_repeat = Table(
    "denial_repeat",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("decision", CleanText, nullable=False),
    Column("times", Integer, nullable=False),
    Column("first_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
)
Index("denial_repeat_of", denial_repeat.c.decision)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", CleanText, nullable=False),
    Column("action", CleanText, nullable=False),
    Column("subject", CleanText, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
    # Empty in rows from before schema 0006.
    Column("result", String(16)),
    Column("via", String(16)),
    Column("address", CleanText),
)
Index("audit_by_actor", audit.c.actor, audit.c.seq)
Index("audit_by_action", audit.c.action, audit.c.seq)
Index("audit_by_subject", audit.c.subject, audit.c.seq)
Index(
    "audit_refused",
    audit.c.seq,
    sqlite_where=audit.c.result == "refused",
    postgresql_where=audit.c.result == "refused",
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("told", Text, nullable=False),
    Column("signature", String(128), nullable=False),
)


def _amounts() -> list[Column[int]]:
    """Return the columns of a sum: amounts times seconds, each with its part above 2**40."""
    split = ("cpu", "memory", "accelerators")
    names = ("servers", *(f"{name}_{part}" for name in split for part in ("high", "low")))
    return [Column(name, BigInteger, nullable=False) for name in names]


usage_day = Table(
    "usage_day",
    metadata,
    Column("day", Date, primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("name", CleanText, primary_key=True),
    *_amounts(),
    sqlite_with_rowid=False,
)

usage_span = Table(
    "usage_span",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("months", SmallInteger, primary_key=True),
    Column("start", Date, primary_key=True),
    Column("name", CleanText, primary_key=True),
    *_amounts(),
    sqlite_with_rowid=False,
)

usage_settled = Table("usage_settled", metadata, Column("until", Date, primary_key=True))

bulk_job = Table(
    "bulk_job",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("act", String(32), nullable=False),
    Column("said", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("by_name", CleanText, nullable=False),
    Column("manager", CleanText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("total", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("ended_at", UtcTime),
    Column("why", CleanText, nullable=False),
    Column("via", CleanText, nullable=False),
    Column("address", CleanText, nullable=False),
)
Index("bulk_job_by_time", bulk_job.c.at, bulk_job.c.id)

bulk_item = Table(
    "bulk_item",
    metadata,
    Column("job", String(32), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", CleanText, nullable=False),
    Column("result", String(16)),
    Column("code", CleanText, nullable=False),
    Column("sentence", CleanText, nullable=False),
    Column("arguments", CleanText),
    sqlite_with_rowid=False,
)

bulk_revision = Table(
    "bulk_revision",
    metadata,
    Column("job", String(32), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

failed_run = Table(
    "failed_run",
    metadata,
    Column("user", CleanText, primary_key=True),
    Column("server", CleanText, primary_key=True),
    Column("reservation", CleanText, nullable=False),
    Column("cause", CleanText, nullable=False),
    Column("log", CleanText, nullable=False),
    Column("at", UtcTime, nullable=False),
)
Index("failed_run_by_time", failed_run.c.at)

notice = Table(
    "notice",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("event", String(32), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("recipients", CleanText, nullable=False),
    Column("facts", CleanText, nullable=False),
    Column("actor", CleanText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("error", CleanText, nullable=False),
    Column("done_at", UtcTime),
)
Index("notice_due", notice.c.state, notice.c.channel, notice.c.next_at)
Index("notice_by_time", notice.c.at, notice.c.id)
Index("notice_by_actor", notice.c.actor, notice.c.at)

watched_grant = Table(
    "watched_grant",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("facts", CleanText, nullable=False),
    Column("until", UtcTime, nullable=False),
    # Empty once it was announced.
    Column("announce_at", UtcTime),
)
