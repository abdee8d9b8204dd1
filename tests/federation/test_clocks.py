"""Clocks that jump, and nodes whose clocks differ (CASE-E7, CASE-E8; DUTY-L24)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app.run.node import Node
from gateway.audit.entries.entry import decode_private, parse_entry
from gateway.clock import JUMP_US, SystemClock, steady_ns
from gateway.errors import Reason, Stale
from gateway.model.exchange import Answer, Outcome
from gateway.model.search import Line
from gateway.statements.answer import ANSWER_KIND
from gateway.statements.request import REQUEST_KIND
from gateway.views.search.lines import headline
from tests.support.audit_logs import LogHome, answered
from tests.support.exchange import NO_PASSPORT, TH, VN, Logged, command, entries, last, lines, sample_world, stopping
from tests.support.forger import eventually
from tests.support.moved_clock import look_at_sources
from tests.support.nodes import World, officer
from tests.support.sealing import payload_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("clocks"), ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def ask(world: World) -> Line:
    """Viet Nam's line."""
    found = lines(await world.nodes["th"].asking.searches.start(officer("th"), command(NO_PASSPORT)))
    line = found[VN]
    assert isinstance(line, Line)
    return line


def last_of(node: Node, kind: str) -> Logged:
    """The newest entry of a kind: the rounds write others behind it."""
    return [item for item in entries(node, "operations") if item.entry.kind == kind][-1]


def jump(world: World, monkeypatch: pytest.MonkeyPatch, by: int, *, at_start: bool = False) -> None:
    """Somebody sets the clock of Viet Nam's machine; `at_start`: it was wrong already when the node started."""
    clock = world.nodes["vn"].resources.clock
    assert isinstance(clock, SystemClock)
    monkeypatch.setattr(clock, "_wall", lambda: time.time_ns() + by)
    if at_start:
        monkeypatch.setattr(clock, "_ahead", clock._ahead + by)
        monkeypatch.setattr(clock, "_last_us", 0)


@pytest.mark.parametrize("by", [-HOUR, HOUR], ids=["back", "ahead"])
async def test_e8_a_clock_that_jumps_answers_nobody_until_it_is_right_again(
    world: World, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    vn = world.nodes["vn"]
    assert (await ask(world)).outcome is Outcome.NO_HIT
    before, seen = len(entries(vn)), len(entries(vn, "operations"))
    jump(world, monkeypatch, by)
    line = await ask(world)
    assert line.outcome in (Outcome.REFUSED, Outcome.NOT_ACCEPTED)
    (refused,) = entries(vn)[before:]
    assert (refused.entry.kind, refused.private["code"]) == ("refused", "time-uncertain")
    assert refused.private["reason"] == Reason.FAILED_PRECONDITION
    assert abs(refused.private["clock_us"] * 1_000 - by) < SECOND
    times = [item.entry.time_us for item in entries(vn)]
    assert times == sorted(set(times))
    with pytest.raises(Stale, match="clock has jumped"):
        await vn.asking.searches.start(officer("vn"), command(NO_PASSPORT, (TH,)))

    def said() -> bool:
        kinds = [item for item in entries(vn, "operations")[seen:] if item.entry.kind in ("clock", "denied")]
        return {item.entry.kind for item in kinds} == {"clock", "denied"}

    await eventually(said)
    clock = next(item for item in entries(vn, "operations")[seen:] if item.entry.kind == "clock")
    assert (clock.private["trusted"], abs(clock.private["jump_us"] * 1_000 - by) < SECOND) == (False, True)
    monkeypatch.undo()
    assert (await ask(world)).outcome is Outcome.NO_HIT
    await eventually(lambda: last_of(vn, "clock").private["trusted"] is True)


@pytest.mark.parametrize("by", [-HOUR, HOUR], ids=["back", "ahead"])
async def test_e8_a_clock_that_was_put_right_serves_and_asks_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    """Statements of both sides are of now at once, and entries stay in order."""
    th, vn = world.nodes["th"], world.nodes["vn"]
    jump(world, monkeypatch, by)
    await ask(world)  # refused, with an entry of the time in between
    monkeypatch.undo()
    began = time.time_ns()
    assert (await ask(world)).outcome is Outcome.NO_HIT
    answered = answer_of_entry(last(vn))
    back = lines(await vn.asking.searches.start(officer("vn"), command(NO_PASSPORT, (TH,))))[TH]
    assert back.outcome is Outcome.NO_HIT
    asked = REQUEST_KIND.parse(payload_of(last(th).request))
    for issued_us in (answered.issued_us, asked.issued_us):
        assert 0 <= issued_us * 1_000 - began + SECOND < 60 * SECOND
    await th.asking.acknowledger.round()  # receipts, too: a refused one raises no error, but leaves an entry
    await vn.asking.acknowledger.round()
    for node in (th, vn):
        node.resources.trust.view.freshness("th", node.resources.clock.now_us())
        assert not [item for item in entries(node, "operations") if item.entry.kind == "receipt-refused"]
        for log in ("exchange", "operations"):
            times = [item.entry.time_us for item in entries(node, log)]
            assert times == sorted(set(times))
            assert times[-1] * 1_000 < time.time_ns() + SECOND


def answer_of_entry(logged: Logged) -> Answer:
    """The answer that an entry keeps."""
    return ANSWER_KIND.parse(payload_of(logged.answer))


async def test_time_goes_on_by_the_steady_clock_while_the_system_clock_is_not_believed() -> None:
    times = {"wall": 0, "steady": 0}
    clock = SystemClock(lambda: 1_000 * HOUR + times["wall"], lambda: times["steady"])

    def now(steady: int, wall: int) -> int:
        """The time on the clock in nanoseconds after the beginning, to the microsecond."""
        times.update(wall=wall, steady=steady)
        return clock.now_us() * 1_000 - 1_000 * HOUR

    walls = [0, SECOND, HOUR, 2 * HOUR, -HOUR, 5 * SECOND]
    assert [now(number * SECOND, wall) for number, wall in enumerate(walls)] == [number * SECOND for number in range(6)]
    assert now(6 * SECOND, 10 * SECOND) == 10 * SECOND, "a small step is followed"
    assert now(7 * SECOND, 7 * SECOND) == 10 * SECOND + 1_000, "and is never gone back on"


@pytest.mark.parametrize(
    ("by", "served"), [(29, True), (-29, True), (31, False), (-31, False)], ids=["+29", "-29", "+31", "-31"]
)
async def test_e7_nodes_may_be_thirty_seconds_apart(
    world: World, monkeypatch: pytest.MonkeyPatch, by: int, served: bool
) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    jump(world, monkeypatch, by * SECOND, at_start=True)
    await look_at_sources(vn)  # as a start does
    line = await ask(world)
    theirs = entries(vn)[-1]
    if served:
        assert (line.outcome, theirs.entry.kind) == (Outcome.NO_HIT, "answered")
        return
    assert (theirs.entry.kind, theirs.private["reason"], theirs.private["code"]) == (
        "refused",
        "FAILED_PRECONDITION",
        "not-fresh",
    )
    ours = entries(th)[-1]
    value = {"member": "vn", "outcome": line.outcome.value, "late": False, "last_seen": "", "refusal": _refusal(line)}
    said = headline(value, "th")
    if by > 0:  # their answer is from our future: it is not believed, and says why
        assert (line.outcome, ours.entry.kind) == (Outcome.NOT_ACCEPTED, "silent")
        assert (ours.private["outcome"], ours.private["code"]) == ("not_accepted", "from-the-future")
        assert "their clock is ahead of ours" in said[0]
    else:
        assert (line.outcome, ours.entry.kind, ours.private["refusal"]) == (Outcome.REFUSED, "received", "not-fresh")
        assert "the two clocks differ" in said[0]


def _refusal(line: Line) -> dict[str, object]:
    assert line.refusal
    return {"code": line.refusal.code, "text": line.refusal.text if line.outcome is Outcome.NOT_ACCEPTED else ""}


async def test_duty_l24_entries_say_that_their_time_runs_ahead_of_the_clock(tmp_path: Path) -> None:
    """A node whose clock was an hour ahead is started again after it was put right."""
    ahead = SystemClock(lambda: time.time_ns() + HOUR)
    home = LogHome(tmp_path, clock=ahead)
    for clock, flagged in ((ahead, False), (SystemClock(), True)):
        home.clock = clock
        with home.log() as log:
            log.append([answered()])
            size = log.size
        with home.store() as store:
            (row,) = store.entries("exchange/1", size - 1, size)
            assert row.content
            private = decode_private(home.keystore.open_content("exchange/1", row.index, row.content)[0])
            assert ("clock_us" in private) is flagged
            if flagged:
                assert abs(private["clock_us"] * 1_000 + HOUR) < 60 * SECOND
            times = [parse_entry(body).time_us for _, body, _ in store.bodies("exchange/1", 0, size)]
            assert times == sorted(set(times))


async def test_a_machine_that_slept_has_not_jumped() -> None:
    slept = 0
    clock = SystemClock(lambda: time.time_ns() + slept, lambda: steady_ns() + slept)
    slept = 8 * HOUR
    assert abs(clock.jumped_us()) < JUMP_US
