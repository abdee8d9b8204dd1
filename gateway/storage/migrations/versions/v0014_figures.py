"""The notices of the desk by the time at which they were written, for the figures of a month."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
needs_stop = ""


def upgrade() -> None:
    """Create the index."""
    op.create_index("desk_notice_issued", "desk_notice", ["issued_us", "peer", "thread_id"])


def downgrade() -> None:
    """Take the index away."""
    op.drop_index("desk_notice_issued", "desk_notice")
