"""Open work by the level that it has come to, and that which names a person: what a desk of all agencies sees first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
needs_stop = ""

_OPEN = sa.text("done_us = 0")
_NAMED = sa.text("done_us = 0 AND length(people) > 0")


def upgrade() -> None:
    """Create the indexes."""
    op.create_index(
        "desk_work_level", "desk_work", ["level", "kind", "due_us"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("desk_work_people", "desk_work", ["due_us"], sqlite_where=_NAMED, postgresql_where=_NAMED)


def downgrade() -> None:
    """Take the indexes away."""
    op.drop_index("desk_work_people", "desk_work")
    op.drop_index("desk_work_level", "desk_work")
