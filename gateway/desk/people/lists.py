"""Read the persons and duty lists of a home: `people/persons.csv` and `people/duty.csv`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config.toml import nearest
from gateway.desk.people.persons import Person, Shift
from gateway.desk.people.table import Row, read_rows
from gateway.desk.people.times import day_end_us, moment_us
from gateway.errors import LiaisonError, Misconfigured, SeveralMistakes
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from gateway.model.names import identifier
from gateway.model.purpose import Purpose

PERSONS = "persons.csv"
DUTY = "duty.csv"

PERSON_COLUMNS = ("id", "agency", "office", "roles", "channel", "language", "training_until")
TOKEN_COLUMNS = ("policy_role", "purposes")
"""Columns of the list of persons that it need not have: for officer tokens that the node issues itself."""

DUTY_COLUMNS = ("person", "agency", "office", "role", "from", "until")

_LONGEST_US = 31 * 86_400_000_000
_ROLES = [role.value for role in Role]

PERSONS_EXAMPLE = f"""\
# Persons who work at our desks, one a line. The first line that is no comment names the columns.
#   roles           one or more of: {" ".join(_ROLES)}
#   channel         where word of work goes: a mail address, or a number
#   language        en, th, lo, km, my, vi or zh
#   training_until  last day of the training, 2027-06-30 or 30/06/2570; empty: no training on file, so no access at all
# Two more columns are for countries whose console issues officer tokens (passkey, card):
#   policy_role     the role that policy decides on; empty: officer, supervisor or desk-officer, as the roles say
#   purposes        what the person may ask for: {" ".join(Purpose)}
# `liaison doctor` checks this file, and a running node reads it again by itself.
{",".join(PERSON_COLUMNS)}
"""

DUTY_EXAMPLE = f"""\
# Who is on duty, one shift a line. Where nobody is, work goes to the national desk at once.
#   role         one of those that {PERSONS} gives the person
#   from, until  2026-11-24 08:00 or 24/11/2569 08:00, in our country's time; 2026-11-24T01:00Z is possible, too
{",".join(DUTY_COLUMNS)}
"""


@dataclass(frozen=True, slots=True)
class Lists:
    """The persons of a home by their ids, and all shifts."""

    persons: Mapping[str, Person] = field(default_factory=dict)
    shifts: tuple[Shift, ...] = ()


def read_lists(folder: Path, member: str) -> Lists:
    """Return the lists in a folder; empty ones where there is none.

    Raises `Misconfigured` with file and line, or `SeveralMistakes`.
    """
    problems: list[Misconfigured] = []
    persons: dict[str, Person] = {}

    def person(row: Row) -> None:
        found = _person(row, member)
        if found.id in persons:
            raise row.wrong("`{person}` stands in two lines", "leave one of them", person=found.id)
        persons[found.id] = found

    read_rows(folder / PERSONS, PERSON_COLUMNS, member, person, problems, TOKEN_COLUMNS)
    known = dict(persons) if not problems else {}
    shifts = read_rows(folder / DUTY, DUTY_COLUMNS, member, lambda row: _shift(row, member, known), problems)
    if problems:
        raise problems[0] if len(problems) == 1 else SeveralMistakes(problems)
    return Lists(persons, tuple(shifts))


def _person(row: Row, member: str) -> Person:
    cells = row.cells
    language = cells["language"] or Language.EN.value
    if language not in list(Language):
        raise row.wrong("`{language}` is no language", nearest(language, list(Language)), language=language[:40])
    until = cells["training_until"]
    return Person(
        id=_id(row, "id"),
        agency=_agency(row, member),
        office=_office(row, member),
        roles=frozenset(_role(row, word) for word in _words(row, cells["roles"])),
        channel=cells["channel"],
        language=Language(language),
        training_until_us=day_end_us(until, member) if until else 0,
        policy_role=_id(row, "policy_role") if cells["policy_role"] else "",
        purposes=frozenset(_purpose(row, word) for word in _split(cells["purposes"])),
    )


def _shift(row: Row, member: str, persons: Mapping[str, Person]) -> Shift:
    cells = row.cells
    shift = Shift(
        person=_id(row, "person"),
        agency=_agency(row, member),
        office=_office(row, member),
        role=_role(row, cells["role"]),
        from_us=moment_us(cells["from"], member),
        until_us=moment_us(cells["until"], member),
    )
    if not 0 < shift.until_us - shift.from_us <= _LONGEST_US:
        raise row.wrong("`until` is not after `from`, or more than 31 days after it", "correct the times")
    person = persons.get(shift.person)
    if person is None and persons:
        raise row.wrong("`{person}` is not in {file}", "add the person there", person=shift.person, file=PERSONS)
    if person is not None and shift.role not in person.roles:
        remedy = "give the role in the list of persons, or correct the line"
        raise row.wrong("`{person}` has no role `{role}`", remedy, person=shift.person, role=shift.role.value)
    return shift


def _split(text: str) -> list[str]:
    return text.replace("|", " ").replace("/", " ").split()


def _purpose(row: Row, word: str) -> Purpose:
    if word.upper() not in list(Purpose):
        raise row.wrong("`{word}` is no purpose", nearest(word.upper(), list(Purpose)), word=word[:40])
    return Purpose(word.upper())


def _words(row: Row, text: str) -> list[str]:
    words = _split(text)
    if not words:
        raise row.wrong("a person has a role at least", f"one of {', '.join(_ROLES)}")
    return words


def _role(row: Row, word: str) -> Role:
    if word.lower() not in _ROLES:
        raise row.wrong("`{word}` is no role", nearest(word, _ROLES), word=word[:40])
    return Role(word.lower())


def _agency(row: Row, member: str) -> str:
    return _id(row, "agency").removeprefix(f"{member}.")


def _office(row: Row, member: str) -> str:
    office = _id(row, "office")
    if not office.startswith(f"{member}."):
        raise row.wrong("`{office}` is no office of ours", f"such as `{member}.blo.main`", office=office)
    return office


def _id(row: Row, column: str) -> str:
    try:
        return identifier(row.cells[column], column)
    except LiaisonError as error:
        raise row.wrong("{problem}", error.remedy, problem=error.message) from error
