"""Pass work on to another agency of ours: what is asked may be its matter."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from gateway.desk.entries import desk_act
from gateway.desk.parts import Actor
from gateway.desk.roles import Act, matter_of, may
from gateway.desk.second_step.parts import StepParts, check_person
from gateway.errors import Malformed
from gateway.model.desk.work import Role, WorkKind
from gateway.model.names import identifier
from gateway.model.values import text_value
from gateway.ports.desk import DeskRows, Work
from gateway.ports.journal import EntryDraft

_MAX_REASON = 300
_PASSED = (WorkKind.DECIDE, WorkKind.CORRECT, WorkKind.DISTINGUISH, WorkKind.READ, WorkKind.ACKNOWLEDGE)


class Handing:
    """Passes work on within the country. The counterpart is not told: who decides here is our own matter."""

    def __init__(self, it: StepParts) -> None:
        self._it = it

    async def pass_on(self, actor: Actor, work_id: str, agency: str, reason: str) -> Work:
        """Move work to another agency, with its clock as it is; return it. Raises `Forbidden`, `Stale`, `Malformed`.

        A record is released by its own agency only, whichever agency has the work.
        """
        text_value(reason, "reason", _MAX_REASON)
        check_person(actor)
        to = identifier(agency, "agency").removeprefix(f"{self._it.desk.parts.member}.")
        work = await asyncio.to_thread(self._it.open_work, work_id, *_PASSED)
        may(actor.person, Act.PASS_ON, matter_of(work), self._it.now_us)
        if to == work.agency:
            raise Malformed("the work is this agency's already", code="same-agency", where="agency")
        moved = work

        def draft() -> EntryDraft:
            nonlocal moved
            before = self._it.open_work(work_id, *_PASSED)
            here = self._it.on_duty(to, "", Role.DUTY, self._it.now_us)
            role = before.role if before.role is not Role.NATIONAL_DESK or not here else Role.DUTY
            moved = replace(before, agency=to, office="", assigned="", role=role)
            content = {"from": before.agency, "to": to}
            rows = DeskRows(works=(moved,))
            return desk_act(actor.officer, "pass-on", work.key, work=before, reason=reason, content=content, rows=rows)

        await self._it.desk.pen.write(self._it.desk.parts.member, work.key, draft)
        return moved
