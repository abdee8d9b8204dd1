"""Invented persons of the demo's desks, who are on duty while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.clock import DAY_US, Clock, rfc3339
from gateway.config import TrialOfficer
from gateway.desk.people.lists import DUTY, DUTY_EXAMPLE, PERSONS, PERSONS_EXAMPLE
from gateway.host.durable import PRIVATE, make_folder, replace
from gateway.model.desk.work import Role

_SHIFT_DAYS = 30
_TRAINING_DAYS = 365
_LANGUAGES = {"th": "th", "vn": "vi", "kh": "km"}

OFFICES = {"th": "th.blo.aranyaprathet", "vn": "vn.blo.moc-bai", "kh": "kh.blo.poipet"}
AGENCIES = ("police", "customs", "immigration")
FIRST_AGENCY = {"th": "police", "vn": "immigration", "kh": "customs"}
"""The agency of officer 1042 in each country."""

_PURPOSES = (
    "BORDER_CHECK",
    "INVESTIGATION",
    "PREVENTION",
    "CUSTOMS_CONTROL",
    "THREAT_TO_LIFE",
    "MISSING_PERSON",
)
_EVERY_PURPOSE = (*_PURPOSES, "VICTIM_PROTECTION")
_PURPOSES_OF = {
    "police": ("BORDER_CHECK", "INVESTIGATION", "PREVENTION", "THREAT_TO_LIFE", "MISSING_PERSON"),
    "customs": ("BORDER_CHECK", "CUSTOMS_CONTROL", "INVESTIGATION", "THREAT_TO_LIFE"),
    "immigration": ("BORDER_CHECK", "INVESTIGATION", "THREAT_TO_LIFE", "MISSING_PERSON", "VICTIM_PROTECTION"),
}


@dataclass(frozen=True, slots=True)
class DeskPerson:
    """One person: the id within the country (`d.7`), agency, office, roles at the desk, and the role of policy."""

    name: str
    agency: str
    office: str
    roles: tuple[Role, ...]
    policy_role: str


def desk_persons(member: str, office: str, agencies: tuple[str, ...]) -> list[DeskPerson]:
    """Return the persons of a member's desks: at its office, for each agency; and at its national desk.

    The first agency has the duty officers `d.7` and `d.8`, since some releases take two persons.
    """
    first, national = agencies[0], f"{member}.national"
    duty = [(7, first), (8, first), *enumerate(agencies[1:], 9)]
    return [
        *(DeskPerson(f"d.{number}", agency, office, (Role.DUTY,), "desk-officer") for number, agency in duty),
        *(
            DeskPerson(f"s.{number}", agency, office, (Role.SUPERVISOR, Role.APPROVER), "supervisor")
            for number, agency in enumerate(agencies, 3)
        ),
        DeskPerson("n.1", first, national, (Role.NATIONAL_DESK, Role.SUPERVISOR), "supervisor"),
        DeskPerson("n.2", first, national, (Role.NATIONAL_DESK, Role.CENTRAL_AUTHORITY), "desk-officer"),
        DeskPerson("n.3", first, national, (Role.HEAD_OF_DESK,), "supervisor"),
        DeskPerson("p.1", first, national, (Role.DATA_OFFICER,), "desk-officer"),
        DeskPerson("x.1", first, national, (Role.SECURITY_OFFICER,), "desk-officer"),
        DeskPerson("a.1", first, national, (Role.AUDITOR,), "auditor"),
        DeskPerson("adm.1", first, national, (Role.ADMINISTRATOR,), "administrator"),
    ]


def demo_persons(member: str) -> list[DeskPerson]:
    """Return the persons of the desks of a member of the demo, its first agency before the others."""
    first = FIRST_AGENCY[member]
    return desk_persons(member, OFFICES[member], (first, *(agency for agency in AGENCIES if agency != first)))


def trial_officers(member: str) -> list[TrialOfficer]:
    """Return an officer of each agency, a desk officer and a supervisor of the first one, and the persons of desks."""
    first, office = FIRST_AGENCY[member], OFFICES[member]
    others = [agency for agency in AGENCIES if agency != first]
    officers = [
        ("o.1042", first, "officer", _PURPOSES),
        *((f"o.{number}", agency, "officer", _PURPOSES_OF[agency]) for number, agency in enumerate(others, 1043)),
        ("o.1045", first, "desk-officer", _EVERY_PURPOSE),
        ("o.1046", first, "supervisor", _EVERY_PURPOSE),
    ]
    return [
        *(
            TrialOfficer(f"{member}.{name}", office, agency, role, purposes)
            for name, agency, role, purposes in officers
        ),
        *(
            TrialOfficer(f"{member}.{one.name}", one.office, one.agency, one.policy_role, _purposes_of(one))
            for one in demo_persons(member)
        ),
    ]


def _purposes_of(person: DeskPerson) -> tuple[str, ...]:
    """Return the purposes of a person's tokens: those who only watch ask nothing."""
    return ("AUDIT",) if person.roles in ((Role.AUDITOR,), (Role.ADMINISTRATOR,)) else _EVERY_PURPOSE


def write_people(folder: Path, member: str, persons: list[DeskPerson], clock: Clock) -> None:
    """Write the lists of persons and duty; shifts begin now, and training was renewed today."""
    make_folder(folder)
    now_us = clock.now_us()
    until = rfc3339(now_us + _TRAINING_DAYS * DAY_US)[:10]
    begin, end = (_moment(now_us + days * DAY_US) for days in (0, _SHIFT_DAYS))
    listed = [
        f"{member}.{one.name},{one.agency},{one.office},{' '.join(one.roles)},{member}.{one.name}@example.org,"
        f"{_LANGUAGES.get(member, 'en')},{until}"
        for one in persons
    ]
    shifts = [
        f"{member}.{one.name},{one.agency},{one.office},{role},{begin},{end}" for one in persons for role in one.roles
    ]
    for name, head, lines in ((PERSONS, PERSONS_EXAMPLE, listed), (DUTY, DUTY_EXAMPLE, shifts)):
        replace(folder / name, (head + "\n".join(lines) + "\n").encode(), PRIVATE)


def _moment(at_us: int) -> str:
    return f"{rfc3339(at_us)[:16]}Z"
