"""Carry out the quick acts of one home: reading the logs, switching on again, deciding on a request for consent.

Each is judged by its row of the table, and its entry is durable before anything is shown or done. An auditor signs an
inspection. Without one the machine itself may search, and is shown public parts only; explaining a decision of policy
and rehearsing a draft need the attributes of decisions (`gateway.audit.reading.decision_inputs`), which are about no
person: these entries name the account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.audit.acts.table import ActKind, Lane, rule_of
from gateway.audit.reading.inspection import (
    FRESH_US,
    Inspection,
    inspection_entry,
    mandate_of,
    refusal_entry,
    verify_inspection,
)
from gateway.audit.reading.show import open_entry
from gateway.audit.retention.prune import require_there
from gateway.clock import Clock
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, StorageBroken
from gateway.model.names import MemberId
from gateway.model.values import text_value
from gateway.ops.acts.mailbox import Mailbox, Order
from gateway.ops.acts.prove import Used, document_of
from gateway.ports.content_keys import ContentKeys
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged
from gateway.ports.log_store import LogStore
from gateway.signing.passkeys.assertion import Assertion
from gateway.signing.passkeys.assertion import Used as PasskeyUsed
from gateway.trust.documents.appointment import Appointment
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.view import TrustView

MAX_ENTRIES = 1_000
"""Entries that are opened at once."""

_MAX_TEXT = 200

Effect = Callable[[Order], Mapping[str, Any]]


def look_up_order(reason: str, looked_for: Mapping[str, Any]) -> Order:
    """Return the act of a search without a mandate. Raises `Malformed`."""
    order = Order(ActKind.LOOK_UP, reason=reason, detail=looked_for)
    looked_up_entry(order, "")
    return order


def looked_up_entry(order: Order, account: str) -> EntryDraft:
    """Return the entry of a search without a mandate, under this account of the machine. Raises `Malformed`."""
    private = {
        "account": account,
        "reason": text_value(order.reason, "--reason", _MAX_TEXT) if order.reason else "",
        "looked_for": dict(order.detail),
    }
    return events.LOOKED_UP.draft_of(private)


def use_order(use: ActKind, by: str, reason: str, detail: Mapping[str, Any]) -> Order:
    """Return the act of using policy decisions. Raises `Malformed` where the person or the reason is missing."""
    by, reason = text_value(by, "--by", _MAX_TEXT), text_value(reason, "--reason", _MAX_TEXT)
    return Order(use, by=by, reason=reason, detail=detail)


def use_entry(order: Order, account: str) -> EntryDraft:
    """Return the entry of a use of policy decisions, ordered under this account of the machine. Raises `Malformed`."""
    by, reason = text_value(order.by, "by", _MAX_TEXT), text_value(order.reason, "reason", _MAX_TEXT)
    private = {"by": by, "account": account, "reason": reason, "detail": dict(order.detail)}
    return rule_of(order.kind).events[0].draft_of(private)


class QuickDesk:
    """The quick acts of one home. One thread at a time. `more` are the effects that other modules have."""

    def __init__(
        self,
        mailbox: Mailbox,
        inspections: Inspections,
        more: Mapping[ActKind, Effect],
    ) -> None:
        self._mailbox = mailbox
        self.effects: dict[ActKind, Effect] = {
            ActKind.OPEN: inspections.inspect,
            ActKind.SEARCH: inspections.inspect,
            ActKind.EXPORT: inspections.inspect,
            ActKind.LOOK_UP: inspections.look_up,
            ActKind.EXPLAIN: inspections.use,
            ActKind.REHEARSE: inspections.use,
            **more,
        }

    def run(self) -> int:
        """Carry out the waiting acts; return their number. It costs one look at a folder when none waits.

        Raises `StorageBroken`.
        """
        if not self._mailbox.waiting(Lane.QUICK):
            return 0
        with self._mailbox.our_turn(Lane.QUICK) as ours:
            return self._mailbox.run(Lane.QUICK, self._carry_out) if ours else 0

    def _carry_out(self, order: Order) -> Mapping[str, Any]:
        rule_of(order.kind)
        effect = self.effects.get(ActKind(order.kind))
        if effect is None:
            raise Forbidden("`{kind}` is not carried out here", code="unknown-act", kind=order.kind)
        return effect(order)


@dataclass(frozen=True, slots=True)
class Inspections:
    """Judges who may read the logs of one home, and writes the entries of it."""

    member: MemberId
    view: Callable[[], TrustView]
    documents: TrustDocuments
    clock: Clock
    store: LogStore
    keys: ContentKeys
    used: Used
    log: str
    write: Callable[[EntryDraft], Logged]
    passkeys: PasskeyBook

    def look_up(self, order: Order) -> Mapping[str, Any]:
        """Note a search without a mandate."""
        return self._written(looked_up_entry(order, order.account))

    def use(self, order: Order) -> Mapping[str, Any]:
        """Note a use of policy decisions."""
        return self._written(use_entry(order, order.account))

    def inspect(self, order: Order) -> Mapping[str, Any]:
        """Judge an auditor's signed inspection, and note it or its refusal."""
        data = document_of(order.document)
        try:
            inspection, appointment = self._verify(data, order)
        except StorageBroken:
            raise
        except LiaisonError as error:
            self.write(refusal_entry(data, error))
            raise
        return self._written(inspection_entry(inspection, appointment, data))

    def _verify(self, data: bytes, order: Order) -> tuple[Inspection, Appointment]:
        inspection, appointment = verify_inspection(
            data, self.member, self.view(), self.documents, self.clock, self._check_passkey
        )
        if inspection.action.value != order.kind:
            raise Malformed("the document says another act", code="bad-order")
        if order.kind == ActKind.OPEN:
            self._check_scope(inspection, appointment)
        self.used.claim(f"inspection-{inspection.id}", inspection.issued_us + 2 * FRESH_US, order.id)
        return inspection, appointment

    def _check_passkey(self, assertion: Assertion, used: PasskeyUsed) -> None:
        """Raise `BadSignature` for a passkey that does not count here, and keep how often it has signed."""
        enrolled = self.passkeys.find(assertion.credential)
        if enrolled is None:
            raise BadSignature("no such passkey is enrolled", code="passkey-unknown", where="passkey")
        self.passkeys.require(assertion.credential, enrolled.passkey.person)
        self.passkeys.check_counter(enrolled, used.counter)
        self.passkeys.note_counter(enrolled, used.counter)

    def _written(self, draft: EntryDraft) -> dict[str, Any]:
        return {"log": self.log, "index": self.write(draft).index}

    def _check_scope(self, inspection: Inspection, appointment: Appointment) -> None:
        """Check that each entry to open exists and lies within the scope of the appointment."""
        log, indexes = wanted_entries(inspection)
        mandate = mandate_of(self.member, appointment)
        for index in indexes:
            require_there(self.store, log, index)
            shown = open_entry(self.keys, log, next(iter(self.store.entries(log, index, index + 1))))
            ground = mandate.withholds(shown.entry)
            if not ground and not shown.erased:
                ground = mandate.withholds_private(shown.entry, shown.private)
            if ground:
                raise Forbidden(
                    "entry {index} is outside the scope of the appointment ({ground})",
                    code="outside-mandate",
                    where=f"{log}, appointment of `{appointment.auditor}`",
                    remedy="the authority appoints with a wider scope: liaison audit appoint",
                    index=index,
                    ground=ground,
                )


def wanted_entries(inspection: Inspection) -> tuple[str, list[int]]:
    """Return the log and the indexes of the entries to open. Raises `Malformed`."""
    log, indexes = inspection.detail.get("log"), inspection.detail.get("entries")
    if not isinstance(log, str) or not isinstance(indexes, list) or not 1 <= len(indexes) <= MAX_ENTRIES:
        raise Malformed(
            "a log and 1 to {limit} entries are opened", code="bad-inspection", where="detail", limit=MAX_ENTRIES
        )
    if any(type(index) is not int or index < 0 for index in indexes):
        raise Malformed("an entry's index is a whole number", code="bad-inspection", where="detail.entries")
    return log, indexes
