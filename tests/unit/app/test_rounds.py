"""The runner of rounds: order within a line, independence of lines, leadership, alarms, and the end of the process."""

from __future__ import annotations

import asyncio

import pytest

from gateway.app.rounds import Leadership, Round, Rounds, Work, writing
from gateway.clock import SystemClock
from gateway.errors import Overloaded, StorageBroken, Unavailable
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from tests.support.load import in_turns


class Made:
    """A runner whose alarms, fatal errors and rounds are written down."""

    def __init__(self, *rounds: Round, leads: bool = True) -> None:
        self.drafts: list[EntryDraft] = []
        self.fatal: list[BaseException] = []
        self.full = False
        self.leadership = Leadership(lambda: leads)
        self.rounds = Rounds(rounds, self.leadership, self.write, self.fatal.append)

    async def write(self, draft: EntryDraft) -> None:
        if self.full:
            raise Overloaded("the log's stage is full")
        self.drafts.append(draft)

    @property
    def alarms(self) -> list[str]:
        return [draft.private["detail"] for draft in self.drafts if draft.event is events.ALARM]


def noting(seen: list[str], name: str) -> Work:
    async def work() -> None:
        seen.append(name)

    return work


def raising(errors: list[BaseException]) -> Work:
    """Raise the next of `errors`, and nothing when there is none left."""

    async def work() -> None:
        if errors:
            raise errors.pop(0)

    return work


async def test_rounds_of_a_line_are_made_in_order_whatever_fails_among_them() -> None:
    seen: list[str] = []
    made = Made(
        Round("one", 1, noting(seen, "one"), line="a"),
        Round("alone", 1, noting(seen, "alone")),
        Round("bad", 1, raising([ValueError("/home/somebody")]), line="a"),
        Round("two", 1, noting(seen, "two"), line="a"),
    )
    await made.leadership.look()
    await made.rounds.make("a")
    assert seen == ["one", "two"]
    assert made.alarms == ["bad: ValueError"]  # the text of a foreign exception may hold anything


@pytest.mark.parametrize("leads", [False, True])
async def test_a_round_for_the_leader_is_made_by_the_leader_alone(leads: bool) -> None:
    seen: list[str] = []
    made = Made(
        Round("each", 1, noting(seen, "each"), leader_only=False, line="a"),
        Round("once", 1, noting(seen, "once"), line="a"),
        leads=leads,
    )
    await made.rounds.make("a")  # no one has asked the database yet
    assert seen == ["each"]
    assert await made.leadership.look() is leads
    await made.rounds.make("a")
    assert seen == ["each", "each", *(["once"] if leads else [])]


@pytest.mark.parametrize("leads", [False, True])
async def test_a_round_is_late_from_when_it_was_due_until_it_succeeds(
    leads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(SystemClock, "monotonic", staticmethod(lambda: now[0]))
    made = Made(
        Round("well", 10, raising([]), leader_only=False, line="a"),
        Round("bad", 10, raising([Unavailable("a"), Unavailable("a")]), line="a"),
        leads=leads,
    )
    await made.leadership.look()
    now[0] += 30
    await made.rounds.make("a")
    assert made.rounds.late_s() == {"well": 0.0} | ({"bad": 20.0} if leads else {})
    now[0] += 15
    assert made.rounds.late_s() == {"well": 5.0} | ({"bad": 35.0} if leads else {})
    for _ in range(2):
        await made.rounds.make("a")
    assert set(made.rounds.late_s().values()) == {0.0}


async def test_a_line_that_hangs_holds_up_no_other() -> None:
    seen, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        await never.wait()

    async def see() -> None:
        seen.set()

    made = Made(Round("hangs", 0, hang, leader_only=False), Round("goes on", 0, see, leader_only=False))
    running = asyncio.create_task(made.rounds.run())
    await in_turns(seen.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_failure_has_an_alarm_when_it_begins_or_changes_and_when_it_comes_back() -> None:
    errors: list[BaseException] = [Unavailable("a"), Unavailable("a"), Unavailable("b")]
    made = Made(Round("r", 1, raising(errors), leader_only=False))
    for _ in range(4):
        await made.rounds.make("r")
    assert made.alarms == ["r: a", "r: b"]
    errors.append(Unavailable("b"))
    await made.rounds.make("r")
    assert made.alarms == ["r: a", "r: b", "r: b"]


async def test_an_alarm_that_could_not_be_written_is_written_by_the_next_round() -> None:
    made = Made(Round("r", 1, raising([Unavailable("a"), Unavailable("a")]), leader_only=False))
    made.full = True
    await made.rounds.make("r")
    made.full = False
    await made.rounds.make("r")
    assert made.alarms == ["r: a"]


async def test_a_broken_storage_ends_the_process_and_has_no_alarm() -> None:
    made = Made(Round("r", 1, raising([StorageBroken("the disk is full")]), leader_only=False))
    await made.rounds.make("r")
    assert [type(error) for error in made.fatal] == [StorageBroken]
    assert not made.drafts


async def test_a_connection_that_is_closed_under_a_round_is_a_failure_and_not_its_end() -> None:
    made = Made(Round("r", 1, raising([asyncio.CancelledError()]), leader_only=False))
    await made.rounds.make("r")
    assert made.alarms == ["r: CancelledError"]


async def test_the_work_of_writing_writes_what_is_found_in_order() -> None:
    made = Made()
    await writing(lambda: [events.ALARM.draft(count=n) for n in range(3)], made.write)()
    assert [draft.private["count"] for draft in made.drafts] == [0, 1, 2]
