"""Freeze the account of an officer, and free it again: each time one person asks for it and another one approves it.

It is for suspected insiders. A security officer or the head of the desk does either part, never both and never for
their own account. From the approval on each token of the person is refused, as one that the provider has revoked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from msgspec.structs import replace

from gateway.audit.acts.desk_acts import APPROVES
from gateway.desk.acting.home import of_node
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import OnDuty
from gateway.desk.acts import Act
from gateway.desk.oversight.frozen import FREEZES, WIDENS, Freeze, FreezeStep, Stage
from gateway.desk.own.acts import Changed, OwnActs
from gateway.desk.raising import for_freezing
from gateway.errors import Forbidden, Malformed, Stale, Unknown
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.handed.basis import MAX_REASON
from gateway.model.handed.freezes import AskFreeze
from gateway.model.names import ExchangeId, identifier
from gateway.model.values import text_value
from gateway.ports.desk import Thread

_LIST = "liaison freeze list"
_STANDING = (ThreadState.NEW, ThreadState.PAUSED)
_APPROVED = {Stage.ASKED: Stage.FROZEN, Stage.LIFTING: Stage.LIFTED}
_DECLINED = {Stage.ASKED: Stage.DECLINED, Stage.LIFTING: Stage.FROZEN}


class FreezeDesk(OwnActs[Freeze]):
    """The use cases of frozen accounts. `put_in_force` makes what is decided count in this process at once."""

    widens = WIDENS
    raising: ClassVar = (Act.FREEZE, "ask-freeze")
    changing: ClassVar = Act.FREEZE
    approving: ClassVar = Act.FREEZE
    tells: ClassVar = ("person",)
    looks = "freezes"

    def __init__(self, desk: DeskParts, on_duty: OnDuty, put_in_force: Callable[[], None]) -> None:
        async def follow(_: ExchangeId) -> None:
            await asyncio.to_thread(put_in_force)

        super().__init__(desk, FREEZES, on_duty, follow)

    async def ask(self, actor: Actor, command: AskFreeze, freeze_id: ExchangeId | None = None) -> ExchangeId:
        """Ask that an account is frozen; another person approves it. Return its id; the same `freeze_id` asks once.

        Raises `Forbidden` for one's own account, and `Stale` for one that is frozen, or is to be.
        """
        self._may_raise(actor)
        person = identifier(command.person, "person")
        if person == actor.officer.person:
            raise Forbidden("one does not freeze one's own account", code="own-account", where="person")
        asked = FreezeStep(Stage.ASKED, actor.officer.person, self._now_us, _reason(command.reason))

        async def make(name: ExchangeId) -> Changed[Freeze]:
            return Changed(Freeze(name, person, (asked,), command.work))

        return await self._raise(actor, freeze_id, make, Urgency.URGENT)

    async def lift(self, actor: Actor, freeze_id: ExchangeId, reason: str) -> None:
        """Ask that an account is free again; another person approves it, and until then it stays frozen."""

        def change(freeze: Freeze, thread: Thread) -> Changed[Freeze]:
            if "lift" not in self.open_to(freeze):
                raise Stale("this account is not frozen now", code="not-now", where="freeze", remedy=_LIST)
            step = FreezeStep(Stage.LIFTING, actor.officer.person, self._now_us, _reason(reason))
            return _asked(thread, freeze.and_then(step))

        await self._change(actor, freeze_id, "ask-lift", reason, change)

    # ------------------------------------------------------------ what a kind says

    def begun(self, thread: Thread, made: Changed[Freeze]) -> tuple[Thread, Changed[Freeze]]:
        """Return the thread of the person whose account it is, which no office has."""
        freeze, me = made.value, self._desk.parts.member
        work = self._desk.store.work(freeze.work) if freeze.work else None
        if freeze.work and (work is None or work.kind is not WorkKind.INCIDENT or work.key.peer != me):
            raise Unknown(
                "there is no such finding", code="no-such-work", where="work", remedy="liaison review list --all --done"
            )
        standing = self._desk.store.threads(kinds=(ThreadKind.SERVICE,), states=_STANDING, peer=me)
        if any(row.officer == freeze.person for row in standing):
            raise Stale(
                "the account of `{person}` is frozen, or is to be",
                code="already-frozen",
                where="person",
                remedy=_LIST,
                person=freeze.person,
            )
        home = replace(of_node(thread.kind, thread.key, thread.urgency, thread.opened_us), officer=freeze.person)
        return home, _asked(home, freeze)

    def state(self, value: Freeze, thread: Thread) -> ThreadState:  # noqa: ARG002
        """Return the state of its thread, which its stage says."""
        return value.state

    def not_now(self, text: str = "") -> Stale:
        """Return the refusal of an act that is not possible now."""
        if not text:
            text = "this was decided before"
        return Stale(text, code="already-decided", where="freeze", remedy=_LIST)

    def open_to(self, value: Freeze) -> set[str]:
        """Return the changes that are possible now."""
        return {"lift"} if value.stage is Stage.FROZEN else set()

    def decided(self, actor: Actor, value: Freeze, *, approves: bool, reason: str) -> Changed[Freeze]:
        """Return a freezing after a second person's decision; where that declines, everything stays as it is."""
        name = "freeze" if value.stage is Stage.ASKED else "lift"
        act, stages, said = ("approve", _APPROVED, "") if approves else ("decline", _DECLINED, _reason(reason))
        after = value.and_then(FreezeStep(stages[value.stage], actor.officer.person, self._now_us, said))
        asked = {APPROVES: {"act": f"ask-{name}", "officer": value.steps[-1].by}} if approves else {}
        told = {"finding": value.work, **asked}
        return Changed(after, told=told, act=f"{act}-{name}", result=act, reason=said)


def _asked(thread: Thread, freeze: Freeze) -> Changed[Freeze]:
    """Return a freezing with the work of another person who approves its last step."""
    step = freeze.steps[-1]
    work = for_freezing(thread, f"{freeze.id}.{len(freeze.steps)}", step.by, step.time_us)
    return Changed(replace(freeze, approval=work.id), (work,), told={"finding": freeze.work}, reason=step.reason)


def _reason(text: str) -> str:
    if not text.strip():
        raise Malformed("say why", code="reason-missing", where="reason")
    return text_value(text.strip(), "reason", MAX_REASON)
