"""Say what work and which threads a person sees: the table of roles over the rows, without any other rule."""

from __future__ import annotations

import msgspec

from gateway.desk.clocks import seen_by
from gateway.desk.fold import timed
from gateway.desk.roles import TABLE, Act, Matter, Person, Reach, act_of, matter_of, may
from gateway.errors import Forbidden
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.ports.desk import Thread, Work
from gateway.ports.desk_uses import ThreadItem, WorkItem

_WATCHERS = frozenset({Role.AUDITOR, Role.ADMINISTRATOR})
_BY_ANOTHER = frozenset({WorkKind.APPROVE, WorkKind.REVIEW})


def refusal(person: Person, act: Act, matter: Matter, now_us: int) -> str:
    """Return the code of why a person may not do something; an empty text where they may."""
    try:
        may(person, act, matter, now_us)
    except Forbidden as error:
        return error.code
    return ""


def is_for(person: Person, work: Work, now_us: int) -> bool:
    """Tell whether this work waits for a person: it is assigned to them, or for one of their roles and not taken."""
    if not is_visible(person, work, now_us):
        return False
    return work.assigned == person.person or (not work.assigned and not person.roles.isdisjoint(seen_by(work)))


def is_visible(person: Person, work: Work, now_us: int) -> bool:
    """Tell whether a person may see that there is this work, by the reach of `list`; it must have begun.

    Work of other roles is for those who look after it: who may assign it, auditors and administrators.
    """
    matter = matter_of(work)
    if now_us < work.opened_us or refusal(person, Act.LIST, matter, now_us):
        return False
    if work.assigned == person.person or not person.roles.isdisjoint(seen_by(work)):
        return True
    return not refusal(person, Act.ASSIGN, matter, now_us) or not person.roles.isdisjoint(_WATCHERS)


def sees_everywhere(person: Person) -> bool:
    """Tell whether a person may see work of other agencies than their own."""
    return any(TABLE[role].get(Act.LIST) is Reach.MEMBER for role in person.roles)


def check_act(person: Person, work: Work, kind: ThreadKind, now_us: int, *, supervised: bool) -> None:
    """Raise `Forbidden` where a person may not do this work. What is not taken is for each officer of its office.

    `supervised` tells whether a supervisor of its office is on duty.
    """
    matter = matter_of(work, supervisor_on_duty=supervised)
    if not matter.officer and work.agency == person.agency and work.office in ("", person.office):
        matter = msgspec.structs.replace(matter, officer=person.person if work.kind not in _BY_ANOTHER else "")
    may(person, act_of(work, kind), matter, now_us)


def as_item(person: Person, work: Work, thread: Thread | None, now_us: int, *, supervised: bool) -> WorkItem:
    """Return work as this person sees it."""
    kind = thread.kind if thread is not None else ThreadKind.SERVICE
    code = "assigned-to-another" if work.assigned not in ("", person.person) else ""
    try:
        check_act(person, work, kind, now_us, supervised=supervised)
    except Forbidden as error:
        code = error.code
    return WorkItem(
        work,
        thread.kind if thread is not None else None,
        state_of(thread, now_us) if thread is not None else None,
        act_of(work, kind).value,
        code,
    )


def state_of(thread: Thread, now_us: int) -> ThreadState:
    """Return the state of a thread by the clock."""
    return timed(thread.kind, thread.state, now_us, thread.due_us)


def may_read(person: Person, thread: Thread, now_us: int) -> str:
    """Return the code of why a person may not read a thread; an alert of a counterpart is for whom it is addressed."""
    matter = Matter(agency=thread.agency, office=thread.office, officer=thread.officer)
    code = refusal(person, Act.SEE, matter, now_us)
    if code and thread.kind is ThreadKind.ALERT and not thread.opener:
        return refusal(person, Act.SEE_ALERT, matter, now_us)
    return code


def thread_item(thread: Thread, now_us: int) -> ThreadItem:
    """Return a thread as a list shows it."""
    return ThreadItem(thread, state_of(thread, now_us))
