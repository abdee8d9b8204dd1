"""Read a home's requests for consent, while its node runs or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import structs

from gateway.clock import SystemClock, rfc3339
from gateway.config import load_settings
from gateway.desk.consents import Consent, ConsentBook
from gateway.errors import Misconfigured
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore


@contextmanager
def open_book(home: Path) -> Iterator[ConsentBook]:
    """Yield the requests for consent of a home. Raises `Misconfigured` where it holds no node's data."""
    settings = load_settings(home)
    if not settings.keystore.is_dir() or not is_made(settings):
        raise Misconfigured("there is no database", where=str(home), remedy="name the home of a node that has run")
    database = open_storage(settings, read_only=True)
    try:
        yield ConsentBook(SqlDocumentStore(database, KeyStore(settings.keystore), SystemClock()))
    finally:
        database.close()


def listed(home: Path) -> list[dict[str, Any]]:
    """Return all requests: undecided ones first, and among equals the one that ends first."""
    with open_book(home) as book:
        found = sorted(book.all(), key=lambda consent: (consent.decision is not None, consent.request.expires_us))
        return [summary(consent) for consent in found]


def shown(home: Path, name: str) -> dict[str, Any]:
    """Return one request with the record that it is about."""
    with open_book(home) as book:
        consent = book.get(name)
    return summary(consent) | {"record": consent.about}


def summary(consent: Consent) -> dict[str, Any]:
    """Return a request as JSON. `told`: the decision has its entry, and the asker's node gets it when it asks next."""
    request, decision = consent.request, consent.decision
    state = "open" if decision is None else "granted" if decision.granted else "refused"
    value: dict[str, Any] = {
        "id": request.id,
        "from": request.sender,
        "state": state,
        "told": consent.told,
        "received": rfc3339(consent.received_us),
        "ends": rfc3339(request.expires_us),
        "asked": request.asked.as_json(),
        "type": consent.about["type"],
        "owner": consent.about["owner"],
        "case": request.case,
        "requester": structs.asdict(request.requester),
        "justification": request.justification,
        "exchange_id": request.exchange_id,
    }
    if decision is not None:
        value["decision"] = {
            "by": decision.by,
            "reason": decision.reason,
            "at": rfc3339(decision.decided_us),
            "until": rfc3339(decision.until_us) if decision.granted else "",
        }
    return value
