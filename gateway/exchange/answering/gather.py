"""Ask our own sources for a counterpart: search, policy on each candidate, fetch, and the signed record.

Whether the recipient may learn of a record is decided before anything is searched, ranked, cut or counted. A hidden
record costs as much work as no record (design, section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat

import msgspec
from msgspec.structs import replace

from adapters.base import MAX_CANDIDATES
from gateway.errors import LiaisonError, Malformed, Misconfigured, Suspended, Unauthenticated, Unavailable, Unknown
from gateway.exchange.answering.constant_work import ConstantWork, decoy, search_seen
from gateway.exchange.answering.job import Findings, Job, UnsignedHit
from gateway.exchange.parts import Parts
from gateway.exchange.sources.batching import FetchCall, Fetched, Steps
from gateway.exchange.sources.bulkhead import BAD_QUERIES, Bulkhead, Task
from gateway.matching.confirm import RECORD_CHANGED, confirm, judge, weaker
from gateway.matching.keys import query_cost
from gateway.matching.one_word import NOT_SEARCHED, asks_for_one_word
from gateway.matching.thresholds import SETS, Thresholds
from gateway.model.decision import Release
from gateway.model.hit import (
    AGENCY_KEY_REMOVED,
    NEEDS_HUMAN,
    NO_FIELD,
    UNRELEASED,
    Candidate,
    Hit,
    IssuedRecord,
    Match,
    Quality,
    SearchResult,
    SourceRecord,
    Verdict,
    Withheld,
)
from gateway.model.marking import Marking, ReleaseMarking
from gateway.model.query import PersonQuery, Query, QueryKind
from gateway.ports.sources import NOT_FRESH, Occasion, SigningSource, Source, SourceDescription
from gateway.records.sdjwt import UnsignedRecord, prepare, present
from gateway.statements.answer import MAX_RULES
from gateway.statements.envelope import check_signer
from gateway.trust.view import TrustView
from policy.attributes import RecordAttributes
from policy.engine.engine import PolicyEngine

_STATES = {
    "timed-out": "timeout",
    "source-busy": "timeout",
    "query-budget": "timeout",
    "suspended": "suspended",
    NOT_FRESH: "not-fresh",
}

_NOBODY = Candidate("", "", "", Match(Quality.POSSIBLE, 0.0), Marking())
"""The candidate that is decided on where a search found nothing."""


Issue = Callable[[str, str, ReleaseMarking], tuple[SourceRecord, IssuedRecord]]
"""Returns the record of a key and a type, and the same signed under a marking; raises `Unknown` when it is gone."""


class _Choice(msgspec.Struct, frozen=True):
    """A candidate that the recipient may learn of, and how much of it."""

    candidate: Candidate
    attributes: RecordAttributes
    release: Release


class Gatherer:
    """Puts a job before every source that can serve it, each behind its own wall."""

    def __init__(self, parts: Parts, walls: Sequence[Bulkhead]) -> None:
        self._parts = parts
        self._walls = walls
        self._constant_work = ConstantWork()
        self.second_look = SecondLook(parts, walls)

    def ask_all(self, jobs: Sequence[Job], complete: Callable[[Job], None]) -> None:
        """Run steps 7 to 9 for a batch; `complete` gets each job once, from this thread or another one."""
        offered: list[list[Task]] = [[] for _ in self._walls]
        for job in jobs:
            self.ask_sources(job, complete, offered)
        for wall, tasks in zip(self._walls, offered, strict=False):  # an agency may have joined meanwhile
            wall.submit_all(tasks)

    def ask_sources(self, job: Job, complete: Callable[[Job], None], offered: Sequence[list[Task]]) -> None:
        """Put the job into the list of each wall that can serve it; end it where there is none."""
        query = job.verified.value.query
        try:
            cost = query_cost(query)
        except Malformed as error:
            job.refuse(error)
            return complete(job) if job.finish() else None
        takers = [each for each in zip(self._walls, offered, strict=False) if query.kind in each[0].description.queries]
        job.off = self.second_look.switched_off(job)
        able = self._suspend_types(job, takers)
        self._pass_over_one_word(job)
        # The last one to be noted ends the job, be it asked or switched off.
        if len(job.findings) == len(job.expected) and job.finish():
            complete(job)
        begun = self._parts.clock.monotonic()
        for wall, tasks in able:
            description = wall.description
            if self._parts.suspensions.suspends(agency=description.agency, source=description.id) is not None:
                if job.found(Findings(description.id, description.kind, "suspended")):
                    complete(job)
                continue
            look = partial(self._refer, job, wall) if wall.signs else partial(self._look, job)
            done = partial(self._note, job, wall, complete, begun)
            tasks.append(Task(look, done, job.deadline, job.peer, job.urgent, cost))
        return None

    def _note(
        self,
        job: Job,
        wall: Bulkhead,
        complete: Callable[[Job], None],
        begun: float,
        result: object,
        error: LiaisonError | None,
    ) -> None:
        if error is None and isinstance(result, Findings):
            findings = result
        else:
            if error is not None and error.code in BAD_QUERIES:
                job.refuse(error)
            state = _STATES.get(error.code if error is not None else "", "failed")
            findings = Findings(wall.description.id, wall.description.kind, state)
        findings.begun, findings.ended = begun, self._parts.clock.monotonic()
        if job.found(findings):
            complete(job)

    def _suspend_types(
        self, job: Job, able: Sequence[tuple[Bulkhead, list[Task]]]
    ) -> Sequence[tuple[Bulkhead, list[Task]]]:
        """Note what is expected for a job, and as missing the record types that are switched off with its sender.

        A type counts where the question can find records of it, whether or not there are any. Return the walls that
        are left: a source of which the question could find nothing else is not asked.
        """
        kind = job.verified.value.query.kind
        job.suspended_types = self._parts.suspensions.suspended_types(job.peer, job.verified.value.purpose.value)
        off = frozenset[str]()
        if job.suspended_types:
            found = {wall.description.id: wall.description.types_found_by(kind) for wall, _ in able}
            off = job.suspended_types.intersection(frozenset[str]().union(*found.values()))
            # One that tells of no type, though it takes such a question, is asked all the same.
            able = [each for each in able if not found[each[0].description.id] or found[each[0].description.id] - off]
        job.expected = (
            *((wall.description.id, wall.description.kind) for wall, _ in able),
            *((f"type:{name}", f"{name} records") for name in sorted(off)),
        )
        for name in sorted(off):
            job.note(Findings(f"type:{name}", f"{name} records", "suspended"))
        return able

    def _pass_over_one_word(self, job: Job) -> None:
        """Note as missing what the thresholds of the purpose do not search for: longer names that hold one word."""
        request = job.verified.value
        if not job.expected or not isinstance(request.query, PersonQuery):
            return
        thresholds = SETS[job.policy.strictness(request.purpose)]
        if not thresholds.one_word and asks_for_one_word(request.query):
            job.expected += ((NOT_SEARCHED, NOT_SEARCHED),)
            job.note(Findings(NOT_SEARCHED, NOT_SEARCHED, "not-searched"))

    def _refer(self, job: Job, wall: Bulkhead, source: Source) -> Steps[Findings]:
        """Run `_look` on a source process: it gets a signed reference to this exchange, and signs its own records."""
        if not isinstance(source, SigningSource):
            raise Misconfigured("the source does not sign", code="no-agency-key", where=source.describe().id)
        request = job.verified
        occasion = Occasion(
            request.value.exchange_id, request.value.sender, request.value.purpose, request.payload_hash
        )
        referred = source.refer(occasion)

        def issue(key: str, record_type: str, marking: ReleaseMarking) -> tuple[SourceRecord, IssuedRecord]:
            self._look_again(job)
            return referred.issue(key, record_type, marking, wall.until(job.deadline))

        return (yield from self._look(job, referred, issue))

    def _look(self, job: Job, source: Source, issue: Issue | None = None) -> Steps[Findings]:
        """Ask one source for one job, in the wall's thread; `issue` is given where it signs its records itself."""
        description = source.describe()
        found = Findings(description.id, description.kind)
        request = job.verified.value
        strictness = job.policy.strictness(request.purpose)
        self._look_again(job)
        now_us = self._parts.clock.now_us()
        result = yield from search_seen(partial(self._seen, job, source), request.query, strictness)
        self._look_again(job)
        found.as_of_us = now_us if result.as_of_us is None else result.as_of_us
        chosen = self._choose(job, source, result, found)
        wanted = [choice.candidate for choice in chosen if choice.release.decision.allow]
        records: Iterator[Fetched | None] = repeat(None)
        if wanted and issue is None:
            records = iter((yield FetchCall(source, [(each.key, each.record_type) for each in wanted])))
        for choice in chosen:
            if not choice.release.decision.allow:
                found.hits.append(self._bare(job, choice.candidate, found, choice.release.decision.code))
            elif (hit := self._hit(job, choice, found, next(records), issue, SETS[strictness])) is not None:
                found.hits.append(hit)
        return found

    def _seen(self, job: Job, source: Source, anew: bool) -> Source:
        """Return a source as the sender of a job sees it."""
        question, suspended = job.ask(self._parts.member), job.suspended_types
        held_back = self._parts.held_back(job.peer, source.describe().id)
        return self._constant_work.seen(job.policy, question, source, job.decided_us, suspended, held_back, anew=anew)

    def _look_again(self, job: Job) -> None:
        """Raise the refusal of a request whose sender was removed, or its source switched off, since it came in."""
        try:
            self.second_look.check(job)
        except LiaisonError as error:
            job.refuse(error)
            raise

    def _choose(self, job: Job, source: Source, result: SearchResult, found: Findings) -> list[_Choice]:
        """Return the candidates that the recipient may learn of, all decided before anything is fetched (8 and 9)."""
        description = source.describe()
        candidates = believed(description, result, job.verified.value.query.kind)
        if job.suspended_types:
            candidates = tuple(item for item in candidates if item.record_type not in job.suspended_types)
        found.capped = result.capped or len(candidates) < len(result.candidates)
        question, policy, now_us = job.ask(self._parts.member), job.policy, job.decided_us
        if not candidates:  # one decision all the same, so that no hit costs as much work; its notes are dropped
            nothing = Findings(description.id, description.kind)
            self._decide(policy, decoy(question, description), _NOBODY, nothing, now_us)
        chosen, held_back = [], self._parts.held_back(job.peer, description.id)
        for candidate in candidates:
            attributes = RecordAttributes(
                question, candidate.record_type, description.agency, candidate.marking, candidate.category
            )
            release = self._decide(policy, attributes, candidate, found, now_us)
            if release is not None and candidate.key in held_back:  # since the search, or by a source without classes
                found.suppressed.append(_noted(candidate))
            elif release is not None:
                chosen.append(_Choice(candidate, attributes, release))
        return chosen

    def _decide(
        self, policy: PolicyEngine, attributes: RecordAttributes, candidate: Candidate, found: Findings, now_us: int
    ) -> Release | None:
        """Decide on one candidate (8 and 9); None when the recipient learns nothing of it."""
        release = policy.release(attributes, now_us)
        found.policies.update(release.decision.policies)
        found.attributes.append(release.decision.attributes)
        if release.decision.allow and not release.hide:
            return release
        (found.suppressed if release.hide else found.denied).append(_noted(candidate))
        return None if release.hide else release

    def _hit(
        self,
        job: Job,
        choice: _Choice,
        found: Findings,
        record: Fetched | None,
        issue: Issue | None,
        thresholds: Thresholds,
    ) -> Hit | None:
        """Return the hit with the fields that policy releases; None when the recipient may learn nothing after all."""
        candidate, attributes, release = choice.candidate, choice.attributes, choice.release
        issued: IssuedRecord | None = None
        if issue is not None:  # fetched and signed in one call, under the marking that the index holds
            try:
                marking = self._marking(job, candidate)
                record, issued = issue(candidate.key, candidate.record_type, marking)
            except Unknown:
                return None
            except Unavailable as error:
                if error.code != RECORD_CHANGED:
                    raise
                found.note_changed(candidate)
                return None
        if isinstance(record, Unknown):
            return None
        if not isinstance(record, SourceRecord):
            raise record if isinstance(record, BaseException) else foreign(candidate.source, "what is no record")
        if (record.source, record.key, record.record_type) != (candidate.source, candidate.key, candidate.record_type):
            raise foreign(candidate.source, "another record")
        if record.owner not in (attributes.owner, f"{self._parts.member}.{attributes.owner}"):
            raise foreign(candidate.source, f"a record of `{record.owner[:64]!a}`")
        # The source's current marking decides, not the one that the index held when it was built.
        said = (record.record_type, record.marking, record.category)
        if said != (candidate.record_type, candidate.marking, candidate.category):
            current = RecordAttributes(
                attributes.question, record.record_type, attributes.owner, record.marking, record.category
            )
            fresh = self._decide(job.policy, current, candidate, found, job.decided_us)
            if fresh is None:
                return None
            release = fresh
            if issue is not None and release.decision.allow:
                record, issued = self._issue_again(job, issue, record)
        # Only now, so that a record that is hidden by its present marking does not show as one that has changed.
        match = confirmed(job.verified.value.query, candidate, record, thresholds, issued)
        if match is None:
            found.note_changed(candidate)
            return None
        if match is not candidate.match:
            candidate = replace(candidate, match=match)
        if not release.decision.allow:
            return self._bare(job, candidate, found, release.decision.code)
        if issued is None and self._parts.has_lost_key(record.owner):
            return self._bare(job, candidate, found, AGENCY_KEY_REMOVED)
        shown = self._prepare(job, record) if issued is None else issued
        return self._show(job, record, shown, candidate, release, found)

    def _bare(self, job: Job, candidate: Candidate, found: Findings, code: str) -> Hit:
        """Return a hit without a record: the recipient learns that there is something, and a human decides on more.

        Why it has none is told by the code that policy gives away (`@code`), or that of a removed key, and by nothing
        else.
        """
        found.show_withheld_count = False  # everything is withheld, which a count would not say
        rules = _with_reason(candidate.match.rules, f"{UNRELEASED}{code}")
        return Hit(self._reference(job, candidate), candidate.match.quality, candidate.record_type, rules)

    def _reference(self, job: Job, candidate: Candidate) -> str:
        request = job.verified.value
        case = request.case or request.ticket
        return self._parts.make_reference(candidate.source, candidate.key, candidate.record_type, request.sender, case)

    def _marking(self, job: Job, what: Candidate | SourceRecord) -> ReleaseMarking:
        """Return the part of a marking that the recipient is told and must obey."""
        purpose, now_us = job.verified.value.purpose, self._parts.clock.now_us()
        return job.policy.release_marking(what.marking, what.record_type, purpose, now_us)

    def _prepare(self, job: Job, record: SourceRecord) -> UnsignedRecord:
        """Return the record, ready to be signed for this answer with its agency's key, which this node holds."""
        issuer = self._parts.issuers.get(record.owner)
        if issuer is None:
            raise Misconfigured(
                "no key of agency `{owner}` is here", code="no-agency-key", where=record.source, owner=record.owner
            )
        request = job.verified.value
        now_us = self._parts.clock.now_us()
        return prepare(
            record,
            issuer=issuer,
            audience=request.sender,
            request_hash=job.verified.payload_hash,
            marking=job.policy.release_marking(record.marking, record.record_type, request.purpose, now_us),
            now_us=now_us,
        )

    def _issue_again(self, job: Job, issue: Issue, record: SourceRecord) -> tuple[SourceRecord, IssuedRecord]:
        """Return the record, and the same issued under its current marking, where the index held an older one."""
        again, issued = issue(record.key, record.record_type, self._marking(job, record))
        said = (again.marking, again.category)
        if said != (record.marking, record.category) or not issued.jwt:
            raise Unavailable("the record changes while it is read", code="record-unstable", where=record.source)
        return again, issued

    def _show(
        self,
        job: Job,
        record: SourceRecord,
        issued: IssuedRecord | UnsignedRecord,
        candidate: Candidate,
        release: Release,
        found: Findings,
    ) -> Hit:
        """Return the hit with the disclosures that policy releases; note the digests of the others as withheld.

        A record with a key of ours is signed in the next stage, together with all others of its batch.
        """
        shown = tuple(name for name in issued.disclosures if name in release.fields)
        kept = [name for name in issued.disclosures if name not in release.fields]
        found.withheld.extend(
            Withheld(issued.disclosures[name].digest, release.withheld.get(name, "default")) for name in kept
        )
        found.show_withheld_count = found.show_withheld_count and release.show_withheld_count
        text = ""
        if isinstance(issued, IssuedRecord):
            text = present(issued, shown) if shown else ""
        elif shown:
            found.unsigned.append(UnsignedHit(len(found.hits), issued, shown))
        reference, match = self._reference(job, candidate), candidate.match
        if shown:
            found.keys[reference] = record.key
        rules = match.rules if shown else _with_reason(match.rules, NEEDS_HUMAN if release.human else NO_FIELD)
        return Hit(reference, match.quality, record.record_type, rules, "", text)


def _noted(candidate: Candidate) -> dict[str, str]:
    return {"source": candidate.source, "key": candidate.key, "type": candidate.record_type}


def _with_reason(rules: tuple[str, ...], reason: str) -> tuple[str, ...]:
    return (*rules[: MAX_RULES - 1], reason)


# ------------------------------------------------------------ what is believed of a source


def believed(description: SourceDescription, result: SearchResult, kind: QueryKind) -> tuple[Candidate, ...]:
    """Return at most `MAX_CANDIDATES` of a source's candidates.

    Raises `Misconfigured` for another source's, and for one of a type of which it says that no question of this kind
    finds it: what is switched off was told by that.
    """
    candidates, types = result.candidates[:MAX_CANDIDATES], description.types_found_by(kind)
    for candidate in candidates:
        if candidate.source != description.id:
            raise foreign(description.id, f"a candidate of `{candidate.source[:64]!a}`")
        if description.found_by and candidate.record_type not in types:
            raise foreign(description.id, f"a candidate of the type `{candidate.record_type[:64]!a}`")
    return candidates


def confirmed(
    query: Query, candidate: Candidate, record: SourceRecord, thresholds: Thresholds, issued: IssuedRecord | None
) -> Match | None:
    """Return the candidate's match as far as the record bears it out; None when the record is about another subject.

    An agency that signs its records has compared them itself, with more values than it tells, and says where a record
    bears out less than its search told: of a person who was found by a former name it is POSSIBLE.
    """
    if issued is None:
        match = confirm(query, record, thresholds)
        return None if match is None else weaker(candidate.match, match)
    said = judge(query, record.record_type, record.fields, thresholds)
    told = candidate.match
    if record.borne_out is not None:
        told = weaker(told, Match(record.borne_out, told.score, told.rules))
    if said is Verdict.OTHER:
        return told if record.borne_out is Quality.POSSIBLE else None
    return weaker(told, said) if isinstance(said, Match) else told


def foreign(source: str, what: str) -> Misconfigured:
    """Return the error of a source that gave what it should not have."""
    return Misconfigured("the source gave {what}", code="foreign-record", where=source, what=what)


# ------------------------------------------------------------ second look
# A request is looked at again before its source searches, before a record is fetched, and after the commit, before the
# answer leaves. While trust and switches are the same, a look costs two comparisons.


class SecondLook:
    """Compares trust and switches with what they were when a request came in."""

    def __init__(self, parts: Parts, walls: Sequence[Bulkhead]) -> None:
        self._parts = parts
        self._walls = walls

    def switched_off(self, job: Job) -> frozenset[str]:
        """Return what could give the answer to a verified request and is switched off now: sources, record types."""
        suspensions = self._parts.suspensions
        if not suspensions.in_force:
            return frozenset()
        request = job.verified.value
        kind = request.query.kind
        sources = [wall.description for wall in self._walls if kind in wall.description.queries]
        types = suspensions.suspended_types(job.peer, request.purpose.value)
        found = types.intersection(frozenset[str]().union(*(each.types_found_by(kind) for each in sources)))
        return frozenset({each.id for each in sources if self._is_off(each)} | {f"type:{name}" for name in found})

    def _is_off(self, source: SourceDescription) -> bool:
        return self._parts.suspensions.suspends(agency=source.agency, source=source.id) is not None

    def check(self, job: Job) -> None:
        """Raise the refusal of a request whose sender, or whose source, may not go on being served."""
        if self._parts.trust() is not job.view:
            self.check_sender(job)
        given = job.drawn.copies if job.drawn is not None else ()
        names = (copy.record.partition("/") for copy in given)
        if any(key in self._parts.held_back(job.peer, source) for source, _, key in names):
            raise Unavailable("a record was withdrawn while the request was inside", code="record-unstable")
        switches = self._parts.suspensions.in_force
        if job.request is None or switches is job.switches:
            return
        purpose = job.request.value.purpose.value
        if (reason := self._parts.suspensions.suspends(peer=job.peer, purpose=purpose)) is not None:
            raise Suspended("exchange with `{peer}` is suspended: {reason}", peer=job.peer, reason=reason)
        if self.switched_off(job) - job.off:
            raise Suspended("a source or a record type was suspended while the request was inside")
        job.switches = switches

    def check_sender(self, job: Job) -> None:
        """Raise `Unauthenticated`, `BadSignature` or `Stale` when the sender, or a key of it, was removed meanwhile."""
        view = self._parts.trust()
        if view is not job.view:
            self._identify(job, view)
            job.view = view

    def _identify(self, job: Job, view: TrustView) -> None:
        if view.peer(job.inbound.certificate).member != job.peer:
            raise Unauthenticated("the certificate is another member's now", code="wrong-certificate")
        if job.request is not None:
            now_us = self._parts.clock.now_us()
            check_signer(view, job.request, now_us)
            if job.refusal is None:
                view.freshness(job.peer, now_us)
