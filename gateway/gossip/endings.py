"""How long each member's status and the charter still last, and the alarms before they end."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.clock import HOUR_US
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.trust.view import TrustView

STEPS_H = (24, 12, 2)
"""Hours before the end of a status at which there is an alarm."""


def statuses_left_s(view: TrustView, now_us: int) -> dict[str, float]:
    """Return the seconds until the status of each active member ends; below zero where it has ended."""
    found = {}
    for member in sorted(view.members):
        status = view.status(member)
        if status is not None and view.active(member):
            found[member] = (status.expires_us - now_us) / 1_000_000
    return found


def charter_left_s(view: TrustView, now_us: int) -> float:
    """Return the seconds until the charter ends; 0 without one."""
    return (view.charter.expires_us - now_us) / 1_000_000 if view.charter else 0.0


class Endings:
    """Drafts an alarm once for each step of each status; a status that is renewed begins anew."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, int]] = {}

    def drafts(self, view: TrustView, now_us: int) -> Iterator[EntryDraft]:
        """Yield the alarms that are due."""
        for member in sorted(view.members):
            status = view.status(member)
            if status is None or not view.active(member):
                continue
            passed = [hours for hours in STEPS_H if status.expires_us - now_us <= hours * HOUR_US]
            step = passed[-1] if passed else 0
            if step and self._told.get(member) != (status.sequence, step):
                self._told[member] = (status.sequence, step)
                detail = f"the status of `{member}` ends in less than {step} hours: liaison trust show"
                yield events.ALARM.draft(code="status-ending", detail=detail)
