"""Find hits in our exchange log: those that we gave, and those that our officers were shown.

What a counterpart names in our own answer to it begins a follow-up and an ask for consent.

The place of a hit of a watch names the notice that told of it, and no entry: its author knows of none.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection
from contextlib import suppress

import msgspec

from gateway.audit.entries.entry import parse_entry
from gateway.audit.reading.kept_answers import KeptAnswer, KeptAnswers
from gateway.desk.evidence.question import request_of
from gateway.errors import Forbidden, Refused, Unknown
from gateway.model.desk.notices import RecordPlace, Reply
from gateway.model.desk.watches import Goods, Watch
from gateway.model.exchange import Request
from gateway.model.hit import Hit
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Officer
from gateway.model.search import Line, ShownHit
from gateway.ports.entries import events
from gateway.ports.journal import Event
from gateway.ports.officers import Searches
from gateway.records.verify import claimed_id
from gateway.statements.answer import read_signed
from gateway.statements.notices.notice import parse_notice
from gateway.statements.request import parse_request

_LOG = "exchange"


class OwnAnswer(msgspec.Struct, frozen=True):
    """An answer of ours: the question and its hash, and the hit that was named; None where it has no such hit.

    `goods` is what a watch of declarations is about; its question says less.
    """

    request: Request
    question_hash: bytes
    hit: Hit | None
    goods: Goods | None = None


def own_answer(kept: KeptAnswers, peer: MemberId, place: RecordPlace) -> OwnAnswer:
    """Return our answer to this very counterpart that a place names.

    Raises `Unknown` where our log has no such answer, `Forbidden` where it was another one.
    """
    if not place.log_number:
        return _of_watch(kept, peer, place)
    found = kept.at(
        f"{_LOG}/{place.log_number}",
        place.entry_index,
        peer=peer,
        exchange_id=place.exchange_id,
        kinds=events.kinds(events.ANSWERED),
    )
    _check_same(found.entry.answer_hash, place)
    hits = (each for each in read_signed(found.answer).hits if each.reference == place.reference)
    return OwnAnswer(parse_request(found.request), found.entry.request_hash, next(hits, None))


def _of_watch(kept: KeptAnswers, peer: MemberId, place: RecordPlace) -> OwnAnswer:
    """Return the hit that our notice told of, and the watch that has met it as the question."""
    told = _notice(kept, peer, place.exchange_id, events.ASKED)
    _check_same(told.entry.request_hash, place)
    notice = parse_notice(told.request)
    hits = notice.body.hits if isinstance(notice.body, Reply) else ()
    asked = _notice(kept, peer, notice.head.thread_id, events.ANSWERED)
    hit = next((each for each in hits if each.reference == place.reference), None)
    watch = parse_notice(asked.request)
    goods = watch.body.query if isinstance(watch.body, Watch) and isinstance(watch.body.query, Goods) else None
    return OwnAnswer(request_of(watch), asked.entry.request_hash, hit, goods)


def _notice(kept: KeptAnswers, peer: MemberId, notice_id: ExchangeId, event: Event) -> KeptAnswer:
    kinds = events.kinds(event)
    for name in (each for each in kept.store.logs() if each.partition("/")[0] == _LOG):
        for kind in kinds:
            for index in kept.store.find(name, peer=peer, exchange_id=notice_id, kind=kind):
                with suppress(Unknown):
                    return kept.at(name, index, peer=peer, exchange_id=notice_id, kinds=kinds)
    raise Unknown("no such notice in our log", code="no-such-exchange", where="hit.exchange_id")


def _check_same(found: bytes, place: RecordPlace) -> None:
    if found != place.answer_hash:
        raise Forbidden("our answer was another one", code="wrong-answer", where="hit.answer_hash")


# ------------------------------------------------------------ hits given and shown


_ORIGIN = re.compile(r"[a-z]{2}\.liaison\.internal/exchange/([1-9][0-9]{0,8})", re.ASCII)


class OwnHit(msgspec.Struct, frozen=True):
    """A hit that we gave: the row of our source behind it, its agency (empty where the source is gone), and the
    question; of a watch of declarations its `goods`, too."""

    source: str
    key: str
    record_type: str
    agency: str
    request: Request
    goods: Goods | None = None

    @property
    def record(self) -> str:
        """The owner's own name of the record, as the ledger of copies has it."""
        return f"{self.source}/{self.key}"


class OwnAnswers:
    """Finds the hits of our own answers. `resolve` is that of hit references; `agency_of` names a source's agency."""

    def __init__(
        self,
        kept: KeptAnswers,
        resolve: Callable[[str, str, str], tuple[str, str, str]],
        agency_of: Callable[[str], str],
    ) -> None:
        self._kept = kept
        self._resolve = resolve
        self._agency_of = agency_of

    def find(self, peer: MemberId, place: RecordPlace) -> OwnHit:
        """Return the hit that a counterpart names, when it stands so in our answer to this very counterpart.

        Raises `Unknown` where our log has no such answer, `Forbidden` where it was another one.
        """
        found = own_answer(self._kept, peer, place)
        hit, request = found.hit, found.request
        if hit is None:
            raise Forbidden("our answer has no such hit", code="wrong-hit", where="hit.hit_reference")
        if place.record and (not hit.record or claimed_id(hit.record) != place.record):
            raise Forbidden("our answer has no such record", code="wrong-record", where="hit.record_id")
        source, key, record_type = self._resolve(place.reference, peer, request.case or request.ticket)
        return OwnHit(source, key, record_type, self._agency_of(source), request, found.goods)


class _HeldHit(msgspec.Struct, frozen=True):
    """A hit that an officer of ours was shown, the question, and its place at the owner's."""

    line: Line
    hit: ShownHit
    request: Request
    place: RecordPlace


class HeldAnswers:
    """Finds the hits that an officer was shown. `log` is our exchange log with its present number."""

    def __init__(self, kept: KeptAnswers, searches: Searches, log: str) -> None:
        self._kept = kept
        self._searches = searches
        self._log = log

    async def line(self, officer: Officer, search_id: str, member: str, number: int) -> Line:
        """Return the line of a search of this officer that has this hit. Raises `Unknown`."""
        search = await self._searches.get(officer, search_id)
        line = next((line for line in search.lines if line.member == member), None)
        if line is None or not 0 <= number < len(line.hits) or line.entry_index is None:
            raise Unknown(
                "this search has no such hit", code="no-such-hit", where="hit", remedy="see the lines of the search"
            )
        return line

    def find(self, line: Line, number: int) -> _HeldHit:
        """Return one hit of a line, with its place at its owner's. Raises `Unknown` where our log lost it."""
        peer, exchange_id = line.member, ExchangeId(line.exchange_id)
        kept = self._kept.up_to(
            self._log, line.entry_index or 0, peer=peer, exchange_id=exchange_id, kinds=events.ARRIVALS
        )
        theirs = parse_entry(str(kept.private.get("their_entry", "")).encode())
        origin = _ORIGIN.fullmatch(theirs.log)
        if origin is None:
            raise Unknown("the owner's entry is not known", code="no-such-exchange", where="exchange_id")
        hit = line.hits[number]
        place = RecordPlace(
            exchange_id, kept.entry.answer_hash, int(origin[1]), theirs.index, hit.reference, _record(hit)
        )
        return _HeldHit(line, hit, parse_request(self._asked(peer, exchange_id).request), place)

    def of_exchange(self, peer: MemberId, exchange_id: ExchangeId, number: int) -> tuple[RecordPlace, Request]:
        """Return the place of one hit of an answer at its owner's, and our question. Raises `Unknown`."""
        kept = self._kept_of(peer, exchange_id, events.ARRIVALS)
        theirs = parse_entry(str(kept.private.get("their_entry", "")).encode())
        origin, hits = _ORIGIN.fullmatch(theirs.log), read_signed(kept.answer).hits
        if origin is None or not 0 <= number < len(hits):
            raise Unknown("this answer has no such hit", code="no-such-hit", where="hit")
        hit = hits[number]
        record = _claimed(hit.record) if hit.record else ""
        place = RecordPlace(exchange_id, kept.entry.answer_hash, int(origin[1]), theirs.index, hit.reference, record)
        return place, parse_request(self._asked(peer, exchange_id).request)

    def _asked(self, peer: MemberId, exchange_id: ExchangeId) -> KeptAnswer:
        """Return our own question of an exchange, as our log keeps it."""
        return self._kept_of(peer, exchange_id, events.kinds(events.ASKED))

    def _kept_of(self, peer: MemberId, exchange_id: ExchangeId, kinds: Collection[str]) -> KeptAnswer:
        names = [name for name in self._kept.store.logs() if name.partition("/")[0] == _LOG]
        for name, kind in itertools.product(names, kinds):
            for index in self._kept.store.find(name, peer=peer, exchange_id=exchange_id, kind=kind):
                with suppress(Unknown):
                    return self._kept.at(name, index, peer=peer, exchange_id=exchange_id, kinds=kinds)
        raise Unknown("our log has no such exchange", code="no-such-exchange", where="exchange_id")


def _record(hit: ShownHit) -> str:
    """Return the id of the record that came with a hit, empty where none did."""
    return _claimed(hit.record.compact) if hit.record is not None else ""


def _claimed(compact: str) -> str:
    try:
        return claimed_id(compact)
    except Refused:
        return ""
