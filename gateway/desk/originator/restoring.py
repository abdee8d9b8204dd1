"""Bring back what a restored database lost of the desk: each counterpart is asked for the notices that both have.

Until a counterpart has told all, its records are not shown here, none of our notices goes to it, and none of its own is
taken: a notice that does not know the newest ones would be a fork of its thread. A counterpart out of reach keeps back
its own records, and no others. A notice that comes back has all its effects, so a withdrawal stays in force, and what
was withdrawn is held back again: from all, since a notice does not say from whom. The copies that we gave come back
with our answers and notices, so that a later withdrawal reaches all who hold them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from gateway.clock import DAY_US, SECOND_US
from gateway.conversion import converter
from gateway.desk.delivery.content import UNSIGNED, Fetching
from gateway.desk.delivery.effects import Effects, EffectTable, Occasion
from gateway.desk.delivery.taking import taken_files
from gateway.desk.fold import admits, kind_opened_by, placed_notice, thread_after
from gateway.desk.originator.changing import Hold
from gateway.desk.originator.lost_copies import LostCopies
from gateway.desk.originator.meant import copies_meant
from gateway.desk.originator.watching import VANISHED
from gateway.desk.pen import Pen
from gateway.desk.raising import from_notice
from gateway.errors import (
    ConnectionLost,
    LiaisonError,
    Overloaded,
    Refused,
    Stale,
    Suspended,
    TimedOut,
    Unavailable,
    Unsupported,
)
from gateway.exchange.counterparts import Heard
from gateway.exchange.parts import Parts
from gateway.model.desk.delivered import NoticesPart, NoticesWanted
from gateway.model.desk.notices import Change, ChangeCode, Notice
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import DeliveryState, Direction
from gateway.model.exchange import Verified
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.ports.desk import Delivery, DeskRows, DeskStore, NoticeRow, WorkFilter
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.ports.quotas import QuotaPlace
from gateway.rpc.contract import Calls
from gateway.rpc.methods import FETCH_NOTICES
from gateway.statements.notices.notice import verify_notice

_AWAY = (ConnectionLost, TimedOut, Unavailable, Suspended, Overloaded)
_BEFORE_US = 600_000_000
"""Clocks of two countries differ: notices are asked for from a little before the last entry that we kept."""

_TOLD = frozenset({UNSIGNED, "recovery-quota", Suspended.default_code})
"""Codes of counterparts that give nothing for now, which people of ours are to know: an alarm, once for each."""

_BEGUN_ANEW = "no-recovery"
"""The code of a counterpart that does not know, or not any more, that we began to recover."""

_MOST_PAGES = 10_000
"""The pages that one counterpart may make us keep within a day, whatever it begins anew."""

_PLACES = "recovery-places"
"""The kind of the documents that hold the page at which the recovery from a counterpart goes on."""

_wanted = converter(NoticesWanted)

RECOVERED = "recovered"


@dataclass(slots=True)
class Recovery:
    """Asks the counterparts of a restored node. `kept_us` is the time of the last entry before the loss.

    Each page is a signed fetch with an entry of ours first. What breaks off goes on behind the page that came last,
    also in another process.
    """

    parts: Parts
    store: DeskStore
    pen: Pen
    peers: Calls
    fetching: Fetching
    effects: EffectTable
    heard: Heard
    lost: LostCopies
    kept_us: Callable[[], int]
    others: Callable[[], Sequence[MemberId]]
    reached: Callable[[MemberId], None]
    hold: Hold
    _refused: dict[MemberId, str] = field(default_factory=dict)
    _full: dict[MemberId, int] = field(default_factory=dict)

    async def round(self) -> None:
        """Ask each counterpart that was not heard yet. Runs at the leader."""
        if not self.heard.is_restored:
            return
        since_us = max(SECOND_US, await asyncio.to_thread(self.kept_us) - _BEFORE_US)
        today = self.parts.clock.now_us() // DAY_US
        others = [peer for peer in self.others() if self._full.get(peer) != today]
        waiting = [peer for peer in others if not await asyncio.to_thread(self.heard, peer)]
        await asyncio.gather(*(self._ask(peer, since_us) for peer in waiting))

    async def _ask(self, peer: MemberId, since_us: int) -> None:
        try:
            await self._bring_back(peer, since_us)
        except Unsupported:  # a node without a desk took no notices, and gave none; it may hold records of ours
            await self._untold(peer, since_us)
        except _AWAY as error:
            if error.code == _BEGUN_ANEW:
                await asyncio.to_thread(self.parts.documents.delete, _PLACES, peer)
            elif error.code in _TOLD:
                await self._refuse(peer, error)
            return
        except Refused as error:
            await self._refuse(peer, error)
            return
        await asyncio.to_thread(self.heard.note, peer)
        await asyncio.to_thread(self.parts.documents.delete, _PLACES, peer)
        self.reached(peer)

    async def _bring_back(self, peer: MemberId, since_us: int) -> None:
        place = await asyncio.to_thread(self._place, peer, since_us)
        while True:
            fetch_id = new_exchange_id()
            place = place or NoticesWanted(since_us, recovery_id=fetch_id)
            await asyncio.to_thread(self.parts.documents.put, _PLACES, peer, msgspec.json.encode(place))
            part = await self._page(peer, fetch_id, place)
            await asyncio.to_thread(self._count, peer)
            for request, answer in part.answers:
                await self._answer(peer, request, answer)
            for envelope in part.envelopes:
                await self._one(peer, envelope)
            if not part.next:
                return
            place = replace(place, after=part.next)

    def _count(self, peer: MemberId) -> None:
        """Count a page that came, before anything of it is kept. Raises `Stale` beyond those of a day."""
        now_us = self.parts.clock.now_us()
        if not self.parts.quotas.spend(QuotaPlace("recovered", peer, ""), 1, _MOST_PAGES, now_us):
            self._full[peer] = now_us // DAY_US
            raise Stale("it gives more pages than are taken in a day", code="restoring", where=peer)

    def _place(self, peer: MemberId, since_us: int) -> NoticesWanted | None:
        """Return the page at which the recovery since a time goes on, also after a restart; None before it began."""
        stored = self.parts.documents.get(_PLACES, peer)
        place = _wanted(msgspec.json.decode(stored)) if stored is not None else None
        return place if place is not None and place.since_us == since_us else None

    async def _page(self, peer: MemberId, fetch_id: ExchangeId, wanted: NoticesWanted) -> NoticesPart:
        """Return a page, once the entry of our fetch is durable; the first fetch of all begins the recovery."""
        asked = events.NOTICES_ASKED.draft(
            peer=peer,
            exchange_id=fetch_id,
            recovery=wanted.recovery_id,
            since_us=wanted.since_us,
            after=wanted.after,
        )
        message = await self.fetching.signed(peer, fetch_id, wanted, ThreadKey(peer, ExchangeId("")), asked)
        return await self.peers.call(peer, FETCH_NOTICES, message)

    async def _answer(self, peer: MemberId, request: bytes, answer: bytes) -> None:
        """Write the copies of an answer of ours that we lack. Raises `Refused` for one that is not ours."""
        draft = await asyncio.to_thread(self.lost.from_answer, peer, request, answer)
        if draft is not None:
            key = ThreadKey(peer, ExchangeId(draft.exchange_id))
            await self.pen.write(self.parts.member, key, lambda: draft)

    async def _untold(self, peer: MemberId, since_us: int) -> None:
        draft = self.lost.untold(peer, since_us)
        await self.pen.write(self.parts.member, ThreadKey(peer, ExchangeId("")), lambda: draft)

    async def _refuse(self, peer: MemberId, error: LiaisonError) -> None:
        """Write an alarm, once, about what a counterpart gave that cannot be taken."""
        if self._refused.get(peer) == error.code:
            return
        self._refused[peer] = error.code
        draft = events.ALARM.draft(peer=peer, code="not-recovered", detail=str(error)[:300])
        await self.pen.write(self.parts.member, ThreadKey(peer, ExchangeId("")), lambda: draft)

    async def _one(self, peer: MemberId, envelope: bytes) -> None:
        """Write a notice that we lack, ours or theirs. Raises `Refused` for one that does not verify or fit."""
        verified = await asyncio.to_thread(self._verified, peer, envelope)
        notice = verified.value
        key = ThreadKey(peer, notice.head.thread_id)
        if await asyncio.to_thread(self.store.notice, peer, notice.head.notice_id) is None:
            await self._hold_back(peer, notice)
            await self.pen.write(self.parts.member, key, lambda: self._draft(key, verified))

    async def _hold_back(self, peer: MemberId, notice: Notice) -> None:
        """Hold back what a person of ours withdrew, before the notice stands: it is not looked at again."""
        member, body = self.parts.member, notice.body
        if notice.sender != member or not isinstance(body, Change):
            return
        if body.code is ChangeCode.WITHDRAWN and body.reason != VANISHED:
            copies = await asyncio.to_thread(copies_meant, self.store, body, Direction.OUT, peer, member)
            await self.hold(copies, "")

    def _verified(self, peer: MemberId, envelope: bytes) -> Verified[Notice]:
        parts, now_us = self.parts, self.parts.clock.now_us()
        try:
            return verify_notice(envelope, keys=parts.trust(), peer=peer, me=parts.member, now_us=now_us)
        except Refused:
            return verify_notice(envelope, keys=parts.trust(), peer=parts.member, me=peer, now_us=now_us)

    def _draft(self, key: ThreadKey, verified: Verified[Notice]) -> EntryDraft:
        notice, now_us = verified.value, self.parts.clock.now_us()
        ours = notice.sender == self.parts.member
        before = self.store.thread(key)
        kind = before.kind if before is not None else kind_opened_by(notice)
        new = placed_notice(notice, opener=before is None or (before.opener == ours))
        state = admits(kind, self.store.placed(key) if before is not None else [], new)
        thread = thread_after(before, key, notice, verified.payload_hash, state, ours=ours, now_us=now_us)
        occasion = Occasion(ours, notice, verified.payload_hash, before, thread, now_us, self.store)
        effects = self._effects(occasion)
        given = tuple(self.lost.from_notice(occasion)) if ours else ()
        thread = replace(thread, agency=thread.agency or effects.agency, office=thread.office or effects.office)
        works = effects.works
        if ours:
            open_works = self.store.works(WorkFilter(key=key))
            works += tuple(replace(work, done_us=now_us, result=RECOVERED) for work in open_works)
        elif effects.raises:
            works = from_notice(thread, notice, now_us) + works
        draft = events.DESK_RECOVERED.draft(
            peer=key.peer,
            exchange_id=notice.head.notice_id,
            request_hash=verified.payload_hash,
            notice=notice.type.value,
            thread=key.thread_id,
            says=notice.code,
        )
        draft.rows = DeskRows(
            thread=thread,
            before=before.version if before is not None else 0,
            notice=NoticeRow(key, notice.head.notice_id, new, verified.payload_hash, now_us, verified.envelope),
            deliveries=(_delivered(key, notice),) if ours else (),
            works=works,
            holdings=effects.holdings + given,
            erased=effects.erased,
            files=() if ours else taken_files(notice, now_us),
        )
        return draft

    def _effects(self, occasion: Occasion) -> Effects:
        effect = self.effects.get(occasion.notice.type)
        if effect is None:
            return Effects()
        try:
            return effect(occasion)
        except Refused:  # what it builds on is lost: the notice stands all the same
            return Effects()


def _delivered(key: ThreadKey, notice: Notice) -> Delivery:
    head = notice.head
    return Delivery(
        head.notice_id,
        key,
        head.seq,
        notice.type,
        head.urgency,
        head.issued_us,
        head.expires_us,
        state=DeliveryState.TAKEN,
    )
