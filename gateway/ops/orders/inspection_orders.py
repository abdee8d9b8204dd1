"""Takes what people want to see of the logs: judges it, writes its entry, and says where the entry stands.

A command hands an order in: an auditor's signed inspection; a search without a mandate, which is shown public parts
only; or a use of what policy decided on (`ops.uses`), which needs no auditor. Where no node runs the command opens the
operations log and does this itself; where one runs, the node does so within a moment: it alone writes to its logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.audit.reading.inspection import (
    Action,
    Inspection,
    inspection_entry,
    mandate_of,
    refusal_entry,
    verify_inspection,
)
from gateway.audit.reading.show import open_entry
from gateway.audit.retention.prune import require_there
from gateway.clock import Clock
from gateway.errors import Forbidden, LiaisonError, Malformed, StorageBroken
from gateway.model.names import MemberId
from gateway.model.values import text_value
from gateway.ops.orders.decision_reads import is_use, owner_of, use_entry
from gateway.ops.orders.mailbox import Order, Orders, our_turn
from gateway.ports import events
from gateway.ports.content_keys import ContentKeys
from gateway.ports.journal import EntryDraft, Logged
from gateway.ports.log_store import LogStore
from gateway.trust.documents.appointment import Appointment
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.view import TrustView

MAX_ENTRIES = 1_000
"""Entries that are opened at once."""

_INSPECT = "inspect"
_LOOK_UP = "look-up"
_MAX_TEXT = 200


def inspection_order(data: bytes) -> Order:
    """The order to take a signed inspection."""
    return Order(_INSPECT, detail={"document": data.decode()})


def look_up_order(reason: str, looked_for: Mapping[str, Any]) -> Order:
    """The order to note a search without a mandate. Raises `Malformed`."""
    order = Order(_LOOK_UP, reason=reason, detail=looked_for)
    looked_up_entry(order, "")
    return order


def looked_up_entry(order: Order, account: str) -> EntryDraft:
    """Return the entry of a search without a mandate, under this account of the machine. Raises `Malformed`."""
    reason = text_value(order.reason, "--reason", _MAX_TEXT) if order.reason else ""
    return events.LOOKED_UP.draft(account=account, reason=reason, looked_for=dict(order.detail))


class InspectionDesk:
    """The inspections of one home. One thread at a time."""

    def __init__(
        self,
        folder: Path,
        member: MemberId,
        view: Callable[[], TrustView],
        trust: Path,
        clock: Clock,
        store: LogStore,
        keys: ContentKeys,
        log: str,
        write: Callable[[EntryDraft], Logged],
    ) -> None:
        self._folder = folder
        self._orders = Orders(folder)
        self._member = member
        self._view = view
        self._trust = trust
        self._clock = clock
        self._store = store
        self._keys = keys
        self._log = log
        self._write = write

    def run(self) -> int:
        """Take what waits; how many. Costs one look at a folder when nothing does. Raises `StorageBroken`."""
        if not self._orders.waiting():
            return 0
        with our_turn(self._folder) as ours:
            return self._orders.run(self._take) if ours else 0

    def _take(self, order: Order) -> Mapping[str, Any]:
        if order.kind == _LOOK_UP:
            return self._written(looked_up_entry(order, owner_of(self._orders.place(order))))
        if is_use(order):
            return self._written(use_entry(order, owner_of(self._orders.place(order))))
        document = order.detail.get("document")
        if order.kind != _INSPECT or not isinstance(document, str):
            raise Malformed("this is no inspection", code="bad-order")
        return self._inspect(document.encode())

    def _written(self, draft: EntryDraft) -> dict[str, Any]:
        return {"log": self._log, "index": self._write(draft).index}

    def _inspect(self, data: bytes) -> Mapping[str, Any]:
        # What judges a signature is loaded where there is one: a search without a mandate does not wait for it.
        documents = TrustDocuments(self._trust)
        try:
            inspection, appointment = verify_inspection(data, self._member, self._view(), documents, self._clock)
            if inspection.action is Action.OPEN:
                self._check_scope(inspection, appointment)
        except StorageBroken:
            raise
        except LiaisonError as error:
            self._write(refusal_entry(data, error))
            raise
        return self._written(inspection_entry(inspection, appointment, data))

    def _check_scope(self, inspection: Inspection, appointment: Appointment) -> None:
        """Every entry that is to be opened is there, and within the scope of the appointment."""
        log, indexes = wanted_entries(inspection)
        mandate = mandate_of(self._member, appointment)
        for index in indexes:
            require_there(self._store, log, index)
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
