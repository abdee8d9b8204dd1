"""Takes what auditors want to see: judges it, writes its entry, and says where the entry stands. Uses of what policy
decided on, which need no auditor, get their entry here, too.

A command hands its signed inspection in as an order. Where no node runs it opens the operations log and does this
itself; where one runs, the node does so within a second, since it alone writes to its logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.audit.inspection import (
    Action,
    Inspection,
    inspection_entry,
    mandate_of,
    refusal_entry,
    verify_inspection,
)
from gateway.audit.show import open_entry
from gateway.clock import Clock
from gateway.errors import Forbidden, LiaisonError, Malformed, StorageBroken, Unknown
from gateway.model.names import MemberId
from gateway.ops.orders import Order, Orders, our_turn
from gateway.ops.uses import is_use, owner_of, use_entry
from gateway.ports import ContentKeys, EntryDraft, Logged, LogStore
from gateway.trust.appointment import Appointment
from gateway.trust.documents import TrustDocuments
from gateway.trust.view import TrustView

MAX_ENTRIES = 1_000
"""Entries that are opened at once."""

_INSPECT = "inspect"


def inspection_order(data: bytes) -> Order:
    """The order to take a signed inspection."""
    return Order(_INSPECT, detail={"document": data.decode()})


class InspectionDesk:
    """The inspections of one home. One thread at a time."""

    def __init__(
        self,
        folder: Path,
        member: MemberId,
        view: Callable[[], TrustView],
        documents: TrustDocuments,
        clock: Clock,
        store: LogStore,
        keys: ContentKeys,
        write: Callable[[EntryDraft], Logged],
    ) -> None:
        self._folder = folder
        self._orders = Orders(folder)
        self._member = member
        self._view = view
        self._documents = documents
        self._clock = clock
        self._store = store
        self._keys = keys
        self._write = write

    def run(self) -> int:
        """Take what waits; how many. Costs one look at a folder when nothing does. Raises `StorageBroken`."""
        if not self._orders.waiting():
            return 0
        with our_turn(self._folder) as ours:
            return self._orders.run(self._take) if ours else 0

    def _take(self, order: Order) -> Mapping[str, Any]:
        if is_use(order):
            return {"index": self._write(use_entry(order, owner_of(self._orders.place(order)))).index}
        document = order.detail.get("document")
        if order.kind != _INSPECT or not isinstance(document, str):
            raise Malformed("this is no inspection", code="bad-order")
        data = document.encode()
        try:
            inspection, appointment = verify_inspection(data, self._member, self._view(), self._documents, self._clock)
            if inspection.action is Action.OPEN:
                self._check_scope(inspection, appointment)
        except StorageBroken:
            raise
        except LiaisonError as error:
            self._write(refusal_entry(data, error))
            raise
        logged = self._write(inspection_entry(inspection, appointment, data))
        return {"index": logged.index, "appointment": appointment.hash.hex()}

    def _check_scope(self, inspection: Inspection, appointment: Appointment) -> None:
        """Every entry that is to be opened is there, and within the scope of the appointment."""
        log, indexes = wanted_entries(inspection)
        state = self._store.state(log)
        mandate = mandate_of(self._member, appointment)
        for index in indexes:
            if state is None or index >= state.size:
                raise Unknown(f"there is no entry {index}", code="no-such-entry", where=log)
            shown = open_entry(self._keys, log, next(iter(self._store.entries(log, index, index + 1))))
            ground = mandate.withholds(shown.entry)
            if not ground and not shown.erased:
                ground = mandate.withholds_private(shown.entry, shown.private)
            if ground:
                raise Forbidden(
                    f"entry {index} is outside the scope of the appointment ({ground})",
                    code="outside-mandate",
                    where=f"{log}, appointment of `{appointment.auditor}`",
                    remedy="the authority appoints with a wider scope: liaison audit appoint",
                )


def wanted_entries(inspection: Inspection) -> tuple[str, list[int]]:
    """The log and the entries that are to be opened. Raises `Malformed`."""
    log, indexes = inspection.detail.get("log"), inspection.detail.get("entries")
    if not isinstance(log, str) or not isinstance(indexes, list) or not 1 <= len(indexes) <= MAX_ENTRIES:
        raise Malformed(f"a log and 1 to {MAX_ENTRIES} entries are opened", code="bad-inspection", where="detail")
    if any(type(index) is not int or index < 0 for index in indexes):
        raise Malformed("an entry's index is a whole number", code="bad-inspection", where="detail.entries")
    return log, indexes
