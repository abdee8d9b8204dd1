"""Our officer asks abroad: from the command to one line for each counterpart, in numbered steps.

1. officer, role, purpose, case or ticket are present and allowed, and our own time is to be trusted;
2. our own agencies are asked first;
3. an entry `asked` for each counterpart is durable before anything leaves;
4. one request for each chosen counterpart, signed, goes out in parallel, inside one budget;
5. each answer: signer, hash of the request, freshness, the counterpart's entry and its proof;
6. an entry `received` is durable before the officer sees anything;
7. the officer sees one line for each counterpart: hit, no hit, not searched, refused, too many, suspended, not
   accepted or silent;
8. the acknowledgement of the channel goes on (`receipts.receipts`).

Silence is never shown as no hit: a counterpart that does not answer inside the budget is `silent`, with an entry of its
own, and an answer that comes later is logged and shown as late. A request whose connection broke is sent again inside
the budget, the same bytes. A counterpart that was silent several times in a row is not waited for (`breaker`).

Answers are checked one in each turn of the loop, so that many that come together do not hold it.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from msgspec import structs

from gateway.clock import check_time, rfc3339
from gateway.errors import (
    ConnectionLost,
    Forbidden,
    LiaisonError,
    Malformed,
    Overloaded,
    Suspended,
    TimedOut,
    Unavailable,
)
from gateway.exchange.asking import entries as notes
from gateway.exchange.asking.breaker import Breakers
from gateway.exchange.asking.check_answer import Checked, check_answer
from gateway.exchange.asking.inquiry import Asked, Inquiry
from gateway.exchange.asking.outcomes import line_unsent, outcome_at_home, outcome_unheard
from gateway.exchange.asking.own_agencies import OwnSources
from gateway.exchange.parts import Parts
from gateway.exchange.refusals import Refusals
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.matching.confirm import judge
from gateway.matching.explain import RULES
from gateway.matching.keys import query_cost
from gateway.model.exchange import Answer, AnswerMessage, Outcome, Refusal, Request, Verified
from gateway.model.handed.searches import SearchCommand
from gateway.model.hit import OWN_AGENCY, UNRELEASED, Hit, Verdict
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.query import Query
from gateway.model.requester import Officer
from gateway.model.search import Line, ShownHit, ShownRecord
from gateway.pauses import OWN
from gateway.ports.entries import events
from gateway.ports.journal import Event
from gateway.ports.peers import Peers
from gateway.ports.quotas import QuotaPlace
from gateway.ports.sources import Occasion
from gateway.records.verify import verify_record
from gateway.statements.request import build_request
from gateway.storage.log.group_commit import LogWriters
from gateway.telemetry import Span, Trace
from gateway.trust.standing import check_own_standing, check_standing
from policy.attributes import AskAttributes, QuestionAttributes
from policy.engine.engine import PolicyEngine
from policy.explain import POLICY_DENIES, forbidden

LIFETIME_US = 60_000_000
"""The time for which a request can be answered."""

LATE_S = LIFETIME_US / 1_000_000
"""The seconds for which an answer can still come."""

SILENT_SINCE = "silent-since"
"""The code of a silence that was not waited for: the breaker of the counterpart is open."""

_OWN_BUDGET_S = 1.0


Added = Callable[[Line], None]
"""Called with each line as it comes, late ones included."""

LateAnswers = Mapping[MemberId, asyncio.Task[None]]
"""The tasks that wait for answers after the budget; each ends when its answer has come or cannot come any more."""


class Asker:
    """Asks for an officer, and gives each line to a callback as soon as it is there."""

    def __init__(
        self,
        parts: Parts,
        own: OwnSources,
        peers: Peers,
        writers: LogWriters,
        received: Callable[[MemberId], None],
        pseudonym: Callable[[str, str], str],
        budget_s: float = 3.0,
        confirming: notes.Confirming = notes.Confirming(),  # noqa: B008 - frozen, and raises no work
    ) -> None:
        self._parts = parts
        self._own = own
        self._peers = peers
        self._writers = writers
        self._note_received = received
        self._pseudonym = pseudonym
        self._budget_s = budget_s
        self._confirming = confirming
        self._late: set[asyncio.Task[None]] = set()
        self._turns = Turns()
        self._steps = _SearchSteps(parts)
        self.breakers = Breakers(parts.clock.monotonic)
        self.denials = Refusals()

    def limit(self, budget_s: float) -> None:
        """Wait for that long for the answers of searches from now on."""
        self._budget_s = budget_s

    async def allow(self, inquiry: Inquiry) -> None:
        """Check step 1; a refusal has its entry before it is raised."""
        try:
            self._check(inquiry.officer, inquiry.command, inquiry.policy or self._parts.policy())
        except LiaisonError as error:
            await self._note_denied(inquiry, error.code)
            raise

    async def _note_denied(self, inquiry: Inquiry, code: str) -> None:
        """Write the entry of a question that is not allowed; of very many of one system the others are counted."""
        if self.denials.is_entry(inquiry.officer.client, code, inquiry.officer.person):
            await self._writers.operations.write(notes.denied(inquiry, code))

    async def run(self, inquiry: Inquiry, added: Added) -> LateAnswers:
        """Run steps 2 to 7 until all lines are there or the budget is over; return the answers that may come late."""
        command, policy = inquiry.command, inquiry.policy or self._parts.policy()
        occasion = Occasion(ExchangeId(inquiry.search_id), self._parts.member, command.purpose)
        begun = self._parts.clock.monotonic()
        own = await self._own.line(  # 2
            command.query, occasion, policy, begun + _OWN_BUDGET_S, inquiry.officer.office
        )
        self._steps.own(inquiry, begun, own)
        await self._writers.exchange.write(notes.own(inquiry, own, self._confirming.warned(inquiry, own.hits)))
        added(own)
        outgoing = await self._within_quota([self._prepare(inquiry, member, policy) for member in command.to], policy)
        for line in (item for item in outgoing if isinstance(item, Line)):
            await self._note_denied(inquiry, line.refusal.code if line.refusal else "")
            added(line)
        asked = [item for item in outgoing if isinstance(item, Asked)]
        await asyncio.gather(*(self._writers.exchange.write(notes.asked(item)) for item in asked))  # 3
        late = await asyncio.gather(*(self._one(item, self._steps.each_line(item, added)) for item in asked))  # 4
        self._steps.ended(inquiry, begun)
        return {item.member: task for item, task in zip(asked, late, strict=True) if task is not None}

    async def finish(self) -> None:
        """Cancel the wait for late answers (the node stops)."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    def _check(self, officer: Officer, command: SearchCommand, policy: PolicyEngine) -> None:
        check_time(self._parts.clock)
        if not command.to:
            raise Malformed("no counterpart was named", code="no-counterpart", where="to")
        if not (command.case or command.ticket):
            raise Malformed("a case or ticket number is required", code="missing-case", where="case")
        query_cost(command.query)
        if not officer.person:
            raise Malformed("an officer's person id is required", code="missing-officer", where="officer")
        attributes = AskAttributes(
            role=officer.role,
            agency=officer.agency,
            office=officer.office,
            query=command.query.kind.value,
            purpose=command.purpose.value,
            offence=command.offence.value,
            has_case=bool(command.case),
            has_ticket=bool(command.ticket),
            purpose_in_token=command.purpose.value in officer.purposes,
        )
        decision = policy.may_ask(attributes, self._parts.clock.now_us())
        if not decision.allow:
            raise forbidden(decision.code, attributes)

    def _prepare(self, inquiry: Inquiry, member: MemberId, policy: PolicyEngine) -> Asked | Line:
        """Return the signed request to `member`, or the line that says why nothing may be sent."""
        try:
            agreement = self._may_send(inquiry.officer, inquiry.command, member, policy)
            salt = secrets.token_bytes(32)
            request = self._request(inquiry.officer, inquiry.command, member, agreement, policy, salt)
            sealed = build_request(request, self._parts.trust(), self._parts.key)
            return Asked(inquiry, member, request, sealed, salt, inquiry.trace.child())
        except LiaisonError as error:
            return line_unsent(member, error)

    async def _within_quota(self, outgoing: list[Asked | Line], policy: PolicyEngine) -> list[Asked | Line]:
        """Refuse questions beyond today's quota before they leave; count the others."""
        asked = [item for item in outgoing if isinstance(item, Asked)]
        places = [QuotaPlace("out", item.member, item.request.purpose.value) for item in asked]
        refusals = await asyncio.to_thread(self._parts.over_quota, policy.quotas, places)
        refused = {item.member: refusal for item, refusal in zip(asked, refusals, strict=True) if refusal is not None}
        return [line_unsent(item.member, refused[item.member]) if item.member in refused else item for item in outgoing]

    def _may_send(self, officer: Officer, command: SearchCommand, member: MemberId, policy: PolicyEngine) -> str:
        """Return the agreement that the question cites. Raises the refusal of a question that may not be sent."""
        parts = self._parts
        if member == parts.member:
            raise Malformed("our own agencies are asked anyway", code="own-member", where="to")
        self._check_member(command, member)
        attributes = QuestionAttributes(
            counterpart=member,
            role=officer.role,
            agency=officer.agency,
            office=officer.office,
            query=command.query.kind.value,
            purpose=command.purpose.value,
            offence=command.offence.value,
            agreement=command.agreement,
            has_case=bool(command.case),
            has_ticket=bool(command.ticket),
        )
        now_us = parts.clock.now_us()
        if not command.agreement:
            owners = parts.trust().descriptor(member).agencies
            attributes = structs.replace(attributes, agreement=policy.agreement_to_cite(attributes, owners, now_us))
        decision = policy.may_send(attributes, now_us)
        if not decision.allow:
            raise forbidden(decision.code, attributes, member)
        return attributes.agreement

    def _check_member(self, command: SearchCommand, member: MemberId) -> None:
        """Raise when nothing may be sent to `member` now: it is switched off, or not trusted, or we are not."""
        parts = self._parts
        if (reason := parts.suspensions.suspends(peer=member, purpose=command.purpose.value)) is not None:
            raise Suspended("exchange with `{member}` is suspended: {reason}", member=member, reason=reason)
        view, now_us = parts.trust(), parts.clock.now_us()
        check_own_standing(view, parts.member, now_us)
        check_standing(view, member, now_us)
        if not view.active(member):
            raise Forbidden(
                "`{member}` is not an active member of the federation", code="not-a-member", where="to", member=member
            )
        view.freshness(member, now_us)

    def _request(
        self,
        officer: Officer,
        command: SearchCommand,
        member: MemberId,
        agreement: str,
        policy: PolicyEngine,
        salt: bytes,
    ) -> Request:
        parts = self._parts
        now_us = parts.clock.now_us()
        pseudonym = self._pseudonym(officer.person, member)
        return Request(
            exchange_id=new_exchange_id(),
            sender=parts.member,
            recipient=member,
            issued_us=now_us,
            expires_us=now_us + LIFETIME_US,
            purpose=command.purpose,
            offence=command.offence,
            case=command.case,
            ticket=command.ticket,
            agreement=agreement,
            requester=officer.as_requester(pseudonym),
            token_commitment=hashlib.sha256(salt + officer.token_hash).digest(),
            query=command.query,
            trust_hash=parts.trust().hash,
            policy_hash=policy.hash,
        )

    async def _one(self, asked: Asked, added: Added) -> asyncio.Task[None] | None:
        """Run steps 4 to 7 for one counterpart; return the task that awaits its answer after the budget, if any."""
        try:  # a member may have been removed since its request was made
            self._check_member(asked.inquiry.command, asked.member)
        except LiaisonError as error:
            added(await self._silent(asked, error, outcome=outcome_at_home(error)))
            return None
        if since_us := self.breakers.silent_since(asked.member):
            why = Unavailable("no answer since {time}", code=SILENT_SINCE, where=asked.member, time=rfc3339(since_us))
            added(await self._silent(asked, why, since_us))
            return None
        sending = asyncio.create_task(
            send(
                self._peers,
                asked.member,
                asked.sealed.envelope,
                budget_s=self._budget_s,
                late_s=LATE_S,
                trace=asked.trace,
            )
        )
        if await OWN.is_done(sending, self._budget_s):
            added(await self._conclude(asked, sending, events.RECEIVED))
            return None
        added(await self._not_heard(asked, TimedOut("no answer came in time", where=asked.member)))
        task = asyncio.create_task(self._wait_for_late(asked, sending, added))
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task

    async def _wait_for_late(self, asked: Asked, sending: asyncio.Task[AnswerMessage], added: Added) -> None:
        await asyncio.wait((sending,))
        if sending.cancelled() or sending.exception() is not None:
            return
        added(structs.replace(await self._conclude(asked, sending, events.LATE), late=True))

    async def _conclude(
        self, asked: Asked, sending: asyncio.Task[AnswerMessage], event: Event = events.RECEIVED
    ) -> Line:
        if isinstance(lost := sending.exception(), ConnectionLost | TimedOut):
            return await self._not_heard(asked, lost)
        self.breakers.heard(asked.member)  # whatever it said, and whatever becomes of it here
        if isinstance(lost, Overloaded):
            return await self._turned_away(asked, lost)
        try:
            message = sending.result()
            view = self._parts.trust()
            checked = await self._turns.take(self._check_of(asked, message))  # 5
        except Exception as problem:  # noqa: BLE001 - whatever goes wrong in a verification is no answer
            reraise_fatal(problem)
            outcome = outcome_unheard(problem) if problem is lost else Outcome.NOT_ACCEPTED
            if outcome is Outcome.NOT_ACCEPTED and (removed := self._removed(asked.member)) is not None:
                problem = removed
            return await self._silent(asked, as_error(problem), outcome=outcome)
        works = self._confirming.answered(asked, len(hits)) if (hits := checked.answer.value.hits) else ()
        place = await self._writers.exchange.write(notes.received(asked, checked, message, event, works))  # 6
        if self._parts.trust() is not view and (why := await self._second_look(asked, message)) is not None:
            await self._writers.operations.write(notes.kept_back(asked, why, place.index, works))
            return self._line(asked, why, outcome_at_home(why))
        self._note_received(asked.member)
        self._parts.note_head(checked.shown)
        # Records are verified and compared in a thread: what a counterpart sends may take a while.
        return await asyncio.to_thread(show_line, self._parts, checked, place.index, asked.request.query)  # 7

    def _check_of(self, asked: Asked, message: AnswerMessage) -> Callable[[], Checked]:
        return partial(check_answer, self._parts, asked.request, asked.sealed.payload_hash, message)

    async def _second_look(self, asked: Asked, message: AnswerMessage) -> LiaisonError | None:
        """Return why an answer that was committed is not shown: its sender, or a key of it, was removed meanwhile."""
        try:
            self._check_member(asked.inquiry.command, asked.member)
            await self._turns.take(self._check_of(asked, message))
        except Exception as error:  # noqa: BLE001 - an error in a check keeps the answer back
            reraise_fatal(error)
            return self._removed(asked.member) or as_error(error)
        return None

    def _removed(self, member: MemberId) -> LiaisonError | None:
        """Return that the member, or our own, is not trusted any more, where the documents say so."""
        view, now_us = self._parts.trust(), self._parts.clock.now_us()
        try:
            check_own_standing(view, self._parts.member, now_us)
            check_standing(view, member, now_us)
        except LiaisonError as error:
            return error
        return None

    async def _not_heard(self, asked: Asked, why: LiaisonError) -> Line:
        """Return the line of a counterpart that could have answered in the budget and did not."""
        self.breakers.silence(asked.member, asked.request.issued_us)
        return await self._silent(asked, why)

    async def _turned_away(self, asked: Asked, why: Overloaded) -> Line:
        """Return the line of a counterpart that takes no more questions for now, once that has an entry."""
        seen = self._peers.status(asked.member).last_seen_us
        await self._writers.exchange.write(notes.too_many(asked, why.code, seen))
        return Line(
            asked.member,
            Outcome.TOO_MANY,
            refusal=Refusal(why.reason, why.code),
            last_seen_us=seen,
            exchange_id=asked.request.exchange_id,
        )

    async def _silent(
        self, asked: Asked, why: LiaisonError, since_us: int = 0, outcome: Outcome = Outcome.SILENT
    ) -> Line:
        """Return the line of a counterpart without an answer that verifies, once that has an entry."""
        seen = self._peers.status(asked.member).last_seen_us
        await self._writers.exchange.write(notes.silent(asked, why, seen, outcome))
        return self._line(asked, why, outcome, since_us)

    def _line(self, asked: Asked, why: LiaisonError, outcome: Outcome, since_us: int = 0) -> Line:
        return Line(
            asked.member,
            outcome,
            refusal=Refusal(why.reason, why.code, why.message),
            last_seen_us=self._peers.status(asked.member).last_seen_us,
            silent_since_us=since_us,
            exchange_id=asked.request.exchange_id,
        )


# ------------------------------------------------------------ sending
# The answering side gives one answer to the same bytes, however often they come, so they may go over another
# connection, to another process of the counterpart. They do so only inside the budget, and only when a connection was
# lost: a counterpart that refuses, or that answers nothing, is not asked again.


_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.4
_TOLD_S = 3.0
"""The seconds for which a counterpart is told that we wait, less those that have passed."""

_LEAST_S = 0.2
"""The least time in which an answer can be hoped for."""


async def send(
    peers: Peers, member: MemberId, envelope: bytes, *, budget_s: float, late_s: float, trace: Trace
) -> AnswerMessage:
    """Return the answer to a request; it may come until `late_s` seconds have passed.

    Raises like `Peers.exchange`; `ConnectionLost` only when no time of the budget is left for another attempt.
    """
    now = asyncio.get_running_loop().time
    begun, pause_s = now(), _FIRST_PAUSE_S
    while True:
        try:
            return await peers.exchange(member, envelope, late_s, trace, begun + _TOLD_S - now())
        except ConnectionLost:
            if begun + budget_s - now() < pause_s + _LEAST_S:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


# ------------------------------------------------------------ turns of the loop


T = TypeVar("T")


class Turns:
    """Gives out turns, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._taken = asyncio.Lock()

    async def take(self, work: Callable[[], T]) -> T:
        """Do `work` in a turn of its own, and return its result."""
        async with self._taken:
            try:
                return work()
            finally:
                await asyncio.sleep(0)


# ------------------------------------------------------------ spans


class _SearchSteps:
    """Records the spans of searches. Nothing is measured while nothing reads it."""

    def __init__(self, parts: Parts) -> None:
        self._recorder = parts.recorder

    def own(self, inquiry: Inquiry, begun: float, line: Line) -> None:
        """Record that our own agencies have answered."""
        if self._recorder.is_on:
            told = {"outcome": line.outcome.value}
            self._recorder.record(
                self._recorder.span(Span.OWN, inquiry.trace.child(), begun, self._recorder.monotonic(), told)
            )

    def ended(self, inquiry: Inquiry, begun: float) -> None:
        """Record that all lines of a search are there, or that its budget is over."""
        if self._recorder.is_on:
            told = {"search_id": inquiry.search_id}
            self._recorder.record(
                self._recorder.span(Span.SEARCH, inquiry.trace, begun, self._recorder.monotonic(), told)
            )

    def each_line(self, asked: Asked, added: Callable[[Line], None]) -> Callable[[Line], None]:
        """Return `added` for the lines of one counterpart, each of which ends a span that begins now."""
        begun, recorder = self._recorder.monotonic(), self._recorder

        def told(line: Line) -> None:
            if recorder.is_on:
                found: dict[str, str | int] = {
                    "peer": asked.member,
                    "outcome": line.outcome.value,
                    "exchange_id": asked.request.exchange_id,
                }
                if line.refusal is not None:
                    found["code"] = line.refusal.code
                # The late answer of a silent counterpart is a span of its own: that of the silence has ended.
                place = asked.inquiry.trace.child() if line.late else asked.trace
                recorder.record(recorder.span(Span.COUNTERPART, place, begun, self._recorder.monotonic(), found))
            added(line)

        return told


# ------------------------------------------------------------ the line


_DENIED = f"{UNRELEASED}{POLICY_DENIES}"


def show_line(parts: Parts, checked: Checked, entry_index: int, query: Query) -> Line:
    """Return one line for a counterpart's answer.

    A record that does not verify is not shown, and its hit says so. The hit of a record about another subject than
    that of `query` says so, too.
    """
    answer = checked.answer.value
    hits = tuple(_hit(parts, checked.answer, hit, query) for hit in answer.hits)
    return Line(
        member=answer.sender,
        outcome=answer.outcome,
        hits=hits,
        refusal=answer.refusal,
        missing=answer.missing,
        suspended=answer.suspended,
        searched=answer.searched,
        capped=answer.capped,
        withheld_count=answer.withheld_count,
        last_seen_us=parts.clock.now_us(),
        exchange_id=answer.exchange_id,
        entry_index=entry_index,
        log=checked.shown.head.origin,
    )


def _hit(parts: Parts, answer: Verified[Answer], hit: Hit, query: Query) -> ShownHit:
    record = _record(parts, answer, hit) if hit.record else None
    rules = shown_rules(hit)
    if hit.record and record is None:
        rules = (*rules, "record-not-verified")
    elif record is not None and _is_of_another(query, hit.record_type, record):
        rules = (*rules, "record-does-not-fit")
    return ShownHit(hit.reference, hit.quality, hit.record_type, rules, hit.action, record)


def shown_rules(hit: Hit) -> tuple[str, ...]:
    """Return the rules of a counterpart's hit; one reason at most for a record that did not come, and a known one.

    A word that only our own node may say, or that we do not know, counts as a refusal without a reason.
    """
    told = tuple(rule for rule in hit.rules if not rule.startswith(UNRELEASED))
    if hit.record or len(told) == len(hit.rules):
        return told
    reason = hit.rules[-1]
    return (*told, reason if reason in RULES and reason.startswith(UNRELEASED) and reason != OWN_AGENCY else _DENIED)


def _is_of_another(query: Query, record_type: str, record: ShownRecord) -> bool:
    """Tell whether the disclosed fields contradict the question; one that they leave open is no contradiction."""
    try:
        return judge(query, record_type, record.fields, whole=not record.undisclosed) is Verdict.OTHER
    except LiaisonError:  # the officer's own question has nothing to compare
        return False


def _record(parts: Parts, answer: Verified[Answer], hit: Hit) -> ShownRecord | None:
    """Return the record as far as it was disclosed; None when it is no evidence of the hit.

    That is so when it does not verify, and when its owner signed it as one of another type.
    """
    value = answer.value
    try:
        record = verify_record(
            hit.record,
            parts.trust(),
            member=value.sender,
            audience=parts.member,
            request_hash=value.request_hash,
            now_us=parts.clock.now_us(),
        )
    except LiaisonError:
        return None
    if record.type != hit.record_type:
        return None
    return ShownRecord(record.owner, record.own_key, record.fields, record.marking, record.undisclosed, hit.record)
