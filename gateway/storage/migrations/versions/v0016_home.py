"""The id of the home whose database it is. `liaison upgrade` and the start of a source write its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
needs_stop = ""


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "home",
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Take the table away: the home and its folders keep the id."""
    op.drop_table("home")
