"""The forms of events: one for each log in which their entries stand."""

from __future__ import annotations

from typing import Any

from gateway.ports.content_keys import Retention
from gateway.ports.journal import Event, LogName


def exchange(kind: str, meaning: str, *fields: str, retention: Retention = Retention.NO_HIT, **more: Any) -> Event:
    """Return an event of the exchange log."""
    return Event(kind, LogName.EXCHANGE, meaning, fields, retention, **more)


def operations(
    kind: str, meaning: str, *fields: str, retention: Retention = Retention.OPERATIONS, **more: Any
) -> Event:
    """Return an event of the operations log."""
    return Event(kind, LogName.OPERATIONS, meaning, fields, retention, **more)


def source(kind: str, meaning: str, *fields: str, retention: Retention = Retention.OPERATIONS) -> Event:
    """Return an event of the log of a source process."""
    return Event(kind, LogName.SOURCE, meaning, fields, retention)
