"""A log of many kinds of questions, for searches: real statements, made by chance that can be repeated."""

from __future__ import annotations

from random import Random

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import Reason
from gateway.model.exchange import Answer, Outcome, Refusal, Request
from gateway.model.hit import Hit, Quality
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery, PersonQuery, Query, VehicleQuery, query_value
from gateway.model.requester import Requester
from gateway.model.values import NameForm, PartialDate
from gateway.ports import EntryDraft, Retention
from gateway.signing.keys import SigningKey
from gateway.statements.answer import build_answer
from gateway.statements.envelope import Sealed
from gateway.statements.request import build_request
from tests.support.audit_logs import LogHome

TH = MemberId("th")
PEERS = (MemberId("vn"), MemberId("kh"))
OFFICERS = ("th.o.1042", "th.o.1043", "th.o.7")
CASES = ("TH-2026-0001", "TH-2026-0002", "TH-2026-0003")
AGREEMENTS = ("gms-border-2026", "th-vn-2019")
NAMES = ("สมชาย ใจดี", "Somchai Jaidee", "NGUYEN VAN AN", "Nguyễn Văn An", "陈小明", "Sok Dara")
NUMBERS = ("AB1234567", "C 765-4321", "กข 1234")
CODES = ("no-agreement", "quota", "bad-signature")
REFERENCES = ("reference-one", "reference-two")
KEY = SigningKey(ec.generate_private_key(ec.SECP256R1()))


def fill(home: LogHome, count: int, seed: int = 1, batch: int = 8) -> None:
    """Append the entries of `count` exchanges to the exchange log and a few to the operations log of `home`."""
    chance = Random(seed)
    with home.log() as log, home.log("operations") as operations:
        for first in range(0, count, batch):
            now_us = home.clock.now_us()
            several = [_exchange(chance, now_us) for _ in range(min(batch, count - first))]
            log.append([draft for drafts in several for draft in drafts])
            if chance.random() < 0.1 * batch:
                operations.append([_denied(chance)])


def some_query(chance: Random) -> Query:
    """A person in one of six spellings, a document or a vehicle."""
    kind = chance.randrange(3)
    if kind == 0:
        birth = PartialDate(chance.choice(("1984", "1990-02-01"))) if chance.random() < 0.7 else None
        return PersonQuery((NameForm(chance.choice(NAMES)),), birth)
    if kind == 1:
        return DocumentQuery(chance.choice(NUMBERS[:2]), "VNM")
    return VehicleQuery(NUMBERS[2])


def _exchange(chance: Random, now_us: int) -> list[EntryDraft]:
    peer, officer, ours = chance.choice(PEERS), chance.choice(OFFICERS), chance.random() < 0.5
    request = _request(chance, now_us, TH if ours else peer, peer if ours else TH)
    sealed = build_request(request, KEY)
    outcome = chance.choice((Outcome.NO_HIT, Outcome.NO_HIT, Outcome.HIT, Outcome.REFUSED))
    answer = _answer(chance, request, sealed, outcome)
    about = {"case": request.case, "purpose": request.purpose.value, "agreement": request.agreement}
    if ours:
        asked = _draft("asked", peer, request, sealed, about | {"officer": officer, "query": request.query.kind.value})
        found = {"officer": officer, "case": request.case, "outcome": outcome.value}
        found |= {"refusal": answer[1], "hits": int(outcome is Outcome.HIT)}
        return [asked, _draft("received", peer, request, sealed, found, answer[0])]
    private = about | {"requester": ["r", "o", "police", request.requester.pseudonym], "hits": answer[2]}
    if outcome is Outcome.REFUSED:
        return [_draft("refused", peer, request, sealed, private | {"reason": "PERMISSION_DENIED", "code": answer[1]})]
    return [_draft("answered", peer, request, sealed, private | {"outcome": outcome.value}, answer[0])]


def _request(chance: Random, now_us: int, sender: MemberId, recipient: MemberId) -> Request:
    return Request(
        exchange_id=ExchangeId(chance.randbytes(16).hex()),
        sender=sender,
        recipient=recipient,
        issued_us=now_us,
        expires_us=now_us + 60_000_000,
        purpose=chance.choice((Purpose.INVESTIGATION, Purpose.THREAT_TO_LIFE)),
        offence=Offence.TIP,
        case=chance.choice(CASES),
        ticket="",
        agreement=chance.choice(AGREEMENTS),
        requester=Requester("investigator", f"{sender}.blo.one", "police", chance.choice(("a" * 24, "b" * 24))),
        token_commitment=bytes(32),
        query=some_query(chance),
        trust_hash=bytes(32),
        policy_hash=bytes(32),
    )


def _answer(chance: Random, request: Request, sealed: Sealed, outcome: Outcome) -> tuple[Sealed, str, list[str]]:
    code = chance.choice(CODES) if outcome is Outcome.REFUSED else ""
    references = [chance.choice(REFERENCES)] if outcome is Outcome.HIT else []
    answer = Answer(
        exchange_id=request.exchange_id,
        sender=request.recipient,
        recipient=request.sender,
        request_hash=sealed.payload_hash,
        issued_us=request.issued_us,
        outcome=outcome,
        refusal=Refusal(Reason.PERMISSION_DENIED, code) if code else None,
        hits=tuple(Hit(item, Quality.EXACT_ID, "Person", (), "", "") for item in references),
        withheld_commitment=bytes(32),
    )
    return build_answer(answer, KEY), code, references


def _draft(
    kind: str,
    peer: MemberId,
    request: Request,
    sealed: Sealed,
    private: dict[str, object],
    answer: Sealed | None = None,
) -> EntryDraft:
    return EntryDraft(
        kind,
        peer,
        request.exchange_id,
        sealed.payload_hash,
        answer.payload_hash if answer else b"",
        private=private,
        request=sealed.envelope,
        answer=answer.envelope if answer else b"",
        retention=Retention.HIT if private.get("outcome") == "hit" else Retention.NO_HIT,
    )


def _denied(chance: Random) -> EntryDraft:
    query = some_query(chance)
    private = {"officer": chance.choice(OFFICERS), "code": chance.choice(CODES), "purpose": "INVESTIGATION"}
    private |= {"query": query.kind.value, "question": query_value(query)}
    return EntryDraft("denied", private=private, retention=Retention.OPERATIONS)
