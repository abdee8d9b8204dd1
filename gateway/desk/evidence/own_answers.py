"""Find what a counterpart names in our own answer to it: both a follow-up and an ask for consent begin there.

The place of a hit of a watch names the notice that told of it, and no entry: its author knows of none.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from gateway.audit.reading.kept_answers import KeptAnswer, KeptAnswers
from gateway.desk.evidence.question import request_of
from gateway.errors import Forbidden, Unknown
from gateway.model.desk.notices import RecordPlace, Reply
from gateway.model.desk.watches import Goods, Watch
from gateway.model.exchange import Request
from gateway.model.hit import Hit
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.entries import events
from gateway.ports.journal import Event
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
