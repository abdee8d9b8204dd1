"""The first schema: logs, their encrypted content, checkpoints and documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _logs()
    _content()
    op.create_table(
        "document",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
    )
    op.create_index("document_expires", "document", ["expires_us"])


def _logs() -> None:
    op.create_table(
        "log_state",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("log", sa.Text, nullable=False, unique=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("checkpoint", sa.LargeBinary, nullable=False),
        sa.Column("counters", sa.Text, nullable=False),
        sa.Column("claims_from", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "log_entry",
        sa.Column("log_id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("exchange_id", sa.LargeBinary),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.Text),
        sa.Column("number", sa.BigInteger),
        sa.Column("request_hash", sa.LargeBinary),
        sa.Column("expires_us", sa.BigInteger),
        sa.ForeignKeyConstraint(["log_id"], ["log_state.id"]),
        sqlite_with_rowid=False,
    )
    counted = sa.text("channel IS NOT NULL")
    columns = ["log_id", "channel", "number"]
    op.create_index(
        "log_entry_channel",
        "log_entry",
        columns,
        sqlite_where=counted,
        postgresql_where=counted,
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("log_id", sa.Integer, primary_key=True),
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("checkpoint", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["log_state.id"]),
        sqlite_with_rowid=False,
    )


def _content() -> None:
    op.create_table(
        "log_content",
        sa.Column("log_id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("private", sa.LargeBinary, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
