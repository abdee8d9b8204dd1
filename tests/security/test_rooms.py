"""Rooms of members that lie: only the owner's word says who takes part, and no one acts in the name of an owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.clock import DAY_US
from gateway.desk.acting.home import Stand
from gateway.desk.rooms.values import pair_key
from gateway.errors import Malformed
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.desk.notices import Note, OutcomeCode, OutcomeReport
from gateway.model.desk.rooms import Room, RoomCode, RoomMember, RoomRole
from gateway.model.desk.threads import ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.names import MemberId, new_exchange_id
from gateway.statements.notices.notice import build_notice
from tests.security.test_desk_hostile import Liar, alarms, code, vn, work
from tests.support.exchange import CLOCK, KH, TH, VN, sample_world, stopping
from tests.support.nodes import World
from tests.support.rooms import desk_of, page, said
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

STALE = grpc.StatusCode.FAILED_PRECONDITION


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("rooms-hostile"), ("th", "vn", "kh"))
    async with stopping(made):
        await made.start("vn")
        yield made


def new_room(owner: MemberId = TH) -> str:
    return f"{owner}.{new_exchange_id()}"


class Member(Liar):
    """A member that forges what it says in the thread of one room."""

    def __init__(self, world: World, member: MemberId, room_id: str) -> None:
        super().__init__(world, member, pair_key(member, VN, room_id).thread_id)
        self.room_id = room_id
        self.start_us = CLOCK.now_us()
        self.end_us = self.start_us + 10 * DAY_US

    async def word(self, code: RoomCode, **changes: Any) -> NoticeReceipt:
        return await self.say(self.room(code), **({"group_id": self.room_id} | changes))

    def room(self, code: RoomCode, *others: MemberId, owner: MemberId | None = None) -> Room:
        lead = owner or self.member
        if code in (RoomCode.JOIN, RoomCode.LEAVE):
            return Room(code, start_us=self.start_us, end_us=self.end_us) if code is RoomCode.JOIN else Room(code)
        members = (RoomMember(lead, RoomRole.LEAD), *(RoomMember(one, RoomRole.PARTNER) for one in (VN, *others)))
        if code is not RoomCode.INVITE:
            return Room(code, members=members)
        return Room(code, "Mekong night", "joint-operation", members, self.start_us, self.end_us)

    async def invite(self, *others: MemberId) -> NoticeReceipt:
        return await self.say(self.room(RoomCode.INVITE, *others), group_id=self.room_id)

    async def turned_away(self, body: Any) -> str:
        """Say something that gets a bare status; return its code."""
        notice = self.notice(body, group_id=self.room_id)
        status, text = await self.status(build_notice(notice, self.key).envelope)
        assert status is STALE
        return text


async def test_n149_who_was_not_invited_neither_joins_nor_writes(world: World) -> None:
    room_id = new_room()
    kh = Member(world, KH, room_id)
    assert await kh.turned_away(kh.room(RoomCode.JOIN)) == "no-such-room"
    th = Member(world, TH, room_id)
    assert code(await th.invite()) == "taken"
    assert await kh.turned_away(kh.room(RoomCode.JOIN)) == "not-invited"
    assert vn(world).desk.parts.store.threads(group_id=room_id)[0].key.peer == TH, "nothing of it was written"
    notice = kh.notice(Note("en", "hello", at_us=CLOCK.now_us()), group_id=room_id)
    with pytest.raises(Malformed):
        build_notice(notice, kh.key)  # a note opens no thread
    kh.end_us = th.end_us
    assert code(await th.invite(KH)) == "taken"
    assert code(await kh.word(RoomCode.JOIN)) == "taken", "it comes again, once its owner has said so"


@pytest.mark.parametrize("word", [RoomCode.INVITE, RoomCode.SEAL, RoomCode.CLOSE])
async def test_n150_another_member_does_not_act_in_the_name_of_the_owner(world: World, word: RoomCode) -> None:
    room_id = new_room()
    th, kh = Member(world, TH, room_id), Member(world, KH, room_id)
    kh.end_us = th.end_us
    assert code(await th.invite(KH)) == "taken"
    assert code(await kh.word(RoomCode.JOIN)) == "taken"
    assert code(await kh.say(kh.room(word), group_id=room_id)) == "not-the-owner"
    assert "not-the-owner" in alarms(world), "a human looks at it"
    assert vn(world).desk.rooms.rooms._book.room(room_id).stand(CLOCK.now_us()) is None  # type: ignore[union-attr]


async def test_n150_an_invitation_into_the_room_of_another_is_refused_before_its_owner_has_spoken(world: World) -> None:
    room_id = new_room()
    kh = Member(world, KH, room_id)
    assert code(await kh.invite()) == "not-the-owner"
    assert code(await Member(world, TH, room_id).invite()) == "taken"


async def test_n151_entries_stand_in_the_thread_of_their_pair_and_fit_the_form(world: World) -> None:
    room_id = new_room()
    th, now_us = Member(world, TH, room_id), CLOCK.now_us()
    assert code(await th.invite()) == "taken"
    assert work(world, th.thread) == [WorkKind.ACKNOWLEDGE]
    await vn(world).desk.rooms.rooms.join(desk_of("vn"), room_id)
    await until(
        lambda: (pair := vn(world).desk.rooms.rooms._book.pair(room_id, TH)) and pair.state is ThreadState.ANSWERED,
        "it has joined",
    )
    seen = {"seen": 1, "group_id": room_id}
    for body, refused in (
        (Note("en", "x", (("colour", "red"),), now_us), "unknown-field"),
        (Note("en", "x", (("persons", "many"),), now_us), "bad-field"),
        (Note("en", "x", (), 0), "room-over"),
        (OutcomeReport(OutcomeCode.ARRESTED, persons=1), "room-over"),
    ):
        assert code(await th.say(body, **seen)) == refused
    assert code(await th.say(Note("en", "x", (), now_us), seen=1, group_id=new_room())) == "wrong-room"
    assert code(await th.say(Note("en", "seen", (("what", "sighting"),), now_us), **seen)) == "taken"
    assert code(await th.word(RoomCode.LEAVE, seen=1)) == "not-the-owner", "an owner seals, and does not leave"
    assert said(vn(world), room_id) == [("th", "seen")]


async def test_n152_a_second_thread_of_one_room_is_refused(world: World) -> None:
    room_id = new_room()
    th, other = Member(world, TH, room_id), Member(world, TH, room_id)
    assert code(await th.invite()) == "taken"
    other.thread = new_exchange_id()
    assert code(await other.invite()) == "wrong-room"


async def test_n153_a_member_cannot_hold_a_room_open_nor_tell_other_times(world: World) -> None:
    room_id = new_room()
    th, kh = Member(world, TH, room_id), Member(world, KH, room_id)
    assert code(await th.invite(KH)) == "taken"
    kh.end_us = th.end_us + DAY_US
    assert code(await kh.word(RoomCode.JOIN)) == "wrong-room"
    late = Member(world, TH, new_room())
    late.end_us = CLOCK.now_us() + 400 * DAY_US
    invitation = late.notice(late.room(RoomCode.INVITE), group_id=late.room_id)
    with pytest.raises(Malformed):
        build_notice(invitation, late.key)


async def test_n153_an_owner_does_not_move_the_end_to_which_the_others_have_agreed(world: World) -> None:
    room_id = new_room()
    th = Member(world, TH, room_id)
    invitation, start_us, end_us = th.room(RoomCode.INVITE), th.start_us, th.end_us
    assert code(await th.say(invitation, group_id=room_id)) == "taken"
    await vn(world).desk.rooms.rooms.join(desk_of("vn"), room_id)
    more = (*invitation.members, RoomMember(KH, RoomRole.PARTNER))
    for times in ((start_us, end_us + DAY_US), (end_us, end_us + 300 * DAY_US), (start_us, end_us - DAY_US)):
        moved = replace(invitation, members=more, start_us=times[0], end_us=times[1])
        assert code(await th.say(moved, group_id=room_id)) == "wrong-room"
    far = Member(world, TH, new_room())
    far.start_us, far.end_us = start_us + 366 * DAY_US, end_us + 366 * DAY_US
    assert code(await far.invite()) == "wrong-room", "a start in years would be a room without end, too"
    room = vn(world).desk.rooms.rooms._book.room(room_id)
    assert room is not None
    assert (room.end_us, room.stand(end_us)) == (end_us, Stand.OVER)
    assert code(await th.say(replace(invitation, members=more), group_id=room_id)) == "taken", (
        "with the times agreed on"
    )


async def test_n154_the_page_says_what_is_missing_and_who_is_gone(world: World) -> None:
    room_id = new_room()
    th = Member(world, TH, room_id)
    assert code(await th.invite(KH)) == "taken"
    await vn(world).desk.rooms.rooms.join(desk_of("vn"), room_id)
    sealed = Room(
        RoomCode.SEAL,
        members=(RoomMember(TH, RoomRole.LEAD, entries=2), RoomMember(KH, RoomRole.PARTNER, entries=3)),
        text="over",
    )
    assert code(await th.say(sealed, group_id=room_id)) == "taken"
    shown = await page(vn(world), room_id)
    assert (shown.line.stand, shown.text) == (Stand.SEALED, "over")
    assert {part.member: part.lacks for part in shown.parts} == {TH: 2, KH: 3}
