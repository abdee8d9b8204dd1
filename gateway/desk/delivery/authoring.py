"""Write notices of ours: the entry `asked`, the notice, its files, its delivery and its thread are one transaction.

Policy says which of ours may leave, and which of theirs are taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from gateway.desk.delivery.effects import Effects, EffectTable, Occasion, joined
from gateway.desk.delivery.offices import check_office
from gateway.desk.entries import asked_notice
from gateway.desk.fold import admits, kind_opened_by, placed_notice, thread_after
from gateway.desk.pen import Pen, Unsigned, Written
from gateway.desk.raising import with_ended
from gateway.errors import Forbidden, Stale, Unknown, Unsupported
from gateway.exchange.counterparts import check_heard
from gateway.exchange.parts import Parts
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import TYPE_OF, Body, Change, Head, Notice, NoticeType, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer, Requester
from gateway.ports.desk import Delivery, DeskRows, DeskStore, NoticeRow, Thread
from gateway.ports.files.held import FileRows, HeldFile
from gateway.ports.journal import EntryDraft
from gateway.statements.envelope import Sealed
from gateway.statements.notices.notice import WrittenNotice, write_notice
from policy.attributes import DeskAttributes
from policy.explain import forbidden

NOTHING_TOLD: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Post:
    """A notice to be written: what it says, its head as far as a human decides on it, and who writes it.

    `by` is the officer, None where the node itself tells something; `approved_by` the second human. `told`
    are more members of its entry: the evidence of humans, what is withheld. The last three are kept with the thread at
    home.
    """

    body: Body
    urgency: Urgency
    purpose: Purpose
    offence: Offence
    requester: Requester
    case: str = ""
    ticket: str = ""
    agreement: str = ""
    expires_us: int = 0
    to_office: str = ""
    group_id: str = ""
    approver: Requester | None = None
    by: Officer | None = None
    approved_by: Officer | None = None
    told: Mapping[str, Any] = NOTHING_TOLD
    agency: str = ""
    office: str = ""
    officer: str = ""
    attachments: tuple[Attachment, ...] = ()

    @classmethod
    def under(cls, head: Head, body: Body, requester: Requester, by: Officer | None = None) -> Post:
        """Return a notice in the thread of an earlier one, whose head says why, in which case and how urgent."""
        return cls(
            body,
            head.urgency,
            head.purpose,
            head.offence,
            requester,
            case=head.case,
            ticket=head.ticket,
            agreement=head.agreement,
            by=by,
        )


Also = Callable[[Thread | None, Thread, Notice], Effects]
"""Returns rows that are written with a notice of ours; it may raise a refusal for the state of the thread."""


def nothing_else(_before: Thread | None, _after: Thread, _notice: Notice) -> Effects:
    """Return no rows."""
    return Effects()


class Author:
    """Writes notices of ours. `wake` is called with a counterpart for whom a notice waits."""

    def __init__(
        self,
        parts: Parts,
        store: DeskStore,
        pen: Pen,
        effects: EffectTable,
        wake: Callable[[MemberId], None],
        files: FileRows,
    ) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._effects = effects
        self._wake = wake
        self._files = files

    async def open(
        self, peer: MemberId, post: Post, also: Also = nothing_else, thread_id: ExchangeId | None = None
    ) -> ThreadKey:
        """Write the first notice of a thread; return the thread's key. Raises for what the table does not allow."""
        key = ThreadKey(peer, thread_id or new_exchange_id())
        await self.post(key, post, also)
        return key

    async def post(
        self, key: ThreadKey, post: Post, also: Also = nothing_else, ready: WrittenNotice | None = None
    ) -> Written:
        """Write a notice into a thread. Raises `Stale` with the code `not-now` where the table has no place for it.

        `ready` is the notice itself, where humans decided on exactly these bytes (`prepare`); `post` then tells what
        stays at home. Raises `Stale` with the code `thread-moved` where the thread has changed since, and `Unsupported`
        where the counterpart's descriptor does not list the type.
        """
        self._check_taker(key.peer, TYPE_OF[type(post.body)])
        written = await self._pen.write(self._parts.member, key, lambda: self._draft(key, post, also, ready))
        if isinstance(post.body, Change):
            await asyncio.to_thread(self._look_again, key)
        self._wake(key.peer)
        return written

    def prepare(self, key: ThreadKey, post: Post) -> WrittenNotice:
        """Return the notice that would be written now; nothing is. It reads the store, and blocks.

        Raises `Unknown` for any other than a counterpart of ours, `Unsupported` where its descriptor does not list the
        type, and `Forbidden` for an office that the author's may not address.
        """
        self._check_taker(key.peer, TYPE_OF[type(post.body)])
        self._check_office(key, post)
        return write_notice(self._notice(key, self._store.thread(key), post), self._parts.trust())

    def _look_again(self, key: ThreadKey) -> None:
        """Let a held notice of this thread be looked at now, since a change waits behind it (`ahead`)."""
        # More than this one wait, so one before it is held.
        if len(self._store.deliveries(key=key)) > 1:
            self._store.release(key.peer, self._parts.clock.now_us())

    def _check_taker(self, peer: MemberId, kind: NoticeType) -> None:
        """Raise for a notice that its recipient would refuse. To one that is not an active member it waits."""
        view = self._parts.trust()
        if peer == self._parts.member or peer not in view.members:
            raise Unknown("`{member}` is no counterpart of ours", code="unknown-member", where="peer", member=peer)
        if view.active(peer) and not view.descriptor(peer).can_take(kind):
            raise Unsupported(
                "`{member}` takes no notices of the type `{type}`",
                where="peer",
                remedy="reach its duty desk in another way: `liaison trust show`",
                member=peer,
                type=kind.value,
            )

    def _draft(self, key: ThreadKey, post: Post, also: Also, ready: WrittenNotice | None = None) -> Unsigned:
        before = self._store.thread(key)
        # A restored database may know a thread in part, and would use numbers of it again. A new thread has none.
        if before is not None:
            check_heard(self._parts, key.peer)
        if before is not None and before.state is ThreadState.ENDED and not (before.ours or before.theirs):
            raise Stale(
                "the first notice of this thread was refused",
                code="not-now",
                where="thread",
                remedy="open another thread",
            )
        self._check_office(key, post)
        notice = self._notice(key, before, post) if ready is None else ready.notice
        if ready is not None:
            _check_next(before, notice)
        written = ready or write_notice(notice, self._parts.trust())
        is_new = before is None or not (before.ours or before.theirs)
        new = placed_notice(notice, opener=is_new or (before is not None and before.opener))
        kind = before.kind if before is not None else kind_opened_by(notice)
        state = admits(kind, [] if is_new else self._store.placed(key), new)
        payload_hash, now_us = written.payload_hash, notice.issued_us
        thread = thread_after(before, key, notice, payload_hash, state, ours=True, now_us=now_us)
        thread = replace(
            thread,
            agency=thread.agency or post.agency,
            office=thread.office or post.office,
            officer=thread.officer or post.officer,
        )
        effect = self._effects.get(notice.type)
        effects = also(before, thread, notice)
        if effect is not None:
            occasion = Occasion(True, notice, payload_hash, before, thread, now_us, self._store)
            effects = joined(effects, effect(occasion))
        works = with_ended(self._store, before, thread, notice, now_us, effects.works)
        files = _given_files(self._files, notice, now_us)

        def finish(sealed: Sealed) -> EntryDraft:
            draft = asked_notice(notice, sealed, post.by, post.approved_by, post.told)
            draft.rows = DeskRows(
                thread=thread,
                before=before.version if before is not None else 0,
                notice=NoticeRow(key, notice.head.notice_id, new, payload_hash, now_us, sealed.envelope),
                deliveries=(_delivery(key, notice),),
                works=works,
                holdings=effects.holdings,
                erased=effects.erased,
                reports=effects.reports,
                files=files,
            )
            return draft

        return Unsigned(written.unsigned, finish)

    def _check_office(self, key: ThreadKey, post: Post) -> None:
        if post.to_office:
            recipient = self._parts.trust().descriptor(key.peer)
            check_office(recipient, post.body, post.requester.office, post.to_office)

    def _notice(self, key: ThreadKey, before: Thread | None, post: Post) -> Notice:
        parts = self._parts
        first = before is None or not before.ours
        opens = before is None or not (before.ours or before.theirs)
        head = Head(
            notice_id=key.thread_id if opens else new_exchange_id(),
            thread_id=key.thread_id,
            seq=1 if before is None else before.ours + 1,
            previous=b"" if first or before is None else before.our_last,
            seen=0 if before is None else before.theirs,
            sender=parts.member,
            recipient=key.peer,
            issued_us=parts.clock.now_us(),
            expires_us=post.expires_us,
            urgency=post.urgency,
            purpose=post.purpose,
            offence=post.offence,
            case=post.case,
            ticket=post.ticket,
            agreement=post.agreement,
            requester=post.requester,
            trust_hash=parts.trust().hash,
            policy_hash=parts.policy().hash,
            group_id=post.group_id,
            to_office=post.to_office,
            approver=post.approver,
            attachments=post.attachments,
        )
        return Notice(head, post.body)


def _check_next(before: Thread | None, notice: Notice) -> None:
    """Raise `Stale` unless a prepared notice still follows all that stands in its thread."""
    head = notice.head
    stands = (1, b"", 0) if before is None else (before.ours + 1, before.our_last, before.theirs)
    if (head.seq, head.previous, head.seen) != stands:
        raise Stale(
            "the thread has changed since this was prepared",
            code="thread-moved",
            where="thread",
            remedy="read it again, and decide anew: `liaison desk show`",
        )


def _delivery(key: ThreadKey, notice: Notice) -> Delivery:
    head = notice.head
    return Delivery(head.notice_id, key, head.seq, notice.type, head.urgency, head.issued_us, head.expires_us)


def _given_files(rows: FileRows, notice: Notice, now_us: int) -> tuple[HeldFile, ...]:
    """Return the rows of the files that a notice of ours names. Raises `Unknown` for one that is not kept any more."""
    head = notice.head
    found = []
    for about in head.attachments:
        brought = rows.brought(about.root)
        if brought is None or brought.about.size != about.size:
            raise Unknown(
                "the file `{name}` is not kept any more",
                code="no-such-file",
                where="attachments",
                remedy="bring it again: `liaison desk attach`",
                name=about.name,
            )
        found.append(
            replace(
                brought,
                peer=head.recipient,
                notice_id=head.notice_id,
                thread_id=head.thread_id,
                about=about,
                time_us=now_us,
            )
        )
    return tuple(found)


# ------------------------------------------------------------ policy on notices


def check_notice(parts: Parts, notice: Notice, now_us: int) -> None:
    """Raise `Forbidden` with the code of the policy that does not allow a notice, ours or theirs."""
    decision = parts.policy().may_desk(DeskAttributes.of(notice, parts.member), now_us)
    if not decision.allow:
        raise Forbidden(
            "policy does not allow this notice",
            code=decision.code or "policy-denies",
            where="policy",
            remedy="see why: `liaison policy explain`",
        )


def check_active(parts: Parts, member: MemberId) -> None:
    """Raise `Forbidden` where this is no other active member of the federation."""
    if member == parts.member or not parts.trust().active(member):
        raise Forbidden(
            "`{member}` is not an active member of the federation", code="not-a-member", where="to", member=member
        )


def citing(parts: Parts, notice: DeskAttributes, now_us: int) -> DeskAttributes:
    """Return a notice of ours that is not written yet with the agreement that it would cite."""
    owners = parts.trust().descriptor(notice.counterpart).agencies
    return replace(notice, agreement=parts.policy().agreement_to_cite(notice.as_question(), owners, now_us))


def check_allowed(parts: Parts, notice: DeskAttributes, now_us: int) -> None:
    """Raise `Forbidden` with the code of the policy that does not allow a notice that is not written yet."""
    decision = parts.policy().may_desk(notice, now_us)
    if not decision.allow:
        raise forbidden(decision.code, notice.as_question(), notice.counterpart)
