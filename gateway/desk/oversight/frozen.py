"""Hold the freezing of an officer's account: who asked for it, who approved it, and its end. A thread at home has it.

The state of the thread says whether it is in force: `NEW` while a second person must approve it, `PAUSED` in force,
`ENDED` after it. The thread's officer is the person whose account it is.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from gateway.conversion import converter
from gateway.errors import Unknown
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskStore, Thread


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


class Freeze(msgspec.Struct, frozen=True, tag_field="matter", tag="freeze"):
    """The freezing of one account. `work` is the finding that led to it; empty: none.

    `approval` is the work of the person who must approve the last step; empty: it waits for none.
    """

    id: ExchangeId
    person: str
    steps: tuple[FreezeStep, ...]
    work: str = ""
    approval: str = ""

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
        return self.state is ThreadState.PAUSED

    @property
    def waits(self) -> bool:
        """Tell whether a second person must approve the last step."""
        return self.stage in (Stage.ASKED, Stage.LIFTING)

    def and_then(self, step: FreezeStep) -> Freeze:
        """Return it after one more step."""
        return replace(self, steps=(*self.steps, step), approval="")


_freeze = converter(Freeze)


def freeze_of(thread: Thread | None) -> Freeze | None:
    """Return the freezing that a thread at home holds; None where it holds none."""
    value = msgspec.json.decode(thread.draft) if thread is not None and thread.draft else {}
    return _freeze(value) if value.get("matter") == "freeze" else None


def read_freeze(thread: Thread | None, freeze_id: str) -> Freeze:
    """Return the freezing that a thread at home holds. Raises `Unknown` where there is none."""
    found = freeze_of(thread)
    if found is None:
        raise Unknown(
            "there is no freezing `{freeze}` of an account",
            code="no-such-freeze",
            where="freeze",
            remedy="`liaison freeze list` shows them",
            freeze=freeze_id[:64],
        )
    return found


def frozen_persons(store: DeskStore, member: MemberId) -> frozenset[str]:
    """Return the persons whose accounts are frozen now."""
    rows = store.threads(kinds=(ThreadKind.SERVICE,), states=(ThreadState.PAUSED,), peer=member)
    return frozenset(row.officer for row in rows)
