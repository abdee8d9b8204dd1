"""Tell counterparts by ourselves that this node goes down, and that it is up again (DUTY-L20).

A stop in good order tells an outage before the node is gone, and the next start tells its end. Where nothing was told,
after a kill or a power cut, the next start tells both, once the outage was longer than a restart takes. How it stands
is written at home first, as any incident of ours is, so that each counterpart hears it once it is in reach.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.clock import MINUTE_US
from gateway.desk.acting.home import home_key, of_node
from gateway.desk.acting.once import part_of
from gateway.desk.acting.parts import DeskParts
from gateway.desk.entries import desk_clock
from gateway.desk.oversight.spreading import IncidentSpread, urgency_of
from gateway.desk.oversight.values import INCIDENTS, OwnIncident, Told, node_as_author
from gateway.errors import LiaisonError
from gateway.model.desk.notices import Service, ServiceCode
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import DeliveryState
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.ports.desk import DeskRows, Thread
from gateway.ports.journal import EntryDraft

SHORTEST_US = 5 * MINUTE_US
"""An outage that nothing was told of is told afterwards if it was as long as this: a restart is none."""

STOP_S = 5.0
"""A stop waits so long for counterparts to take the notice of it."""

_KIND, _ALIVE, _TOLD = "node", "alive", "told-outage"
_LOOK_S = 0.1


class Outages:
    """The words of one node about its own outages. With `tells_stops` a stop in good order is told, too."""

    def __init__(
        self, desk: DeskParts, spread: IncidentSpread, processes: Callable[[], int], *, tells_stops: bool
    ) -> None:
        self._desk = desk
        self._spread = spread
        self._processes = processes
        self._has_begun = False
        self.tells_stops = tells_stops

    async def round(self) -> None:
        """Tell what is due since the start, once; then note that the node is alive. Runs at the process that leads."""
        if not self._has_begun:
            await self._begin()
            self._has_begun = True
        await asyncio.to_thread(self._note, _ALIVE, str(self._desk.parts.clock.now_us()))

    async def stop(self) -> None:
        """Tell all counterparts that the node stops now, and wait a little until they have it.

        Whatever fails keeps no node from stopping: the next start tells the rest.
        """
        if not self.tells_stops or self._processes() > 1 or not self._has_begun:
            return
        try:
            async with asyncio.timeout(STOP_S):
                now_us = self._desk.parts.clock.now_us()
                name = await self._tell((Service(ServiceCode.OUTAGE, since_us=now_us),))
                await self._spread.bring_up(name)
                while await asyncio.to_thread(self._is_waiting, name):
                    await asyncio.sleep(_LOOK_S)
        except (TimeoutError, LiaisonError):
            return

    # ------------------------------------------------------------ at a start

    async def _begin(self) -> None:
        """Tell the end of an outage that was told, or an outage of which nothing was told."""
        now_us = self._desk.parts.clock.now_us()
        if (told := await asyncio.to_thread(self._noted, _TOLD)) and (name := ExchangeId(told)):
            await self._end(name, now_us)
            await asyncio.to_thread(self._desk.parts.documents.delete, _KIND, _TOLD)
            return
        alive_us = int(await asyncio.to_thread(self._noted, _ALIVE) or 0)
        is_restored = not all(map(self._desk.parts.heard, self._others()))  # it may have been alive after that backup
        if alive_us and now_us - alive_us >= SHORTEST_US and self._processes() <= 1 and not is_restored:
            await self._tell(
                (
                    Service(ServiceCode.OUTAGE, since_us=alive_us, until_us=now_us),
                    Service(ServiceCode.RESUMED, since_us=alive_us),
                )
            )

    async def _end(self, name: ExchangeId, now_us: int) -> None:
        key = self._spread.key(name)

        def resumed() -> EntryDraft:
            thread = self._desk.store.thread(key)
            incident = INCIDENTS.read(thread, name)
            assert thread is not None
            since_us = incident.words[0].since_us
            word = Service(ServiceCode.RESUMED, since_us=since_us)
            after = INCIDENTS.moved(thread, incident.and_then(word, incident.authors[0]), thread.state, now_us)
            return desk_clock(key, "outage-over", DeskRows(thread=after, before=thread.version))

        told = INCIDENTS.of(await asyncio.to_thread(self._desk.store.thread, key))
        if told is not None and not told.is_over:
            await self._desk.pen.write(self._desk.parts.member, key, resumed)

    # ------------------------------------------------------------ parts

    async def _tell(self, words: tuple[Service, ...]) -> ExchangeId:
        """Write an outage at home: the round of incidents brings it to the counterparts."""
        name, parts = new_exchange_id(), self._desk.parts
        me, now_us, author = parts.member, parts.clock.now_us(), node_as_author(parts.member)
        told = tuple(Told(member, part_of(name, member)) for member in self._others())
        outage = OwnIncident(name, told, words, (author,) * len(words), now_us)
        home = of_node(ThreadKind.SERVICE, home_key(me, name), urgency_of(outage), now_us)
        thread = INCIDENTS.moved(home, outage, home.state, now_us)
        if not outage.is_over:
            await asyncio.to_thread(self._note, _TOLD, name)
        await self._desk.pen.write(me, thread.key, lambda: self._begun(thread))
        return name

    def _others(self) -> list[MemberId]:
        view, me = self._desk.parts.trust(), self._desk.parts.member
        return [MemberId(one) for one in sorted(view.members) if one != me and view.active(MemberId(one))]

    def _begun(self, thread: Thread) -> EntryDraft:
        return desk_clock(thread.key, "outage", DeskRows(thread=thread))

    def _is_waiting(self, name: ExchangeId) -> bool:
        incident = INCIDENTS.read(self._desk.store.thread(self._spread.key(name)), name)
        groups = (self._desk.store.deliveries((DeliveryState.WAITING,), key=to.key) for to in incident.to)
        return any(groups)

    def _note(self, key: str, value: str) -> None:
        self._desk.parts.documents.put(_KIND, key, value.encode())

    def _noted(self, key: str) -> str:
        return (self._desk.parts.documents.get(_KIND, key) or b"").decode()
