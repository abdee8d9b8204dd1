"""Show a search to agency systems: one line for each counterpart. `silent` and `not_searched` are never `no_hit`.

Codes are the same for every reader; `text` and `sentence` are in the language that the caller accepts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from gateway.clock import rfc3339
from gateway.language.languages import Language
from gateway.language.sentences import refusal_text
from gateway.matching.explain import explain
from gateway.model.exchange import Outcome, Refusal
from gateway.model.hit import OWN_AGENCY, Quality
from gateway.model.search import Line, Search, ShownHit, ShownRecord

STREAM_PAUSE_S = 5.0
"""The most seconds in which a stream of events brings nothing."""


class Rule(BaseModel):
    """Why a hit matched: a word for machines and a sentence for officers."""

    word: str
    sentence: str


class RecordBody(BaseModel):
    """A verified record. `signed_by` is `own` (the agency's word) or `held-by-node`; `sd_jwt` is the proof.

    `undisclosed` counts digests without a disclosure: decoys and withheld fields look the same.
    """

    owner: str
    signed_by: str
    fields: dict[str, Any]
    marking: dict[str, Any]
    undisclosed: int
    sd_jwt: str


class HitBody(BaseModel):
    """One hit: a lead, not proof. Without a record, the last of the rules says why (`unreleased-` and a code).

    `next` is the command that asks a human of the owner for more; it is empty for a hit of our own agencies.
    """

    reference: str
    quality: Quality
    record_type: str
    rules: list[Rule]
    action: str
    record: RecordBody | None = None
    next: str = ""


class RefusalBody(BaseModel):
    """Why a counterpart refused."""

    reason: str
    code: str
    text: str


class LineBody(BaseModel):
    """The line of one counterpart: its answer, or its silence (`silent`, with `last_seen`).

    `not_searched`: no source that could hold the record was searched, since none takes such a question, or none of
    those in `missing` answered. `partial`: a hit or no hit that lacks the kinds of sources in `missing`. Neither
    means no hit. `not_accepted`: an answer came that does not verify here, or our node refused
    the connection to theirs.

    `silent_since` is set where the counterpart was not waited for, since it had been silent for long.
    """

    member: str
    outcome: Outcome
    partial: bool
    missing: list[str]
    capped: bool
    hits: list[HitBody]
    refusal: RefusalBody | None = None
    withheld_count: int | None = None
    last_seen: str | None = None
    silent_since: str | None = None
    late: bool
    exchange_id: str
    entry: int | None = None


class SearchResponse(BaseModel):
    """A search. `done`: nothing more is waited for in its budget.

    A late answer of those in `awaiting_late` can still replace their line. `problem`: our own node could not run the
    search to its end, so that the lines say nothing of what was not asked.
    """

    id: str
    officer: str
    started: str
    done: bool
    waiting_for: list[str]
    awaiting_late: list[str]
    lines: list[LineBody]
    problem: RefusalBody | None = None


class LiveBody(BaseModel):
    """The node lives."""

    status: str


class ProblemOfNode(BaseModel):
    """Why the node is not ready."""

    code: str
    where: str
    problem: str
    remedy: str


class ReadyBody(BaseModel):
    """The readiness of the node: `ok`, or `not-ready` with the reasons."""

    status: str
    problems: list[ProblemOfNode]


class HealthBody(ReadyBody):
    """The readiness of the node, with the member and the state of each of its sources."""

    member: str
    sources: dict[str, str]


def search_response(search: Search, language: Language = Language.EN) -> SearchResponse:
    """Return a search as JSON shows it."""
    return SearchResponse(
        id=search.id,
        officer=search.officer,
        started=rfc3339(search.started_us),
        done=search.done,
        waiting_for=list(search.waiting_for),
        awaiting_late=list(search.awaiting_late),
        lines=[_line(search.id, line, language) for line in search.lines],
        problem=_refusal(search.failed, language) if search.failed else None,
    )


async def search_events(searches: AsyncIterator[Search], language: Language) -> AsyncIterator[bytes]:
    """Yield server-sent events: `search` each time that a line is added, and `done` when no line can come any more.

    A comment in a pause keeps readers and what lies between from taking a silent stream for a broken one.
    """
    newer: asyncio.Future[Search | None] | None = None
    try:
        while True:
            newer = asyncio.ensure_future(anext(searches, None))
            while not (await asyncio.wait((newer,), timeout=STREAM_PAUSE_S))[0]:
                yield b": nothing new\n\n"
            if (search := newer.result()) is None:
                break
            yield f"event: search\ndata: {search_response(search, language).model_dump_json()}\n\n".encode()
    finally:
        if newer is not None:
            newer.cancel()
    yield b"event: done\ndata: {}\n\n"


def _line(search_id: str, line: Line, language: Language) -> LineBody:
    return LineBody(
        member=line.member,
        outcome=line.outcome,
        partial=bool(line.missing) and line.outcome is not Outcome.NOT_SEARCHED,
        missing=list(line.missing),
        capped=line.capped,
        hits=[_hit(hit, _follow_up(search_id, line, at), language) for at, hit in enumerate(line.hits)],
        refusal=_refusal(line.refusal, language) if line.refusal else None,
        withheld_count=line.withheld_count,
        last_seen=rfc3339(line.last_seen_us) if line.last_seen_us else None,
        silent_since=rfc3339(line.silent_since_us) if line.silent_since_us else None,
        late=line.late,
        exchange_id=line.exchange_id,
        entry=line.entry_index,
    )


def _refusal(refusal: Refusal, language: Language) -> RefusalBody:
    text = refusal_text(refusal.code, refusal.reason, refusal.text, language)
    return RefusalBody(reason=refusal.reason, code=refusal.code, text=text)


def _follow_up(search_id: str, line: Line, at: int) -> str:
    """Return the command that asks the owner of a hit for more; none for a hit of our own agencies or desk."""
    if OWN_AGENCY in line.hits[at].rules or not line.exchange_id:
        return ""
    return f"liaison followup --search {search_id} --from {line.member} --hit {at}"


def _hit(hit: ShownHit, follow_up: str, language: Language) -> HitBody:
    sentences = explain(hit.rules, language)
    return HitBody(
        reference=hit.reference,
        quality=hit.quality,
        record_type=hit.record_type,
        rules=[Rule(word=word, sentence=sentence) for word, sentence in zip(hit.rules, sentences, strict=True)],
        action=hit.action,
        record=_record(hit.record) if hit.record else None,
        next=follow_up,
    )


def _record(record: ShownRecord) -> RecordBody:
    return RecordBody(
        owner=record.owner,
        signed_by="own" if record.own_key else "held-by-node",
        fields=record.fields,
        marking=record.marking,
        undisclosed=record.undisclosed,
        sd_jwt=record.compact,
    )
