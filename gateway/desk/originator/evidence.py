"""Find in our exchange log what a copy came in: who asked for it, why, and the entries that hold it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.errors import Refused, Unknown
from gateway.model.desk.work import WorkKind
from gateway.model.exchange import Request
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.ports import events
from gateway.ports.desk import DeskStore, Holding, WorkFilter
from gateway.ports.journal import Event
from gateway.records.claims import claims_of, disclosed
from gateway.statements.answer import read_signed
from gateway.statements.request import parse_request

_LOG = "exchange/"
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
    """A record as we gave it in an answer: the question, and the fields that were disclosed, with their values."""

    request: Request
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The exchanges of our log, by counterpart and id."""

    kept: KeptAnswers
    store: DeskStore

    def readers(self, peer: MemberId, source: ExchangeId) -> list[Reader]:
        """Return who was shown what came in an exchange or notice of `peer`."""
        notice = self.store.notice(peer, source)
        if notice is None:
            asked = self._private(peer, source, events.ASKED)
            return [_reader(asked)] if asked.get("officer") else []
        thread = self.store.thread(notice.key)
        if thread is None:
            return []
        opened = self.store.works(WorkFilter(key=notice.key, kinds=(WorkKind.OUTCOME, WorkKind.READ), open_only=False))
        persons = {thread.officer, *(work.assigned or work.by for work in opened)}
        return sorted(Reader(person, thread.agency, thread.office) for person in persons if person)

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
        """Return what we gave in an answer; None where our log does not hold the answer any more."""
        for log, index in self._find(peer, copy.source, events.ANSWERED):
            kinds = events.kinds(events.ANSWERED)
            try:
                kept = self.kept.at(log, index, peer=peer, exchange_id=copy.source, kinds=kinds)
                hits, request = read_signed(kept.answer).hits, parse_request(kept.request)
            except Refused:
                return None
            for hit in hits:
                claims = claims_of(hit.record) if hit.record else None
                if claims is not None and claims.jti == copy.jti:
                    return Given(request, disclosed(hit.record))
        return None

    def places(self, peer: MemberId, sources: Iterable[ExchangeId]) -> Mapping[str, list[int]]:
        """Return the entries, by log, that hold what came in some exchanges or notices."""
        found: dict[str, list[int]] = {}
        for source in sources:
            for event in _HOLDS:
                for log, index in self._find(peer, source, event):
                    found.setdefault(log, []).append(index)
        return found

    def _private(self, peer: MemberId, source: ExchangeId, event: Event) -> dict[str, Any]:
        for log, index in self._find(peer, source, event):
            try:
                return self.kept.at(log, index, peer=peer, exchange_id=source, kinds=events.kinds(event)).private
            except Unknown:
                continue
        return {}

    def _find(self, peer: MemberId, source: ExchangeId, event: Event) -> Iterator[tuple[str, int]]:
        store = self.kept.store
        for log in store.logs():
            if log.startswith(_LOG):
                for index in store.find(log, peer=peer, exchange_id=source, kind=event.kind):
                    yield log, index


def _reader(asked: Mapping[str, Any]) -> Reader:
    return Reader(str(asked["officer"]), str(asked.get("agency", "")), str(asked.get("office", "")))
