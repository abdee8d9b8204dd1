"""Check who acts and what that person has read, note work as done by them, and say what they see.

What work and which threads a person sees is the table of roles over the rows, without any other rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from gateway.desk.acts import Act
from gateway.desk.clocks import seen_by, sight_of
from gateway.desk.fold import state_by_clock
from gateway.desk.roles import TABLE, Matter, Person, Reach, act_of, matter_of, may, refusal
from gateway.errors import Forbidden, Stale
from gateway.model.desk.order import Sight
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import Role, WorkKind
from gateway.ports.desk import Thread, Work, WorkFilter
from gateway.ports.desk_uses import ThreadItem, WorkItem

if TYPE_CHECKING:  # kinds are described with this module, also for commands that load no desk
    from gateway.desk.acting.parts import Actor


class OnDuty(Protocol):
    """Tells whether somebody is on duty; an empty agency or office stands for any."""

    def __call__(self, agency: str, office: str, role: Role, now_us: int) -> bool:
        """Tell whether somebody is on duty there in this role."""


def check_person(actor: Actor) -> None:
    """Raise `Forbidden` where the officer of the token is not the person who acts."""
    if actor.officer.person != actor.person.person:
        raise Forbidden("the token is another person's", code="another-person", where="token")


def as_read(work: Work | None, work_id: str) -> Work | None:
    """Return what waits for a decision. Raises `Stale` where it is not the work that the person read."""
    if work is not None and work.id != work_id:
        raise Stale(
            "what you read was decided before, and something else waits now",
            code="already-decided",
            where="work",
            remedy="read what waits now: liaison desk list",
        )
    return work


def done(work: Work, actor: Actor, result: str, now_us: int) -> Work:
    """Return work that a person has ended."""
    return replace(work, done_us=now_us, by=actor.officer.person, result=result)


# ------------------------------------------------------------ what a person sees


_WATCHERS = frozenset({Role.AUDITOR, Role.ADMINISTRATOR})
_OF_OTHERS = {
    ThreadKind.ALERT: Act.SEE_ALERT,
    ThreadKind.WATCH: Act.SEE_WATCHES,
    ThreadKind.SERVICE: Act.SEE_SERVICE,
}
"""Threads of counterparts that more people read than their own agency's."""

_BY_ANOTHER = frozenset({WorkKind.APPROVE, WorkKind.REVIEW})


def is_for(person: Person, work: Work, now_us: int) -> bool:
    """Tell whether this work waits for a person: it is assigned to them, or for one of their roles and not taken."""
    if work.not_by == person.person or not is_visible(person, work, now_us):
        return False
    return work.assigned == person.person or (not work.assigned and not person.roles.isdisjoint(seen_by(work)))


def is_visible(person: Person, work: Work, now_us: int) -> bool:
    """Tell whether a person may see that there is this work, by the reach of `list`; it must have begun.

    Work of other roles is for those who look after it: who may assign it, auditors and administrators. An approval is
    also shown to the author of what waits for it.
    """
    matter = matter_of(work)
    if is_author := work.kind is WorkKind.APPROVE and work.not_by == person.person:
        matter = msgspec.structs.replace(matter, not_by=frozenset())
    if now_us < work.opened_us or refusal(person, Act.LIST, matter, now_us):
        return False
    if is_author or work.assigned == person.person or not person.roles.isdisjoint(seen_by(work)):
        return True
    return not refusal(person, Act.ASSIGN, matter, now_us) or not person.roles.isdisjoint(_WATCHERS)


def wanted_of(person: Person, *, every: bool, mine: bool) -> WorkFilter:
    """Return what to read of the rows for a person: all that `is_for`, or with `every` `is_visible`, takes of it."""
    reaches = _reaches(person, Act.LIST)
    return WorkFilter(
        agency="" if Reach.MEMBER in reaches else person.agency,
        or_none=Reach.UNOWNED in reaches,
        offices=(person.office,) if reaches == {Reach.OFFICE} else (),
        assignee=person.person if mine else "",
        sight=None if mine else _sight(person, every=every),
        reader="" if mine or every else person.person,
    )


def _sight(person: Person, *, every: bool) -> Sight | None:
    """Return which work a person may see, without (`every`) that of others whom the person looks after; None: any."""
    sight = sight_of(person.roles)
    if not every:
        return sight
    reaches = _reaches(person, Act.ASSIGN)
    if Reach.MEMBER in reaches or not person.roles.isdisjoint(_WATCHERS):
        return None
    if not reaches:
        return sight
    return msgspec.structs.replace(
        sight, agency=person.agency, office=person.office if reaches == {Reach.OFFICE} else ""
    )


def _reaches(person: Person, act: Act) -> set[Reach]:
    return {reach for role in person.roles if (reach := TABLE[role].get(act)) is not None}


def check_act(person: Person, work: Work, kind: ThreadKind, now_us: int, *, supervised: bool) -> None:
    """Raise `Forbidden` where a person may not do this work. What is not taken is for each officer of its office.

    `supervised` tells whether a supervisor of its office is on duty.
    """
    may(person, act_of(work, kind), _matter_for(person, work, supervised=supervised), now_us)


def _matter_for(person: Person, work: Work, *, supervised: bool) -> Matter:
    matter = matter_of(work, supervisor_on_duty=supervised)
    if not matter.officer and work.agency == person.agency and work.office in ("", person.office):
        matter = msgspec.structs.replace(matter, officer=person.person if work.kind not in _BY_ANOTHER else "")
    return matter


def as_item(person: Person, work: Work, thread: Thread | None, now_us: int, *, supervised: bool) -> WorkItem:
    """Return work as this person sees it."""
    kind = thread.kind if thread is not None else ThreadKind.SERVICE
    taken = "assigned-to-another" if work.assigned not in ("", person.person) else ""
    code = refusal(person, act_of(work, kind), _matter_for(person, work, supervised=supervised), now_us) or taken
    return WorkItem(
        work,
        thread.kind if thread is not None else None,
        state_by_clock(thread, now_us) if thread is not None else None,
        act_of(work, kind).value,
        code,
    )


def may_read(person: Person, thread: Thread, now_us: int) -> str:
    """Return the code of why a person may not read a thread.

    An alert of a counterpart is for whom it is addressed, and a watch for all desks. Words of a node about itself are
    for security officers, too; what stands at home without an office (an incident, a finding) is for them alone. A
    change that belongs to no agency is for the national desk and all data officers, of whom one obeys it.
    """
    if thread.kind is ThreadKind.SERVICE and thread.draft:
        about = frozenset(filter(None, (thread.officer,)))
        return refusal(person, Act.SEE_SERVICE, Matter(agency="", not_by=about), now_us)
    matter = Matter(agency=thread.agency, office=thread.office, officer=thread.officer)
    code = refusal(person, Act.SEE, matter, now_us)
    if code and thread.kind is ThreadKind.CHANGE and not (thread.opener or thread.agency):
        return refusal(person, Act.COMPLY, matter, now_us)
    if code and thread.kind in _OF_OTHERS and not thread.opener:
        return refusal(person, _OF_OTHERS[thread.kind], matter, now_us)
    return code


def readable_at(person: Person) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the agencies and the offices of the threads that a person may read, but for own ones of other offices.

    An empty part leaves it open.
    """
    reaches = {reach for act in (Act.SEE, *_OF_OTHERS.values()) for reach in _reaches(person, act)}
    if Reach.MEMBER in reaches:
        return (), ()
    is_of_office = reaches <= {Reach.OWN, Reach.OFFICE, Reach.ADDRESSED}
    return (person.agency, ""), ((person.office, "") if is_of_office else ())


def is_about(person: Person, thread: Thread | None) -> bool:
    """Tell whether a matter of oversight is about this very person, for whom it does not exist."""
    return (
        thread is not None
        and thread.kind is ThreadKind.SERVICE
        and bool(thread.draft)
        and thread.officer == person.person
    )


def thread_item(thread: Thread, now_us: int) -> ThreadItem:
    """Return a thread as a list shows it."""
    return ThreadItem(thread, state_by_clock(thread, now_us))
