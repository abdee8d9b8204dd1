"""Draft a log of many kinds of questions, by repeatable chance; statements are real and signed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import Reason
from gateway.model.exchange import Answer, Outcome, Refusal, Request
from gateway.model.hit import Hit, Quality
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery, PersonQuery, Query, VehicleQuery
from gateway.model.requester import Requester
from gateway.model.values import NameForm, PartialDate
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event
from gateway.signing.keys import SigningKey
from gateway.statements.answer import ANSWER_KIND
from gateway.statements.envelope import Sealed
from gateway.statements.request import REQUEST_KIND

_TH = MemberId("th")


@dataclass(frozen=True, slots=True)
class Pools:
    """The values to choose from. `hits` and `refusals` are shares from 0 to 1; the rest is no hit."""

    peers: tuple[MemberId, ...]
    officers: tuple[str, ...]
    pseudonyms: tuple[str, ...]
    cases: tuple[str, ...]
    agreements: tuple[str, ...]
    names: tuple[str, ...]
    numbers: tuple[str, ...]
    plates: tuple[str, ...]
    codes: tuple[str, ...]
    references: tuple[str, ...]
    hits: float
    refusals: float


class Questions:
    """Makes drafts of entries of both sides of exchanges."""

    def __init__(self, pools: Pools, seed: int) -> None:
        self._pools = pools
        self._chance = Random(seed)
        self.key = SigningKey(ec.generate_private_key(ec.SECP256R1()))

    def query(self) -> Query:
        """Return a query for a person, a document or a vehicle."""
        chance, pools = self._chance, self._pools
        kind = chance.randrange(3)
        if kind == 0:
            birth = PartialDate(chance.choice(("1984", "1990-02-01"))) if chance.random() < 0.7 else None
            return PersonQuery((NameForm(chance.choice(pools.names)),), birth)
        if kind == 1:
            return DocumentQuery(chance.choice(pools.numbers), "VNM")
        return VehicleQuery(chance.choice(pools.plates))

    def exchange(self, now_us: int) -> list[EntryDraft]:
        """Return the entries of one exchange at our side: `asked` and `received`, or `answered` or `refused`."""
        chance, pools = self._chance, self._pools
        peer, officer, ours = chance.choice(pools.peers), chance.choice(pools.officers), chance.random() < 0.5
        request = self._request(now_us, _TH if ours else peer, peer if ours else _TH)
        sealed = REQUEST_KIND.build(request, self.key)
        dice = chance.random()
        outcome = Outcome.HIT if dice < pools.hits else Outcome.NO_HIT
        outcome = Outcome.REFUSED if dice > 1 - pools.refusals else outcome
        answer, code, references = self._answer(request, sealed, outcome)
        about = {"case": request.case, "purpose": request.purpose.value, "agreement": request.agreement}
        if ours:
            who = {"officer": officer, "agency": "police", "query": request.query.kind.value}
            found: dict[str, Any] = {"officer": officer, "case": request.case, "outcome": outcome.value}
            found |= {"refusal": code, "hits": len(references)}
            asked = _draft(events.ASKED, peer, request, sealed, {**about, **who})
            return [asked, _draft(events.RECEIVED, peer, request, sealed, found, answer)]
        requester = ["investigator", f"{peer}.blo.one", "police", request.requester.pseudonym]
        private: dict[str, Any] = {**about, "requester": requester, "query": request.query.kind.value}
        if outcome is Outcome.REFUSED:
            why = {"reason": "PERMISSION_DENIED", "code": code}
            return [_draft(events.REFUSED, peer, request, sealed, private | why)]
        return [
            _draft(
                events.ANSWERED, peer, request, sealed, private | {"outcome": outcome.value, "hits": references}, answer
            )
        ]

    def denied(self) -> EntryDraft:
        """Return the entry of a question that was not allowed at home."""
        query = self.query()
        private: dict[str, Any] = {"officer": self._chance.choice(self._pools.officers), "purpose": "INVESTIGATION"}
        code = self._chance.choice(self._pools.codes)
        said: dict[str, Any] = {"code": code, "query": query.kind.value, "question": query.as_value()}
        return events.DENIED.draft(**private, **said)

    def some(self) -> bool:
        """Return True once in ten times."""
        return self._chance.random() < 0.1

    def _request(self, now_us: int, sender: MemberId, recipient: MemberId) -> Request:
        chance, pools = self._chance, self._pools
        return Request(
            exchange_id=ExchangeId(chance.randbytes(16).hex()),
            sender=sender,
            recipient=recipient,
            issued_us=now_us,
            expires_us=now_us + 60_000_000,
            purpose=chance.choice((Purpose.INVESTIGATION, Purpose.THREAT_TO_LIFE)),
            offence=Offence.TIP,
            case=chance.choice(pools.cases),
            ticket="",
            agreement=chance.choice(pools.agreements),
            requester=Requester("investigator", f"{sender}.blo.one", "police", chance.choice(pools.pseudonyms)),
            token_commitment=bytes(32),
            query=self.query(),
            trust_hash=bytes(32),
            policy_hash=bytes(32),
        )

    def _answer(self, request: Request, sealed: Sealed, outcome: Outcome) -> tuple[Sealed, str, list[str]]:
        chance, pools = self._chance, self._pools
        code = chance.choice(pools.codes) if outcome is Outcome.REFUSED else ""
        references = [chance.choice(pools.references)] if outcome is Outcome.HIT else []
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
        return ANSWER_KIND.build(answer, self.key), code, references


def _draft(
    event: Event,
    peer: MemberId,
    request: Request,
    sealed: Sealed,
    private: dict[str, Any],
    answer: Sealed | None = None,
) -> EntryDraft:
    return event.draft_of(
        private,
        peer=peer,
        exchange_id=request.exchange_id,
        request_hash=sealed.payload_hash,
        answer_hash=answer.payload_hash if answer else b"",
        request=sealed.envelope,
        answer=answer.envelope if answer else b"",
        retention=Retention.HIT if private.get("outcome") == "hit" else Retention.NO_HIT,
    )
