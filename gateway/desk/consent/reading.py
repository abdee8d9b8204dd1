"""Read a home's requests for consent, while its node runs or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.clock import SystemClock, rfc3339
from gateway.config import load_settings
from gateway.desk.consent.book import Consent, ConsentBook
from gateway.desk.consent.records import described_record
from gateway.errors import Misconfigured
from gateway.model.desk.notices import Reply
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore


@dataclass(frozen=True, slots=True)
class ConsentReader:
    """Reads requests with the records that they are about."""

    book: ConsentBook
    kept: KeptAnswers

    def summary(self, consent: Consent) -> dict[str, Any]:
        """Return a request as JSON. `told`: the decision has its entry, and is on its way to the asker."""
        head, ask = consent.notice.head, consent.ask
        assert ask.use is not None
        assert ask.hit is not None
        about = self._record(consent)
        value: dict[str, Any] = {
            "id": head.thread_id,
            "from": head.sender,
            "state": consent.state,
            "told": consent.reply is not None,
            "received": rfc3339(consent.received_us),
            "ends": rfc3339(head.expires_us),
            "asked": ask.use.as_json(),
            "type": about["type"],
            "owner": about["owner"] or f"{head.recipient}.{consent.thread.agency}",
            "case": head.case,
            "requester": structs.asdict(head.requester),
            "justification": ask.facts,
            "exchange_id": ask.hit.exchange_id,
        }
        return value | _decided(consent)

    def with_record(self, consent: Consent) -> dict[str, Any]:
        """Return a request as JSON, with the record as the counterpart has it."""
        return self.summary(consent) | {"record": self._record(consent)}

    def _record(self, consent: Consent) -> dict[str, Any]:
        assert consent.ask.hit is not None
        return described_record(self.kept, consent.notice.head.sender, consent.ask.hit)


def _decided(consent: Consent) -> dict[str, Any]:
    """Return the decision: who gave it, why and when, as far as it was given by `liaison consent`."""
    decision, reply = consent.decision, consent.reply
    if decision is None and reply is None:
        return {}
    by_command = decision is not None and (reply is None or consent.done_by in ("", decision.by))
    if decision is None or not by_command:
        return {"decision": _by_desk(consent, reply)}
    until = rfc3339(decision.until_us) if decision.granted else ""
    told = {"by": decision.by, "reason": decision.reason, "at": rfc3339(decision.decided_us), "until": until}
    return {"decision": told}


def _by_desk(consent: Consent, reply: Reply | None) -> dict[str, str]:
    until_us = reply.until_us if reply is not None else 0
    at = rfc3339(consent.done_us) if consent.done_us else ""
    return {"by": consent.done_by, "reason": "", "at": at, "until": rfc3339(until_us) if until_us else ""}


@contextmanager
def open_reader(home: Path) -> Iterator[ConsentReader]:
    """Yield the requests for consent of a home. Raises `Misconfigured` where it holds no node's data."""
    settings = load_settings(home)
    if not settings.keystore.is_dir() or not is_made(settings):
        raise Misconfigured("there is no database", where=str(home), remedy="name the home of a node that has run")
    database = open_storage(settings, read_only=True)
    try:
        keystore = KeyStore(settings.keystore)
        book = ConsentBook(SqlDocumentStore(database, keystore, SystemClock()), SqlDeskStore(database, keystore))
        yield ConsentReader(book, KeptAnswers(SqlLogStore(database), keystore))
    finally:
        database.close()


def listed(home: Path) -> list[dict[str, Any]]:
    """Return all requests: undecided ones first, and among equals the one that ends first."""
    with open_reader(home) as reader:
        consents = reader.book.all(SystemClock().now_us())
        found = sorted(consents, key=lambda consent: (consent.is_decided, consent.notice.head.expires_us))
        return [reader.summary(consent) for consent in found]


def shown(home: Path, name: str) -> dict[str, Any]:
    """Return one request with the record that it is about."""
    with open_reader(home) as reader:
        return reader.with_record(reader.book.get(name, SystemClock().now_us()))
