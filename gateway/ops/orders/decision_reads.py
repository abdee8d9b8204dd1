"""Uses of what policy decided on: by whom and why, as an entry that is durable before anything is read.

Explaining a decision and rehearsing a draft need the attributes of decisions
(`gateway.audit.reading.decision_inputs`). They are about no person, so no auditor signs for them; but nothing of an
entry is read without one that says so.
"""

from __future__ import annotations

import pwd
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from gateway.model.values import text_value
from gateway.ops.orders.mailbox import Order
from gateway.ports import events
from gateway.ports.journal import EntryDraft

MAX_WORDS = 200
"""Characters of a name or a reason."""


class Use(StrEnum):
    """What the attributes are wanted for, by the kind of the entry that says so."""

    EXPLAIN = events.EXPLAINED.kind
    REHEARSE = events.REHEARSED.kind


def use_order(use: Use, by: str, reason: str, detail: Mapping[str, Any]) -> Order:
    """The order to write the entry of a use. Raises `Malformed` where nobody says who, or why."""
    return Order(
        use.value,
        by=text_value(by, "--by", MAX_WORDS),
        reason=text_value(reason, "--reason", MAX_WORDS),
        detail=detail,
    )


def is_use(order: Order) -> bool:
    """Whether an order is one to write the entry of a use."""
    return order.kind in [use.value for use in Use]


def use_entry(order: Order, account: str) -> EntryDraft:
    """Return the entry of a use that was ordered under this account of the machine. Raises `Malformed`."""
    by, reason = text_value(order.by, "by", MAX_WORDS), text_value(order.reason, "reason", MAX_WORDS)
    event = events.EVENTS[Use(order.kind)]
    return event.draft(by=by, account=account, reason=reason, detail=dict(order.detail))


def owner_of(file: Path) -> str:
    """The account that a file belongs to: whoever wrote it did so under this one, whatever it says of itself."""
    return account_name(file.stat().st_uid)


def account_name(number: int) -> str:
    """The name of an account of this machine, or its number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
