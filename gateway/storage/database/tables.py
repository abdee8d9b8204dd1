"""The tables of a node's database, in portable SQLAlchemy Core.

`log_entry` holds the leaves as written. Its columns beside body and hash only make entries findable. No index is over
random values, or grows in one place for each counterpart and hour: time is found by halving, since entries are in its
order; claims of exchange ids are kept in memory while they count (`gateway.storage.log.claims`).
`log_state.claims_from` is the first index that may hold such a claim. Entries before `log_state.pruned` are gone; their
hashes are in `log_tile`, 256 in each. `log_node` has the upper part of the hash tree: nodes over 256^`level` entries.
`log_lease` says which process of a server's database may write (`gateway.storage.log.lease`). `home` has one row: the
id of the home whose database it is (`gateway.storage.database.home_id`).

The tables of the desk (`desk_…`) hold rows that change, so they are indexed by what is asked for; most of their indexes
hold open rows only. Texts for humans, officers, statements and keys of an agency's own records are sealed
(`gateway.storage.desk.sealing`). `urgency` is the place in `Urgency`, the most urgent first.

The sessions of the console are few and short: no time is an index of theirs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()


def partial_index(name: str, where: ColumnElement[bool], *columns: Column[Any]) -> None:
    """Index the rows for which `where` holds. A query finds the index by the same words, so they hold no parameters."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


home = Table(
    "home",
    metadata,
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
)

log_state = Table(
    "log_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("log", Text, nullable=False, unique=True),
    Column("number", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("counters", Text, nullable=False),
    Column("claims_from", BigInteger, nullable=False),
    Column("pruned", BigInteger, nullable=False, server_default="0"),
)

log_lease = Table(
    "log_lease",
    metadata,
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("busy", Boolean, nullable=False),
)

log_entry = Table(
    "log_entry",
    metadata,
    Column("log_id", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("exchange_id", LargeBinary),
    Column("time_us", BigInteger, nullable=False),
    Column("channel", Text),
    Column("number", BigInteger),
    Column("request_hash", LargeBinary),
    Column("expires_us", BigInteger),
    ForeignKeyConstraint(["log_id"], ["log_state.id"]),
    sqlite_with_rowid=False,
)
partial_index(
    "log_entry_channel",
    log_entry.c.channel.is_not(None),
    log_entry.c.log_id,
    log_entry.c.channel,
    log_entry.c.number,
)

log_content = Table(
    "log_content",
    metadata,
    Column("log_id", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("key_id", Text, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("private", LargeBinary, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
)

log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    Column("log_id", Integer, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("checkpoint", LargeBinary, nullable=False),
    ForeignKeyConstraint(["log_id"], ["log_state.id"]),
    sqlite_with_rowid=False,
)

log_tile = Table(
    "log_tile",
    metadata,
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

log_node = Table(
    "log_node",
    metadata,
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

quota_use = Table(
    "quota_use",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("direction", Text, primary_key=True),
    Column("peer", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("used", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

document = Table(
    "document",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)
Index("document_expires", document.c.expires_us)

witnessed_head = Table(
    "witnessed_head",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("time_us", BigInteger, nullable=False),
)

seen_head = Table(
    "seen_head",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
)

head_evidence = Table(
    "head_evidence",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("code", Text, nullable=False),
    Column("known", LargeBinary, nullable=False),
    Column("offered", LargeBinary, nullable=False),
    Column("time_us", BigInteger, nullable=False),
)

cosigned_head = Table(
    "cosigned_head",
    metadata,
    Column("log", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    Column("time_us", BigInteger, nullable=False),
)


# ---------------------------------------------------------------- the console

console_session = Table(
    "console_session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", LargeBinary, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("ends_us", BigInteger, nullable=False),
    Column("renewing_us", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""`person` is a keyed hash of the person's id; `sealed` holds the id itself, the device and the officer token.

`renewing_us` is until when one process renews that token.
"""
Index("console_session_person", console_session.c.person)
