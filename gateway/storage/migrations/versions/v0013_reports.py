"""The library of reports, and the keys by which its reports are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
needs_stop = ""


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "desk_report",
        sa.Column("peer", sa.Text, primary_key=True),
        sa.Column("thread_id", sa.Text, primary_key=True),
        sa.Column("added_us", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("withdrawn_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
    )
    op.create_index("desk_report_added", "desk_report", ["added_us"], unique=True)
    op.create_table(
        "desk_report_key",
        sa.Column("token", sa.LargeBinary, primary_key=True),
        sa.Column("peer", sa.Text, primary_key=True),
        sa.Column("thread_id", sa.Text, primary_key=True),
    )
    op.create_index("desk_report_key_report", "desk_report_key", ["peer", "thread_id"])


def downgrade() -> None:
    """Take the tables away: an earlier version knows no reports."""
    op.drop_table("desk_report_key")
    op.drop_table("desk_report")
