"""Say what each role of the desk may do: one table, default deny.

`TABLE` names, for each role and act, how far it reaches. What the table does not name is forbidden. Five rules stand
above the table, and no role lifts them: a person without training in force does nothing; an administrator never sees
content; what a person wrote or decided is never approved by the same person; a record is released by its own agency
only; a second step needs a hit or a case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Final

import msgspec

from gateway.desk.acts import Act
from gateway.errors import Forbidden
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.desk.work import Role, WorkKind
from gateway.model.purpose import Purpose
from gateway.model.requester import Officer
from gateway.ports.desk import Work


class Reach(StrEnum):
    """The reach of an act."""

    OWN = "own"
    """What the person wrote, or what is assigned to the person."""
    OFFICE = "office"
    AGENCY = "agency"
    ADDRESSED = "addressed"
    """What names the person's office and agency, or none."""
    UNOWNED = "agency-or-none"
    """The person's agency, and what belongs to no agency."""
    MEMBER = "member"


_OWN, _OFFICE, _AGENCY, _MEMBER = Reach.OWN, Reach.OFFICE, Reach.AGENCY, Reach.MEMBER

TABLE: Mapping[Role, Mapping[Act, Reach]] = {
    Role.OFFICER: {
        Act.LIST: _OFFICE,
        Act.SEE: _OWN,
        Act.SEE_ALERT: Reach.ADDRESSED,
        Act.ASK: _OWN,
        Act.ASK_FORM: _OWN,
        Act.RAISE_ALERT: _OWN,
        Act.CHANGE_ALERT: _OWN,
        Act.WRITE_REPORT: _OWN,
        Act.SEE_REPORT: _MEMBER,
        Act.CHANGE_REPORT: _OWN,
        Act.RAISE_WATCH: _OWN,
        Act.CHANGE_WATCH: _OWN,
        Act.WITHDRAW_ASK: _OWN,
        Act.NOTE: _OWN,
        Act.CONFIRM: _OWN,
        Act.CLARIFY: _OWN,
        Act.OUTCOME: _OWN,
        Act.REVALIDATE: _OWN,
        Act.READ: _OWN,
        Act.OPEN_ROOM: _OWN,
        Act.SEE_ROOM: Reach.ADDRESSED,
        Act.WRITE_ROOM: Reach.ADDRESSED,
        Act.CHANGE_ROOM: _OWN,
    },
    Role.SUPERVISOR: {
        Act.LIST: _AGENCY,
        Act.SEE: _OFFICE,
        Act.SEE_ALERT: Reach.ADDRESSED,
        Act.ASSIGN: _OFFICE,
        Act.WITHDRAW_ASK: _OFFICE,
        Act.CHANGE_ALERT: _OFFICE,
        Act.SEE_REPORT: _MEMBER,
        Act.CHANGE_REPORT: _OFFICE,
        Act.CHANGE_WATCH: _OFFICE,
        Act.NOTE: _OFFICE,
        Act.APPROVE: _OFFICE,
        Act.APPROVE_ALERT: _OFFICE,
        Act.CONFIRM: _OFFICE,
        Act.CLARIFY: _OFFICE,
        Act.OUTCOME: _OFFICE,
        Act.REVALIDATE: _OFFICE,
        Act.REVIEW: _OFFICE,
        Act.READ: _OFFICE,
        Act.FIGURES: _OFFICE,
        Act.SEE_ROOM: Reach.ADDRESSED,
        Act.JOIN_ROOM: Reach.ADDRESSED,
        Act.WRITE_ROOM: Reach.ADDRESSED,
        Act.CHANGE_ROOM: _OFFICE,
    },
    Role.DUTY: {
        Act.LIST: _MEMBER,
        Act.SEE: _AGENCY,
        Act.SEE_ALERT: Reach.ADDRESSED,
        Act.SEE_REPORT: _MEMBER,
        Act.ASSIGN: _AGENCY,
        Act.PASS_ON: _AGENCY,
        Act.NOTE: _AGENCY,
        Act.DECIDE: _AGENCY,
        Act.ACKNOWLEDGE: Reach.ADDRESSED,
        Act.SEE_WATCHES: Reach.ADDRESSED,
        Act.READ: _AGENCY,
        Act.SEE_ROOM: Reach.ADDRESSED,
        Act.JOIN_ROOM: Reach.ADDRESSED,
        Act.WRITE_ROOM: Reach.ADDRESSED,
    },
    Role.NATIONAL_DESK: {
        Act.LIST: _MEMBER,
        Act.SEE: _MEMBER,
        Act.SEE_ALERT: _MEMBER,
        Act.HOLDERS: _MEMBER,
        Act.ASSIGN: _MEMBER,
        Act.PASS_ON: _MEMBER,
        Act.NOTE: _MEMBER,
        Act.TELL_SERVICE: _MEMBER,
        Act.CHANGE_ALERT: _MEMBER,
        Act.SEE_REPORT: _MEMBER,
        Act.CHANGE_REPORT: _MEMBER,
        Act.OBJECT_REPORT: _MEMBER,
        Act.CHANGE_WATCH: _MEMBER,
        Act.SEE_WATCHES: _MEMBER,
        Act.APPROVE: _MEMBER,
        Act.APPROVE_ALERT: _MEMBER,
        Act.DECIDE: Reach.UNOWNED,
        Act.COMPLY: Reach.UNOWNED,
        Act.ACKNOWLEDGE: _MEMBER,
        Act.READ: _MEMBER,
        Act.FIGURES: _MEMBER,
        Act.SEE_ROOM: _MEMBER,
        Act.JOIN_ROOM: _MEMBER,
        Act.WRITE_ROOM: _MEMBER,
        Act.CHANGE_ROOM: _MEMBER,
    },
    Role.HEAD_OF_DESK: {
        Act.LIST: _MEMBER,
        Act.SEE: _MEMBER,
        Act.SEE_ALERT: _MEMBER,
        Act.SEE_REPORT: _MEMBER,
        Act.HOLDERS: _MEMBER,
        Act.SEE_WATCHES: _MEMBER,
        Act.ASSIGN: _MEMBER,
        Act.READ: _MEMBER,
        Act.FIGURES: _MEMBER,
        Act.SEE_ROOM: _MEMBER,
        Act.FREEZE: _MEMBER,
    },
    Role.DATA_OFFICER: {
        Act.LIST: Reach.UNOWNED,
        Act.SEE: _AGENCY,
        Act.SEE_ALERT: _AGENCY,
        Act.HOLDERS: _AGENCY,
        Act.NOTE: _AGENCY,
        Act.CHANGE: _AGENCY,
        Act.CHANGE_ALERT: _AGENCY,
        Act.SEE_REPORT: _MEMBER,
        Act.CHANGE_REPORT: _AGENCY,
        Act.OBJECT_REPORT: _MEMBER,
        Act.CHANGE_WATCH: _AGENCY,
        Act.SEE_WATCHES: Reach.ADDRESSED,
        Act.COMPLY: Reach.UNOWNED,
        Act.CORRECT: _AGENCY,
        Act.DISTINGUISH: _AGENCY,
        Act.READ: _AGENCY,
    },
    Role.APPROVER: {Act.LIST: _AGENCY, Act.SEE: _AGENCY, Act.SEE_REPORT: _MEMBER, Act.APPROVE_ALERT: _AGENCY},
    Role.CENTRAL_AUTHORITY: {
        Act.LIST: _MEMBER,
        Act.SEE: _AGENCY,
        Act.SEE_REPORT: _MEMBER,
        Act.ASK_FORM: _OWN,
        Act.APPROVE_FORM: _MEMBER,
        Act.DECIDE_FORM: _MEMBER,
        Act.WITHDRAW_ASK: _OWN,
        Act.CLARIFY: _OWN,
        Act.OUTCOME: _OWN,
        Act.NOTE: _AGENCY,
        Act.READ: _AGENCY,
    },
    Role.SECURITY_OFFICER: dict.fromkeys(
        (Act.LIST, Act.SEE_SERVICE, Act.HOLDERS, Act.TELL_SERVICE, Act.INCIDENT, Act.FREEZE), _MEMBER
    ),
    Role.AUDITOR: {Act.LIST: _MEMBER, Act.HOLDERS: _MEMBER, Act.FIGURES: _MEMBER},
    Role.ADMINISTRATOR: {Act.LIST: _MEMBER},
}
"""The reach of each act of each role. An auditor reads content through the log, where each reading is an entry."""

CONTENTLESS: Final = frozenset({Act.LIST, Act.HOLDERS, Act.TELL_SERVICE, Act.INCIDENT, Act.FIGURES})
"""The acts that show no content."""

PASSED_ON: Final = (
    WorkKind.DECIDE, WorkKind.CORRECT, WorkKind.DISTINGUISH, WorkKind.COMPLY, WorkKind.READ, WorkKind.ACKNOWLEDGE
)  # fmt: skip
"""The kinds of work that are passed on to another agency."""

_APPROVALS: Final = frozenset({Act.APPROVE, Act.APPROVE_FORM, Act.APPROVE_ALERT, Act.REVIEW})
_STAND_IN: Final = frozenset({Act.APPROVE, Act.APPROVE_ALERT})
_RELEASES: Final = frozenset({Act.DECIDE, Act.DECIDE_FORM})
_SECOND_STEP: Final = frozenset({Act.ASK, Act.ASK_FORM})
_BY_ANOTHER: Final = frozenset({WorkKind.APPROVE, WorkKind.REVIEW})
_OF_APPROVAL = {ThreadKind.ALERT: Act.APPROVE_ALERT, ThreadKind.SERVICE: Act.FREEZE}
_FORM: Mapping[WorkKind, Act] = {WorkKind.APPROVE: Act.APPROVE_FORM, WorkKind.DECIDE: Act.DECIDE_FORM}


class Person(msgspec.Struct, frozen=True):
    """A person of this member, as the identity provider and the duty list name them.

    `trained_until_us` 0: there is no record of a training.
    """

    person: str
    roles: frozenset[Role]
    agency: str
    office: str
    trained_until_us: int


class Matter(msgspec.Struct, frozen=True):
    """The matter of an act.

    `agency` and `office` are those of this side; `owner` is the agency that owns the records which would be released,
    empty where there are none. `officer` is the person whose matter it is, `not_by` all who may not do it: the author
    of a draft, the first of two who decide. `supervisor_on_duty` is about `office`. `grounded` tells whether a second
    step has a hit or a case.
    """

    agency: str
    office: str = ""
    owner: str = ""
    officer: str = ""
    not_by: frozenset[str] = frozenset()
    supervisor_on_duty: bool = True
    grounded: bool = True


_ANY: Final = Matter("")


class Needed(msgspec.Struct):
    """Hold what a call needed of its person: acts on matters that the table allowed, purposes, and what it showed."""

    person: str
    rights: list[tuple[Act, Matter]] = []
    purposes: list[str] = []
    threads: list[ThreadKey] = []
    works: list[str] = []


_NEEDED: ContextVar[Needed | None] = ContextVar("what the call that is carried out needs of its person", default=None)


@contextmanager
def noting(needed: Needed) -> Iterator[None]:
    """Note what is needed of a person in this call, also by what it hands to the pen, until the block ends."""
    before = _NEEDED.set(needed)
    try:
        yield
    finally:
        _NEEDED.reset(before)


def note_shown(*, thread: ThreadKey | None = None, work: str = "") -> None:
    """Note that the call that is carried out shows a thread, or an item of work."""
    needed = _NEEDED.get()
    if needed is not None and thread is not None and thread not in needed.threads:
        needed.threads.append(thread)
    if needed is not None and work and work not in needed.works:
        needed.works.append(work)


def matter_of(work: Work, *, owner: str = "", supervisor_on_duty: bool = True) -> Matter:
    """Return the facts about an act on this work; without `owner`, what is decided is its agency's own."""
    return Matter(
        agency=work.agency,
        office=work.office,
        owner=owner or work.agency,
        officer=work.assigned if work.kind not in _BY_ANOTHER else work.not_by,
        not_by=frozenset(filter(None, (work.not_by,))),
        supervisor_on_duty=supervisor_on_duty,
    )


def act_of(work: Work, kind: ThreadKind) -> Act:
    """Return the act that ends this work in a thread of this kind; of a form it is the central authority's."""
    if work.kind is WorkKind.APPROVE and kind in _OF_APPROVAL:
        return _OF_APPROVAL[kind]
    if work.role is Role.CENTRAL_AUTHORITY and work.kind in _FORM:
        return _FORM[work.kind]
    return Act(work.kind.value)


def may(person: Person, act: Act, matter: Matter, now_us: int) -> None:
    """Raise `Forbidden` where this person may not do this.

    The codes are `training-over`, `administrator`, `own-approval`, `another-agency`, `no-ground`, `role-not-permitted`,
    `outside-reach` and `supervisor-on-duty`.
    """
    _judge(person, act, matter, now_us)
    needed = _NEEDED.get()
    if needed is not None and needed.person == person.person and (act, matter) not in needed.rights:
        needed.rights.append((act, matter))


def check_purpose(officer: Officer, purpose: Purpose) -> None:
    """Raise `Forbidden` where the officer's token does not allow this purpose."""
    if purpose.value not in officer.purposes:
        raise Forbidden("the officer's token does not allow this purpose", code="purpose-not-in-token", where="purpose")
    if (needed := _NEEDED.get()) is not None and purpose.value not in needed.purposes:
        needed.purposes.append(purpose.value)


def _judge(person: Person, act: Act, matter: Matter, now_us: int) -> None:
    _check_rules(person, act, matter, now_us)
    within = {role for role, reach in _reaches(person, act).items() if _is_within(person, matter, reach)}
    if not within:
        raise Forbidden(
            "{act} does not reach so far for {person}",
            code="outside-reach",
            where="desk",
            person=person.person,
            act=act.value,
        )
    if act in _STAND_IN and within == {Role.NATIONAL_DESK} and matter.supervisor_on_duty:
        raise Forbidden("a supervisor of the office is on duty, and approves", code="supervisor-on-duty", where="desk")


def _reaches(person: Person, act: Act) -> Mapping[Role, Reach]:
    """Return how far each role of a person may do this. Raises `Forbidden` where none may."""
    reaches = {role: reach for role in person.roles if (reach := TABLE[role].get(act)) is not None}
    if not reaches:
        raise Forbidden(
            "no role of {person} may {act}",
            code="role-not-permitted",
            where="desk",
            person=person.person,
            act=act.value,
        )
    return reaches


def check_role(person: Person, act: Act, now_us: int) -> None:
    """Raise `Forbidden` where this person may not do this to anything: `training-over`, `administrator` or
    `role-not-permitted`."""
    _check_rules(person, act, _ANY, now_us)
    _reaches(person, act)


def refusal(person: Person, act: Act, matter: Matter, now_us: int) -> str:
    """Return the code of why a person may not do something; an empty text where they may."""
    try:
        _judge(person, act, matter, now_us)
    except Forbidden as error:
        return error.code
    return ""


def matter_by(author: Officer) -> Matter:
    """Return the facts about an act on what this officer has written."""
    return Matter(author.agency, author.office, officer=author.person)


def _check_rules(person: Person, act: Act, matter: Matter, now_us: int) -> None:
    """Raise where one of the rules above the table forbids it."""
    who = person.person
    if now_us >= person.trained_until_us:
        raise Forbidden("the training of {person} is not in force", code="training-over", where="desk", person=who)
    if Role.ADMINISTRATOR in person.roles and act not in CONTENTLESS:
        raise Forbidden(
            "{person} is an administrator, and sees no content", code="administrator", where="desk", person=who
        )
    if who in matter.not_by or (act in _APPROVALS and who == matter.officer):
        raise Forbidden(
            "{person} would approve an act of their own",
            code="own-approval",
            where="desk",
            remedy="another person approves it; whom to phone: `liaison desk phone`",
            person=who,
        )
    if act in _RELEASES and matter.owner and matter.owner != person.agency:
        raise Forbidden("the record is another agency's, which alone releases it", code="another-agency", where="desk")
    if act in _SECOND_STEP and not matter.grounded:
        raise Forbidden("a second step needs a hit or a case", code="no-ground", where="desk")


def _is_within(person: Person, matter: Matter, reach: Reach) -> bool:
    """Tell whether a matter lies within the reach; names that are missing are never equal."""
    agency = bool(matter.agency) and matter.agency == person.agency
    office = agency and bool(matter.office) and matter.office == person.office
    within = {
        Reach.OWN: agency and bool(matter.officer) and matter.officer == person.person,
        Reach.OFFICE: office,
        Reach.AGENCY: agency,
        Reach.ADDRESSED: matter.office in ("", person.office) and matter.agency in ("", person.agency),
        Reach.UNOWNED: agency or not matter.agency,
        Reach.MEMBER: True,
    }
    return within[reach]
