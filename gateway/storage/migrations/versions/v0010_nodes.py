"""The upper part of each log's hash tree. Entries that are there already get theirs when their log is opened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
needs_stop = ""


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "log_node",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take the table away: an earlier version hashes all entries at its start."""
    op.drop_table("log_node")
