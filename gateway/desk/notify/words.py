"""Say whom to tell of work, and in which words: its urgency and its time, and nothing of its content."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.clock import rfc3339
from gateway.desk.clocks import seen_by
from gateway.desk.people.directory import People
from gateway.desk.people.persons import Person
from gateway.language.catalogue import tell
from gateway.language.dates import moment
from gateway.model.desk.notices import Urgency
from gateway.model.desk.work import Role
from gateway.ports.desk import Work

AT_ONCE = frozenset({Urgency.FLASH, Urgency.URGENT})


class Told(msgspec.Struct, frozen=True):
    """A word for one person. `id` is the same for the same work at the same level, so that a repeat is known as one."""

    id: str
    person: Person
    count: int
    urgency: Urgency
    due_us: int
    console: str = ""

    @property
    def text(self) -> str:
        """The word in the person's language."""
        time = moment(rfc3339(self.due_us), self.person.language)
        if self.urgency in AT_ONCE:
            facts = {"urgency": self.urgency.value, "time": time}
            said = tell(self.person.language, "1 {urgency} item waits for you, due {time}: open the desk", **facts)
        else:
            facts = {"count": str(self.count), "time": time}
            template = "{count} items wait for you, the first due {time}: open the desk"
            said = tell(self.person.language, template, **facts)
        return f"{said} {self.console}".strip()


def for_whom(work: Work, people: People, now_us: int) -> tuple[Person, ...]:
    """Return who is told of open work: whom it is assigned to, else who is on duty in the roles that see it."""
    if work.done_us or now_us < work.opened_us:
        return ()
    if work.assigned:
        listed = people.person(work.assigned)
        return (listed,) if listed is not None and listed.is_trained(now_us) else ()
    found: dict[str, Person] = {}
    for role in seen_by(work):
        there = (
            people.national_desk(now_us)
            if role is Role.NATIONAL_DESK
            else people.who(work.agency, work.office, role, now_us).persons
        )
        found |= {one.id: one for one in there if one.id != work.not_by}
    return tuple(found[name] for name in sorted(found))


def digest(person: Person, works: Sequence[Work], console: str) -> Told:
    """Return one word for several items of work, which are neither FLASH nor URGENT."""
    first = min(works, key=lambda work: work.due_us)
    return Told(f"digest.{first.id}.{len(works)}", person, len(works), Urgency.ROUTINE, first.due_us, console)
