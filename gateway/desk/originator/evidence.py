"""Find in our exchange log what a copy came in: who asked for it, why, and the entries that hold it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.audit.entries.entry import parse_entry
from gateway.audit.log.succession import split_name
from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.desk.acting.step import last_ask
from gateway.desk.evidence.own_answers import own_answer
from gateway.errors import Refused, Unknown
from gateway.model.desk.consent import Use
from gateway.model.desk.notices import Change
from gateway.model.desk.work import Direction, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.ports.desk import DeskStore, Holding, NoticeRow, WorkFilter
from gateway.ports.entries import events
from gateway.ports.journal import Event
from gateway.records.claims import claims_of, disclosed
from gateway.statements.answer import read_signed
from gateway.statements.notices.notice import parse_notice
from gateway.statements.request import parse_request
from policy.attributes import DeskAttributes, QuestionAttributes

_HOLDS = (events.RECEIVED, events.LATE, events.ANSWERED)
"""Entries that keep a record from abroad: an answer that arrived, or a notice that we took."""


class Reader(msgspec.Struct, frozen=True, order=True):
    """A person of ours who was shown a record, with the agency and office for which it was."""

    person: str
    agency: str
    office: str


class Ground(msgspec.Struct, frozen=True):
    """Why a record was given."""

    purpose: Purpose = Purpose.INVESTIGATION
    offence: Offence = Offence.OTHER
    case: str = ""
    ticket: str = ""


class Given(msgspec.Struct, frozen=True):
    """A record as we gave it: the question, its hash, and the fields that were disclosed, with their values."""

    question: QuestionAttributes
    request_hash: bytes
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The exchanges of our log, by counterpart and id."""

    kept: KeptAnswers
    store: DeskStore

    def readers(self, peer: MemberId, copy: Holding) -> list[Reader]:
        """Return who was shown a copy that came from `peer`, and the places of ours to which it was passed on."""
        notice = self.store.notice(peer, copy.source)
        if notice is None:
            asked = self._private(peer, copy.source, events.ASKED)
            shown = [_reader(asked)] if asked.get("officer") else []
            return [*shown, *self._given_on(peer, copy)]
        thread = self.store.thread(notice.key)
        if thread is None:
            return []
        opened = self.store.works(WorkFilter(key=notice.key, kinds=(WorkKind.OUTCOME, WorkKind.READ), open_only=False))
        persons = {thread.officer, *(work.assigned or work.by for work in opened)}
        return sorted(Reader(person, thread.agency, thread.office) for person in persons if person)

    def _given_on(self, peer: MemberId, copy: Holding) -> Iterator[Reader]:
        """Yield the places in our country to which an officer was allowed to pass a record on."""
        for private in self._privates(peer, copy.source, events.ONWARD_ALLOWED):
            here = private.get("use") == Use.PASS_ON.value and private.get("to") == copy.holder
            if here and private.get("record") == copy.jti:
                yield Reader("", str(private.get("to_agency", "")), str(private.get("to_office", "")))

    def ground(self, peer: MemberId, source: ExchangeId) -> Ground:
        """Return why we gave a record in an answer or notice; our log may not hold it any more."""
        private = self._private(peer, source, events.ANSWERED) or self._private(peer, source, events.ASKED)
        try:
            return Ground(
                Purpose(private["purpose"]),
                Offence(private["offence"]),
                str(private.get("case", "")),
                str(private.get("ticket", "")),
            )
        except (KeyError, ValueError):
            return Ground()

    def given(self, peer: MemberId, copy: Holding) -> Given | None:
        """Return what we gave in an answer or notice; None where our log does not hold it any more."""
        row = self.store.notice(peer, copy.source)
        try:
            return self._answered(peer, copy) if row is None else self._told(peer, copy, row)
        except Refused:
            return None

    def _answered(self, peer: MemberId, copy: Holding) -> Given | None:
        for log, index in self._find(peer, copy.source, events.ANSWERED):
            kinds = events.kinds(events.ANSWERED)
            kept = self.kept.at(log, index, peer=peer, exchange_id=copy.source, kinds=kinds)
            compact = _named(copy.jti, (hit.record for hit in read_signed(kept.answer).hits))
            if compact:
                request = parse_request(kept.request)
                question = QuestionAttributes.of(request, request.recipient)
                return Given(question, kept.entry.request_hash, disclosed(compact))
        return None

    def _told(self, peer: MemberId, copy: Holding, row: NoticeRow) -> Given | None:
        """Return what we gave in a package, or in a correction: that one answers the question of what it corrects."""
        notice = parse_notice(row.envelope) if row.envelope else None
        compact = _named(copy.jti, notice.records) if notice is not None else ""
        if notice is None or not compact:
            return None
        if isinstance(notice.body, Change):
            earlier = self._earlier(notice.body, peer, Direction.OUT)
            first = self.given(peer, earlier) if earlier is not None else None
            return replace(first, fields=disclosed(compact)) if first is not None else None
        asked, ask_notice, ask = last_ask(self.store.notices(row.key))
        question = DeskAttributes.of(ask_notice, ask_notice.recipient).as_question()
        if ask.hit is not None:
            query = own_answer(self.kept, peer, ask.hit).request.query
            question = replace(question, query=query.kind.value)
        return Given(question, asked.payload_hash, disclosed(compact))

    def question_hash(self, peer: MemberId, copy: Holding) -> bytes:
        """Return the hash of our question that a copy from `peer` answers; empty where we do not have it any more."""
        row = self.store.notice(peer, copy.source)
        if row is None:
            return next(iter(self._asked_hashes(peer, copy)), b"")
        body = parse_notice(row.envelope).body if row.envelope else None
        if isinstance(body, Change):
            earlier = self._earlier(body, peer, Direction.IN)
            return self.question_hash(peer, earlier) if earlier is not None else b""
        try:
            return last_ask(self.store.notices(row.key))[0].payload_hash
        except Unknown:
            return b""

    def _asked_hashes(self, peer: MemberId, copy: Holding) -> Iterator[bytes]:
        for log, index in self._find(peer, copy.source, events.ASKED):
            for _, body, _ in self.kept.store.bodies(log, index, index + 1):
                yield parse_entry(body).request_hash

    def _earlier(self, change: Change, peer: MemberId, direction: Direction) -> Holding | None:
        """Return the copy that a change of ours for `peer`, or of `peer`, issued anew."""
        holder = peer if direction is Direction.OUT else ""
        named = self.store.holdings(jtis=change.records, direction=direction, holder=holder)
        return next((one for one in named if direction is Direction.OUT or one.owner == peer), None)

    def places(self, peer: MemberId, sources: Iterable[ExchangeId]) -> Mapping[str, list[int]]:
        """Return the entries, by log, that hold what came in some exchanges or notices."""
        found: dict[str, list[int]] = {}
        for source in sources:
            for event in _HOLDS:
                for log, index in self._find(peer, source, event):
                    found.setdefault(log, []).append(index)
        return found

    def _private(self, peer: MemberId, source: ExchangeId, event: Event) -> dict[str, Any]:
        return next(self._privates(peer, source, event), {})

    def _privates(self, peer: MemberId, source: ExchangeId, event: Event) -> Iterator[dict[str, Any]]:
        for log, index in self._find(peer, source, event):
            with suppress(Unknown):
                yield self.kept.at(log, index, peer=peer, exchange_id=source, kinds=events.kinds(event)).private

    def _find(self, peer: MemberId, source: ExchangeId, event: Event) -> Iterator[tuple[str, int]]:
        store = self.kept.store
        for log in store.logs():
            if split_name(log)[0] == event.log.value:
                for index in store.find(log, peer=peer, exchange_id=source, kind=event.kind):
                    yield log, index


def _reader(asked: Mapping[str, Any]) -> Reader:
    return Reader(str(asked["officer"]), str(asked.get("agency", "")), str(asked.get("office", "")))


def _named(jti: str, records: Iterable[str]) -> str:
    """Return the record with this id; empty where none of them has it."""
    for compact in filter(None, records):
        claims = claims_of(compact)
        if claims is not None and claims.jti == jti:
            return compact
    return ""
