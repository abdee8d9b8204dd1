"""The files of notices. Their sealed bytes lie in a folder beside the database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
needs_stop = ""


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "desk_attachment",
        sa.Column("peer", sa.Text, primary_key=True),
        sa.Column("notice_id", sa.Text, primary_key=True),
        sa.Column("root", sa.LargeBinary, primary_key=True),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("ours", sa.Boolean, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("desk_attachment_thread", "desk_attachment", ["peer", "thread_id"])
    op.create_index("desk_attachment_due", "desk_attachment", ["state", "due_us"])


def downgrade() -> None:
    """Take the table away: an earlier version knows no files, and does not open what lies in their folder."""
    op.drop_table("desk_attachment")
