"""Approve and decline matters at the desk as a person does who has just read what waits."""

from __future__ import annotations

from typing import Any

from gateway.desk.acting.parts import Actor
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import WorkKind
from gateway.model.names import ExchangeId
from gateway.ports.desk import WorkFilter


async def approve_waiting(matters: Any, actor: Actor, name: ExchangeId | ThreadKey, reason: str = "") -> None:
    """Approve what waits of an alert, a watch or a report, by its id, or of an operation or a freezing, by its key."""
    if isinstance(name, ThreadKey):
        await matters.approve_work(actor, name, waiting(matters, name))
    else:
        await matters.approve(actor, name, reason, waiting(matters, name))


async def decline_waiting(matters: Any, actor: Actor, name: ExchangeId | ThreadKey, reason: str) -> None:
    """Decline what waits, as `approve_waiting` approves it."""
    decline = matters.decline_work if isinstance(name, ThreadKey) else matters.decline
    await decline(actor, name, reason, waiting(matters, name))


def waiting(matters: Any, name: ExchangeId | ThreadKey) -> str:
    """Return the id of the work of approving that is open; empty without one."""
    desk = matters._desk
    key = name if isinstance(name, ThreadKey) else ThreadKey(desk.parts.member, name)
    found = desk.store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,)))
    return str(found[0].id) if found else ""
