"""Let askers open packages, answer questions back, withdraw, and tell the outcome."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Collection

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import check_person, done
from gateway.desk.acting.step import StepParts, last_ask, own_matter
from gateway.desk.acts import Act
from gateway.desk.delivery.authoring import Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.delivery.offices import office_still_reached
from gateway.desk.entries import desk_act
from gateway.desk.raising import from_opening, from_shown
from gateway.desk.roles import may
from gateway.desk.second_step.drafting import with_reasons
from gateway.desk.second_step.questions import questions
from gateway.desk.widening import CONTENT, HANDLING, Way, Widens, check_no_more, covers
from gateway.errors import Forbidden, Malformed, Unknown
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import (
    About,
    Ask,
    Body,
    Change,
    ChangeCode,
    Note,
    Notice,
    NoticeType,
    OutcomeReport,
    Reply,
    ReplyCode,
    Status,
    StatusCode,
)
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.desk.work import Direction, WorkKind
from gateway.model.handed.asks import Reasons
from gateway.model.marking import SubjectCategory
from gateway.ports.desk import DeskRows, NoticeRow, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft
from gateway.records.verify import VerifiedRecord, verify_record
from gateway.statements.notices.notice import parse_notice

FOLLOWED_UP = "followed-up"
"""The result of the question for a hit's outcome, once the answer to a follow-up asks for it."""
_WORDS = "words for the owner's person who decides, who asked for others"


def _wants_more(before: Collection[str], after: Collection[str]) -> bool:
    """Tell whether fields are wanted that were not. None named are all that may be given."""
    return not covers(frozenset(before), frozenset(after))


WIDENS: Widens = {
    "about": CONTENT,
    "facts": _WORDS,
    "why_you": _WORDS,
    "link": _WORDS,
    "topic": CONTENT,
    "category": HANDLING,
    "hit": CONTENT,
    "use": CONTENT,
    "fields": (Way.CONTENT, _wants_more),
    "values": _WORDS,
    "held_until_us": _WORDS,
}
"""Tells what two persons approve of a question, by field (`gateway.desk.widening`)."""


class Package(msgspec.Struct, frozen=True):
    """An opened reply: what the human there answered, and the records, verified."""

    key: ThreadKey
    notice_id: str
    reply: Reply
    records: tuple[VerifiedRecord, ...]
    late: bool


class Packages:
    """The acts of officers on the asks of their own side."""

    def __init__(self, it: StepParts) -> None:
        self._it = it

    async def open(self, actor: Actor, key: ThreadKey) -> Package:
        """Return the newest reply of a thread, once the entry of its opening is durable; the owner is told.

        Raises `Forbidden` for another officer, and where the owner has withdrawn a record; `Stale` where its time is
        over.
        """
        it = self._it
        row, package = await asyncio.to_thread(self._package, actor, key)

        def draft() -> EntryDraft:
            opened = self._opened(actor, it.thread(key), row)
            content = {"records": [each.jti for each in package.records], "answer": package.reply.code.value}
            return desk_act(actor.officer, "open", key, notice=row.notice_id, content=content, rows=opened)

        await it.desk.pen.write(it.desk.parts.member, key, draft)
        if not await asyncio.to_thread(self._was_told, key, row):
            await self._post(actor, key, Status(row.notice_id, StatusCode.READ))
        return package

    async def see_again(self, actor: Actor, key: ThreadKey) -> Package:
        """Return a reply that was opened before, as `open` does. Raises `Malformed` for one that was not."""
        row, _ = await asyncio.to_thread(self._package, actor, key)
        if not await asyncio.to_thread(self._was_told, key, row):
            raise Malformed(
                "this answer is not opened yet", code="not-opened", where="thread", remedy="open it from its matter"
            )
        return await self.open(actor, key)

    async def clarify(self, actor: Actor, key: ThreadKey, reasons: Reasons) -> None:
        """Answer a question back: the ask again, with other words. The owner's clock goes on.

        Raises `Forbidden` (`persons-needed`) where more is asked than a second person approved.
        """
        await asyncio.to_thread(self._own, actor, key, Act.CLARIFY)
        _, _, ask = await asyncio.to_thread(lambda: last_ask(self._it.desk.store.notices(key)))
        category = ask.category if reasons.category is SubjectCategory.UNKNOWN else reasons.category
        reasons = replace(reasons, category=category)
        if ask.about is About.FORM:  # its values are the form's, and go again
            again = with_reasons(replace(reasons, urgency_reason=""), ask)
        else:
            again = with_reasons(reasons, replace(ask, values=()))
        check_no_more(WIDENS, ask, again)
        files = reasons.attachments
        await self._post(actor, key, again, ends=(WorkKind.CLARIFY, WorkKind.READ), result="answered", files=files)

    async def note(self, actor: Actor, key: ThreadKey, note: Note, files: tuple[Attachment, ...] = ()) -> None:
        """Write a note to the humans of the other side, in a thread of any kind and either side. It moves nothing.

        Raises `Unknown` where nothing of the thread is kept any more.
        """
        check_person(actor)
        thread = await asyncio.to_thread(self._it.thread, key)
        may(actor.person, Act.NOTE, own_matter(thread), self._it.now_us)
        if thread.kind is ThreadKind.ROOM:
            raise Malformed(
                "a note for an operation goes to all of its members",
                code="of-an-operation",
                where="thread",
                remedy="`liaison operation note`",
            )
        told = await asyncio.to_thread(self._newest, key)
        post = dataclasses.replace(under(told, self._it, actor, note), expires_us=0, attachments=files)
        await self._it.desk.author.post(key, post)

    async def withdraw(self, actor: Actor, key: ThreadKey, reason: str) -> None:
        """Withdraw an ask that is not answered yet. Raises `Stale` with the code `not-now` for one that is."""
        await asyncio.to_thread(self._own, actor, key, Act.WITHDRAW_ASK)
        row, _, _ = await asyncio.to_thread(lambda: last_ask(self._it.desk.store.notices(key)))
        body = Change(ChangeCode.WITHDRAWN, of=row.notice_id, text=reason)
        await self._post(actor, key, body, ends=(WorkKind.CLARIFY, WorkKind.READ), result="withdrawn")

    async def tell_outcome(self, actor: Actor, key: ThreadKey, outcome: OutcomeReport) -> None:
        """Tell the owner what came of it. The questions for it that are open by now are answered."""
        await asyncio.to_thread(self._own, actor, key, Act.OUTCOME)
        await self._post(actor, key, outcome, ends=(WorkKind.OUTCOME,), result=outcome.code.value)

    async def not_same(self, actor: Actor, key: ThreadKey, reason: str) -> None:
        """Tell the owner of a package that it is about another person: it must tell them apart."""
        row, _ = await asyncio.to_thread(self._package, actor, key)
        body = Status(row.notice_id, StatusCode.NOT_SAME, text=reason)
        await self._post(actor, key, body, ends=(WorkKind.CONFIRM,), result=StatusCode.NOT_SAME.value)

    # ------------------------------------------------------------ opening

    def _package(self, actor: Actor, key: ThreadKey) -> tuple[NoticeRow, Package]:
        it = self._it
        thread = self._own(actor, key, Act.READ)
        rows = it.desk.store.notices(key)
        row = next(
            (each for each in reversed(rows) if each.placed.type is NoticeType.REPLY and not each.is_ours(thread)), None
        )
        if row is None:
            raise _no_answer()
        reply = parse_notice(row.envelope).body if row.envelope else Reply(ReplyCode(row.placed.code))
        assert isinstance(reply, Reply)
        texts = reply.records if row.envelope else self._corrections(key, row)
        records = tuple(self._record(key, text, rows) for text in texts)
        if not row.envelope and not records:
            raise _no_answer()
        late = 0 < thread.due_us < row.time_us
        return row, Package(key, row.notice_id, reply, records, late)

    def _corrections(self, key: ThreadKey, row: NoticeRow) -> list[str]:
        """Return the records that stand for those of a reply that was erased since."""
        copies = self._it.desk.store.holdings(source=row.notice_id, direction=Direction.IN)
        return [text for copy in copies if copy.owner == key.peer and (text := self._correction(key, copy.jti))]

    def _correction(self, key: ThreadKey, jti: str) -> str:
        """Return the record that stands for another one, as its owner's change brought it; empty without one."""
        desk = self._it.desk
        anew = desk.ledger.replaced(key.peer, jti)
        notice = desk.store.notice(key.peer, anew.source) if anew is not None else None
        records = parse_notice(notice.envelope).records if notice is not None and notice.envelope else ()
        if anew is not None and not records:
            return self._correction(key, anew.jti)
        return records[0] if records else ""

    def _record(self, key: ThreadKey, text: str, rows: list[NoticeRow]) -> VerifiedRecord:
        """Return a record that may still be shown, verified under the trust of now; as corrected where it was."""
        asked, _, _ = last_ask(rows)
        record = self._verified(key, text, asked.payload_hash)
        while corrected := self._correction(key, record.jti):
            record = self._verified(key, corrected, asked.payload_hash)
        self._it.desk.ledger.check(key.peer, record.jti, self._it.thread(key).office)
        return record

    def _verified(self, key: ThreadKey, text: str, ask_hash: bytes) -> VerifiedRecord:
        it = self._it
        return verify_record(
            text,
            it.desk.parts.trust(),
            member=key.peer,
            audience=it.desk.parts.member,
            request_hash=ask_hash,
            now_us=it.now_us,
        )

    def _opened(self, actor: Actor, thread: Thread, row: NoticeRow) -> DeskRows:
        """Return the rows of an opening: the work of reading is done, and an outcome is asked for later, once."""
        it, now_us = self._it, self._it.now_us
        reading = it.desk.store.works(WorkFilter(key=thread.key, kinds=(WorkKind.READ,)))
        works: list[Work] = [done(each, actor, "read", now_us) for each in reading if each.notice_id == row.notice_id]
        asked = from_opening(thread, row.notice_id, actor.officer.person, now_us, it.raising("", True))
        shown = from_shown(thread, row.notice_id, actor.officer.person, now_us, it.raising("", True))
        works += [each for each in (shown, *asked) if it.desk.store.work(each.id) is None]
        works += [done(each, actor, FOLLOWED_UP, now_us) for each in self._asked_of_hit(thread.key)]
        return DeskRows(works=tuple(works))

    def _asked_of_hit(self, key: ThreadKey) -> list[Work]:
        """Return the open questions for the outcome of the hit that an ask follows up: from now on the ask's do it."""
        store = self._it.desk.store
        _, _, ask = last_ask(store.notices(key))
        if ask.hit is None:
            return []
        return questions(store, key.peer, ask.hit)

    def _was_told(self, key: ThreadKey, row: NoticeRow) -> bool:
        """Tell whether the owner was told that its reply was opened."""
        thread = self._it.thread(key)
        return any(
            each.placed.code == StatusCode.READ and each.is_ours(thread) and _is_about(each, row)
            for each in self._it.desk.store.notices(key)
        )

    # ------------------------------------------------------------ all acts

    def _newest(self, key: ThreadKey) -> Notice:
        """Return the newest notice of a thread that is kept."""
        for row in reversed(self._it.desk.store.notices(key)):
            if row.envelope:
                return parse_notice(row.envelope)
        raise Unknown("the thread has no notice any more", code="no-such-notice", where="thread")

    def _own(self, actor: Actor, key: ThreadKey, act: Act) -> Thread:
        """Return a thread that we opened and that this person may act on."""
        check_person(actor)
        thread = self._it.thread(key)
        if not thread.opener:
            raise Forbidden("the other side opened this thread", code="not-the-asker", where="thread")
        may(actor.person, act, own_matter(thread), self._it.now_us)
        return thread

    async def _post(
        self,
        actor: Actor,
        key: ThreadKey,
        body: Body,
        ends: tuple[WorkKind, ...] = (),
        result: str = "",
        files: tuple[Attachment, ...] = (),
    ) -> None:
        """Write a notice into a thread of ours under the head of its ask, and end work of these kinds."""
        it = self._it
        _, asked, _ = await asyncio.to_thread(lambda: last_ask(it.desk.store.notices(key)))

        def also(_before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            if not ends:
                return Effects()
            waiting = it.desk.store.works(WorkFilter(key=key, kinds=ends))
            now_us = notice.issued_us
            return Effects(
                works=tuple(done(each, actor, result, now_us) for each in waiting if each.opened_us <= now_us)
            )

        post = dataclasses.replace(under(asked, it, actor, body), attachments=files)
        await it.desk.author.post(key, post, also)


def _no_answer() -> Unknown:
    return Unknown("there is no answer yet, or it was erased", code="no-answer", where="thread")


def under(asked: Notice, it: StepParts, actor: Actor, body: Body) -> Post:
    """Return a later notice of a thread: its head is that of the ask, but for the human."""
    head = asked.head
    peer = head.recipient if head.sender == it.desk.parts.member else head.sender
    post = Post.under(head, body, it.requester(actor, peer), actor.officer)
    is_again = body.__class__ is asked.body.__class__ and head.expires_us
    expires_us = it.now_us + head.expires_us - head.issued_us if is_again else 0
    office = head.to_office
    if office and isinstance(body, Ask):
        office = office_still_reached(it.desk.parts.trust().descriptor(peer), body, post.requester.office, office)
    return dataclasses.replace(post, to_office=office, expires_us=expires_us)


def _is_about(told: NoticeRow, row: NoticeRow) -> bool:
    if not told.envelope:
        return True
    body = parse_notice(told.envelope).body
    return isinstance(body, Status) and body.of == row.notice_id
