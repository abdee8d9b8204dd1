"""Persons of a country's desks, and the shifts in which they are on duty. Times are microseconds since 1970."""

from __future__ import annotations

import msgspec

from gateway.language.languages import Language
from gateway.model.desk.work import Role
from gateway.model.purpose import Purpose


class Person(msgspec.Struct, frozen=True):
    """A person who works at a desk.

    `agency` is the id within the country (`police`), `channel` where word of work goes (a mail address or a number).
    `training_until_us` is when their training runs out; 0 means that no training is on file. An officer token that the
    node issues itself has `policy_role` and `purposes`.
    """

    id: str
    agency: str
    office: str
    roles: frozenset[Role]
    channel: str = ""
    language: Language = Language.EN
    training_until_us: int = 0
    policy_role: str = ""
    purposes: frozenset[Purpose] = frozenset()

    def is_trained(self, now_us: int) -> bool:
        """Tell whether the person's training is in force."""
        return now_us < self.training_until_us


class Shift(msgspec.Struct, frozen=True):
    """The time in which a person is on duty in an office, for an agency, in a role."""

    person: str
    agency: str
    office: str
    role: Role
    from_us: int
    until_us: int

    def covers(self, agency: str, office: str, role: Role, now_us: int) -> bool:
        """Tell whether the shift is of this agency, office and role, and under way."""
        wanted = (agency, office, role)
        return (self.agency, self.office, self.role) == wanted and self.from_us <= now_us < self.until_us


class OnDuty(msgspec.Struct, frozen=True):
    """The persons for some work: those of its office, or of the national desk because no one of the office is there.

    Without anybody `persons` is empty, and `national` is true: the work waits in the list of the national desk.
    """

    persons: tuple[Person, ...]
    national: bool
