"""The lease of each log, for processes that share a server's database. Its row is made when it is first taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
needs_stop = ""


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "log_lease",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("busy", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    """Take the table away: processes of an earlier version lock the row of the log."""
    op.drop_table("log_lease")
