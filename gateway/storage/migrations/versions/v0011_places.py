"""The threads of each office by their age, and the work of each person and role."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
needs_stop = ""

_OPEN = sa.text("done_us = 0")


def upgrade() -> None:
    """Create the indexes. Work that is there already has no assignee until it is written again."""
    op.create_index("desk_thread_place", "desk_thread", ["office", "agency", "state", "opened_us"])
    op.add_column("desk_work", sa.Column("assignee", sa.LargeBinary))
    op.create_index("desk_work_assignee", "desk_work", ["assignee", "due_us"])
    op.create_index("desk_work_role", "desk_work", ["role", "due_us"], sqlite_where=_OPEN, postgresql_where=_OPEN)


def downgrade() -> None:
    """Take the indexes and the column away."""
    op.drop_index("desk_work_role", "desk_work")
    op.drop_index("desk_work_assignee", "desk_work")
    op.drop_column("desk_work", "assignee")
    op.drop_index("desk_thread_place", "desk_thread")
