"""Show whom to phone about a thread."""

from __future__ import annotations

from pydantic import BaseModel

from gateway.agency.bodies.members import ReachBody
from gateway.desk.worklist.phoning import DutyCard, Waiting


class DutyPersonBody(BaseModel):
    """A person of ours who is on duty; `channel` is where word reaches them, as the list of persons has it."""

    person: str
    agency: str
    office: str
    channel: str
    language: str


class WaitingBody(BaseModel):
    """Work that waits, and who is on duty for it. `national`: nobody of its office is, so the national desk does it."""

    work: str
    kind: str
    role: str
    national: bool
    persons: list[DutyPersonBody]


class DutyCardBody(BaseModel):
    """Whom to phone: `here` for each item of open work of the thread, `there` as the counterpart's descriptor says."""

    thread: str
    peer: str
    here: list[WaitingBody]
    there: list[ReachBody]


def duty_card(found: DutyCard) -> DutyCardBody:
    """Return a duty card as JSON shows it."""
    return DutyCardBody(
        thread=found.key.thread_id,
        peer=found.key.peer,
        here=[_waiting(each) for each in found.here],
        there=[ReachBody(office=each.office, reach=each.reach) for each in found.there],
    )


def _waiting(found: Waiting) -> WaitingBody:
    work = found.work
    return WaitingBody(
        work=work.id,
        kind=work.kind.value,
        role=work.role.value,
        national=found.who.national,
        persons=[
            DutyPersonBody(
                person=one.id, agency=one.agency, office=one.office, channel=one.channel, language=one.language.value
            )
            for one in found.who.persons
        ],
    )
