"""Check what counterparts say in rooms. The owner's invitation is the only word on who takes part.

A member that hears of a room before its owner's word has come refuses for now: the sender goes on trying, since the
owner's notice may be on its way.
"""

from __future__ import annotations

from functools import partial

from gateway.desk.delivery.effects import Effect, Effects, EffectTable, Occasion
from gateway.desk.forms.catalogue import templates
from gateway.desk.forms.values import check_given
from gateway.desk.rooms.known import Known, RoomBook, writes
from gateway.desk.rooms.values import opens_pair, pair_key
from gateway.errors import Forbidden, Malformed, Stale
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Note, NoticeType, OutcomeReport
from gateway.model.desk.rooms import Room, RoomCode, is_room_id, owner_of
from gateway.model.desk.threads import ThreadKind
from gateway.statements.notices.room import MAX_LIFE_US

_OF_OWNER = (RoomCode.INVITE, RoomCode.SEAL, RoomCode.CLOSE)


def room_effects(parts: Parts) -> EffectTable:
    """Return what notices of rooms change."""
    entry: Effect = partial(_entry, parts)
    return {NoticeType.ROOM: partial(_room, parts), NoticeType.NOTE: entry, NoticeType.OUTCOME: entry}


def _room(parts: Parts, occasion: Occasion) -> Effects:
    """Return for whom an invitation is; raise for a word that its author may not say."""
    head, body = occasion.notice.head, occasion.notice.body
    assert isinstance(body, Room)
    if occasion.ours:
        return Effects()
    _check_place(parts, occasion)
    is_owner = owner_of(head.group_id) == head.sender
    if is_owner != (body.code in _OF_OWNER):
        raise Forbidden("this is said by the owner of a room only", code="not-the-owner", where="code")
    if body.code is RoomCode.INVITE:
        own = next(one for one in body.members if one.member == head.recipient)
        offices = parts.trust().descriptor(head.recipient).offices
        strange = [office for office in own.offices if office not in offices]
        if strange:
            raise Forbidden("`{office}` is no office here", code="unknown-office", where="members", office=strange[0])
        if body.end_us <= occasion.now_us:
            raise Stale("the room is over already", code="expired", where="end_time")
        told = RoomBook(occasion.store, parts.member).told(head.group_id)
        if told is None and body.end_us > occasion.now_us + MAX_LIFE_US:
            raise Forbidden("a room ends within 366 days", code="wrong-room", where="end_time")
        if told is not None and (body.start_us, body.end_us) != (told.invite.start_us, told.invite.end_us):
            raise Forbidden("the times of a room stand with its first invitation", code="wrong-room", where="end_time")
        return Effects(office=own.offices[0] if own.offices else "", raises=occasion.before is None)
    is_between = body.code is RoomCode.JOIN and owner_of(head.group_id) != head.recipient
    if is_between and body.end_us != _known(parts, occasion).end_us:
        raise Forbidden("the owner has told other times of this room", code="wrong-room", where="end_time")
    return Effects(raises=False)


def _entry(parts: Parts, occasion: Occasion) -> Effects:
    """Raise for an entry that does not belong into its room. It raises no work: the page of the room shows it."""
    if occasion.thread.kind is not ThreadKind.ROOM:
        return Effects()
    head, body = occasion.notice.head, occasion.notice.body
    if occasion.ours:
        return Effects()
    _check_place(parts, occasion)
    room = _known(parts, occasion)
    members = room.others
    if not writes(members, head.sender):
        raise Forbidden("an observer writes nothing into a room", code="observer", where="members")
    assert isinstance(body, Note | OutcomeReport)
    if not 0 < body.at_us < room.end_us:
        raise Forbidden("an entry of a room was written before its end", code="room-over", where="at_time")
    if isinstance(body, Note) and body.values:
        template = room.told.invite.template if room.told else room.home.template if room.home else ""
        if not template:
            raise Malformed("this room has no form", code="unknown-field", where="values")
        if template in templates():  # a newer one of the counterpart is shown by its codes
            check_given(templates()[template].fields, body.values)
    return Effects(raises=False)


def _check_place(parts: Parts, occasion: Occasion) -> None:
    """Raise where a notice is not in the one thread that its two members have for this room."""
    head = occasion.notice.head
    if not is_room_id(head.group_id) or occasion.thread.group_id != head.group_id:
        raise Forbidden("the thread is of another room", code="wrong-room", where="group_id")
    if head.thread_id != pair_key(parts.member, head.sender, head.group_id).thread_id:
        raise Forbidden("this is not the thread of the room between us", code="wrong-room", where="thread_id")
    if occasion.before is None and not opens_pair(head.sender, parts.member, head.group_id):
        raise Forbidden("the other member opens this thread", code="wrong-room", where="thread_id")


def _known(parts: Parts, occasion: Occasion) -> Known:
    """Return the room, of which the sender is a member. Raises `Stale` while its owner has not said so."""
    head = occasion.notice.head
    room = RoomBook(occasion.store, parts.member).room(head.group_id)
    if room is None:
        raise Stale("no owner has invited us into this room", code="no-such-room", where="group_id")
    if all(one.member != head.sender for one in room.others):
        raise Stale("the owner of the room has not invited its author", code="not-invited", where="sender")
    return room
