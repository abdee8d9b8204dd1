"""The tables of the desk."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    and_,
    func,
    literal_column,
)

from gateway.storage.database.tables import metadata, partial_index

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
ENDS = CLOSED & (desk_thread.c.state.not_in([literal_column("'ended'"), literal_column("'expired'")]))
GROUPED = desk_thread.c.group_id != literal_column("''")
partial_index("desk_thread_closed", CLOSED, desk_thread.c.closed_us)
partial_index("desk_thread_ending", ENDS, desk_thread.c.closed_us)
partial_index("desk_thread_group", GROUPED, desk_thread.c.group_id)
Index("desk_thread_id", desk_thread.c.thread_id)
Index("desk_thread_kind", desk_thread.c.kind, desk_thread.c.state, desk_thread.c.opened_us)
Index("desk_thread_newest", desk_thread.c.opened_us)
Index("desk_thread_place", desk_thread.c.office, desk_thread.c.agency, desk_thread.c.state, desk_thread.c.opened_us)
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
Index("desk_notice_issued", desk_notice.c.issued_us, desk_notice.c.peer, desk_notice.c.thread_id)
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
partial_index("desk_delivery_due", WAITING, desk_delivery.c.peer, desk_delivery.c.urgency, desk_delivery.c.due_us)
partial_index("desk_delivery_next", WAITING, desk_delivery.c.due_us)
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
    Column("assignee", LargeBinary),
)
"""`alarm_us` is when the work is to be escalated next, 0 where it is not; `people` the sealed persons and result.
`assignee` finds the work of a person: a keyed hash of whom it is assigned to, empty for unassigned work. It is NULL
where an earlier version wrote the row: only `people` tells it there."""
OPEN = desk_work.c.done_us == literal_column("0")
ALARMED = desk_work.c.alarm_us > literal_column("0")
HAS_PEOPLE = func.length(desk_work.c.people) > literal_column("0")
"""It names a person: who has taken it, or what came of it."""
partial_index("desk_work_agency", OPEN, desk_work.c.agency, desk_work.c.due_us)
partial_index("desk_work_kind", OPEN, desk_work.c.kind, desk_work.c.opened_us)
partial_index("desk_work_level", OPEN, desk_work.c.level, desk_work.c.kind, desk_work.c.due_us)
partial_index("desk_work_office", OPEN, desk_work.c.office, desk_work.c.agency, desk_work.c.due_us)
partial_index("desk_work_open", OPEN, desk_work.c.due_us)
partial_index("desk_work_people", and_(OPEN, HAS_PEOPLE), desk_work.c.due_us)
partial_index("desk_work_role", OPEN, desk_work.c.role, desk_work.c.due_us)
partial_index("desk_work_alarm", ALARMED, desk_work.c.alarm_us)
Index("desk_work_assignee", desk_work.c.assignee, desk_work.c.due_us)
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
partial_index("desk_holding_token", desk_holding.c.token.is_not(None), desk_holding.c.token)
ENDING = desk_holding.c.expires_us > literal_column("0")
partial_index("desk_holding_over", ENDING, desk_holding.c.expires_us)

desk_attachment = Table(
    "desk_attachment",
    metadata,
    Column("peer", Text, primary_key=True),
    Column("notice_id", Text, primary_key=True),
    Column("root", LargeBinary, primary_key=True),
    Column("thread_id", Text, nullable=False),
    Column("ours", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""`sealed` has name, type and marking of the file, the key of its sealed bytes, and who brought it."""
Index("desk_attachment_thread", desk_attachment.c.peer, desk_attachment.c.thread_id)
Index("desk_attachment_due", desk_attachment.c.state, desk_attachment.c.due_us)

desk_report = Table(
    "desk_report",
    metadata,
    Column("peer", Text, primary_key=True),
    Column("thread_id", Text, primary_key=True),
    Column("added_us", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("withdrawn_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
)
"""The reports of the library; what they say is in their threads. `added_us` grows with each row that is written."""
Index("desk_report_added", desk_report.c.added_us, unique=True)

desk_report_key = Table(
    "desk_report_key",
    metadata,
    Column("token", LargeBinary, primary_key=True),
    Column("peer", Text, primary_key=True),
    Column("thread_id", Text, primary_key=True),
)
"""By what a report is found: keyed hashes of its words and codes."""
Index("desk_report_key_report", desk_report_key.c.peer, desk_report_key.c.thread_id)

OF_THREADS = (desk_work, desk_delivery, desk_attachment, desk_notice, desk_report_key, desk_report, desk_thread)
"""The tables with rows of threads, the threads themselves last."""

SCHEMA = metadata
"""All tables of a database: these, and those on which they stand."""
