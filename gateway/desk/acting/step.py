"""The parts that the use cases of the second step share, and the checks that they have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import OnDuty, check_person
from gateway.desk.evidence.deciders import HumanDesk
from gateway.desk.raising import Raising
from gateway.desk.roles import Matter, act_of, matter_of, may
from gateway.errors import Stale, Unknown
from gateway.model.desk.notices import Ask, Notice
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.desk.work import Level, Role, WorkKind
from gateway.model.requester import Requester
from gateway.ports.desk import NoticeRow, Thread, Work
from gateway.statements.notices.notice import parse_notice


@dataclass(frozen=True, slots=True)
class StepParts:
    """The parts that the second step works with, beside the desk's own parts.

    `raising` returns the clocks under an agreement, and takes whether somebody is on duty.
    """

    desk: DeskParts
    humans: HumanDesk
    on_duty: OnDuty
    raising: Callable[[str, bool], Raising]

    @property
    def now_us(self) -> int:
        """Our time."""
        return self.desk.parts.clock.now_us()

    def thread(self, key: ThreadKey) -> Thread:
        """Return a thread. Raises `Unknown`."""
        thread = self.desk.store.thread(key)
        if thread is None:
            raise Unknown("there is no such thread", code="no-such-thread", where="thread", remedy="liaison desk list")
        return thread

    def open_work(self, work_id: str, *kinds: WorkKind) -> Work:
        """Return an item of work that is open and of one of these kinds. Raises `Unknown`, `Stale`."""
        work = self.desk.store.work(work_id)
        if work is None or work.kind not in kinds:
            raise Unknown("there is no such work", code="no-such-work", where="work", remedy="liaison desk list")
        if work.done_us:
            raise Stale(
                "this was done before: {result}",
                code="already-decided",
                where="work",
                remedy="liaison desk show",
                result=work.result,
            )
        return work

    def check(self, actor: Actor, work: Work, thread: Thread | None, *, owner: str = "") -> None:
        """Raise `Forbidden` where this person may not do this work; `owner` is the agency of a record.

        Work without a thread is about the node itself, or about what a counterpart has of ours.
        """
        now_us = self.now_us
        there = work.level is not Level.END and self.on_duty(work.agency, work.office, Role.SUPERVISOR, now_us)
        check_person(actor)
        matter = matter_of(work, owner=owner, supervisor_on_duty=there)
        kind = thread.kind if thread is not None else ThreadKind.SERVICE
        may(actor.person, act_of(work, kind), matter, now_us)

    def requester(self, actor: Actor, peer: str) -> Requester:
        """Return a person of ours as a counterpart knows them."""
        officer = actor.officer
        return officer.as_requester(self.desk.pseudonym(officer.person, peer))


def own_matter(thread: Thread) -> Matter:
    """Return the facts about an act on a thread that we opened."""
    return Matter(agency=thread.agency, office=thread.office, officer=thread.officer)


def last_ask(rows: list[NoticeRow]) -> tuple[NoticeRow, Notice, Ask]:
    """Return the newest ask of a thread. Raises `Unknown` where it is erased, or never was."""
    for row in reversed(rows):
        if row.placed.type.value == "ask" and row.envelope:
            notice = parse_notice(row.envelope)
            assert isinstance(notice.body, Ask)
            return row, notice, notice.body
    raise Unknown("the thread has no ask any more", code="no-such-notice", where="thread")
