"""The threads of the desk by the time at which their clock ends them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ENDS = sa.text("closed_us > 0 AND state NOT IN ('ended', 'expired')")


def upgrade() -> None:
    """Create the index, and give the threads that stand a time: an outcome was asked for in 97 days at most."""
    op.create_index("desk_thread_ending", "desk_thread", ["closed_us"], sqlite_where=_ENDS, postgresql_where=_ENDS)
    op.execute(
        "UPDATE desk_thread SET closed_us = opened_us + 8380800000000 "
        "WHERE closed_us = 0 AND kind IN ('ask', 'service') AND state IN ('answered', 'refused')"
    )
    op.execute(
        "UPDATE desk_thread SET closed_us = (SELECT MAX(n.expires_us) FROM desk_notice n "
        "WHERE n.peer = desk_thread.peer AND n.thread_id = desk_thread.thread_id) "
        "WHERE closed_us = 0 AND kind = 'alert' AND ours + theirs > 0"
    )
    op.execute(
        "UPDATE desk_thread SET closed_us = opened_us WHERE closed_us = 0 AND kind = 'change' AND state = 'answered'"
    )
