"""Count the modules of the product whose functions run on four ways through two simulated nodes.

=================  ====================================================================================================
frame to answer    Thailand has a stream to Viet Nam open. A frame with a request for a passport comes, and the hit
                   leaves. Only the node that answers runs.
notice to row      Thailand's notice of an alert comes, and its receipt leaves. Only the node that takes it runs.
approve to         A supervisor's browser sends the form that approves an ask, until the node that asks has the receipt
receipt            of the other one, where it has become work. Both nodes run, and the console.
gate's hit         An officer's browser sends the form of the gate, and gets the page with the hit of the counterpart
                   once the search is over. Both nodes run, and the console.
=================  ====================================================================================================

Each way is gone several times. The first time also fills what is kept in memory, and does not count. A module counts
that runs in most of the others, so that a timer of the node, which may run by chance, does not: two runs may differ by
a few modules. What a module does when it is imported is not counted.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import CodeType, FrameType, SimpleNamespace, TracebackType
from typing import Any

import structlog
from liaison.exchange.v1 import exchange_pb2 as pb

import gateway.node  # noqa: F401 - before anything loads grpc, as in every process of ours
from gateway.demo.sources import planted
from gateway.model.desk.delivered import NoticeMessage
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import WorkKind
from gateway.node import wire
from gateway.rpc import methods
from tests.house.tree import TOPS
from tests.support.alerts import author, raising, supervisor
from tests.support.approving import approve_waiting
from tests.support.exchange import TH, VN, entries, sealed
from tests.support.matters import see, send, visitor, with_consoles
from tests.support.second_step import OFFICER, SUPERVISOR, follow_up, hit, is_taken, step, step_world, works
from tests.support.shared import PROJECT
from tests.support.simulator import Simulation, simulated

_ASKED = {"purpose": "INVESTIGATION", "offence": "NARC", "ticket": "T-1", "case": "C-1", "to": "vn"}
_TIMES = 8
_SLEEP_S = 0.001


class Trace:
    """Notes which functions of all threads run while it is entered. `start` comes before the threads begin."""

    def __init__(self) -> None:
        self._codes: set[CodeType] = set()
        self._is_on = False

    def start(self) -> None:
        """Let this thread and later ones tell of each function that runs."""
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def stop(self) -> None:
        """Let no thread that begins from now on tell of it, nor this one."""
        threading.setprofile(None)
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _argument: Any) -> None:
        if self._is_on and event == "call":
            self._codes.add(frame.f_code)

    def __enter__(self) -> None:
        self._codes.clear()
        self._is_on = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_on = False

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until a condition holds, without noting what it runs, and without a round of a node."""
        async with asyncio.timeout(60):
            while True:
                self._is_on = False
                found = condition()
                self._is_on = True
                if found:
                    return
                await asyncio.sleep(_SLEEP_S)

    @property
    def modules(self) -> set[str]:
        """The modules of the product of which a function ran."""
        paths = {Path(code.co_filename) for code in self._codes if code.co_name != "<module>"}
        ours = [path.relative_to(PROJECT) for path in paths if path.is_relative_to(PROJECT)]
        return {str(path) for path in ours if path.parts[0] in TOPS}


def run() -> dict[str, list[str]]:
    """Return the modules entered on each way, by its name."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    trace = Trace()
    trace.start()
    try:
        return asyncio.run(_all(trace))
    finally:
        trace.stop()


async def _all(trace: Trace) -> dict[str, list[str]]:
    ways = {
        "frame to answer": _frame,
        "notice to row": _notice,
        "approve to receipt": _approval,
        "gate's hit": _gate,
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        async with simulated(with_consoles(step_world(Path(folder))), is_open=True) as world:
            for name, way in ways.items():
                _, *entered = [trace.modules async for _ in way(world, trace)]
                times = Counter(module for modules in entered for module in modules)
                found[name] = sorted(module for module, count in times.items() if count > len(entered) / 2)
    return found


def _channel(world: Simulation) -> Any:
    """Return a channel of Thailand to Viet Nam that no node of Thailand uses, and that is not cut with the others."""
    identity: Any = SimpleNamespace(certificate=world.federation["th"].certificate("tls"))
    connect: Any = world.wire.connect(TH)
    return connect(identity, None, TH)(world.nodes["vn"].addresses["exchange"], ())


async def _frame(world: Simulation, trace: Trace) -> AsyncIterator[None]:
    """Ask over a stream that is open."""
    call = _channel(world).stream_stream(methods.STREAM.path)()
    await call.write(wire.request_hello(pb.Hello(member=TH, trust_hash=bytes(32))))
    await call.read()
    for number in range(_TIMES):
        frame = wire.request_frame(number, wire.submit(sealed(world.federation["th"]), 3_000))
        (data,) = wire.pack_requests([frame])
        with trace:
            await call.write(data)
            answer = await call.read()
        ((_, found),) = wire.parse_replies(answer)
        assert not isinstance(found, Exception), found
        yield
    call.cancel()


async def _notice(world: Simulation, trace: Trace) -> AsyncIterator[None]:
    """Bring notices that Thailand has written while its link is cut."""
    th = world.nodes["th"]
    deliver = _channel(world).unary_unary(methods.DELIVER_NOTICE.path)
    world.wire.cut(TH, VN)
    for _ in range(_TIMES):
        alert = await th.desk.alerts.own.raise_alert(author(), raising())
        await approve_waiting(th.desk.alerts.own, supervisor(), alert)
        data = methods.DELIVER_NOTICE.request.write(NoticeMessage(entries(th)[-1].request))
        with trace:
            answer = await deliver(data)
        assert methods.DELIVER_NOTICE.answer.read(answer).envelope
        yield
    world.wire.mend()


async def _approval(world: Simulation, trace: Trace) -> AsyncIterator[None]:
    """Let a supervisor approve what an officer has drafted to follow up hits."""
    th, vn = world.nodes["th"], world.nodes["vn"]
    drafts = [await step(world, "th").drafting.follow_up(OFFICER, follow_up(await hit(world))) for _ in range(_TIMES)]
    async with visitor(world, SUPERVISOR.person.person) as browser:
        for drafted in drafts:
            theirs, taken = ThreadKey(TH, drafted.key.thread_id), is_taken(th, drafted.key)
            with trace:
                answer = await send(browser, f"/desk/work/{drafted.work.id}/approve", {"do": "approve"}, _form())
                await trace.until(lambda: taken() and works(vn, WorkKind.DECIDE, key=theirs))  # noqa: B023 - at once
            assert answer.status_code == 303, answer.text
            yield


async def _gate(world: Simulation, trace: Trace) -> AsyncIterator[None]:
    """Ask at the gate for a passport that the counterpart has."""
    running = world.nodes["th"].asking.searches._running
    async with visitor(world, OFFICER.person.person) as browser:
        for _ in range(_TIMES):
            await see(browser, "/gate")
            with trace:
                answer = await send(browser, "/gate", _ASKED | {"asked": planted.STOLEN_PASSPORT.number}, _form())
                path = answer.headers["location"]
                await trace.until(lambda: running[path.rpartition("/")[2]].search.is_over)  # noqa: B023 - at once
                page = await see(browser, path)
            assert page.status_code == 200
            assert "data-live" not in page.text
            yield


def _form() -> str:
    """Return the random id of a new form."""
    return secrets.token_urlsafe(16)
