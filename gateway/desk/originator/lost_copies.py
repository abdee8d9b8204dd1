"""Bring back the ledger of copies that a restored database lost: which records of ours others hold.

A counterpart gives us our own answers back, with its requests. So it cannot name a copy that we did not give. What a
human released, and what was corrected, comes back with the notices. A counterpart that cannot tell is work for a human.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.clock import DAY_US, SECOND_US
from gateway.desk.acting.step import last_ask
from gateway.desk.delivery.effects import Occasion
from gateway.desk.originator.meant import LIVE, copies_meant, passed_on
from gateway.errors import Refused
from gateway.exchange.ledger import copies_given, copies_in
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Change, Notice, Reply, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskRows, DeskStore, Holding, Work
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.records.claims import claims_of
from gateway.records.verify import read_own_record
from gateway.statements.answer import verify_answer
from gateway.statements.envelope import REQUESTS, unseal
from gateway.statements.request import parse_request

UNKNOWN, MEANWHILE = "copies-unknown", "changed-meanwhile"
"""Why there is work: a counterpart cannot tell which copies it got; a record was changed before its copy was known."""

Resolve = Callable[[str, str, str], tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class LostCopies:
    """Makes the rows of copies that we gave. `resolve` is that of hit references; `agency_of` names a source's."""

    parts: Parts
    store: DeskStore
    resolve: Resolve
    agency_of: Callable[[str], str]

    def from_answer(self, peer: MemberId, request: bytes, answer: bytes) -> EntryDraft | None:
        """Draft the entry of an answer of ours that came back; None where all its copies are known.

        Raises `Refused` for one that we did not sign, or that answers another request.
        """
        parts, asked = self.parts, parse_request(request)
        verified = verify_answer(
            answer,
            keys=parts.trust(),
            member=parts.member,
            me=peer,
            request_hash=unseal(request, *REQUESTS).payload_hash,
            exchange_id=asked.exchange_id,
            now_us=parts.clock.now_us(),
        )
        hits, case = verified.value.hits, asked.case or asked.ticket
        names = {hit.reference: self._name(hit.reference, peer, case) for hit in hits}
        given = copies_given(parts.member, peer, asked.exchange_id, copies_in(hits, names))
        missing = tuple(self._unknown(given.holdings)) if given is not None else ()
        if not missing:
            return None
        draft = events.DESK_RECOVERED.draft(
            peer=peer,
            exchange_id=asked.exchange_id,
            request_hash=verified.payload_hash,
            notice="answer",
            thread="",
            says=verified.value.outcome.value,
        )
        draft.rows = DeskRows(holdings=missing, works=tuple(self._proposals(missing)))
        return draft

    def from_notice(self, it: Occasion) -> Iterator[Holding]:
        """Yield the copies that a notice of ours gave or changed."""
        notice, holder = it.notice, it.notice.recipient
        if isinstance(notice.body, Change):
            until_us = notice.body.erase_by_us or notice.issued_us + DAY_US
            named = copies_meant(self.store, notice.body, Direction.OUT, holder, self.parts.member)
            others = self.store.holdings(jtis=notice.body.records, direction=Direction.OUT, states=LIVE)
            through = passed_on(self.store, others)
            onward = [one for one in others if through.get((one.jti, one.holder)) == holder]
            for copy in (*named, *onward):
                yield replace(copy, state=HoldingState.CHANGING, due_us=until_us)
            newest = max(named, key=lambda copy: copy.version, default=None)
            record = newest.record if newest is not None else ""
            version = newest.version + 1 if newest is not None else 2
            yield from self._unknown(self._copies(notice, record, version))
        elif isinstance(notice.body, Reply):
            yield from self._unknown(self._copies(notice, self._asked_for(it), 1))

    def _copies(self, notice: Notice, record: str, version: int) -> tuple[Holding, ...]:
        found = []
        for compact in notice.records:
            claims = claims_of(compact)
            if claims is not None:
                copy = Holding(
                    claims.jti,
                    Direction.OUT,
                    notice.recipient,
                    self.parts.member,
                    notice.head.notice_id,
                    HoldingState.HELD,
                    version=version,
                    record=record,
                    type=str(read_own_record(compact)["type"]),
                    expires_us=claims.exp * SECOND_US,
                )
                found.append(copy)
        return tuple(found)

    def _asked_for(self, it: Occasion) -> str:
        """Return our own name of the record that an ask is about; empty where it cannot be read any more."""
        with suppress(Refused):
            _, asked, ask = last_ask(self.store.notices(it.thread.key))
            if ask.hit is not None:
                return self._name(ask.hit.reference, asked.sender, asked.head.case or asked.head.ticket)
        return ""

    def _name(self, reference: str, peer: MemberId, case: str) -> str:
        with suppress(Refused):
            source, key, _ = self.resolve(reference, peer, case)
            return f"{source}/{key}"
        return ""

    def _unknown(self, copies: tuple[Holding, ...]) -> Iterator[Holding]:
        """Yield those of some copies that the ledger does not have: what it has is newer."""
        for copy in copies:
            known = self.store.holdings(jti=copy.jti, direction=Direction.OUT, holder=copy.holder)
            if not any(one.owner == copy.owner for one in known):
                yield copy

    def _proposals(self, copies: tuple[Holding, ...]) -> Iterator[Work]:
        """Yield the work about copies whose record was changed while they were not known: their holder was not told."""
        for copy in copies:
            others = self.store.holdings(record=copy.record, direction=Direction.OUT) if copy.record else []
            if any(one.state is not HoldingState.HELD and one.owner == copy.owner for one in others):
                agency = self.agency_of(copy.record.partition("/")[0])
                cause = f"{copy.holder}.{copy.jti}"
                yield self._work(WorkKind.CORRECT, cause, copy.holder, copy.source, agency, MEANWHILE)

    def untold(self, peer: MemberId, since_us: int) -> EntryDraft:
        """Draft the alarm, with work, about a counterpart that cannot tell which copies it got since a time."""
        source = ExchangeId("")
        work = self._work(WorkKind.READ, f"{peer}.{since_us}.{UNKNOWN}", peer, source, "", UNKNOWN)
        draft = events.ALARM.draft(
            peer=peer, code=UNKNOWN, detail=f"what {peer} got from us since {since_us} is not known: ask its desk"
        )
        draft.rows = DeskRows(works=(work,))
        return draft

    def _work(self, kind: WorkKind, cause: str, peer: MemberId, source: ExchangeId, agency: str, why: str) -> Work:
        now_us = self.parts.clock.now_us()
        return Work(
            id=f"{kind.value}.{cause}",
            key=ThreadKey(peer, source),
            kind=kind,
            agency=agency,
            office="",
            role=Role.DATA_OFFICER if agency else Role.NATIONAL_DESK,
            urgency=Urgency.URGENT,
            opened_us=now_us,
            half_us=now_us + DAY_US // 2,
            due_us=now_us + DAY_US,
            result=why,
        )
