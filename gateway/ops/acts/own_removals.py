"""Write the entry of keys that the status of this node's own member removed; the removal itself came first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any

from gateway.audit.acts.act import MAX_TEXT, Proved
from gateway.audit.acts.table import ActKind, Proof
from gateway.errors import LiaisonError, Malformed
from gateway.model.values import text_value
from gateway.ops.acts.mailbox import Order
from gateway.ops.acts.prove import HomeTrust, Used
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged

_FOR_GOOD = 0
"""Microseconds of expiry of a document that is kept."""


@dataclass(frozen=True, slots=True)
class RemovalDesk:
    """Writes entries of removed keys. `refresh` has the documents of the home count here. One thread at a time."""

    trust: HomeTrust
    used: Used
    log: str
    write: Callable[[EntryDraft], Logged]
    refresh: Callable[[], object]

    def note(self, order: Order) -> Mapping[str, Any]:
        """Write the entry of a removal. Raises `Malformed` where the status removes no such key."""
        reason = text_value(order.reason, "reason", MAX_TEXT)
        keys, since_us = order.detail.get("keys"), order.detail.get("since_us")
        descriptor, removed = self.trust.own()
        gone = removed | {key.key_id for key in descriptor.keys if key.compromised_us is not None}
        if (
            not isinstance(keys, list)
            or not keys
            or not gone.issuperset(map(str, keys))
            or type(since_us) not in (int, NoneType)
        ):
            raise Malformed(
                "the status removes no such key", code="bad-act", where="act.detail", remedy="`liaison trust revoke`"
            )
        proved = self._proved(order)
        if since_us is None:  # as it takes effect
            self.refresh()
            since_us = self.trust.clock.now_us()
        private = {"keys": keys, "since_us": since_us, "reason": reason, "order": order.id, "by": proved.words}
        draft = events.KEY_REMOVED.draft_of(private | proved.members())
        self.used.once(order.id, _FOR_GOOD, order.id, events.KEY_REMOVED.kind, lambda: self.write(draft))
        return {"log": self.log, "proof": proved.proof.value, "by": proved.words, "since_us": since_us}

    def _proved(self, order: Order) -> Proved:
        """Return the proof of a removal: the signed act of exactly this, or the account that handed it in."""
        unproved = Proved(Proof.UNPROVED, account=order.account)
        if not order.document:
            return unproved
        try:
            act, proved = self.trust.verify(order.document.encode())
        except LiaisonError:
            return unproved
        if (act.kind, act.id, act.reason, dict(act.detail)) != (
            ActKind.REVOKE,
            order.id,
            order.reason,
            dict(order.detail),
        ):
            return unproved
        return replace(proved, account=order.account)
