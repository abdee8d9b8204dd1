"""Read a record anew from its source, and sign the part of it that a human releases.

What was known when the hit was given does not count any more: the source's row, its marking and our policy of now do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec

from gateway.desk.evidence.own_answers import OwnHit
from gateway.desk.originator.withdrawn import check_given
from gateway.desk.watches.goods import goods_match
from gateway.errors import Forbidden, LiaisonError, Misconfigured, Stale, Suspended, Unavailable
from gateway.exchange.parts import Parts
from gateway.exchange.sources.batching import FetchCall, SearchCall, Steps
from gateway.exchange.sources.bulkhead import Bulkhead, Task
from gateway.matching.confirm import RECORD_CHANGED, confirm
from gateway.matching.keys import query_cost
from gateway.matching.thresholds import SETS
from gateway.model.decision import Human, HumanRelease
from gateway.model.desk.notices import Notice
from gateway.model.hit import IssuedRecord, SourceRecord, Withheld
from gateway.model.marking import Caveat, Marking, ReleaseMarking
from gateway.model.names import MemberId
from gateway.ports.sources import Occasion, SigningSource, Source
from gateway.records.claims import commit_withheld
from gateway.records.sdjwt import issue, present
from gateway.records.verify import VerifiedRecord, verify_record
from policy.attributes import DeskAttributes, RecordAttributes

_Found = tuple[SourceRecord, IssuedRecord | None]
_Read = Callable[[OwnHit, "AskedFor", Source], Steps[object]]

_BUDGET_S = 10.0
NARROWED, BY_POLICY = "human", "policy"
"""Why a field is withheld: the human left it out, or policy does not allow it to a human either."""


class AskedFor(msgspec.Struct, frozen=True):
    """An ask with the hash of its payload, to which records are bound."""

    notice: Notice
    payload_hash: bytes

    @property
    def peer(self) -> MemberId:
        """The asker."""
        return self.notice.sender


class Consents(Protocol):
    """Counts the persons for a consent to onward use (`gateway.desk.consent`)."""

    async def needed(self, asked: AskedFor) -> int:
        """Return how many persons must decide."""


class Fresh(msgspec.Struct, frozen=True):
    """A record as its source has it now, and what a human may let out of it. `issued` is set where the source signs."""

    hit: OwnHit
    record: SourceRecord
    allowed: HumanRelease
    issued: IssuedRecord | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the record has and a human may release, in the record's order."""
        return tuple(name for name in self.record.fields if name in self.allowed.fields)

    def persons(self, fields: Collection[str]) -> int:
        """Return how many persons must decide to let out these fields. A source that is protected takes two always."""
        is_protected = Caveat.PROTECT_SOURCE in self.record.marking.caveats
        return 2 if is_protected or self.allowed.takes(fields) is Human.TWO else 1


class Released(msgspec.Struct, frozen=True):
    """A signed record with the fields that are released; `opening` is what the auditor gets of the rest."""

    compact: str
    record: VerifiedRecord
    commitment: bytes
    opening: dict[str, object]
    fields: tuple[str, ...]


class Releases:
    """Reads and signs the records behind our hits."""

    def __init__(self, parts: Parts, walls: Sequence[Bulkhead]) -> None:
        self._parts = parts
        self._walls = walls

    async def read(self, hit: OwnHit, asked: AskedFor) -> Fresh:
        """Return the record of a hit as it is now.

        Raises `Unknown` where it is gone, `Stale` where it is about another subject, `Suspended`, `Unavailable`.
        """
        wall = next((each for each in self._walls if each.description.id == hit.source), None)
        if wall is None:
            raise Unavailable(
                "the source `{source}` is not here any more", code="source-gone", where="hit", source=hit.source
            )
        self._check_suspended(hit, asked)
        check_given(self._parts.held_back(asked.peer, hit.source), hit.key)
        steps: _Read = self._signing_steps if wall.signs else self._steps
        record, issued = await self._in_wall(wall, hit, asked, steps)
        self._check_subject(hit, record)
        allowed = self._parts.policy().release_by_human(
            self._attributes(hit, asked, record), self._parts.clock.now_us()
        )
        return Fresh(hit, record, allowed, issued)

    def _check_subject(self, hit: OwnHit, record: SourceRecord) -> None:
        """Raise where the source gives something else than the record that was found."""
        if (record.source, record.key, record.record_type) != (hit.source, hit.key, hit.record_type):
            raise Misconfigured("the source gave another record", code="foreign-record", where=hit.source)
        if record.owner not in (hit.agency, f"{self._parts.member}.{hit.agency}"):
            raise Forbidden("the record is another agency's now", code="another-agency", where=hit.source)
        thresholds = SETS[self._parts.policy().strictness(hit.request.purpose.value)]
        if hit.goods is not None:
            match = goods_match(hit.goods, record.fields, thresholds)
        else:
            match = confirm(hit.request.query, record, thresholds)
        if match is None and record.borne_out is None:
            raise _changed()

    def issue(self, fresh: Fresh, asked: AskedFor, fields: Collection[str]) -> Released:
        """Return the record with these fields only, signed by its agency for this ask."""
        parts, record, now_us = self._parts, fresh.record, self._parts.clock.now_us()
        issued = fresh.issued or self._sign(record, asked, now_us)
        shown = tuple(name for name in issued.disclosures if name in fields)
        withheld = [
            Withheld(item.digest, NARROWED if name in fresh.allowed.fields else BY_POLICY)
            for name, item in issued.disclosures.items()
            if name not in shown
        ]
        compact = present(issued, shown)
        commitment, opening = commit_withheld(withheld)
        verified = verify_record(
            compact,
            parts.trust(),
            member=parts.member,
            audience=asked.peer,
            request_hash=asked.payload_hash,
            now_us=now_us,
        )
        return Released(compact, verified, commitment, opening, shown)

    def _sign(self, record: SourceRecord, asked: AskedFor, now_us: int) -> IssuedRecord:
        parts = self._parts
        issuer = parts.issuers.get(record.owner)
        if issuer is None:
            raise Misconfigured(
                "no key of agency `{owner}` is here", code="no-agency-key", where=record.source, owner=record.owner
            )
        return issue(
            record,
            issuer=issuer,
            audience=asked.peer,
            request_hash=asked.payload_hash,
            marking=self.marking(record.marking, record.record_type, asked),
            now_us=now_us,
        )

    def marking(self, marking: Marking, record_type: str, asked: AskedFor) -> ReleaseMarking:
        """Return the handling rules under which the asker gets the record."""
        purpose = asked.notice.head.purpose
        return self._parts.policy().release_marking(marking, record_type, purpose, self._parts.clock.now_us())

    def _attributes(self, hit: OwnHit, asked: AskedFor, record: SourceRecord) -> RecordAttributes:
        """Return what policy decides on: the follow-up's head, and the kind of query that found the record."""
        question = DeskAttributes.of(asked.notice, self._parts.member).as_question()
        question = msgspec.structs.replace(question, query=hit.request.query.kind.value)
        return RecordAttributes(question, record.record_type, hit.agency, record.marking, record.category)

    def _check_suspended(self, hit: OwnHit, asked: AskedFor) -> None:
        suspensions, purpose = self._parts.suspensions, asked.notice.head.purpose.value
        off = suspensions.suspends(peer=asked.peer, purpose=purpose) or suspensions.suspends(
            agency=hit.agency, source=hit.source
        )
        if off is not None:
            raise Suspended("this is suspended: {reason}", code="suspended", where="source", reason=off)
        if hit.record_type in suspensions.suspended_types(asked.peer, purpose):
            raise Suspended("records of this type are suspended", code="suspended", where="type")

    # ------------------------------------------------------------ in the wall

    def _steps(self, hit: OwnHit, _asked: AskedFor, source: Source) -> Steps[_Found]:
        (found,) = yield FetchCall(source, [(hit.key, hit.record_type)])
        if isinstance(found, BaseException):
            raise found
        return found, None

    def _signing_steps(self, hit: OwnHit, asked: AskedFor, source: Source) -> Steps[_Found]:
        """Ask a source that signs its records itself: it issues what a search under the same reference has found."""
        if not isinstance(source, SigningSource):
            raise Misconfigured("the source does not sign", code="no-agency-key", where=hit.source)
        head, request = asked.notice.head, hit.request
        referred = source.refer(Occasion(head.notice_id, asked.peer, head.purpose, asked.payload_hash))
        strictness = self._parts.policy().strictness(request.purpose.value)
        result = yield SearchCall(referred, request.query, strictness)
        wanted = (hit.key, hit.record_type)
        candidate = next((each for each in result.candidates if (each.key, each.record_type) == wanted), None)
        if candidate is None:
            raise _changed()
        deadline = self._parts.clock.monotonic() + _BUDGET_S
        marking = candidate.marking
        # Signed under the marking that the search told; where the record has another one by now, again under that one.
        for _ in range(2):
            record, issued = referred.issue(*wanted, self.marking(marking, hit.record_type, asked), deadline)
            if issued.jwt:
                return record, issued
            marking = record.marking
        raise Unavailable("the record changes while it is read", code="record-unstable", where=hit.source)

    async def _in_wall(self, wall: Bulkhead, hit: OwnHit, asked: AskedFor, steps: _Read) -> _Found:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Found] = loop.create_future()

        def done(result: object, error: LiaisonError | None) -> None:
            loop.call_soon_threadsafe(_settle, future, result, error)

        def run(source: Source) -> Steps[object]:
            return steps(hit, asked, source)

        deadline = self._parts.clock.monotonic() + _BUDGET_S
        cost = query_cost(hit.request.query) if wall.signs else 0.0
        wall.submit(Task(run, done, deadline, asked.peer, True, cost))
        return await future


def _settle(future: asyncio.Future[_Found], result: object, error: LiaisonError | None) -> None:
    if future.done():
        return
    if isinstance(result, tuple):
        future.set_result(result)
    else:
        future.set_exception(error or Unavailable("the source gave nothing", code="source-failed", where="source"))


def _changed() -> Stale:
    return Stale(
        "the record is not about the subject of the question any more",
        code=RECORD_CHANGED,
        where="hit",
        remedy="answer NOTHING_HELD, or ask the agency that keeps the record",
    )
