"""Read the question and the answer of one exchange from its entries, and prove each part of them.

 1. each private part is the one that its entry commits to;
 2. the request has the hash that stands in the entry;
 3. it is signed by a key that the asking member listed for statements at the time of the entry;
 4. the answer has the hash that stands in the entry;
 5. it is signed by a key that the answering member listed for statements at that time;
 6. the answer is to this request, from and to the members of the entry;
 7. the counterpart's own log holds the answer that it gave us, under a head that it signed;
 8. the list of withheld fields is the one that the answer commits to;
 9. each record verifies: its agency's signature, its disclosed fields, this request, this recipient, and the type of
    its hit. A record in a reply is bound to the ask, which has to be opened with it.

An exchange that delivered a notice has the notice in the place of the request, and its receipt in that of the answer.

The entry itself, and its place under the signed head, are checked with the whole log (`gateway.audit.verify.verify`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.reading.endings import read_ending
from gateway.audit.reading.opened import Opened
from gateway.audit.reading.questions import read_question
from gateway.audit.tree.checkpoint import foreign_head
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.audit.verify.findings import State
from gateway.errors import Contradicted, LiaisonError
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.desk.notices import Notice, Reply
from gateway.model.exchange import Answer, Request
from gateway.model.hit import Hit, Withheld
from gateway.model.names import MemberId
from gateway.model.query import Query, query_of
from gateway.ports.entries.events import ARRIVALS, EVENTS
from gateway.ports.journal import Party
from gateway.records.claims import check_withheld
from gateway.records.verify import VerifiedRecord, verify_record
from gateway.statements.envelope import ASKED, ENDINGS, FETCHES, PayloadType, Unsealed, check_signature, unseal
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.slots import IN_OTHER_HANDS
from gateway.trust.view import TrustView
from gateway.trust.withdrawn import WhoeverHasThem

_NO_CHARTER = "no charter is known that verifies"


class Part(StrEnum):
    """The parts of an exchange that are proved."""

    PRIVATE = "private-part"
    REQUEST_HASH = "request-hash"
    REQUEST_SIGNED = "request-signature"
    ANSWER_HASH = "answer-hash"
    ANSWER_SIGNED = "answer-signature"
    ANSWERS_REQUEST = "answers-request"
    THEIR_ENTRY = "their-entry"
    WITHHELD = "withheld-list"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Proof:
    """The result for one part. `why` says why it is not proved; `entry` is the index of the entry."""

    part: Part
    state: State
    entry: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """One hit of the answer. `record` is None without a record, and where its record does not verify (`problem`)."""

    hit: Hit
    record: VerifiedRecord | None = None
    problem: str = ""


@dataclass(slots=True)
class Content:
    """One exchange, or one entry outside an exchange: its entries in order, its question, answer and proofs.

    `request` and `answer`, and `notice` and `receipt`, are None where they are not kept, sealed, erased or unreadable.
    `sealed` is set where the appointment leaves signed answers out.
    """

    log: str
    entries: tuple[Opened, ...]
    query: Query | None = None
    request: Request | None = None
    answer: Answer | None = None
    notice: Notice | None = None
    receipt: NoticeReceipt | None = None
    given: tuple[Given, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    proofs: list[Proof] = field(default_factory=list)
    sealed: bool = False

    @property
    def first(self) -> Opened:
        """Return the first of the opened entries."""
        return self.entries[0]

    @property
    def private(self) -> dict[str, Any]:
        """Return the facts in the private parts; a later entry goes before an earlier one."""
        return {name: value for opened in self.entries for name, value in (opened.private or {}).items()}

    @property
    def is_contradicted(self) -> bool:
        """Return whether some part is not what it should be."""
        return any(proof.state is State.CONTRADICTED for proof in self.proofs)

    def note(self, part: Part, opened: Opened, state: State = State.PROVED, why: str = "") -> None:
        """Add the result for one part."""
        self.proofs.append(Proof(part, state, opened.entry.index, why))


def read_contents(
    entries: Sequence[tuple[str, Opened]], member: MemberId, view: TrustView | None, *, answers: bool
) -> list[Content]:
    """Return what entries of `member` say, those of one request together, in the order of their first entries.

    Without a `view` no signature is provable. `answers` is False where signed answers must not be shown.
    """
    groups: dict[tuple[object, ...], list[Opened]] = {}
    for log, opened in entries:
        entry = opened.entry
        one = (entry.peer, entry.exchange_id, entry.request_hash) if entry.exchange_id else (entry.index,)
        groups.setdefault((log, *one), []).append(opened)
    reader = _Reader(member, view, answers)
    contents = [reader.read(str(log), tuple(found)) for (log, *_), found in groups.items()]
    for content in contents:
        reader.check_reply(content, contents)
    return contents


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement that is kept with an entry, and what the entry says of it."""

    opened: Opened
    data: bytes
    hashed: bytes
    signer: MemberId
    payload_types: Sequence[PayloadType]
    is_hashed: Part
    is_signed: Part

    @property
    def as_it_came(self) -> bool:
        """Return whether the entry has the hash of the envelope: a refused request, which may not even parse."""
        return not EVENTS[self.opened.entry.kind].strict and hashlib.sha256(self.data).digest() == self.hashed


@dataclass(frozen=True, slots=True)
class _Reader:
    member: MemberId
    view: TrustView | None
    answers: bool

    def read(self, log: str, entries: tuple[Opened, ...]) -> Content:
        content = Content(log, entries)
        for opened in entries:
            if opened.private is None:
                continue
            content.note(Part.PRIVATE, opened)  # 1: another one is refused when an entry is opened
            self._request(content, opened)
            self._answer(content, opened)
        if content.query is None:
            content.query = query_of(content.private.get("query"), content.private.get("question"))
        return content

    def _request(self, content: Content, opened: Opened) -> None:
        if not opened.request or content.request is not None or content.notice is not None:
            return
        entry, signer = opened.entry, self._party(opened, EVENTS[opened.entry.kind].request)
        kept = _Statement(
            opened, opened.request, entry.request_hash, signer, ASKED, Part.REQUEST_HASH, Part.REQUEST_SIGNED
        )
        if (unsealed := self._unsealed(content, kept)) is None or unsealed.payload_type in FETCHES:
            return
        try:
            said = read_question(unsealed)
            if isinstance(said, Notice):
                content.notice = said
            else:
                content.request, content.query = said, said.query
        except LiaisonError as error:
            content.note(Part.REQUEST_HASH, opened, State.NOT_PROVABLE, error.message)

    def _answer(self, content: Content, opened: Opened) -> None:
        if not opened.answer and not opened.entry.answer_hash:
            return
        if not self.answers:
            content.sealed = True
            return
        if not opened.answer:
            content.note(Part.ANSWER_HASH, opened, State.NOT_PROVABLE, "the answer is not kept with the entry")
            return
        entry, signer = opened.entry, self._party(opened, EVENTS[opened.entry.kind].answer)
        kept = _Statement(
            opened, opened.answer, entry.answer_hash, signer, ENDINGS, Part.ANSWER_HASH, Part.ANSWER_SIGNED
        )
        if self._unsealed(content, kept) is None:
            return
        try:
            answer = read_ending(opened.answer)
        except LiaisonError as error:
            content.note(Part.ANSWER_HASH, opened, State.CONTRADICTED, error.message)
            return
        self._fits(content, opened, answer)
        self._theirs(content, opened)
        if isinstance(answer, NoticeReceipt):
            content.receipt = answer
            return
        content.answer = answer
        self._withheld(content, opened, answer)
        content.given = tuple(self._given(content, opened, answer))

    def _party(self, opened: Opened, party: Party) -> MemberId:
        return self.member if party is Party.US else MemberId(opened.entry.peer)

    def _unsealed(self, content: Content, kept: _Statement) -> Unsealed | None:
        """Carry out checks 2 and 3, or 4 and 5. Return None where nothing in the statement can be relied on."""
        try:
            unsealed = unseal(kept.data, *kept.payload_types)
            if not kept.as_it_came and unsealed.payload_hash != kept.hashed:
                raise Contradicted("it is not the statement whose hash is in the entry", code="statement-changed")
        except LiaisonError as error:
            state = State.NOT_PROVABLE if kept.as_it_came else State.CONTRADICTED
            content.note(kept.is_hashed, kept.opened, state, error.message)
            return None
        content.note(kept.is_hashed, kept.opened)
        content.note(kept.is_signed, kept.opened, *self._signed(kept, unsealed))
        return unsealed

    def _signed(self, kept: _Statement, unsealed: Unsealed) -> tuple[State, str]:
        if self.view is None:
            return State.NOT_PROVABLE, _NO_CHARTER
        try:
            check_signature(unsealed, self.view, kept.signer, kept.opened.entry.time_us)
        except LiaisonError as error:
            # A request may have been refused for this very reason; what was accepted had a good signature then.
            refused = kept.is_signed is Part.REQUEST_SIGNED and not EVENTS[kept.opened.entry.kind].strict
            if refused or (error.code == IN_OTHER_HANDS and self._fits_key(kept, unsealed, self.view)):
                return State.NOT_PROVABLE, error.message
            return State.CONTRADICTED, error.message
        return State.PROVED, ""

    def _fits_key(self, kept: _Statement, unsealed: Unsealed, view: TrustView) -> bool:
        """Tell whether a signature is by a key that may have been in other hands."""
        try:
            check_signature(unsealed, WhoeverHasThem(view), kept.signer, kept.opened.entry.time_us)
        except LiaisonError:
            return False
        return True

    def _fits(self, content: Content, opened: Opened, answer: Answer | NoticeReceipt) -> None:
        """Carry out check 6."""
        entry, signer = opened.entry, self._party(opened, EVENTS[opened.entry.kind].answer)
        other = MemberId(entry.peer) if signer == self.member else self.member
        said = (answer.sender, answer.recipient, answer.exchange_id, answer.request_hash)
        asked = content.notice or content.request
        is_of_a_kind = asked is None or isinstance(asked, Notice) == isinstance(answer, NoticeReceipt)
        if is_of_a_kind and said == (signer, other, entry.exchange_id, entry.request_hash):
            content.note(Part.ANSWERS_REQUEST, opened)
        else:
            content.note(Part.ANSWERS_REQUEST, opened, State.CONTRADICTED, "it is an answer to another request")

    def _theirs(self, content: Content, opened: Opened) -> None:
        """Carry out check 7, where the answer is the counterpart's."""
        private = opened.private or {}
        if "their_entry" not in private:
            return
        if self.view is None:
            content.note(Part.THEIR_ENTRY, opened, State.NOT_PROVABLE, _NO_CHARTER)
            return
        try:
            _check_their_entry(self.view, self.member, opened.entry, private)
        except LiaisonError as error:
            content.note(Part.THEIR_ENTRY, opened, State.CONTRADICTED, error.message)
        except (AttributeError, KeyError, TypeError, ValueError):
            content.note(Part.THEIR_ENTRY, opened, State.CONTRADICTED, "it is not written as it must be")
        else:
            content.note(Part.THEIR_ENTRY, opened)

    def _withheld(self, content: Content, opened: Opened, answer: Answer) -> None:
        """Carry out check 8, where the answer is ours: only its own log has the list."""
        private = opened.private or {}
        if "withheld_salt" not in private:
            return
        opening = {"salt": private["withheld_salt"], "withheld": private.get("withheld", [])}
        try:
            content.withheld = check_withheld(answer.withheld_commitment, opening)
        except LiaisonError as error:
            content.note(Part.WITHHELD, opened, State.CONTRADICTED, error.message)
        else:
            content.note(Part.WITHHELD, opened)

    def _given(self, content: Content, opened: Opened, answer: Answer) -> Iterator[Given]:
        """Carry out check 9 for each record of the answer."""
        for hit in answer.hits:
            if not hit.record:
                yield Given(hit)
                continue
            if self.view is None:
                content.note(Part.RECORD, opened, State.NOT_PROVABLE, _NO_CHARTER)
                yield Given(hit, problem=_NO_CHARTER)
                continue
            try:
                record = self._record(self.view, opened, answer, hit)
            except LiaisonError as error:
                content.note(Part.RECORD, opened, _judged(error), error.message)
                yield Given(hit, problem=error.message)
            else:
                content.note(Part.RECORD, opened)
                yield Given(hit, record)

    def _record(self, view: TrustView, opened: Opened, answer: Answer, hit: Hit) -> VerifiedRecord:
        record = verify_record(
            hit.record,
            view,
            member=answer.sender,
            audience=answer.recipient,
            request_hash=answer.request_hash,
            now_us=opened.entry.time_us,
        )
        if record.type != hit.record_type:
            raise Contradicted("its owner signed it as a record of another type", code="other-type", where="record")
        return record

    def check_reply(self, content: Content, others: Sequence[Content]) -> None:
        """Carry out check 9 for the records of a reply, with an ask of its thread that is opened beside it."""
        notice = content.notice
        if notice is None or not isinstance(notice.body, Reply) or not notice.body.records:
            return
        opened = next(each for each in content.entries if each.request)
        asks = {
            each.entry.request_hash
            for other in others
            if other.notice is not None and other.notice.head.thread_id == notice.head.thread_id
            for each in other.entries
            if (other.notice.sender, other.notice.recipient) == (notice.recipient, notice.sender)
        }
        for record in notice.body.records:
            content.note(Part.RECORD, opened, *self._bound(record, notice, asks, opened.entry.time_us))

    def _bound(self, record: str, notice: Notice, asks: Collection[bytes], at_us: int) -> tuple[State, str]:
        if self.view is None:
            return State.NOT_PROVABLE, _NO_CHARTER
        if not asks:
            return State.NOT_PROVABLE, "the ask that it answers is not opened with it"
        state, why = State.CONTRADICTED, ""
        for request_hash in asks:
            try:
                verify_record(
                    record,
                    self.view,
                    member=notice.sender,
                    audience=notice.recipient,
                    request_hash=request_hash,
                    now_us=at_us,
                )
            except LiaisonError as error:
                state, why = _judged(error), error.message
            else:
                return State.PROVED, ""
        return state, why


def _judged(error: LiaisonError) -> State:
    """Return what a refused record proves: nothing against anybody where its key may have been in other hands."""
    return State.NOT_PROVABLE if error.code == IN_OTHER_HANDS else State.CONTRADICTED


def _check_their_entry(view: TrustView, member: MemberId, entry: Entry, private: Mapping[str, Any]) -> None:
    """Check the counterpart's entry of an exchange with us, and its proof, as they are kept beside our own entry."""
    body, note = private["their_entry"].encode(), private["their_checkpoint"].encode()
    theirs = parse_entry(body)
    said = (theirs.peer, theirs.exchange_id, theirs.request_hash, theirs.answer_hash)
    if said != (member, entry.exchange_id, entry.request_hash, entry.answer_hash):
        raise Contradicted("the other side's entry is about another exchange", code="wrong-entry")
    if entry.kind in ARRIVALS and not (theirs.kind in EVENTS and EVENTS[theirs.kind].counted):
        raise Contradicted("the other side's entry is of another kind", code="wrong-entry")
    head = foreign_head(note, theirs.log, view.vkeys(MemberId(entry.peer), KeyUse.LOG))
    if not theirs.log.startswith(f"{entry.peer}.liaison.internal/exchange/"):
        raise Contradicted("the other side's entry is of another log", code="wrong-log")
    hashes = [bytes.fromhex(item) for item in private["their_hashes"]]
    verify_inclusion(leaf_hash(body), theirs.index, head.size, hashes, head.root)
