"""Show a search to agency systems: one line for each counterpart. What is partial or not searched is never `no_hit`.

Codes are the same for every reader; `text` and `sentence` are in the language that the caller accepts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from gateway.agency.bodies.answers import answer, many
from gateway.language.languages import Language
from gateway.model.exchange import Outcome
from gateway.model.hit import Quality
from gateway.model.search import Line, Search, ShownHit
from gateway.views.search.fields import search_value

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


HIT = answer(
    "HitBody",
    """One hit: a lead, not proof. Without a record, the last of the rules says why (`unreleased-` and a code).

`next` is the command that asks a human of the owner for more; it is empty for a hit of our own agencies.""",
    ShownHit,
    quality=Quality,
    rules=many(Rule),
    record=RecordBody | None,
    next=str,
)


class RefusalBody(BaseModel):
    """Why a counterpart refused."""

    reason: str
    code: str
    text: str


class SearchedBody(BaseModel):
    """A kind of source that was searched: what it held at `as_of`. Without it nobody can tell."""

    kind: str
    as_of: str | None = None


LINE = answer(
    "LineBody",
    """The line of one counterpart: its answer, or its silence (`silent`, with `last_seen`).

`not_searched`: no source that could hold the record was searched, since none takes such a question, or none of
those in `missing` answered. `partial`: those that were searched hold nothing that may be told, and those in
`missing` did not answer, were read too long ago, or are `suspended`; a `hit` can lack some, too, and has
`partial` set. Neither means no hit. Where all that the question could find is `suspended`, so is the outcome.
`searched` says as of when; an answer of an earlier version has none. `not_accepted`: an answer came that does not
verify here, or our node refused the connection to theirs.

`silent_since` is set where the counterpart was not waited for, since it had been silent for long. `log_forked`:
its log was shown in two versions, so that the answer may not be provable.""",
    Line,
    leave=("entry_index", "log"),
    outcome=Outcome,
    partial=bool,
    searched=many(SearchedBody),
    hits=many(HIT),
    refusal=RefusalBody | None,
    last_seen=str | None,
    silent_since=str | None,
    entry=int | None,
)
FOUND = answer(
    "SearchResponse",
    """A search. `done`: nothing more is waited for in its budget.

A late answer of those in `awaiting_late` can still replace their line. `problem`: our own node could not run the
search to its end, so that the lines say nothing of what was not asked.""",
    Search,
    leave=("failed",),
    lines=many(LINE),
    problem=RefusalBody | None,
)


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


def search_response(search: Search, language: Language = Language.EN) -> BaseModel:
    """Return a search as JSON shows it."""
    return FOUND(**search_value(search, language))


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
