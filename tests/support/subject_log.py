"""A home whose exchange log has very many entries, a fifth of them about one number; its node need not run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec.structs import replace

from gateway.audit.log.log import AuditLog
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.model.exchange import Answer, Outcome, Request
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery
from gateway.model.requester import Requester
from gateway.ops.keys.head_keys import load_log_keys
from gateway.ops.stores import give_id, node_stores
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.statements.answer import ANSWER_KIND
from gateway.statements.request import REQUEST_KIND
from gateway.storage.database.open import open_node_database
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import new_id
from tests.support.audited import draft

SUBJECT, OTHER = "XK5500000001", "XK990000"
EVERY = 5
_OTHERS, _BATCH, _DOCUMENTS = 200, 512, 20
_YEAR_US = 365 * 24 * 3600 * 1_000_000


def fill_log(home: Path, entries: int) -> int:
    """Append answers of `th` to `vn`, each fifth about the subject, and a copy of a search for each tenth.

    Return how many are about the subject.
    """
    clock = SystemClock()
    key, others = load_signing_key(Home(home).key("statement")), range(_OTHERS)
    about = _answered(key, SUBJECT)
    rest = [_answered(key, f"{OTHER}{number:04d}") for number in others]
    with logs_of(home) as (log, documents):
        for first in range(0, entries, _BATCH):
            numbers = range(first, min(entries, first + _BATCH))
            made = [rest[number % len(rest)] if number % EVERY else about for number in numbers]
            drafts = [replace(one, exchange_id=new_id()) for one in made]
            log.append(drafts)
            for number, one in zip(numbers, drafts, strict=True):
                if number % _DOCUMENTS < 2:
                    said = b'{"id":"%s","lines":[%s]}' % (one.exchange_id.encode(), b'"a line of it",' * 40)
                    documents.put("search", one.exchange_id, said, clock.now_us() + _YEAR_US)
    return len(range(0, entries, EVERY))


@contextmanager
def logs_of(home: Path) -> Iterator[tuple[AuditLog, SqlDocumentStore]]:
    """Open the exchange log and the small documents of a home whose node does not run."""
    settings, clock = load_settings(home), SystemClock()
    with closing(open_node_database(settings)) as database:
        give_id(node_stores(settings), database)
        keys = KeyStore(settings.keystore)
        store, documents = SqlLogStore(database, keys), SqlDocumentStore(database, keys, clock)
        where = Home(settings.home)
        log = AuditLog(store, keys, load_log_keys(where), clock, MemberId("th"), "exchange", highwater=where.highwater)
        with closing(log):
            yield log, documents


def _answered(key: SigningKey, number: str) -> EntryDraft:
    now_us = SystemClock().now_us()
    request = Request(
        exchange_id=new_id(),
        sender=MemberId("vn"),
        recipient=MemberId("th"),
        issued_us=now_us,
        expires_us=now_us + 60_000_000,
        purpose=Purpose.INVESTIGATION,
        offence=Offence.TIP,
        case="TH-2026-0001",
        ticket="",
        agreement="gms-border-2026",
        requester=Requester("investigator", "vn.blo.one", "police", "p" * 24),
        token_commitment=bytes(32),
        query=DocumentQuery(number, "VNM"),
        trust_hash=bytes(32),
        policy_hash=bytes(32),
    )
    sealed = REQUEST_KIND.build(request, key)
    answer = Answer(
        exchange_id=request.exchange_id,
        sender=request.recipient,
        recipient=request.sender,
        request_hash=sealed.payload_hash,
        issued_us=now_us,
        outcome=Outcome.NO_HIT,
        withheld_commitment=bytes(32),
    )
    return draft(events.ANSWERED, MemberId("vn"), request, sealed, ANSWER_KIND.build(answer, key))
