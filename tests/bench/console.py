"""Measure the pages of the console: `python -m tests.bench.console [threads] [entries] [folder]`.

A home is filled with so many threads and entries, and kept where a folder is named. Each page of the navigation is
asked for by a person of each role, one after the other. Its server time is printed (over TLS on loopback, the client in
the same process), the CPU of the process, the longest time for which the loop was held, and the bytes of a first load.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from gateway.app.run.node import Node, build_node
from gateway.audit.log.log import AuditLog
from gateway.config import load_settings
from gateway.console.frame import events
from gateway.console.frame.navigation import OPEN_TO
from gateway.loop import run
from gateway.model.desk.work import DeliveryState
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.ports.desk import DeskRows
from gateway.ports.desk_uses import ThreadQuery, WorkQuery
from gateway.rpc import methods
from tests.bench.desk import PEERS, Sizes, batched, rows
from tests.support.audit_logs import answered
from tests.support.console_nodes import (
    ADMINISTRATOR,
    AUDITOR,
    DUTY,
    OFFICE,
    OFFICER,
    OTHER,
    Consoles,
    Visitor,
    give_console,
    role_of,
)
from tests.support.exchange import NO_PASSPORT, answer_of, caller, sample_world, sealed, submission
from tests.support.loop_watch import loop_watch
from tests.support.nodes import World, officer

PEOPLE = (OFFICER, OTHER, DUTY, "th.s.3", "th.n.1", AUDITOR, ADMINISTRATOR)
MORE = ("/desk?list=mine", "/desk?list=all", "/desk?list=threads")
TIMES = 60
LATER_US = 100 * 365 * 86_400_000_000
"""No clock of the filled work is over meanwhile: thousands of escalations at once are no usual load of a page."""


def fill(log: AuditLog, sizes: Sizes) -> None:
    """Write threads whose notices are delivered, half of them at the office of the people, and entries without rows."""
    for batch in batched(rows(Sizes(sizes.threads, 0)), 64):
        log.append([answered(rows=_at_our_office(number, one)) for number, one in enumerate(batch)])
    for number in range(0, sizes.copies, 256):
        log.append([answered() for _ in range(min(256, sizes.copies - number))])


def _at_our_office(number: int, one: DeskRows) -> DeskRows:
    deliveries = tuple(replace(each, state=DeliveryState.TAKEN) for each in one.deliveries)
    office = OFFICE if number % 2 else ""
    works = tuple(
        replace(
            each,
            office=office or each.office,
            not_by="",
            half_us=each.half_us + LATER_US,
            due_us=each.due_us + LATER_US,
        )
        for each in one.works
    )
    return replace(one, deliveries=deliveries, works=works)


def lists(node: Node) -> None:
    """Print the CPU of a thread for each list of the desk, which the load of the machine changes little."""
    node.core.people.look()
    desk: Any = node.desk.uses
    asked: dict[str, Callable[[Officer], object]] = {
        "for me": lambda who: desk.queue._page(who, WorkQuery(limit=100)),
        "taken by me": lambda who: desk.queue._page(who, WorkQuery(limit=100, mine=True)),
        "all": lambda who: desk.queue._page(who, WorkQuery(limit=100, all=True)),
        "matters": lambda who: desk.reading._threads(who, ThreadQuery(limit=100)),
    }
    for person in (OTHER, DUTY, "th.s.3", "th.n.1"):
        who = replace(officer(), person=person)
        for name, ask in asked.items():
            times = []
            for _ in range(20):
                began = time.thread_time()
                ask(who)
                times.append((time.thread_time() - began) * 1000)
            cuts = quantiles(times, n=20)
            print(f"{person:10} {name:12} CPU median {cuts[9]:6.1f} p95 {cuts[18]:6.1f} ms", flush=True)


async def measure(consoles: Consoles, asking: Asking | None) -> None:
    """Print the figures of each page; and of exchanges beside open streams, where a counterpart can ask."""
    print(f"{'person':10} {'page':24} {'bytes':>7} {'median':>7} {'p95 ms':>7} {'CPU ms':>7} {'held ms':>7}")
    for person in PEOPLE:
        async with consoles.visitor(person) as visitor:
            for path in (*OPEN_TO, *MORE):
                if role_of(person) in OPEN_TO[path.partition("?")[0]]:
                    await _page(visitor, person, path)
    async with consoles.visitor(OFFICER) as visitor:
        print(f"first load without fonts: {await first_load(visitor, '/gate'):,} bytes", flush=True)
    for person in (OFFICER, DUTY):
        await streams(consoles, person, asking)


async def _page(visitor: Visitor, person: str, path: str) -> None:
    answer = await visitor.get(path)
    if answer.status_code != 200:
        return
    times, began = [], time.process_time()
    with loop_watch() as watch:
        for _ in range(TIMES):
            start = time.perf_counter()
            await visitor.get(path)
            times.append((time.perf_counter() - start) * 1000)
    cpu = (time.process_time() - began) * 1000 / TIMES
    cuts, held = quantiles(times, n=20), watch.longest * 1000
    print(f"{person:10} {path:24} {len(answer.content):7} {cuts[9]:7.1f} {cuts[18]:7.1f} {cpu:7.1f} {held:7.1f}")


class Asking:
    """A counterpart that asks this node, from the same process: its part of the CPU is the same with and without."""

    def __init__(self, world: World) -> None:
        self._client = caller(world, str(PEERS[0]), "th")
        self._sender = world.federation[str(PEERS[0])]

    async def cpu_us(self) -> float:
        """Return the CPU of the process for one exchange, in microseconds, over `EXCHANGES` questions."""
        ask: dict[str, Any] = {"sender": PEERS[0], "recipient": MemberId("th"), "query": NO_PASSPORT}
        sent = [submission(sealed(self._sender, **ask)) for _ in range(EXCHANGES)]
        async with self._client.channel() as channel:
            call = channel.unary_unary(methods.SUBMIT.path)
            began = time.process_time()
            for batch in batched(sent, IN_FLIGHT):
                for answer in await asyncio.gather(*(call(one, timeout=20) for one in batch)):
                    outcome = answer_of(methods.SUBMIT.answer.read(answer)).outcome
                    assert outcome is Outcome.NO_HIT, outcome
            return (time.process_time() - began) * 1e6 / EXCHANGES


async def streams(consoles: Consoles, person: str, asking: Asking | None) -> None:
    """Print the CPU of a node with open streams, idle and for one exchange, without and with them in turn."""
    events.OF_SESSION, port = STREAMS, urlsplit(consoles.node().addresses["console"]).port
    async with consoles.visitor(person) as visitor:
        idle: dict[int, list[float]] = {0: [], STREAMS: []}
        asked: dict[int, list[float]] = {0: [], STREAMS: []}
        for number in (0, STREAMS) * 3:
            said = (str(port), str(consoles.home / "ca.pem"), visitor.secret, str(number))
            opened = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _READER, *said, stdout=asyncio.subprocess.PIPE
            )
            assert opened.stdout is not None
            await opened.stdout.readline()
            began, at = time.process_time(), time.perf_counter()
            await asyncio.sleep(STREAM_S)
            idle[number].append((time.process_time() - began) / (time.perf_counter() - at))
            asked[number] += [await asking.cpu_us() for _ in range(3)] if asking else []
            opened.kill()
            await opened.wait()
            await asyncio.sleep(6)
        without, with_them = (sum(found) / len(found) * 100 for found in idle.values())
        print(f"{person}: {STREAMS} streams cost {with_them - without:.2f} % of a core ({without:.2f} without)")
        if asking:
            alone, beside = (median(found) for found in asked.values())
            print(f"{person}: an exchange costs {alone:.0f} us of CPU without and {beside:.0f} us beside the streams")


STREAMS, STREAM_S = 100, 20.0
EXCHANGES, IN_FLIGHT = 640, 32
_READER = """
import select, socket, ssl, sys
port, ca, secret, number = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.verify_flags &= ~ssl.VERIFY_X509_STRICT
opened = []
for _ in range(int(number)):
    one = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="localhost")
    head = "GET /desk/events HTTP/1.1\\r\\nhost: localhost\\r\\naccept: text/event-stream\\r\\n"
    one.sendall(f"{head}cookie: __Host-liaison={secret}\\r\\n\\r\\n".encode())
    assert b" 200 " in one.recv(65536)
    opened.append(one)
print("open", flush=True)
while True:
    for one in select.select(opened, [], [], 1)[0]:
        one.recv(65536)
"""


async def first_load(visitor: Visitor, path: str) -> int:
    """Return the bytes of a page with all that it loads, as they are sent, but for fonts."""
    page = (await visitor.get(path)).text
    total = len(page.encode())
    for href in set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)):
        answer = await visitor.get(href, accept_encoding="gzip")
        total += int(answer.headers["content-length"])
    return total


async def main(sizes: Sizes, folder: Path) -> None:
    """Fill a home where there is none in the folder, and measure its pages."""
    home, asking = folder / "th", None
    if not home.exists():
        asking = Asking(sample_world(folder, ("th", *PEERS)))
        give_console(home)
        node = build_node(load_settings(home), production=False)
        began = time.perf_counter()
        fill(node.resources.exchange_log, sizes)
        print(
            f"{sizes.threads:,} threads and {sizes.copies:,} entries in {time.perf_counter() - began:.0f} s", flush=True
        )
        for log in (node.resources.exchange_log, node.resources.operations_log):
            log.close()
        node.resources.database.close()
    node = build_node(load_settings(home), production=False)
    lists(node)
    await node.start()
    try:
        await measure(Consoles(folder / "th", {"th": node}), asking)
    finally:
        await node.stop()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:3]]
    with tempfile.TemporaryDirectory() as made:
        kept = Path(sys.argv[3] if len(sys.argv) > 3 else made)
        run(main(Sizes(*given) if len(given) == 2 else Sizes(100_000, 1_000_000), kept))
