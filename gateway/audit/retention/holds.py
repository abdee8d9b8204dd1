"""Legal holds: entries whose content nothing erases for a time, on the word of two approvers (DUTY-L9).

A hold is one signed document (DSSE over JSON with closed fields) that names entries or exchanges, a reason and an end,
at most a year away. It counts from its entry in the operations log on, which keeps the document; it ends when two
approvers lift it, or lapses by itself. Holds are read from the log alone: removing files lifts none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from gateway.audit.reading.show import Filter, Shown, show
from gateway.errors import BadSignature, Contradicted, Forbidden, Malformed, Stale
from gateway.model.evidence.retention import read_steps, steps
from gateway.model.names import ExchangeId, MemberId, exchange_id, member_id
from gateway.model.values import text_value
from gateway.ports.content_keys import ContentKeys
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event
from gateway.ports.log_store import LogStore
from gateway.signing import strict_json
from gateway.signing.dsse import Document, encode64, parse_document, sign_document, verify_threshold
from gateway.signing.keys import SigningKey, VerifyKey

HOLD_TYPE = "application/vnd.liaison.hold.v1+json"
APPROVALS = 2
"""Different approvers that must sign."""
MAX_HOLD_US = 366 * 24 * 3600 * 1_000_000
"""The longest hold; a longer one has to be placed anew."""
MAX_PLACES = 1_000
"""Entries of a log, and exchanges, that a document names one by one; of more entries it says the steps between them."""
MAX_HELD = 80_000
"""Entries of a log that one hold covers; its entry has no room for more."""
_MAX_REASON = 200
_FIELDS = {"action", "entries", "exchanges", "id", "member", "reason", "until_us"}
_ID = re.compile(r"hold-[0-9a-f]{12}", re.ASCII)
_LOG = re.compile(r"(exchange|operations)/[1-9]\d{0,5}", re.ASCII)
_ALL = 1_000_000


class HoldAction(StrEnum):
    """The actions of a document."""

    PLACE = "place"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """A document. To lift a hold, `entries`, `exchanges` and `until_us` are empty and 0. `signers` are ids of the keys
    that signed (from `parse_hold`: that are said to have); `data` is the document."""

    member: MemberId
    action: HoldAction
    id: str
    reason: str
    entries: Mapping[str, tuple[int, ...]]
    exchanges: tuple[ExchangeId, ...]
    until_us: int
    signers: tuple[str, ...] = ()
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as the operations log knows it. `ended` is empty, `lifted` or `lapsed`."""

    id: str
    reason: str
    entries: Mapping[str, frozenset[int]]
    exchanges: frozenset[str]
    until_us: int
    placed_us: int
    approvers: tuple[str, ...]
    ended: str = ""

    def stands(self, now_us: int) -> bool:
        """Tell whether the hold is in force at a time."""
        return not self.ended and now_us < self.until_us

    def covers(self, log: str, index: int, exchange: str) -> bool:
        """Tell whether the hold names an entry."""
        return index in self.entries.get(log, ()) or (bool(exchange) and exchange in self.exchanges)


def seal_hold(order: HoldOrder, keys: Sequence[SigningKey]) -> bytes:
    """Return the document with a signature of each of `keys`, after reading it again as a check."""
    value = {
        "member": order.member,
        "action": order.action.value,
        "id": order.id,
        "reason": order.reason,
        "entries": {log: _written(sorted(indexes)) for log, indexes in order.entries.items()},
        "exchanges": sorted(order.exchanges),
        "until_us": order.until_us,
    }
    data = sign_document(HOLD_TYPE, strict_json.dumps(value), keys)
    parse_hold(data)
    return data


def parse_hold(data: bytes) -> tuple[HoldOrder, Document]:
    """Return the order in a document, its signatures not yet verified. Raises `Malformed`, `TooLarge`."""
    document = parse_document(data, HOLD_TYPE)
    value = strict_json.loads(document.payload, len(document.payload))
    if not isinstance(value, dict) or set(value) != _FIELDS or type(value["until_us"]) is not int:
        raise _bad(f"a hold has {', '.join(sorted(_FIELDS))}, and nothing else")
    if value["action"] not in list(HoldAction) or not isinstance(value["id"], str) or not _ID.fullmatch(value["id"]):
        raise _bad("a hold has an id, and places or lifts")
    entries, exchanges = _entries(value["entries"]), _exchanges(value["exchanges"])
    action = HoldAction(value["action"])
    if (action is HoldAction.PLACE) != bool(entries or exchanges):
        raise _bad("placing a hold names entries or exchanges, and lifting it names none")
    order = HoldOrder(
        member_id(value["member"]),
        action,
        value["id"],
        text_value(value["reason"], "reason", _MAX_REASON),
        entries,
        exchanges,
        value["until_us"],
        tuple(sorted({name for name, _ in document.signatures})),
        data,
    )
    return order, document


def verify_hold(data: bytes, member: MemberId, approvers: Sequence[VerifyKey], now_us: int) -> HoldOrder:
    """Return the order in a document that may be acted on:

    1. it parses, with closed fields;
    2. it is this member's;
    3. two different ones of `approvers` signed;
    4. to place one, its end lies ahead, at most a year.

    Raises `Malformed`, `TooLarge`, `Forbidden`, `BadSignature`, `Stale`.
    """
    order, document = parse_hold(data)  # 1
    if order.member != member:  # 2
        raise Forbidden("this is a hold of `{member}`", code="other-member", member=order.member)
    verify_threshold(document, approvers, APPROVALS)  # 3
    order = replace(order, signers=tuple(sorted(key.key_id for key in approvers if _signed(document, key))))
    if order.action is HoldAction.PLACE and not now_us < order.until_us <= now_us + MAX_HOLD_US:  # 4
        raise Stale("a hold ends in the future, at most 366 days away", code="bad-hold-time")
    return order


def _signed(document: Document, key: VerifyKey) -> bool:
    try:
        verify_threshold(document, [key], 1)
    except BadSignature:
        return False
    return True


def placed_entry(order: HoldOrder, proved: Mapping[str, Any]) -> EntryDraft:
    """Return the entry from which on a hold counts. `proved` are the members that prove the act."""
    return events.HOLD_PLACED.draft(
        **proved,
        hold=order.id,
        entries={log: list(indexes) for log, indexes in order.entries.items()},
        exchanges=list(order.exchanges),
        until_us=order.until_us,
        reason=order.reason,
        approvers=list(order.signers),
        statement=encode64(order.data),
    )


def lifted_entry(order: HoldOrder, proved: Mapping[str, Any]) -> EntryDraft:
    """Return the entry that ends a hold. `proved` are the members that prove the act."""
    return events.HOLD_LIFTED.draft(
        **proved,
        hold=order.id,
        reason=order.reason,
        approvers=list(order.signers),
        statement=encode64(order.data),
    )


def lapsed_entry(hold: Hold) -> EntryDraft:
    """Return the entry of a hold whose time is over."""
    return events.HOLD_LAPSED.draft(hold=hold.id, until_us=hold.until_us)


def read_holds(store: LogStore, keys: ContentKeys) -> list[Hold]:
    """Return all holds that were ever placed, the oldest first, from the operations logs.

    Raises `Contradicted` when an entry of a hold is not what was written: then nothing may be erased.
    """
    holds: dict[str, Hold] = {}
    for shown in _entries_of(store, keys, events.HOLD_PLACED):
        private = shown.private
        holds[private["hold"]] = Hold(
            private["hold"],
            private["reason"],
            {log: frozenset(indexes) for log, indexes in private["entries"].items()},
            frozenset(private["exchanges"]),
            private["until_us"],
            shown.entry.time_us,
            tuple(private["approvers"]),
        )
    for event, ended in ((events.HOLD_LAPSED, "lapsed"), (events.HOLD_LIFTED, "lifted")):
        for shown in _entries_of(store, keys, event):
            if (hold := holds.get(shown.private["hold"])) is not None:
                holds[hold.id] = replace(hold, ended=ended)
    return list(holds.values())


def holding(holds: Iterable[Hold], log: str, index: int, exchange: str) -> Hold | None:
    """Return the first of `holds` that forbids erasing an entry's content, or None. All of `holds` are in force."""
    return next((hold for hold in holds if hold.covers(log, index, exchange)), None)


def _entries_of(store: LogStore, keys: ContentKeys, event: Event) -> Iterable[Shown]:
    for log in store.logs():
        if not log.startswith("operations/"):
            continue
        for shown in reversed(list(show(store, keys, log, Filter(kind=event.kind), _ALL))):
            if shown.erased:
                raise Contradicted(
                    "entry {index} of {log} is one of a hold and cannot be read: nothing may be erased",
                    code="hold-unreadable",
                    where=log,
                    remedy="restore the keystore that belongs to this home",
                    index=shown.entry.index,
                    log=log,
                )
            yield shown


def _written(indexes: list[int]) -> list[int] | str:
    return indexes if len(indexes) <= MAX_PLACES else steps(indexes)


def _entries(value: Any) -> dict[str, tuple[int, ...]]:
    if not isinstance(value, dict) or not all(_LOG.fullmatch(log) for log in value):
        raise _bad("entries are named by log and index")
    found = {}
    for log, indexes in value.items():
        if isinstance(indexes, str):
            found[log] = tuple(read_steps(indexes, MAX_HELD))
            continue
        if not isinstance(indexes, list) or not 1 <= len(indexes) <= MAX_PLACES:
            raise _bad(f"a hold names 1 to {MAX_PLACES} entries of a log")
        if any(type(index) is not int or index < 0 for index in indexes):
            raise _bad("an entry's index is a whole number")
        found[log] = tuple(indexes)
    return found


def _exchanges(value: Any) -> tuple[ExchangeId, ...]:
    if not isinstance(value, list) or len(value) > MAX_PLACES or not all(isinstance(item, str) for item in value):
        raise _bad(f"a hold names at most {MAX_PLACES} exchanges")
    return tuple(exchange_id(item) for item in value)


def _bad(message: str) -> Malformed:
    return Malformed(message, code="bad-hold")
