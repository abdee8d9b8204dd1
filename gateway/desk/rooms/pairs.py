"""Tell how the part of one other member of a room stands here, and which agreement covers what we tell it."""

from __future__ import annotations

import msgspec

from gateway.desk.delivery.authoring import check_allowed, citing
from gateway.desk.delivery.offices import check_offices, check_reached, closed_offices, is_reached
from gateway.desk.delivery.sending import SUSPENDED
from gateway.desk.rooms.known import OVER, Known
from gateway.desk.rooms.values import HomeRoom
from gateway.errors import Forbidden, Unsupported
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import NoticeType
from gateway.model.desk.rooms import RoomCode, RoomMember, Standing
from gateway.model.desk.threads import ThreadState
from gateway.model.desk.work import DeliveryState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore, Thread
from policy.attributes import DeskAttributes

_LATE_US = 60_000_000
"""A notice that waits for longer shows that its recipient is out of reach."""


class Part(RoomMember, frozen=True):
    """The part of one member in a room, as this node has it; `entries` counts those that are here.

    `missing` is a code of why its entries are not all here, empty where none is known to be missing, and `since_us` is
    since when. `lacks` counts entries that the owner had of it when it sealed the room, and that are not here.
    """

    missing: str = ""
    since_us: int = 0
    lacks: int = 0


class Pairs:
    """The pairs of a room, as far as this node can tell."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def agreement(self, home: HomeRoom, peer: MemberId) -> str:
        """Return the agreement that covers what an officer here tells a member; empty without one."""
        return self._asked(home, peer).agreement if self._parts.trust().active(peer) else ""

    def check(self, home: HomeRoom, one: RoomMember) -> None:
        """Raise `Forbidden` for a member that cannot be invited, `Unsupported` for one that takes no rooms."""
        trust, peer = self._parts.trust(), one.member
        if peer == self._parts.member or not trust.active(peer):
            raise Forbidden(
                "`{member}` is not an active member of the federation", code="not-a-member", where="to", member=peer
            )
        descriptor = trust.descriptor(peer)
        check_offices(descriptor, one.offices, "to")
        if not descriptor.can_take(NoticeType.ROOM):
            raise Unsupported(
                "`{member}` takes no notices of the type `{type}`",
                where="to",
                remedy="reach its duty desk in another way: `liaison trust show`",
                member=peer,
                type=NoticeType.ROOM.value,
            )
        check_allowed(self._parts, self._asked(home, peer), self._parts.clock.now_us())

    def reached(self, home: HomeRoom) -> HomeRoom:
        """Return a room that waits for its approval for those offices of each member that have not closed meanwhile.

        Raises `Forbidden` where none is left.
        """
        trust, invites = self._parts.trust(), home.invites
        asked = invites.to if invites is not None else home.to
        check_reached(trust, asked)
        to = tuple(
            msgspec.structs.replace(one, offices=tuple(each for each in one.offices if each not in closed))
            for one in asked
            if is_reached(trust, one)
            for closed in (closed_offices(trust, one),)
        )
        if invites is None:
            return msgspec.structs.replace(home, to=to)
        return msgspec.structs.replace(home, invites=msgspec.structs.replace(invites, to=to))

    def _asked(self, home: HomeRoom, peer: MemberId) -> DeskAttributes:
        """Return the attributes of an invitation to a member, with the agreement that it would cite."""
        asked = DeskAttributes.opening(
            home.by,
            peer,
            NoticeType.ROOM,
            home.purpose,
            home.offence,
            says=RoomCode.INVITE.value,
            urgency=home.urgency,
            has_case=bool(home.case),
            has_ticket=bool(home.ticket),
        )
        return citing(self._parts, asked, self._parts.clock.now_us())

    def part(self, store: DeskStore, room: Known, one: RoomMember, thread: Thread | None, count: int) -> Part:
        """Return the part of a member; `count` are its entries that are here."""
        standing = self._standing(one, thread)
        part = Part(one.member, one.role, one.offices, standing, count)
        end = room.told.end if room.told is not None else None
        had = next((each.entries for each in end.members if each.member == one.member), 0) if end is not None else 0
        part = msgspec.structs.replace(part, lacks=max(0, had - count))
        missing, since_us = self._missing(store, room, one, thread)
        return msgspec.structs.replace(part, missing=missing, since_us=since_us) if missing else part

    @staticmethod
    def _standing(one: RoomMember, thread: Thread | None) -> Standing:
        """Return the standing: by the thread between us where it says more than the owner."""
        if thread is not None and thread.state is ThreadState.ANSWERED:
            return Standing.JOINED
        return Standing.LEFT if thread is not None and thread.state is ThreadState.REFUSED else one.standing

    def _missing(self, store: DeskStore, room: Known, one: RoomMember, thread: Thread | None) -> tuple[str, int]:
        """Return why entries of a member may be missing here, and since when."""
        home = room.home
        if home is None:
            return "", 0
        trust, since_us = self._parts.trust(), self._last_us(store, home, thread)
        if not trust.active(one.member):
            return "removed", since_us
        if self._parts.suspensions.suspends(peer=one.member, purpose=home.purpose.value) is not None:
            return SUSPENDED, since_us
        if thread is not None and thread.state in OVER and not (thread.ours or thread.theirs):
            return "refused", thread.closed_us
        if not self.agreement(home, one.member):
            return "no-agreement", since_us
        if not trust.descriptor(one.member).can_take(NoticeType.ROOM):
            return "takes-no-rooms", since_us
        if thread is None:
            return ("no-word", since_us) if one.standing is Standing.JOINED else ("", 0)
        waiting = store.deliveries((DeliveryState.WAITING,), key=thread.key)
        late = [each for each in waiting if each.problem]
        if late:
            oldest = store.notice(one.member, late[0].notice_id)
            waits_us = oldest.time_us if oldest is not None else since_us
            if late[0].problem == SUSPENDED or self._parts.clock.now_us() - waits_us >= _LATE_US:
                return (SUSPENDED if late[0].problem == SUSPENDED else "out-of-reach"), waits_us
        return "", 0

    @staticmethod
    def _last_us(store: DeskStore, home: HomeRoom, thread: Thread | None) -> int:
        """Return when we heard last of a member in this room; of one that never spoke since we are in it."""
        rows = [row for row in store.notices(thread.key) if not row.is_ours(thread)] if thread is not None else []
        return max((row.time_us for row in rows), default=home.opened_us)
