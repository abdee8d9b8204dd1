"""The tables of a node's database, in portable SQLAlchemy Core.

`log_entry` holds the leaves as written. Its columns beside body and hash only make entries findable. No index is over
random values, or grows in one place for each counterpart and hour: time is found by halving, since entries are in its
order; claims of exchange ids are kept in memory while they count (`gateway.storage.log.claims`).
`log_state.claims_from` is the first index that may hold such a claim. Entries before `log_state.pruned` are gone; their
hashes stand in `log_tile`, 256 in each.

The tables of the desk (`desk_…`) hold rows that change, so they are indexed by what is asked for; most of their indexes
hold open rows only. Texts for humans, officers, statements and keys of an agency's own records are sealed
(`gateway.storage.desk.sealing`). `urgency` is the place in `Urgency`, the most urgent first.
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
    literal_column,
)

metadata = MetaData()


def _partial_index(name: str, where: ColumnElement[bool], *columns: Column[Any]) -> None:
    """Index the rows for which `where` holds. A query finds the index by the same words, so they hold no parameters."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


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
_partial_index(
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


# ---------------------------------------------------------------- the desk

desk_thread = Table(
    "desk_thread",
    metadata,
    Column("peer", Text, primary_key=True),
    Column("thread_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("opener", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("closed_us", BigInteger, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("officer", LargeBinary, nullable=False),
    Column("ours", BigInteger, nullable=False),
    Column("theirs", BigInteger, nullable=False),
    Column("our_last", LargeBinary, nullable=False),
    Column("their_last", LargeBinary, nullable=False),
    Column("draft", LargeBinary, nullable=False),
)
CLOSED = desk_thread.c.closed_us > literal_column("0")
GROUPED = desk_thread.c.group_id != literal_column("''")
_partial_index("desk_thread_closed", CLOSED, desk_thread.c.closed_us)
_partial_index("desk_thread_group", GROUPED, desk_thread.c.group_id)
Index("desk_thread_id", desk_thread.c.thread_id)
Index("desk_thread_newest", desk_thread.c.opened_us)
Index("desk_thread_state", desk_thread.c.state, desk_thread.c.opened_us)

desk_notice = Table(
    "desk_notice",
    metadata,
    Column("peer", Text, primary_key=True),
    Column("notice_id", Text, primary_key=True),
    Column("thread_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("side", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("issued_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("payload_hash", LargeBinary, nullable=False),
    Column("log", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)
Index("desk_notice_thread", desk_notice.c.peer, desk_notice.c.thread_id, desk_notice.c.version)

desk_delivery = Table(
    "desk_delivery",
    metadata,
    Column("notice_id", Text, primary_key=True),
    Column("peer", Text, nullable=False),
    Column("thread_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    Column("state", Text, nullable=False),
)
WAITING = desk_delivery.c.state == literal_column("'waiting'")
_partial_index("desk_delivery_due", WAITING, desk_delivery.c.peer, desk_delivery.c.urgency, desk_delivery.c.due_us)
_partial_index("desk_delivery_next", WAITING, desk_delivery.c.due_us)
Index(
    "desk_delivery_thread",
    desk_delivery.c.peer,
    desk_delivery.c.thread_id,
    desk_delivery.c.state,
    desk_delivery.c.seq,
)

desk_work = Table(
    "desk_work",
    metadata,
    Column("id", Text, primary_key=True),
    Column("peer", Text, nullable=False),
    Column("thread_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("office", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("half_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("level", Text, nullable=False),
    Column("paused_us", BigInteger, nullable=False),
    Column("done_us", BigInteger, nullable=False),
    Column("notice_id", Text, nullable=False),
    Column("people", LargeBinary, nullable=False),
    Column("alarm_us", BigInteger, nullable=False),
)
"""`alarm_us` is when the work is to be escalated next, 0 where it is not; `people` the sealed persons and result."""
OPEN = desk_work.c.done_us == literal_column("0")
ALARMED = desk_work.c.alarm_us > literal_column("0")
_partial_index("desk_work_agency", OPEN, desk_work.c.agency, desk_work.c.due_us)
_partial_index("desk_work_office", OPEN, desk_work.c.office, desk_work.c.agency, desk_work.c.due_us)
_partial_index("desk_work_open", OPEN, desk_work.c.due_us)
_partial_index("desk_work_alarm", ALARMED, desk_work.c.alarm_us)
Index("desk_work_thread", desk_work.c.peer, desk_work.c.thread_id)

desk_holding = Table(
    "desk_holding",
    metadata,
    Column("jti", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("holder", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("token", LargeBinary),
    Column("record", LargeBinary, nullable=False),
)
"""`token` finds the sealed `record`: a keyed hash of it."""
Index("desk_holding_holder", desk_holding.c.direction, desk_holding.c.holder, desk_holding.c.state)
Index("desk_holding_source", desk_holding.c.source)
_partial_index("desk_holding_token", desk_holding.c.token.is_not(None), desk_holding.c.token)
ENDING = desk_holding.c.expires_us > literal_column("0")
_partial_index("desk_holding_over", ENDING, desk_holding.c.expires_us)
