"""Hold the freezing of an officer's account: who asked for it, who approved it, and its end. A thread at home has it.

The state of the thread says whether it is in force: `NEW` while a second person must approve it, `PAUSED` in force,
`ENDED` after it. The thread's officer is the person whose account it is.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.home import Handed, OwnKind
from gateway.desk.acts import Act
from gateway.desk.roles import Matter
from gateway.desk.widening import CONTENT, FOLLOWS, Way, Widens
from gateway.errors import Unknown
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore


class Stage(StrEnum):
    """The stage of a freezing."""

    ASKED = "asked"
    """Another person must approve it; the account works."""
    FROZEN = "frozen"
    LIFTING = "lifting"
    """Its end is asked for, and another person must approve that; it is in force."""
    LIFTED = "lifted"
    DECLINED = "declined"


STATES = {
    Stage.ASKED: ThreadState.NEW,
    Stage.FROZEN: ThreadState.PAUSED,
    Stage.LIFTING: ThreadState.PAUSED,
    Stage.LIFTED: ThreadState.ENDED,
    Stage.DECLINED: ThreadState.ENDED,
}
"""The state of the thread at home, for each stage."""


class FreezeStep(msgspec.Struct, frozen=True):
    """One step: the stage that it led to, and who took it."""

    stage: Stage
    by: str
    time_us: int
    reason: str = ""


class Freeze(Handed, frozen=True, tag_field="matter", tag="freeze"):
    """The freezing of one account. `work` is the finding that led to it; empty: none.

    `approval` is the work of the person who must approve the last step; empty: it waits for none.
    """

    person: str
    steps: tuple[FreezeStep, ...]
    work: str = ""
    approval: str = ""

    @property
    def asker(self) -> str:
        """Return the person who asked for it first."""
        return self.steps[0].by

    @property
    def is_alive(self) -> bool:
        """Tell whether it is in force, or waits for its approval."""
        return self.state is not ThreadState.ENDED

    @property
    def stage(self) -> Stage:
        """The stage that it is in."""
        return self.steps[-1].stage

    @property
    def state(self) -> ThreadState:
        """The state of its thread."""
        return STATES[self.stage]

    @property
    def is_in_force(self) -> bool:
        """Tell whether the account is refused."""
        return _is_in_force(self.steps)

    @property
    def waits(self) -> bool:
        """Tell whether a second person must approve the last step."""
        return self.stage in (Stage.ASKED, Stage.LIFTING)

    def and_then(self, step: FreezeStep) -> Freeze:
        """Return it after one more step."""
        return replace(self, steps=(*self.steps, step), approval="")


def _is_in_force(steps: tuple[FreezeStep, ...]) -> bool:
    return STATES[steps[-1].stage] is ThreadState.PAUSED


WIDENS: Widens = {
    "id": CONTENT,
    "person": CONTENT,
    "steps": (Way.IN_FORCE, lambda before, after: _is_in_force(before) is not _is_in_force(after)),
    "work": CONTENT,
    "approval": FOLLOWS,
}
"""Tells what two persons approve of a freezing, by field: that the account is frozen, and that it is free again."""


def _unknown(freeze_id: str) -> Unknown:
    return Unknown(
        "there is no freezing `{freeze}` of an account",
        code="no-such-freeze",
        where="freeze",
        remedy="`liaison freeze list` shows them",
        freeze=freeze_id[:64],
    )


FREEZES = OwnKind(
    kind=ThreadKind.SERVICE,
    value=Freeze,
    unknown=_unknown,
    see=Act.FREEZE,
    matter=lambda freeze: Matter("", not_by=frozenset({freeze.person})),
)
"""Freezings at home. For the person whose account one is about it does not exist."""


def frozen_persons(store: DeskStore, member: MemberId) -> frozenset[str]:
    """Return the persons whose accounts are frozen now."""
    rows = store.threads(kinds=(ThreadKind.SERVICE,), states=(ThreadState.PAUSED,), peer=member)
    return frozenset(row.officer for row in rows)
