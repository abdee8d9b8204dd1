"""Times on the command line, which are UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import click

TIME = click.DateTime(
    ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"]
)
"""The type of an option that takes a time; also as entries, reports and answers show it."""


def to_micros(moment: datetime | None) -> int:
    """Microseconds since 1970; 0 where no time is given."""
    from gateway.clock import to_us

    return to_us(moment.replace(tzinfo=UTC)) if moment else 0
