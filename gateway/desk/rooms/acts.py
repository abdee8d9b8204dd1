"""Let humans act on rooms: open, approve, invite, join, leave, write entries, seal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from gateway.desk.acting.home import Stand, approval, decidable, to_approve, written_by
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import OnDuty, check_person, done
from gateway.desk.acts import Act
from gateway.desk.entries import desk_act
from gateway.desk.forms.catalogue import template_named
from gateway.desk.forms.values import check_given
from gateway.desk.raising import Raising, from_draft
from gateway.desk.roles import check_role, may, refusal
from gateway.desk.rooms.checks import addressed, check_command, members_of, office_matter, room_matter, told_of
from gateway.desk.rooms.known import Known, RoomBook
from gateway.desk.rooms.pairs import Pairs
from gateway.desk.rooms.spread import RoomSpread
from gateway.desk.rooms.values import (
    MOST_ENTRIES,
    ROOMS,
    WIDENS,
    Entry,
    HomeRoom,
    Invites,
    home_key,
    no_room,
    pair_key,
)
from gateway.desk.widening import check_alone
from gateway.errors import Forbidden, Malformed, Stale
from gateway.model.desk.notices import Note, OutcomeReport, StatusCode
from gateway.model.desk.rooms import RoomMember, RoomRole, is_room_id
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.operations import Invited, OpenRoom
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft
from gateway.statements.notices.room import MAX_MEMBERS


class Rooms:
    """The use cases of rooms, written by hand (decision 0140): the words of other members are half of a room."""

    def __init__(self, desk: DeskParts, spread: RoomSpread, on_duty: OnDuty) -> None:
        self._desk = desk
        self._spread = spread
        self._on_duty = on_duty
        self._book = RoomBook(desk.store, desk.parts.member)
        self._pairs = Pairs(desk.parts)

    async def open(self, actor: Actor, command: OpenRoom, number: ExchangeId | None = None) -> str:
        """Write a room down for its approval; return its id. No member is invited before.

        A `number` that this officer has used names the first room, which stays as it is.
        """
        check_person(actor)
        officer, me = actor.officer, self._desk.parts.member
        may(actor.person, Act.OPEN_ROOM, office_matter(officer.agency, officer.office, officer.person), self._now_us)
        room_id = f"{me}.{number or new_exchange_id()}"
        key = home_key(me, room_id)
        first = await asyncio.to_thread(self._desk.store.thread, key)
        if first is not None and first.officer == officer.person:
            return room_id
        room = await asyncio.to_thread(self._made, actor, command, room_id)
        await self._write(key, lambda: self._opened(key, actor, room))
        return room_id

    async def approve_work(self, actor: Actor, key: ThreadKey, work: str) -> tuple[str, ...]:
        """Approve a room, or that more members are invited into it. Who asked for it can never do this."""
        await self._approval(actor, key, "approve-room", Stand.ON, work)
        return ()

    async def decline_work(self, actor: Actor, key: ThreadKey, reason: str, work: str) -> None:
        """Decline a room: no other member learns of it. One that goes on does so among those who were approved."""
        await self._approval(actor, key, "decline-room", Stand.DECLINED, work, reason)

    async def invite(self, actor: Actor, room_id: str, to: tuple[Invited, ...]) -> None:
        """Ask that more members are invited into a room of ours; another person approves it.

        One that has left is not invited again. Raises `Stale` while others wait for their approval.
        """

        def change(home: HomeRoom) -> HomeRoom:
            if home.invites is not None:
                raise _not_now("it waits for its approval already")
            more = members_of(to)
            if {one.member for one in more} & {one.member for one in home.to} or len(home.to) + len(
                more
            ) >= MAX_MEMBERS:
                raise Malformed("a member is invited once, and 31 at most", code="bad-operation", where="to")
            for one in more:
                self._pairs.check(home, one)
            return replace(home, invites=Invites(more, actor.officer))

        await self._change(actor, room_id, "invite", self._check_owner, change)

    async def seal(self, actor: Actor, room_id: str, text: str = "", *, called_off: bool = False) -> None:
        """End a room of ours: from now on it is only read, by everybody. `called_off`: it does not take place."""
        end = {"stand": Stand.CALLED_OFF if called_off else Stand.SEALED, "text": text, "invites": None}
        await self._change(actor, room_id, "seal-room", self._check_owner, lambda home: replace(home, **end))

    async def leave(self, actor: Actor, room_id: str, text: str = "") -> None:
        """Leave a room of another member, joined or not, for good."""
        room, home = await asyncio.to_thread(self._invited, actor, room_id)
        after = replace(home, stand=Stand.LEFT, text=text)
        await self._answer(actor, room, after, "leave-room")

    async def join(self, actor: Actor, room_id: str) -> None:
        """Join a room into which its owner has invited us. The same again changes nothing."""
        room, home = await asyncio.to_thread(self._invited, actor, room_id)
        if room.home is None:
            await self._answer(actor, room, home, "join-room")

    async def answer(self, actor: Actor, key: ThreadKey, code: StatusCode, text: str = "") -> None:
        """Answer an invitation by its thread: ACKNOWLEDGED joins the room, CANNOT leaves it.

        Raises `Malformed` for another answer, `Unknown` for another thread.
        """
        if code not in (StatusCode.ACKNOWLEDGED, StatusCode.CANNOT):
            raise Malformed(
                "an invitation is not answered so",
                code="bad-reaction",
                where="answer",
                remedy="ACKNOWLEDGED joins the operation, CANNOT leaves it",
            )
        room_id = await self.of_thread(actor, key)
        await (self.join(actor, room_id) if code is StatusCode.ACKNOWLEDGED else self.leave(actor, room_id, text))

    async def note(self, actor: Actor, room_id: str, note: Note) -> None:
        """Write a note for all members, with values of the room's template, in its order, where it has one."""

        def change(home: HomeRoom) -> HomeRoom:
            values = note.values
            if note.values and not home.template:
                raise Malformed("this operation has no form", code="unknown-field", where="values")
            if values:
                known = template_named(home.template).fields
                check_given(known, values)
                order = [field.code for field in known]
                values = tuple(sorted(values, key=lambda value: order.index(value[0])))
            return _with_entry(home, Entry(actor.officer, note=replace(note, at_us=self._now_us, values=values)))

        await self._change(actor, room_id, "write-note", self._check_writer, change)

    async def outcome(self, actor: Actor, room_id: str, outcome: OutcomeReport) -> None:
        """Write what came of the operation here: it is in the table of results at all members."""

        entry = Entry(actor.officer, outcome=replace(outcome, at_us=self._now_us))
        await self._change(actor, room_id, "write-outcome", self._check_writer, lambda home: _with_entry(home, entry))

    async def of_thread(self, actor: Actor, key: ThreadKey) -> str:
        """Return the id of the room to which a thread belongs, for a person who may read it. Raises `Unknown`."""
        thread = await asyncio.to_thread(self._desk.store.thread, key)
        room_id = thread.group_id if thread is not None and thread.kind is ThreadKind.ROOM else ""
        return (await asyncio.to_thread(self.find, actor, room_id)).id

    def find(self, actor: Actor, room_id: str, act: Act = Act.SEE_ROOM) -> Known:
        """Return a room that a person may read who is about to do an act. It reads the store.

        Raises `Forbidden` where no role of the person may do it, and `Unknown` for one that the person may not read.
        """
        room = self._book.room(room_id) if is_room_id(room_id) else None
        if room is None or not self.sees(actor, room):
            check_role(actor.person, act, self._now_us)
            raise no_room()
        return room

    def sees(self, actor: Actor, room: Known) -> bool:
        """Tell whether this person may read a room."""
        return not refusal(actor.person, Act.SEE_ROOM, addressed(actor, room), self._now_us)

    def acts(self, actor: Actor, room: Known) -> frozenset[str]:
        """Return what this person may do with a room now, by the names of the commands."""
        stand, place, acts = room.stand(self._now_us), addressed(actor, room), set[str]()
        if stand is None and not refusal(actor.person, Act.JOIN_ROOM, place, self._now_us):
            acts |= {"join", "leave"}
        if stand is not Stand.ON or room.home is None:
            return frozenset(acts)
        if room.told is not None and not refusal(actor.person, Act.JOIN_ROOM, place, self._now_us):
            acts.add("leave")
        if room.own.role is not RoomRole.OBSERVER and not refusal(actor.person, Act.WRITE_ROOM, place, self._now_us):
            acts |= {"note", "outcome"}
        if room.home.is_owned and not refusal(actor.person, Act.CHANGE_ROOM, room_matter(room.home), self._now_us):
            acts |= {"invite", "seal"}
        return frozenset(acts)

    # ------------------------------------------------------------ parts

    @property
    def _now_us(self) -> int:
        return self._desk.parts.clock.now_us()

    async def _write(self, key: ThreadKey, make: Callable[[], EntryDraft]) -> None:
        await self._desk.pen.write(self._desk.parts.member, key, make)

    def _made(self, actor: Actor, command: OpenRoom, room_id: str) -> HomeRoom:
        officer, now_us = actor.officer, self._now_us
        check_command(actor, command, now_us)
        own = RoomMember(self._desk.parts.member, RoomRole.LEAD, (officer.office,))
        room = HomeRoom(
            id=room_id,
            title=command.title,
            template=command.template,
            purpose=command.purpose,
            offence=command.offence,
            case=command.case,
            ticket=command.ticket,
            urgency=command.urgency,
            start_us=command.start_us or now_us,
            end_us=command.end_us,
            by=officer,
            opened_us=now_us,
            stand=Stand.WAITING,
            own=own,
            to=members_of(command.to),
        )
        for one in room.to:
            self._pairs.check(room, one)
        return room

    def _opened(self, key: ThreadKey, actor: Actor, room: HomeRoom) -> EntryDraft:
        thread = self._home_thread(key, room, ThreadState.NEW)
        officer = actor.officer
        given = Raising(on_duty=self._on_duty(officer.agency, officer.office, Role.SUPERVISOR, room.opened_us))
        work = from_draft(thread, key.thread_id, room.opened_us, given=given)
        content, rows = told_of(room), DeskRows(thread=thread, works=(work,))
        return desk_act(officer, "open-room", key, work=work, content=content, rows=rows)

    def _home_thread(self, key: ThreadKey, room: HomeRoom, state: ThreadState) -> Thread:
        home = written_by(room.by, ThreadKind.ROOM, key, room.urgency, room.opened_us)
        return ROOMS.moved(replace(home, group_id=room.id), room, state, room.opened_us)

    async def _approval(
        self, actor: Actor, key: ThreadKey, act: str, stand: Stand, read: str, reason: str = ""
    ) -> None:
        check_person(actor)

        def make() -> EntryDraft:
            now_us, thread = self._now_us, self._desk.store.thread(key)
            room = self.find(actor, _room_of(thread), Act.APPROVE)
            idle, waiting = _not_now("nothing of this operation waits for an approval"), approval(self._desk.store, key)
            if thread is None or room.home is None:
                raise idle
            work = decidable(
                actor, Act.APPROVE, waiting, read, lambda one: to_approve(one, self._on_duty, now_us), idle, now_us
            )
            asked = self._pairs.reached(room.home) if stand is Stand.ON else room.home
            after = asked.decided(actor.officer, stand)
            for one in (asked.invites or after).to if stand is Stand.ON else ():
                self._pairs.check(after, one)
            check_alone(act, WIDENS, room.home, after)
            state = ThreadState.OPEN if after.stand is Stand.ON else ThreadState.ENDED
            moved, ended = ROOMS.moved(thread, after, state, now_us), done(work, actor, act, now_us)
            rows = DeskRows(thread=moved, before=thread.version, works=(ended,))
            content = told_of(after) | (room.home.asked_for if stand is Stand.ON else {})
            return desk_act(actor.officer, act, key, work=work, reason=reason, content=content, rows=rows)

        await self._write(key, make)
        await self._spread.bring_up(_room_of(await asyncio.to_thread(self._desk.store.thread, key)))

    async def _change(
        self,
        actor: Actor,
        room_id: str,
        act: str,
        check: Callable[[Actor, str], Known],
        change: Callable[[HomeRoom], HomeRoom],
    ) -> None:
        """Write a room of which we are part as `change` makes it, where it goes on; `check` finds it for the person."""
        check_person(actor)
        key = home_key(self._desk.parts.member, room_id)

        def make() -> EntryDraft:
            room, thread, now_us = check(actor, room_id), self._desk.store.thread(key), self._now_us
            if room.home is None or thread is None:
                raise _not_now("we have not joined this operation")
            if (stand := room.stand(now_us)) is not Stand.ON:
                raise Stale(
                    "this operation is not open: {stand}",
                    code="operation-over",
                    where="operation",
                    remedy="read it: `liaison operation show`",
                    stand=stand.value if stand is not None else "",
                )
            after = change(room.home)
            check_alone(act, WIDENS, room.home, after)
            works = self._to_decide(actor, thread, room.home, after, act, now_us)
            rows = DeskRows(thread=ROOMS.moved(thread, after, thread.state, now_us), before=thread.version, works=works)
            work = works[0] if works else None
            return desk_act(actor.officer, act, key, work=work, content=told_of(after), rows=rows)

        await self._write(key, make)
        await self._spread.bring_up(room_id)

    def _to_decide(
        self, actor: Actor, thread: Thread, before: HomeRoom, after: HomeRoom, act: str, now_us: int
    ) -> tuple[Work, ...]:
        """Return the approval that invitations need, never by who asked for them; or the one that an end makes idle."""
        if before.invites is None and after.invites is not None:
            here = self._on_duty(thread.agency, thread.office, Role.SUPERVISOR, now_us)
            asked = replace(thread, officer=actor.officer.person)
            return (from_draft(asked, new_exchange_id(), now_us, given=Raising(on_duty=here)),)
        if before.invites is None or after.invites is not None:
            return ()
        waiting = approval(self._desk.store, thread.key)
        return (done(waiting, actor, act, now_us),) if waiting is not None else ()

    def _check_owner(self, actor: Actor, room_id: str) -> Known:
        """Return a room of ours that this person may change."""
        room = self.find(actor, room_id, Act.CHANGE_ROOM)
        if room.home is None or not room.home.is_owned:
            raise Forbidden(
                "`{owner}` owns this operation, and no other member invites or seals",
                code="not-the-owner",
                where="operation",
                owner=room.owner,
            )
        may(actor.person, Act.CHANGE_ROOM, room_matter(room.home), self._now_us)
        return room

    def _check_writer(self, actor: Actor, room_id: str) -> Known:
        """Return a room into which this person may write."""
        room = self.find(actor, room_id, Act.WRITE_ROOM)
        may(actor.person, Act.WRITE_ROOM, addressed(actor, room), self._now_us)
        if room.own.role is RoomRole.OBSERVER:
            raise Forbidden("an observer writes nothing into an operation", code="observer", where="operation")
        return room

    def _invited(self, actor: Actor, room_id: str) -> tuple[Known, HomeRoom]:
        """Return a room of another member that this person may answer, and its value at home once we have joined."""
        check_person(actor)
        room = self.find(actor, room_id, Act.JOIN_ROOM)
        may(actor.person, Act.JOIN_ROOM, addressed(actor, room), self._now_us)
        if room.told is None:
            raise Forbidden("it is our own operation", code="own-operation", where="operation")
        if room.stand(self._now_us) not in (None, Stand.ON):
            raise _not_now("this operation is over, or we have left it")
        if room.home is not None:
            return room, room.home
        head, invite = room.told.head, room.told.invite
        home = HomeRoom(
            id=room_id,
            title=invite.title,
            template=invite.template,
            purpose=head.purpose,
            offence=head.offence,
            case=head.case,
            ticket=head.ticket,
            urgency=head.urgency,
            start_us=invite.start_us,
            end_us=invite.end_us,
            by=actor.officer,
            opened_us=self._now_us,
            stand=Stand.ON,
            own=room.own,
        )
        return room, home

    async def _answer(self, actor: Actor, room: Known, after: HomeRoom, act: str) -> None:
        key = home_key(self._desk.parts.member, room.id)
        if room.home is not None:
            check_alone(act, WIDENS, room.home, after)

        def make() -> EntryDraft:
            now_us, before = self._now_us, self._desk.store.thread(key)
            thread = self._home_thread(key, after, ThreadState.OPEN)
            if before is not None:
                thread = ROOMS.moved(before, after, before.state, now_us)
            invited = pair_key(key.peer, room.owner, room.id)
            waiting = self._desk.store.works(WorkFilter(key=invited, kinds=(WorkKind.ACKNOWLEDGE,)))
            works = tuple(done(work, actor, act, now_us) for work in waiting)
            rows = DeskRows(thread=thread, before=before.version if before is not None else 0, works=works)
            return desk_act(actor.officer, act, key, content=told_of(after), rows=rows)

        await self._write(key, make)
        await self._spread.bring_up(room.id)


def _with_entry(home: HomeRoom, entry: Entry) -> HomeRoom:
    if len(home.entries) >= MOST_ENTRIES:
        raise Malformed(
            "{limit} entries of one country are in this operation, and no more go in",
            code="operation-full",
            where="operation",
            remedy="its owner opens another one: `liaison operation open`",
            limit=MOST_ENTRIES,
        )
    return replace(home, entries=(*home.entries, entry))


def _room_of(thread: Thread | None) -> str:
    return thread.group_id if thread is not None else ""


def _not_now(text: str) -> Stale:
    return Stale(text, code="not-now", where="operation", remedy="read it again: `liaison operation show`")
