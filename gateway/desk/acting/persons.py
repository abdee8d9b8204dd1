"""Check who acts and what that person has read, and note work as done by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from gateway.errors import Forbidden, Stale
from gateway.model.desk.work import Role
from gateway.ports.desk import Work

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
