"""Say what approving and declining make of an alert of ours that is new, and of one that is to stand for longer."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from gateway.desk.acting.home import Stand
from gateway.desk.alerts.checks import readable_until
from gateway.desk.alerts.spread import NOT_APPROVED
from gateway.desk.alerts.values import OwnAlert
from gateway.desk.delivery.offices import check_reached, closed_offices
from gateway.desk.entries import asked_by
from gateway.desk.raising import Raising, from_draft
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Urgency
from gateway.model.names import new_exchange_id
from gateway.model.requester import Officer
from gateway.ports.desk import Thread, Work


def to_renew(thread: Thread, alert: OwnAlert, now_us: int, *, on_duty: bool) -> Work:
    """Return the work of approving that an alert stands for longer: never by who asked for it, and while it stands."""
    assert alert.renewal is not None
    asked = replace(thread, officer=alert.renewal.by.person, urgency=Urgency.ROUTINE)
    work = from_draft(asked, new_exchange_id(), now_us, given=Raising(on_duty=on_duty))
    due_us = min(work.due_us, alert.until_us)
    return replace(work, urgency=thread.urgency, due_us=due_us, half_us=(now_us + due_us) // 2)


def asked_for(parts: Parts, alert: OwnAlert) -> dict[str, Any]:
    """Return what an approval's content says of what it approves, who asked for it, and which offices have closed."""
    closed = [office for to in alert.to for office in closed_offices(parts.trust(), to)]
    act, by = ("raise-alert", alert.author) if alert.renewal is None else ("renew-alert", alert.renewal.by)
    return asked_by(act, by) | ({"closed": closed} if closed else {})


def approved(parts: Parts, alert: OwnAlert, by: Officer) -> OwnAlert:
    """Return an alert as approved. The two persons of a longer time may be others than those of its beginning.

    Where its author approves what a colleague asked for, the colleague is the second person beside the author. An
    office that has closed meanwhile gets nothing, and keeps out no other. Raises `Forbidden` where none is left.
    """
    check_reached(parts.trust(), alert.to)
    if (asked := alert.renewal) is None:
        return replace(alert, stand=Stand.ON, approver=by)
    readable_until(asked.until_us, alert.hidden_until_us, parts.clock.now_us())
    second = by if by.person != alert.author.person else asked.by
    return replace(alert, until_us=asked.until_us, approver=second, renewal=None)


def declined(alert: OwnAlert, reason: str) -> OwnAlert:
    """Return an alert as declined; what was sent before is lifted, so that those who have it are told.

    Where a longer time was asked for, it stands for the one that was approved.
    """
    if alert.renewal is not None:
        return replace(alert, renewal=None)
    if alert.stand is Stand.ON:  # they are told a code; the approver's words stay at home, in the entry
        return replace(alert, stand=Stand.LIFTED, reason=NOT_APPROVED)
    return replace(alert, stand=Stand.DECLINED, reason=reason)
