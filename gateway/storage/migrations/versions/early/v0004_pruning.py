"""The index from which on a log has its entries, and the hashes of those before it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and the table."""
    op.add_column("log_state", sa.Column("pruned", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "log_tile",
        sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
    )
