"""The console: sessions of people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
needs_stop = ""


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "console_session",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person", sa.LargeBinary, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
        sa.Column("ends_us", sa.BigInteger, nullable=False),
        sa.Column("renewing_us", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("console_session_person", "console_session", ["person"])


def downgrade() -> None:
    """Take the table away: people sign in again."""
    op.drop_table("console_session")
