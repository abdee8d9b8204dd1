"""The desk: threads, notices, deliveries, work and holdings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _threads()
    _notices()
    _deliveries()
    _work()
    _holdings()


def _threads() -> None:
    op.create_table(
        "desk_thread",
        sa.Column("peer", sa.Text, primary_key=True),
        sa.Column("thread_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("opener", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("urgency", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("opened_us", sa.BigInteger, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("closed_us", sa.BigInteger, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("office", sa.Text, nullable=False),
        sa.Column("agency", sa.Text, nullable=False),
        sa.Column("officer", sa.LargeBinary, nullable=False),
        sa.Column("ours", sa.BigInteger, nullable=False),
        sa.Column("theirs", sa.BigInteger, nullable=False),
        sa.Column("our_last", sa.LargeBinary, nullable=False),
        sa.Column("their_last", sa.LargeBinary, nullable=False),
        sa.Column("draft", sa.LargeBinary, nullable=False),
    )
    _partial("desk_thread_closed", "desk_thread", ["closed_us"], "closed_us > 0")
    _partial("desk_thread_group", "desk_thread", ["group_id"], "group_id != ''")
    op.create_index("desk_thread_id", "desk_thread", ["thread_id"])
    op.create_index("desk_thread_newest", "desk_thread", ["opened_us"])
    op.create_index("desk_thread_state", "desk_thread", ["state", "opened_us"])


def _notices() -> None:
    op.create_table(
        "desk_notice",
        sa.Column("peer", sa.Text, primary_key=True),
        sa.Column("notice_id", sa.Text, primary_key=True),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("urgency", sa.Integer, nullable=False),
        sa.Column("issued_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("payload_hash", sa.LargeBinary, nullable=False),
        sa.Column("log", sa.Text, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
    )
    op.create_index("desk_notice_thread", "desk_notice", ["peer", "thread_id", "version"])


def _deliveries() -> None:
    op.create_table(
        "desk_delivery",
        sa.Column("notice_id", sa.Text, primary_key=True),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("urgency", sa.Integer, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    _partial("desk_delivery_due", "desk_delivery", ["peer", "urgency", "due_us"], "state = 'waiting'")
    _partial("desk_delivery_next", "desk_delivery", ["due_us"], "state = 'waiting'")
    op.create_index("desk_delivery_thread", "desk_delivery", ["peer", "thread_id", "state", "seq"])


def _work() -> None:
    op.create_table(
        "desk_work",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("agency", sa.Text, nullable=False),
        sa.Column("office", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("urgency", sa.Integer, nullable=False),
        sa.Column("opened_us", sa.BigInteger, nullable=False),
        sa.Column("half_us", sa.BigInteger, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("paused_us", sa.BigInteger, nullable=False),
        sa.Column("done_us", sa.BigInteger, nullable=False),
        sa.Column("notice_id", sa.Text, nullable=False),
        sa.Column("people", sa.LargeBinary, nullable=False),
        sa.Column("alarm_us", sa.BigInteger, nullable=False),
    )
    _partial("desk_work_alarm", "desk_work", ["alarm_us"], "alarm_us > 0")
    _partial("desk_work_agency", "desk_work", ["agency", "due_us"], "done_us = 0")
    _partial("desk_work_office", "desk_work", ["office", "agency", "due_us"], "done_us = 0")
    _partial("desk_work_open", "desk_work", ["due_us"], "done_us = 0")
    op.create_index("desk_work_thread", "desk_work", ["peer", "thread_id"])


def _holdings() -> None:
    op.create_table(
        "desk_holding",
        sa.Column("jti", sa.Text, primary_key=True),
        sa.Column("direction", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("token", sa.LargeBinary),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
    op.create_index("desk_holding_holder", "desk_holding", ["direction", "holder", "state"])
    _partial("desk_holding_over", "desk_holding", ["expires_us"], "expires_us > 0")
    op.create_index("desk_holding_source", "desk_holding", ["source"])
    _partial("desk_holding_token", "desk_holding", ["token"], "token IS NOT NULL")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    rows = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=rows, postgresql_where=rows)
