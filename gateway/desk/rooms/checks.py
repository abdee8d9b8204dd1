"""Check what an officer hands in for a room, and say whose matter a room is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.desk.acting.parts import Actor
from gateway.desk.forms.catalogue import template_named
from gateway.desk.roles import Matter, check_purpose
from gateway.desk.rooms.known import Known
from gateway.desk.rooms.values import LONGEST_US, HomeRoom
from gateway.errors import Malformed
from gateway.model.desk.rooms import MAX_TITLE, RoomMember, RoomRole
from gateway.model.handed.operations import Invited, OpenRoom
from gateway.model.values import text_value
from gateway.statements.notices.room import MAX_MEMBERS


def check_command(actor: Actor, command: OpenRoom, now_us: int) -> None:
    """Raise for a room that this officer may not open as it is."""
    text_value(command.title, "title", MAX_TITLE)
    if not (command.case or command.ticket):
        raise Malformed("a case or ticket number is required", code="missing-case", where="case")
    check_purpose(actor.officer, command.purpose)
    if command.template:
        template_named(command.template)
    if not max(now_us, command.start_us) < command.end_us <= now_us + LONGEST_US:
        raise Malformed("an operation ends within 180 days", code="bad-operation", where="end")


def members_of(to: Iterable[Invited]) -> tuple[RoomMember, ...]:
    """Return the members that are invited. Raises `Malformed` for none, one that comes twice, or that would lead."""
    members = tuple(RoomMember(one.member, one.role, one.offices) for one in to)
    if not members:
        raise Malformed("no counterpart was named", code="no-counterpart", where="to")
    if len({one.member for one in members}) != len(members) or len(members) >= MAX_MEMBERS:
        raise Malformed("a member is invited once, and 31 at most", code="bad-operation", where="to")
    if any(one.role is RoomRole.LEAD for one in members):
        raise Malformed("the owner leads an operation", code="bad-operation", where="to")
    return members


def office_matter(agency: str, office: str, person: str) -> Matter:
    """Return the facts about an act on what a person of an office has opened."""
    return Matter(agency, office, officer=person)


def room_matter(room: HomeRoom) -> Matter:
    """Return the facts about an act on a room of ours."""
    return office_matter(room.by.agency, room.by.office, room.by.person)


def addressed(actor: Actor, room: Known) -> Matter:
    """Return the facts about an act in a room: it is for the offices of ours that take part."""
    offices, office = room.own.offices, actor.officer.office
    return Matter("", "" if not offices else office if office in offices else offices[0])


def told_of(room: HomeRoom) -> dict[str, Any]:
    """Return what the entry of an act says of a room: nothing of its entries but their number."""
    return {
        "id": room.id,
        "title": room.title,
        "to": [[one.member, list(one.offices), one.role.value] for one in room.to],
        "end_us": room.end_us,
        "stand": room.stand.value,
        "invites": [one.member for one in room.invites.to] if room.invites is not None else [],
        "entries": len(room.entries),
    }
