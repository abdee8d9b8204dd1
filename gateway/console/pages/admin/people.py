"""People: who is listed with which training, who is on duty, whose passkeys count, and which wait for two persons."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from gateway.console.frame.shapes import Banner, Cell, Link, Row, Table, Text, Tone
from gateway.console.pages.admin.sections import Command, Section, at_us, command
from gateway.console.visits.visit import Visit
from gateway.desk.evidence.passkeys import Enrolled
from gateway.desk.people.lists import Lists
from gateway.desk.people.persons import Person
from gateway.errors import LiaisonError, each_of
from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from gateway.ops.acts.enrolment import WaitingPasskey
from gateway.ops.console.administration import Administration
from gateway.signing.passkeys.base64url import encode_url64

PASSKEY_PATH = "/passkey"
_SOON_US = 30 * 86_400_000_000
_SIGN = "liaison act sign act --key SUPERVISOR.key --out act"
_SHOWN = 12
_MOST = 500

ROLES: Sentences = {
    Role.OFFICER: "officer",
    Role.SUPERVISOR: "supervisor",
    Role.DUTY: "duty officer",
    Role.NATIONAL_DESK: "national desk",
    Role.HEAD_OF_DESK: "head of the desk",
    Role.DATA_OFFICER: "data officer",
    Role.APPROVER: "approver",
    Role.CENTRAL_AUTHORITY: "central authority",
    Role.SECURITY_OFFICER: "security officer",
    Role.AUDITOR: "auditor",
    Role.ADMINISTRATOR: "administrator",
}


async def people_sections(admin: Administration, visit: Visit) -> list[Section]:
    """Return persons, duty, passkeys and enrolments."""
    language = visit.language
    enrolled = await asyncio.to_thread(admin.enrolled)
    waiting = await asyncio.to_thread(admin.enrolments.waiting)
    passkeys = [_waiting(waiting, admin, language), _enrolled(enrolled, admin, language)]
    try:
        lists = await asyncio.to_thread(admin.people)
    except LiaisonError as error:
        return [*passkeys, _unreadable(error, language)]
    return [*passkeys, _persons(lists.persons, visit.now_us, language), _duty(lists, visit.now_us, language)]


def _unreadable(error: LiaisonError, language: Language) -> Section:
    bad = tell(language, "The lists cannot be read; those before stay in force.")
    rows = tuple(Row(each.where, (Text(each.message, "en"), Text(each.remedy, "en"))) for each in each_of(error))
    return Section(tell(language, "Persons"), banners=(Banner(bad, tone="danger"),), rows=rows)


def _waiting(found: Sequence[WaitingPasskey], admin: Administration, language: Language) -> Section:
    """Return the passkeys that wait: two persons sign with keys of their own, which never come to this machine."""
    rows = tuple(
        Row(
            item.person,
            (item.id, encode_url64(item.passkey.credential)[:_SHOWN]),
            note=tell(language, "made at {time}", time=at_us(item.made_us, language)),
        )
        for item in found
    )
    place = admin.place
    commands = tuple(
        command
        for item in found
        for command in (
            Command(
                tell(language, "An administrator signs the enrolment of {person}:", person=item.person),
                _enrol(item.id, admin),
            ),
        )
    )
    if found:
        commands += (
            Command(
                tell(language, "A supervisor with a key of their own signs, too, and brings it:"),
                f"{_SIGN}\n{command('liaison act bring act --home', place)}",
            ),
        )
    empty = (
        tell(language, "No passkey waits"),
        tell(language, "A person makes one on their own device, at the page of their passkeys."),
    )
    link = Link(PASSKEY_PATH, tell(language, "The page of my passkeys"))
    title = tell(language, "Passkeys that wait for two persons")
    lead = tell(language, "Ask the person by voice whether the number is theirs, before you sign.") if found else ""
    return Section(title, lead, rows=rows, commands=commands, links=(link,), empty=None if found else empty)


def _enrol(number: str, admin: Administration) -> str:
    why = '--reason "REASON" --key ADMINISTRATOR.key --out act'
    return command("liaison passkey enrol --home", admin.place, "--request", number, why)


def _enrolled(found: Sequence[Enrolled], admin: Administration, language: Language) -> Section:
    title = tell(language, "Passkeys")
    if not found:
        none = (
            tell(language, "No passkey was ever enrolled"),
            tell(language, "People sign in by other ways until then."),
        )
        return Section(title, empty=none)
    heads = (
        tell(language, "Person"),
        tell(language, "State"),
        tell(language, "Enrolled"),
        tell(language, "Signed"),
        tell(language, "Credential"),
        tell(language, "Enrolled by act"),
    )
    counts, gone = tell(language, "counts"), tell(language, "withdrawn")
    rows = tuple(
        (
            item.passkey.person,
            Cell(gone, tone="quiet") if item.withdrawn_us else Cell(counts, tone="done"),
            at_us(item.enrolled_us, language),
            str(item.counter),
            encode_url64(item.passkey.credential)[:_SHOWN],
            item.act[:_SHOWN],
        )
        for item in found[:_MOST]
    )
    place = admin.place
    withdraw = command("liaison passkey withdraw --home", place, "--credential ID --reason REASON --key KEY")
    who = command("liaison audit show --home", place, "--log operations --kind passkey-enrolled")
    commands = (
        Command(tell(language, "Let one count no more:"), withdraw),
        Command(tell(language, "Who signed an enrolment stands in the log:"), who),
    )
    return Section(title, tables=(Table("", heads, rows, frozenset({3})),), commands=commands)


def _persons(persons: Mapping[str, Person], now_us: int, language: Language) -> Section:
    title = tell(language, "Persons")
    if not persons:
        none = tell(language, "Nobody is listed"), tell(language, "Enter the persons in people/persons.csv.")
        return Section(title, empty=none)
    heads = (
        tell(language, "Person"),
        tell(language, "Office"),
        tell(language, "Agency"),
        tell(language, "Roles"),
        tell(language, "Training until"),
    )
    told = sorted(persons.values(), key=lambda one: (one.training_until_us, one.id))
    rows = tuple(
        (
            one.id,
            one.office,
            Text(one.agency, "en"),
            ", ".join(tell(language, ROLES[role]) for role in sorted(one.roles)),
            _training(one, now_us, language),
        )
        for one in told[:_MOST]
    )
    return Section(title, tables=(Table("", heads, rows),))


def _training(one: Person, now_us: int, language: Language) -> Cell:
    if not one.training_until_us:
        return Cell(tell(language, "none: no access"), tone="danger")
    left = one.training_until_us - now_us
    tone: Tone = "danger" if left <= 0 else "warn" if left < _SOON_US else "done"
    return Cell(at_us(one.training_until_us, language), tone=tone)


def _duty(lists: Lists, now_us: int, language: Language) -> Section:
    title = tell(language, "On duty now")
    shifts = [shift for shift in lists.shifts if shift.from_us <= now_us < shift.until_us]
    if not shifts:
        none = tell(language, "Nobody is on duty"), tell(language, "Enter shifts in people/duty.csv.")
        return Section(title, empty=none)
    heads = (
        tell(language, "Person"),
        tell(language, "Office"),
        tell(language, "Agency"),
        tell(language, "Role"),
        tell(language, "Until"),
    )
    rows = tuple(
        (
            shift.person,
            shift.office,
            Text(shift.agency, "en"),
            tell(language, ROLES[shift.role]),
            at_us(shift.until_us, language),
        )
        for shift in sorted(shifts, key=lambda shift: (shift.office, shift.person, shift.role))[:_MOST]
    )
    return Section(title, tables=(Table("", heads, rows),))
