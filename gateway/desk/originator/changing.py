"""Change records that were given: one notice to each holder in the ledger, until each has confirmed.

Copies are found by the record's own name at home, by their ids, or by the exchange that gave them. Of each holder, the
change names all copies; a record that is corrected is issued anew for each. Holders that have left the federation are
told once they are back, and count as out of reach until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from gateway.clock import DAY_US
from gateway.desk.acting.once import part_of
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acts import Act
from gateway.desk.delivery.authoring import Also, Post, check_active
from gateway.desk.delivery.effects import Effects
from gateway.desk.delivery.offices import check_offices
from gateway.desk.originator.evidence import Evidence, Ground
from gateway.desk.originator.meant import LIVE, passed_on
from gateway.desk.originator.renewing import Renewed
from gateway.desk.roles import Matter, may
from gateway.errors import Forbidden, Malformed, Stale, Unknown
from gateway.model.desk.notices import ASK_AGAIN, Change, ChangeCode, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.handed.changes import ChangeCommand
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.requester import node_itself
from gateway.ports.desk import Holding

_KEPT = frozenset({ChangeCode.CONTESTED, ChangeCode.CUT})
_RENEWED = frozenset({ChangeCode.CORRECTED, ChangeCode.RECLASSIFIED})
_MOST = 1_000
"""Copies in one notice."""


class Changed(msgspec.Struct, frozen=True):
    """The threads in which holders are told, and the members among them that are out of reach now.

    `still_there` are withdrawn records that their source still has: they are held back here.
    """

    group_id: str
    threads: tuple[ThreadKey, ...]
    out_of_reach: tuple[MemberId, ...] = ()
    still_there: tuple[str, ...] = ()


Hold = Callable[[Iterable[Holding], str], Awaitable[Sequence[str]]]

Renew = Callable[[Holding, MemberId, ExchangeId, Ground], Awaitable[Renewed]]
"""Issues a record anew, as its source has it now, for a holder and the change with this id."""


@dataclass(frozen=True, slots=True)
class Originator:
    """The owner's use cases. `agency_of` names the agency of a source of ours; `renew` issues records anew.

    `hold` holds back what is withdrawn, from one member or (empty) from all; it returns what its source still has.
    """

    desk: DeskParts
    evidence: Evidence
    agency_of: Callable[[str], str]
    renew: Renew
    hold: Hold

    def may_change(self, actor: Actor, agency: str) -> bool:
        """Tell whether a person may change what an agency of ours gave."""
        try:
            may(actor.person, Act.CHANGE, Matter(agency=agency, owner=agency), self.desk.parts.clock.now_us())
        except Forbidden:
            return False
        return True

    async def change(self, actor: Actor, command: ChangeCommand, once: ExchangeId | None = None) -> Changed:
        """Tell each holder of a change. Raises `Forbidden` where the person may not, `Unknown` without any holder.

        Under a name `once` that was used before, holders who were told then are not told again.
        """
        _check(command)
        own, now_us = actor.person.agency, self.desk.parts.clock.now_us()
        may(actor.person, Act.CHANGE, Matter(agency=own, owner=own), now_us)  # before it says whether anything is held
        self._check_office(command)
        copies = await asyncio.to_thread(self._copies, command)
        for agency in sorted({self._agency(copy) for copy in copies}):
            may(actor.person, Act.CHANGE, Matter(agency=agency, owner=agency), now_us)
        is_withdrawn = command.code is ChangeCode.WITHDRAWN
        there = await self.hold(copies, command.holder) if is_withdrawn else ()
        told = await self._tell(copies, command, actor, once or new_exchange_id())
        return replace(told, still_there=tuple(there))

    async def change_by_itself(self, copies: Iterable[Holding], code: ChangeCode, reason: str) -> Changed:
        """Tell each holder of a change of the node's own, which the agency's settings have switched on."""
        return await self._tell(list(copies), ChangeCommand(code=code, reason=reason), None, new_exchange_id())

    def _check_office(self, command: ChangeCommand) -> None:
        """Raise for an office that the holder does not have: none would be cut off, and all would look well."""
        if not command.office:
            return
        check_active(self.desk.parts, MemberId(command.holder))
        check_offices(self.desk.parts.trust().descriptor(command.holder), (command.office,), "office")

    def _copies(self, command: ChangeCommand) -> list[Holding]:
        """Return the copies that a command is about. Raises `Unknown` where no other member holds any."""
        store = self.desk.store
        if command.code is ChangeCode.CUT and not (command.record or command.records or command.source):
            return []
        found = store.holdings(
            jtis=command.records,
            record=command.record,
            source=command.source,
            holder=command.holder,
            direction=Direction.OUT,
            states=LIVE,
        )
        ours = [copy for copy in found if copy.owner == self.desk.parts.member]
        if not ours:
            raise Unknown(
                "no other member holds this", code="no-holder", where="record", remedy="see `liaison desk holders`"
            )
        return ours

    def _agency(self, copy: Holding) -> str:
        return self.agency_of(copy.record.partition("/")[0])

    async def _tell(
        self, copies: list[Holding], command: ChangeCommand, actor: Actor | None, once: ExchangeId
    ) -> Changed:
        group, threads = f"change-{once[:16]}", []
        through = await asyncio.to_thread(passed_on, self.desk.store, copies)
        for holder, part, batch in _batches(copies, command, through):
            key = ThreadKey(holder, part_of(once, f"{holder} {part}"))
            if await asyncio.to_thread(self.desk.store.thread, key) is None:
                await self._one(key, batch, command, actor, group)
            threads.append(key)
        active = self.desk.parts.trust().active
        away = sorted({key.peer for key in threads if not active(key.peer)})
        return Changed(group, tuple(threads), tuple(away))

    async def _one(
        self, key: ThreadKey, copies: list[Holding], command: ChangeCommand, actor: Actor | None, group: str
    ) -> None:
        holder, now_us = key.peer, self.desk.parts.clock.now_us()
        ground = await asyncio.to_thread(self._ground, copies)
        own = max((copy for copy in copies if copy.holder == holder), key=lambda copy: copy.version, default=None)
        renewed = Renewed()
        if command.code in _RENEWED and own is not None:
            renewed = await self.renew(own, holder, key.thread_id, ground)
        code, reason = command.code, command.reason
        if code is ChangeCode.CORRECTED and renewed.ask_again:
            reason = ASK_AGAIN
        elif code is ChangeCode.CORRECTED and renewed.row is None:
            code = ChangeCode.WITHDRAWN  # nothing of it may be given any more
        erase_by_us = 0 if code in _KEPT else now_us + DAY_US
        body = Change(
            code,
            records=tuple(dict.fromkeys(copy.jti for copy in copies)),
            record=renewed.compact,
            office=command.office,
            reason=reason,
            text=command.text,
            erase_by_us=erase_by_us,
        )
        rows = [replace(copy, state=HoldingState.CHANGING, due_us=erase_by_us or now_us + DAY_US) for copy in copies]
        if renewed.row is not None:
            rows.append(renewed.row)
        also: Also = lambda _before, _after, _notice: Effects(holdings=tuple(rows))  # noqa: E731
        try:
            await self.desk.author.open(
                holder, self._post(body, ground, copies, actor, holder, group), also, key.thread_id
            )
        except Stale:
            if await asyncio.to_thread(self.desk.store.thread, key) is None:
                raise  # else the same change, sent twice at once, has told this holder

    def _ground(self, copies: list[Holding]) -> Ground:
        """Return why the newest of some copies was given."""
        return self.evidence.ground(copies[-1].holder, copies[-1].source) if copies else Ground()

    def _post(
        self,
        body: Change,
        ground: Ground,
        copies: list[Holding],
        actor: Actor | None,
        holder: MemberId,
        group: str,
    ) -> Post:
        agency = self._agency(copies[0]) if copies else (actor.person.agency if actor is not None else "")
        if actor is None:
            who = node_itself(self.desk.parts.member, agency)
        else:
            officer = actor.officer
            who = officer.as_requester(self.desk.pseudonym(officer.person, holder))
        return Post(
            body,
            Urgency.URGENT,
            ground.purpose,
            ground.offence,
            who,
            case=ground.case,
            ticket=ground.ticket,
            group_id=group,
            by=actor.officer if actor is not None else None,
            agency=agency,
            office=actor.officer.office if actor is not None else "",
            officer=actor.officer.person if actor is not None else "",
        )


def _check(command: ChangeCommand) -> None:
    """Raise `Malformed` for a command that does not say what is changed, or where."""
    named = sum(map(bool, (command.record, command.records, command.source)))
    is_cut = command.code is ChangeCode.CUT
    if named > 1 or (not named and not is_cut):
        raise Malformed(
            "it names a record, ids of copies, or the exchange that gave them",
            code="no-record",
            where="record",
            remedy="see `liaison desk holders`",
        )
    if is_cut != bool(command.office) or (is_cut and not command.holder):
        raise Malformed("a cut names the office and its member, and nothing else does", code="bad-cut", where="office")


def _batches(
    copies: Iterable[Holding], command: ChangeCommand, through: Mapping[tuple[str, MemberId], MemberId]
) -> list[tuple[MemberId, str, list[Holding]]]:
    """Return the copies of each notice with the member that is told, and a name of the part.

    A record that is issued anew has a notice of its own. A holder to which another one passed a record on (`through`)
    is told by that one.
    """
    found: dict[tuple[MemberId, str], list[Holding]] = {}
    for copy in copies:
        name = (copy.record or copy.jti) if command.code in _RENEWED else ""
        told = through.get((copy.jti, copy.holder), copy.holder)
        found.setdefault((told, name), []).append(copy)
    if not found and command.code is ChangeCode.CUT:
        return [(MemberId(command.holder), "", [])]
    return [
        (holder, f"{name} {start}", mine[start : start + _MOST])
        for (holder, name), mine in found.items()
        for start in range(0, len(mine), _MOST)
    ]
