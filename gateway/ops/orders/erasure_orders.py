"""Carries out orders to erase and to hold, and erases by age what the settings say is over.

A node does it in its rounds; a command does it itself where no node runs (`ops.orders`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from gateway.audit.retention.erase import Eraser
from gateway.audit.retention.erase_key import ErasureReason, KeyEraser
from gateway.audit.retention.holds import HoldAction, lapsed_entry, lifted_entry, placed_entry, read_holds, verify_hold
from gateway.audit.retention.plan import DOCUMENTS, ERASED_BY_AGE, Erased
from gateway.config.schema import RetentionMonths
from gateway.errors import LiaisonError, Malformed, Replayed, Unknown
from gateway.model.evidence.retention import months_before
from gateway.model.names import MemberId
from gateway.model.values import text_value
from gateway.ops.orders.mailbox import Order, Orders, our_turn
from gateway.ports import events
from gateway.ports.content_keys import Retention
from gateway.signing.dsse import decode64
from gateway.signing.keys import VerifyKey

_HOUR_US = 3600 * 1_000_000
_COPY_US = 60 * 1_000_000
_MAX_TEXT = 200


def ages(months: RetentionMonths, now_us: int) -> dict[str, int]:
    """For each class of keys the time before which a month must have ended for its content to be erased."""
    return {
        Retention.HIT: months_before(now_us, months.hit),
        Retention.NO_HIT: months_before(now_us, months.no_hit),
        Retention.OPERATIONS: months_before(now_us, months.operations),
        Retention.JUSTIFICATION: months_before(now_us, months.justification),
        DOCUMENTS: months_before(now_us, 1),
    }


class ErasureDesk:
    """Orders, holds and retention of one home. One thread at a time."""

    def __init__(
        self,
        one: KeyEraser,
        orders: Orders,
        member: MemberId,
        months: RetentionMonths,
        approvers: Callable[[], list[VerifyKey]],
        copy_keys: Callable[[], object],
        timely: Callable[[], None],
    ) -> None:
        self._one = one
        self.eraser = Eraser(one)
        self._orders = orders
        self._member = member
        self._months = months
        self._approvers = approvers
        self._copy_keys = copy_keys
        self._timely = timely
        self._next_us = 0
        self._next_copy_us = 0

    # ------------------------------------------------------------ rounds

    def round(self) -> None:
        """What a node does once a second. Of several processes of one home only one does it."""
        now_us = self._one.clock.now_us()
        if not self._orders.waiting() and now_us < min(self._next_us, self._next_copy_us):
            return
        with our_turn(self._orders.folder) as ours:
            if ours:
                self._run_orders()
                self.run_retention()
                self._next_copy_us = now_us + _COPY_US
                self._copy_keys()

    def run_orders(self) -> int:
        """Carry out what waits; the number of orders. Of several processes of one home only one does it."""
        with our_turn(self._orders.folder) as ours:
            return self._run_orders() if ours else 0

    def _run_orders(self) -> int:
        if not self._orders.waiting():
            return 0
        self.eraser.resume()
        return self._orders.run(self._carry_out)

    def run_retention(self) -> list[Erased]:
        """Once an hour: finish what a crash left, let holds lapse, and erase what is over its age."""
        now_us = self._one.clock.now_us()
        if now_us < self._next_us:
            return []
        self._next_us = now_us + _HOUR_US
        self.eraser.resume()
        self._timely()
        self._lapse(now_us)
        return self.eraser.by_age(ages(self._months, now_us), ErasureReason("age", "liaison", reason="retention"))

    def _lapse(self, now_us: int) -> None:
        for hold in read_holds(self._one.store, self._one.keys):
            if not hold.ended and hold.until_us <= now_us:
                self._one.operations.append([lapsed_entry(hold)])

    # ------------------------------------------------------------ orders

    def _carry_out(self, order: Order) -> Mapping[str, Any]:
        for name in ("by", "reason", "reference"):
            if value := getattr(order, name):
                text_value(value, name, _MAX_TEXT)
        match order.kind:
            case "age":
                self._timely()
                return self._erased(self.eraser.by_age(_before(order.detail), _why(order)))
            case "entries":
                return self._erased(self.eraser.entries(_entries(order.detail), _why(order)))
            case "seek":
                return self._seek(order)
            case "hold":
                return self._hold(order)
        raise Malformed(f"`{order.kind[:20]!a}` is no kind of order", code="bad-order")

    def _erased(self, found: list[Erased]) -> Mapping[str, Any]:
        """The result of an erasure. `problem` says why keys may live on in the copy of the keystore."""
        problem = ""
        try:
            self._copy_keys()
        except LiaisonError as error:
            problem = str(error)
        return {"erased": [asdict(item) for item in found], "problem": problem}

    def _seek(self, order: Order) -> Mapping[str, Any]:
        draft = events.ERASURE_SOUGHT.draft(by=order.by, reason=order.reason, reference=order.reference, order=order.id)
        self._one.operations.append([draft])
        return {}

    def _hold(self, order: Order) -> Mapping[str, Any]:
        now_us = self._one.clock.now_us()
        data = decode64(order.detail.get("document"))
        wanted = verify_hold(data, self._member, self._approvers(), now_us)
        known = {hold.id: hold for hold in read_holds(self._one.store, self._one.keys)}
        if wanted.action is HoldAction.PLACE:
            if wanted.id in known:
                raise Replayed(f"the hold `{wanted.id}` was placed before", code="hold-known")
            self._check_there(wanted.entries)
            self._one.operations.append([placed_entry(wanted)])
        else:
            if wanted.id not in known or known[wanted.id].ended:
                raise Unknown(f"no hold `{wanted.id}` stands", code="no-such-hold")
            self._one.operations.append([lifted_entry(wanted)])
        return {"hold": wanted.id, "action": wanted.action.value, "approvers": list(wanted.signers)}

    def _check_there(self, entries: Mapping[str, tuple[int, ...]]) -> None:
        for log, indexes in entries.items():
            state = self._one.store.state(log)
            size = state.size if state else 0
            if any(index >= size for index in indexes):
                raise Unknown(f"there is no entry {max(indexes)} in {log}", code="no-such-entry", where=log)


def _why(order: Order) -> ErasureReason:
    return ErasureReason(order.ground, order.by, order.reason, order.reference, order.id)


def _before(detail: Mapping[str, Any]) -> dict[str, int]:
    before = detail.get("before")
    known = {*map(str, ERASED_BY_AGE), DOCUMENTS}
    if not isinstance(before, dict) or not set(before) <= known or not all(type(us) is int for us in before.values()):
        raise Malformed("an order by age names classes and times", code="bad-order")
    return before


def _entries(detail: Mapping[str, Any]) -> dict[str, list[int]]:
    entries = detail.get("entries")
    if not isinstance(entries, dict) or not all(isinstance(items, list) for items in entries.values()):
        raise Malformed("an order names entries by log", code="bad-order")
    if any(type(index) is not int or index < 0 for items in entries.values() for index in items):
        raise Malformed("an entry's index is a whole number", code="bad-order")
    return entries
