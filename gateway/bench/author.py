"""A node that writes notices at a fixed rate, and measures their delivery to the node under measure.

`python -m gateway.bench.author HOME PEER_HOME PEER_PIDS RATE SECONDS ALERTS` runs the node of HOME in this process, so
that its own cost is known apart. It opens a thread with each notice, RATE a second, whatever the delivery does (one
fifth of the time is warm-up); then ALERTS alerts one by one over the idle link, for each of which it waits until the
item of work is in the list of PEER_HOME. It prints one JSON document, a `Delivered`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.app.run.node import Node, build_node
from gateway.bench.load import cpu_s
from gateway.clock import HOUR_US
from gateway.config import load_settings
from gateway.desk.acting.parts import Actor
from gateway.desk.delivery.authoring import Post
from gateway.desk.roles import Person
from gateway.errors import TimedOut
from gateway.loop import run
from gateway.model.desk.notices import About, Ask, Urgency
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import DeliveryState, Role, WorkKind
from gateway.model.handed.alerts import Addressee, RaiseAlert
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer, Requester
from gateway.ports.desk import DeskStore, WorkFilter
from gateway.storage.database.open import open_storage
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.keys.keystore import KeyStore
from gateway.telemetry import configure_logging

AUTHOR, PEER = MemberId("th"), MemberId("vn")
_MOST_S = 60.0
_TICK_S = 0.01
_LOOK_S = 0.002
_PAUSE_S = 0.05
_YEAR_US = 365 * 24 * HOUR_US
OFFICE = "th.blo.bench"
_ALERT = RaiseAlert(
    (Addressee(PEER),),
    {
        "alert_class": "DISCREET_CHECK",
        "names": [{"text": "สมชาย ใจดี", "romanised": "Somchai Jaidee"}],
        "identifiers": [{"number": "P4471209", "issuer": "THA"}],
        "reason": "carries ketamine across the bridge",
    },
    Purpose.INVESTIGATION,
    Offence.NARC,
    case="B-2026/1",
)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The figures of one run.

    `rate` is that of receipts made durable here. `p50` and `p99` are from the order to write a notice to its receipt,
    and `listed` from the approval of an alert to the item of work in the other node's list, over the idle link.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    taker_cpu_us: float
    author_cpu_us: float
    listed_p50_ms: float
    listed_p95_ms: float
    notices: int
    undelivered: int


class _Author:
    """Writes notices at the node of this process, and notes when each was ordered and when it had its receipt."""

    def __init__(self, node: Node) -> None:
        self._desk = node.desk.parts
        self._alerts = node.desk.alerts.own
        self._clock = node.core.parts.clock
        self._tasks: set[asyncio.Task[ExchangeId]] = set()
        self.ordered: dict[ExchangeId, float] = {}
        self.taken: dict[ExchangeId, float] = {}
        self.changed = asyncio.Event()

    async def watch(self) -> None:
        """Note each delivery that ends, for ever."""
        async for change in self._desk.changes.follow():
            for delivery in change.rows.deliveries:
                if delivery.state is DeliveryState.TAKEN:
                    self.taken[delivery.key.thread_id] = time.perf_counter()
            self.changed.set()

    async def one(self) -> ExchangeId:
        """Open a thread with an ask; return its id."""
        begun = time.perf_counter()
        key = await self._desk.author.open(PEER, self._post())
        self.ordered[key.thread_id] = begun
        return key.thread_id

    def _post(self) -> Post:
        return Post(
            Ask(About.QUESTION, "A lorry with two seals was left at the bridge.", topic="vehicle"),
            Urgency.URGENT,
            Purpose.INVESTIGATION,
            Offence.NARC,
            Requester("officer", OFFICE, "police", "0123456789abcdef"),
            case="B-2026/1",
            agreement="gms-border-2026",
            expires_us=self._clock.now_us() + HOUR_US,
            by=Officer("th.o.1", "officer", OFFICE, "police", frozenset({"INVESTIGATION"}), bytes(32), "bench"),
        )

    async def alert(self) -> tuple[ExchangeId, float]:
        """Raise an alert and approve it; return its thread at the other node, and when the approval was ordered."""
        author, approver = (self._actor(name, role) for name, role in (("1", Role.OFFICER), ("2", Role.SUPERVISOR)))
        raised = await self._alerts.raise_alert(author, _ALERT)
        begun = time.perf_counter()
        key = ThreadKey(self._desk.parts.member, raised)
        [work] = self._desk.store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,)))
        await self._alerts.approve(approver, raised, "", work.id)
        return (await self._alerts.show(author, raised)).to[0].thread_id, begun

    def _actor(self, name: str, role: Role) -> Actor:
        officer = Officer(f"th.o.{name}", "officer", OFFICE, "police", frozenset(Purpose), bytes(32), "bench")
        trained_us = self._clock.now_us() + _YEAR_US
        return Actor(officer, Person(officer.person, frozenset({role}), "police", OFFICE, trained_us))

    async def at_rate(self, rate: float, seconds: float) -> None:
        """Write notices at a fixed rate, then wait until all that were written are taken."""
        begun, count = time.perf_counter(), 0
        while (passed := time.perf_counter() - begun) < seconds:
            for _ in range(int(passed * rate) - count):
                count += 1
                task = asyncio.create_task(self.one())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            await asyncio.sleep(_TICK_S)
        await asyncio.gather(*self._tasks)
        until = time.perf_counter() + _MOST_S
        while self.waiting and time.perf_counter() < until:
            self.changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), 1)

    @property
    def waiting(self) -> int:
        """The number of notices that have no receipt."""
        return len(self.ordered.keys() - self.taken.keys())


def _list_of(home: Path) -> DeskStore:
    """Return the rows of another node's desk, opened for reading."""
    settings = load_settings(home)
    return SqlDeskStore(open_storage(settings, read_only=True), KeyStore(settings.keystore))


async def measure(home: Path, peer: Path, pids: tuple[int, ...], rate: float, seconds: float, alerts: int) -> Delivered:
    """Run the node and write the notices; return the figures."""
    node = build_node(load_settings(home), production=False)
    await node.start()
    author = _Author(node)
    watching = asyncio.create_task(author.watch())
    try:
        await author.at_rate(rate, seconds / 5)
        author.ordered.clear()
        before = time.perf_counter(), cpu_s(pids), time.process_time()
        await author.at_rate(rate, seconds)
        wall, theirs, ours = time.perf_counter() - before[0], cpu_s(pids) - before[1], time.process_time() - before[2]
        took = sorted(
            (author.taken[each] - begun) * 1e3 for each, begun in author.ordered.items() if each in author.taken
        )
        undelivered, count = author.waiting, max(1, len(took))
        listed = await _listed(author, _list_of(peer), alerts)
    finally:
        watching.cancel()
        await node.stop()
    return Delivered(
        rate=round(count / wall, 1),
        p50_ms=_at(took, 0.5),
        p99_ms=_at(took, 0.99),
        taker_cpu_us=round(theirs / count * 1e6, 1),
        author_cpu_us=round(ours / count * 1e6, 1),
        listed_p50_ms=_at(listed, 0.5),
        listed_p95_ms=_at(listed, 0.95),
        notices=count,
        undelivered=undelivered,
    )


async def _listed(author: _Author, shown: DeskStore, count: int) -> list[float]:
    """Return the milliseconds from the approval of each alert to its work in the other node's list, one by one."""
    took = []
    for _ in range(count):
        await asyncio.sleep(_PAUSE_S)
        thread_id, begun = await author.alert()
        wanted = WorkFilter(key=ThreadKey(AUTHOR, thread_id))
        while not await asyncio.to_thread(shown.works, wanted):
            if time.perf_counter() - begun > _MOST_S:
                raise TimedOut("an alert does not come to the other node's list")
            await asyncio.sleep(_LOOK_S)
        took.append((time.perf_counter() - begun) * 1e3)
    return sorted(took)


def _at(values: Sequence[float], share: float) -> float:
    return round(values[min(len(values) - 1, int(len(values) * share))], 3) if values else 0.0


def main() -> None:
    """Measure with the node's event loop."""
    configure_logging("warning")
    home, peer, pids, rate, seconds, alerts = sys.argv[1:]
    processes = tuple(map(int, pids.split(",")))
    found = run(measure(Path(home), Path(peer), processes, float(rate), float(seconds), int(alerts)))
    print(json.dumps(asdict(found)), flush=True)


if __name__ == "__main__":
    main()
