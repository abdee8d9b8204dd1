"""Know who works at the desks, and who acts under an officer token.

Persons and shifts are those of the lists of the home, and shifts that officer tokens tell.

A person whose training has run out, or who is listed without one, has no access at all, to searches either. A person
who is in no list is judged by the token alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec.structs import replace

from gateway.clock import Clock
from gateway.config.file_marks import FileMarks
from gateway.desk.people.lists import DUTY, PERSONS, Lists, read_lists
from gateway.desk.people.persons import OnDuty, Person, Shift
from gateway.desk.roles import Person as Acting
from gateway.errors import LiaisonError, Unauthenticated
from gateway.model.desk.work import Role
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.ports.desk import Work
from gateway.recent import Recent

_MOST_TOLD = 4096
"""Shifts that tokens told, and that are kept: those told last."""


_WEEK_US, _LATE_US = 7 * 86_400_000_000, 1_800_000_000
"""How far around a time shifts are looked for, and by how much one may begin earlier or end later than listed."""


class People:
    """The persons and shifts of one member. Thread-safe.

    With `required`, a person needs training on file, in the list or in a token. `look` reads the lists again where they
    have changed. Lists with a mistake leave those before in force.
    """

    def __init__(self, folder: Path, member: MemberId, clock: Clock, *, required: bool = False) -> None:
        self._required = required
        self.bars: Callable[[str], bool] = lambda _person: False
        """Tells whether an account is frozen or revoked: its person is on no duty."""
        self._trained: Recent[str, int] = Recent(_MOST_TOLD)
        self._folder = folder
        self.member = member
        self._clock = clock
        self._marks = FileMarks(clock.monotonic)
        self._lists = Lists()
        self._told: dict[tuple[str, Role], Shift] = {}
        self._lock = threading.Lock()

    def look(self) -> bool:
        """Read the lists again where they have changed; tell whether they differ. Raises `Misconfigured`."""
        if not self._marks.look([self._folder / PERSONS, self._folder / DUTY]):
            return False
        try:
            found = read_lists(self._folder, self.member)
        except LiaisonError:
            self._marks.failed()
            raise
        self._marks.read()
        changed, self._lists = found != self._lists, found
        return changed

    @property
    def fresh(self) -> bool:
        """Tell whether the last look found the files in another state than the look before it."""
        return self._marks.fresh

    def person(self, person_id: str) -> Person | None:
        """Return a person of the list, or None."""
        return self._lists.persons.get(person_id)

    def on_duty(self, agency: str, office: str, role: Role, now_us: int) -> tuple[Person, ...]:
        """Return the persons who are on duty, each once, in the order of their ids; none without training or barred."""
        lists = self._lists
        with self._lock:
            shifts = (*lists.shifts, *self._told.values())
        found: dict[str, Person] = {}
        for shift in shifts:
            if shift.covers(agency, office, role, now_us):
                person = lists.persons.get(shift.person)
                if person is None:  # known by a token alone, which says that the training is in force
                    person = Person(shift.person, agency, office, frozenset({role}), training_until_us=shift.until_us)
                if person.is_trained(now_us) and not self.bars(person.id):
                    found[person.id] = person
        return tuple(found[name] for name in sorted(found))

    def all_on_duty(self, now_us: int) -> tuple[Person, ...]:
        """Return all persons who are on duty anywhere, in any role, in the order of their ids."""
        with self._lock:
            shifts = (*self._lists.shifts, *self._told.values())
        places = {(each.agency, each.office, each.role) for each in shifts}
        found = {one.id: one for place in places for one in self.on_duty(*place, now_us)}
        return tuple(found[name] for name in sorted(found))

    def is_anybody_on_duty(self, agency: str, office: str, role: Role, now_us: int) -> bool:
        """Tell whether somebody is on duty in this role; an empty agency or office stands for any."""
        with self._lock:
            shifts = (*self._lists.shifts, *self._told.values())
        places = {
            (each.agency, each.office)
            for each in shifts
            if each.role is role and agency in ("", each.agency) and office in ("", each.office)
        }
        return any(self.on_duty(*place, role, now_us) for place in places)

    def agencies_on_duty(self, office: str, role: Role, now_us: int) -> frozenset[str]:
        """Return the agencies of which somebody is on duty in an office, in this role."""
        with self._lock:
            shifts = (*self._lists.shifts, *self._told.values())
        known = {each.agency for each in shifts if each.office == office}
        return frozenset(agency for agency in known if self.on_duty(agency, office, role, now_us))

    @property
    def agencies(self) -> frozenset[str]:
        """The agencies that a person of the list has, or a shift that is listed or was told."""
        with self._lock:
            shifts = (*self._lists.shifts, *self._told.values())
        return frozenset(each.agency for each in shifts) | {each.agency for each in self._lists.persons.values()}

    def lacks(self, agency: str, role: Role) -> bool:
        """Tell whether an agency has no person of a role; False where no person of it is listed: its tokens tell."""
        listed = [each for each in self._lists.persons.values() if each.agency == agency]
        with self._lock:
            told = any(each.agency == agency and each.role is role for each in self._told.values())
        return bool(listed) and not (told or any(role in each.roles for each in listed))

    def placed(self, work: Work) -> Work:
        """Return work in a list that somebody reads: that of data officers of an agency that has none is the national
        desk's, which does it or passes it on."""
        lacks = work.role is Role.DATA_OFFICER and self.lacks(work.agency, work.role)
        return replace(work, role=Role.NATIONAL_DESK) if lacks else work

    def who(self, agency: str, office: str, role: Role, now_us: int) -> OnDuty:
        """Return who is to do work of an office: those on duty, or without any those of the national desk."""
        if here := self.on_duty(agency, office, role, now_us):
            return OnDuty(here, national=False)
        return OnDuty(self.national_desk(now_us), national=True)

    def national_desk(self, now_us: int) -> tuple[Person, ...]:
        """Return the persons on duty at the national desk, of any agency and office."""
        with self._lock:
            shifts = (*self._lists.shifts, *self._told.values())
        desk = Role.NATIONAL_DESK
        places = {(each.agency, each.office) for each in shifts if each.role is desk}
        found = {one.id: one for place in places for one in self.on_duty(*place, desk, now_us)}
        return tuple(found[name] for name in sorted(found))

    def roles_on_duty(self, officer: Officer, now_us: int) -> frozenset[Role]:
        """Return the roles in which an officer is on duty now, in their own office and agency."""
        with self._lock:
            shifts = (*self._lists.shifts, *self._told.values())
        return frozenset(
            each.role
            for each in shifts
            if each.person == officer.person and each.covers(officer.agency, officer.office, each.role, now_us)
        )

    def off_shift(self, person_id: str, at_us: int) -> bool:
        """Tell whether a person's shifts are listed in the week around a time, and none covers it, by half an hour."""
        lists = self._lists
        near = [
            shift
            for shift in lists.shifts
            if shift.person == person_id and shift.from_us - _WEEK_US <= at_us < shift.until_us + _WEEK_US
        ]
        return bool(near) and not any(shift.from_us - _LATE_US <= at_us < shift.until_us + _LATE_US for shift in near)

    def tell(self, officer: Officer, roles: Iterable[Role], until_us: int) -> None:
        """Note what an officer's token says: on duty from now on, in these roles, until then."""
        now_us = self._clock.now_us()
        with self._lock:
            for role in roles:
                self._told.pop((officer.person, role), None)
                self._told[officer.person, role] = Shift(
                    officer.person, officer.agency, officer.office, role, now_us, until_us
                )
            for key in [key for key, shift in self._told.items() if shift.until_us <= now_us]:
                del self._told[key]
            while len(self._told) > _MOST_TOLD:
                del self._told[next(iter(self._told))]

    def tell_training(self, person_id: str, until_us: int) -> None:
        """Note until when a person's training is in force, as their token says."""
        self._trained.put("", person_id, until_us)

    def refuse(self, person_id: str) -> None:
        """Raise `Unauthenticated` for a person whose training has run out, and for one who is listed without any.

        A person who is in no list, and whose token said nothing of training, is refused where training is required.
        """
        person, now_us = self._lists.persons.get(person_id), self._clock.now_us()
        told = self._trained.held.get(person_id)
        if person is not None:
            check_training(person.training_until_us, now_us)
        if told is not None:
            check_training(told, now_us)
        elif person is None and self._required:
            check_training(0, now_us)


def check_training(until_us: int, now_us: int) -> None:
    """Raise `Unauthenticated` where the training of an officer has run out; 0 means that none is on file."""
    if not until_us:
        raise Unauthenticated(
            "no training is on file for this officer",
            code="training-missing",
            where="training",
            remedy="the supervisor enters the training in people/persons.csv, or with the identity provider",
        )
    if until_us <= now_us:
        raise Unauthenticated(
            "the training of this officer has run out",
            code="training-over",
            where="training",
            remedy="the supervisor enters the new training in people/persons.csv, or with the identity provider",
        )


# ------------------------------------------------------------ who acts


_TOKEN_US = 600_000_000
"""A token lives for so long at most; each call checks the training anew."""


def bearer(officer: Officer, people: People, now_us: int) -> Acting:
    """Return who acts: office and agency as the token names them, roles and training as the list does.

    A person of no list has the role of the token where it is one of the desk, else that of an officer; the training
    was checked with the token. Roles in which a person is on duty now count as well.
    """
    listed = people.person(officer.person)
    roles = listed.roles if listed is not None else frozenset({_role(officer.role)})
    return Acting(
        officer.person,
        roles | people.roles_on_duty(officer, now_us),
        officer.agency,
        officer.office,
        listed.training_until_us if listed is not None else now_us + _TOKEN_US,
    )


def _role(name: str) -> Role:
    return Role(name) if name in set(Role) else Role.OFFICER
