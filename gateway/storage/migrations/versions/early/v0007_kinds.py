"""Find the desk's threads and open work by their kinds: each round looks for alerts among all that is open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    op.create_index("desk_thread_kind", "desk_thread", ["kind", "state", "opened_us"])
    rows = sa.text("done_us = 0")
    op.create_index("desk_work_kind", "desk_work", ["kind", "opened_us"], sqlite_where=rows, postgresql_where=rows)
