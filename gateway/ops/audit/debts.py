"""List the receipts owed by and to each counterpart, for `liaison audit debt`."""

from __future__ import annotations

from typing import Any

from gateway.audit.accounts.receipts import Standing, standing
from gateway.audit.log.succession import newest_logs
from gateway.clock import SystemClock, rfc3339
from gateway.exchange.receipts.days import GIVEN, TAKEN, DayState
from gateway.exchange.receipts.receipts import OVERDUE
from gateway.model.names import member_id
from gateway.ops.homes.open_home import Evidence
from gateway.storage.documents.document_store import SqlDocumentStore


def debts(evidence: Evidence) -> list[dict[str, Any]]:
    """Return for each counterpart, by name, the receipts owed to us and by us, and since when there is an alarm."""
    log = next((name for name in newest_logs(evidence.store.logs()) if name.startswith("exchange/")), "")
    peers = [member_id(name) for name in sorted(evidence.descriptors) if name != evidence.member]
    found = standing(_documents(evidence), evidence.store, log, peers) if log else []
    return [_value(evidence, item) for item in found]


def _documents(evidence: Evidence) -> SqlDocumentStore:
    return SqlDocumentStore(evidence.database, evidence.keys, SystemClock())


def _value(evidence: Evidence, item: Standing) -> dict[str, Any]:
    begun = _documents(evidence).get(OVERDUE, item.peer)
    return {
        "member": item.peer,
        "they_owe": {
            "given": item.given,
            "acknowledged": item.acknowledged,
            "open": max(0, item.given - item.acknowledged),
            "oldest": _time(item.oldest_us),
            "alarm_since": _time(int(begun or 0)),
        },
        "we_owe": {
            "arrived": item.arrived,
            "acknowledged": item.sent,
            "open": max(0, item.arrived - item.sent),
        },
        "days": {"given": _day(evidence, GIVEN, item.peer), "taken": _day(evidence, TAKEN, item.peer)},
    }


def _day(evidence: Evidence, kind: str, peer: str) -> dict[str, Any]:
    state = DayState.read(_documents(evidence), kind, peer)
    return {"day": state.day, "through": state.through, "differs": state.differs, "exchanges": state.exchanges}


def _time(us: int) -> str | None:
    return rfc3339(us) if us else None
