"""Dates and times of PostgreSQL as the texts that the server sends.

Python's types end at the year 9999 and know no `infinity`; one such cell would make a whole batch unreadable. As
text it reaches the mapping's converter, which leaves out this one record and counts it.
"""

from __future__ import annotations

from psycopg.abc import Buffer
from psycopg.adapt import Loader


class TimeAsText(Loader):
    """ISO 8601 with `T` between day and time, as `datetime.isoformat` writes it."""

    def load(self, data: Buffer) -> str:
        """Return the text."""
        return bytes(data).decode("ascii").replace(" ", "T", 1)
