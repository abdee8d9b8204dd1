"""Lists of work: what a person may see, and the order: first what a human is waited for, then what is due first."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from gateway.model.desk.notices import Urgency
from gateway.model.desk.work import Role, WorkKind


class Waited(IntEnum):
    """Who waits for some work, the most pressing first."""

    AT_THE_GATE = 0
    """A person who is held or may pass the gate: FLASH."""
    NOW = 1
    """Somebody who needs it now: URGENT."""
    ELSEWHERE = 2
    """A counterpart, or a colleague whose draft goes nowhere."""
    HERE = 3
    """Its reader alone."""
    NOBODY = 4
    """It is asked for afterwards, and holds up no one."""


AFTERWARDS = frozenset({WorkKind.CONFIRM, WorkKind.OUTCOME, WorkKind.REVALIDATE, WorkKind.REVIEW})
"""The kinds that no one waits for, however urgent the matter was."""

OWED = frozenset(WorkKind) - AFTERWARDS - {WorkKind.READ}
"""The kinds that somebody else waits for."""

PRESSING = {Urgency.FLASH: Waited.AT_THE_GATE, Urgency.URGENT: Waited.NOW}


def waited_for(kind: WorkKind, urgency: Urgency) -> Waited:
    """Return who waits for work of this kind and urgency."""
    if kind in AFTERWARDS:
        return Waited.NOBODY
    return PRESSING.get(urgency, Waited.ELSEWHERE if kind in OWED else Waited.HERE)


class WorkPlace(msgspec.Struct, frozen=True):
    """The place of work in a list: who waits for it, when it is due, and its id."""

    waited: int
    due_us: int
    id: str


class Sight(msgspec.Struct, frozen=True):
    """The work that a person may see: that of their roles, of kinds that are theirs from a half or at the end, and all
    of the agency, or the office in it, that the person looks after. Work that names a person is among it, since only
    its sealed part says whom.
    """

    roles: tuple[Role, ...] = ()
    from_half: tuple[WorkKind, ...] = ()
    at_end: tuple[WorkKind, ...] = ()
    agency: str = ""
    office: str = ""
