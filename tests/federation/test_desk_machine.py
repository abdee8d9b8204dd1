"""Whatever the link and the processes do, both sides of each thread end with the same notices, states and evidence."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gateway.config.suspensions import Action
from gateway.desk.delivery.authoring import Post
from gateway.desk.fold import merge, told
from gateway.errors import LiaisonError
from gateway.model.desk.notices import (
    About,
    Ask,
    Body,
    Change,
    ChangeCode,
    Note,
    OutcomeCode,
    OutcomeReport,
    Reply,
    ReplyCode,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import DeliveryState
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.entries import events
from tests.support.audit_logs import LogHome
from tests.support.desks import Desk, Desks, entries_of, make_desks

MEMBERS = ("th", "vn", "kh")
LIVES = st.sampled_from((0, 0, 20, 3_600))
PURPOSES = st.sampled_from((Purpose.INVESTIGATION, Purpose.INVESTIGATION, Purpose.THREAT_TO_LIFE, Purpose.TRAINING))
BODIES: tuple[Body, ...] = (
    Ask(About.QUESTION, "more of the truck", topic="vehicle"),
    Reply(ReplyCode.CLARIFY, text="which bridge?"),
    Reply(ReplyCode.NOTHING_HELD),
    Reply(ReplyCode.REFUSED, reason="not-ours"),
    Change(ChangeCode.WITHDRAWN, of="", reason="settled"),
    OutcomeReport(OutcomeCode.NO_ACTION),
    Note("en", "a word"),
)


def post(desk: Desk, body: Body, life_s: int = 0, purpose: Purpose = Purpose.INVESTIGATION) -> Post:
    """A notice of an officer, which never expires with a life of 0."""
    who = Requester("officer", f"{desk.member}.blo.one", "police", "0123456789abcdef")
    return Post(
        body, Urgency.FLASH, purpose, Offence.NARC, who, case="TH-2026-0417", agreement="gms-border-2026",
        expires_us=desk.clock.now_us() + life_s * 1_000_000 if life_s else 0,
    )  # fmt: skip


def threads(one: Desk, other: Desk) -> set[ExchangeId]:
    """Ids of the threads with another member in which a notice stands: none does where the first one was refused."""
    return {t.key.thread_id for t in one.store.threads() if t.key.peer == other.member and (t.ours or t.theirs)}


def hashes(desk: Desk, key: ThreadKey) -> set[tuple[str, bytes]]:
    """Ids and hashes of the notices that are part of a thread."""
    return {(row.notice_id, row.payload_hash) for row in desk.store.notices(key) if row.placed.seq}


def check_pair(one: Desk, other: Desk) -> int:
    """Check that two desks hold the same of all their threads; return the number of notices."""
    count = 0
    assert threads(one, other) == threads(other, one)
    for thread_id in threads(one, other):
        mine, theirs = ThreadKey(other.member, thread_id), ThreadKey(one.member, thread_id)
        here, there = one.store.thread(mine), other.store.thread(theirs)
        assert here is not None
        assert there is not None
        assert here.opener != there.opener
        placed = merge(one.store.placed(mine))
        assert placed == merge(other.store.placed(theirs))
        assert hashes(one, mine) == hashes(other, theirs)
        assert here.state is there.state is told(here.kind, placed)
        assert (here.ours, here.theirs) == (there.theirs, there.ours)
        count += len(placed)
    return count


def check_evidence(author: Desk, taker: Desk) -> None:
    """Check that each notice of the author to the taker has its entries at both sides, and that they agree.

    One that was not sent, since one before it was refused, has neither. Of one whose time was over before a receipt
    came, the author does not know whether it was taken, and its entry says no more.
    """
    asked, received = entries_of(author, events.ASKED), entries_of(author, events.RECEIVED)
    answered, silent = entries_of(taker, events.ANSWERED, events.REFUSED), entries_of(author, events.SILENT)
    for name, entry in asked.items():
        if entry.peer != taker.member:
            continue
        if name not in received:
            assert name in silent
            ended = author.store.delivery(ExchangeId(name))
            assert ended is not None
            assert ended.state is DeliveryState.EXPIRED or name not in answered
            continue
        ours, theirs = received[name], answered[name]
        assert entry.request_hash == ours.request_hash == theirs.request_hash
        assert (ours.answer_hash, ours.number) == (theirs.answer_hash, theirs.number)


def check_all(desks: Desks) -> int:
    """Check all pairs; return the number of notices."""
    every = list(desks.desks.values())
    for author in every:
        for taker in every:
            if author is not taker:
                check_evidence(author, taker)
    return sum(check_pair(one, other) for at, one in enumerate(every) for other in every[at + 1 :])


async def find_out(desks: Desks) -> None:
    """Say a word more in each thread with a notice of which its author does not know whether it was taken."""
    for desk in desks.desks.values():
        for key in {each.key for each in desk.store.deliveries((DeliveryState.EXPIRED,))}:
            for body in (Note("en", "a word"), Status(key.thread_id, StatusCode.READ)):
                with suppress(LiaisonError):
                    await desk.author.post(key, post(desk, body))
                    break
    await desks.settle()


class DeskMachine(RuleBasedStateMachine):
    """Officers act at random, links fail, processes die, members are suspended and removed, and time goes on."""

    engine = "sqlite"
    several: tuple[str, ...] = ()

    @initialize(seed=st.integers(0, 2**32), count=st.sampled_from((2, 3)))
    def begin(self, seed: int, count: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lsn-desks-"))
        self.runner = asyncio.Runner()
        self.members = MEMBERS[:count]

        async def make() -> Desks:
            return make_desks(self.folder, self.members, seed, self.several)

        before, LogHome.engine = LogHome.engine, self.engine
        try:
            self.desks = self.runner.run(make())
        finally:
            LogHome.engine = before
        self.threads: list[tuple[MemberId, ThreadKey]] = []

    def _desk(self, place: int) -> Desk:
        return self.desks.desks[MemberId(self.members[place % len(self.members)])]

    def _process(self, desk: Desk) -> Desk:
        """One process of a member."""
        link = self.desks.link
        chosen: Desk = link.random.choice([desk, *link.others.get(desk.member, ())])
        return chosen

    async def _act(self, desk: Desk, work: Any) -> Any:
        """Let an officer act; a refusal or the death of the process is no fault of the test."""
        try:
            return await desk.alive(work)
        except LiaisonError:
            return None
        finally:
            await desk.reborn()

    @rule(who=st.integers(0, 2), to=st.integers(1, 2), life_s=LIVES, purpose=PURPOSES)
    def open(self, who: int, to: int, life_s: int, purpose: Purpose) -> None:
        desk, other = self._desk(who), self._desk(who + to)
        if desk is other:
            return
        body = Ask(About.QUESTION, "a truck was left at the bridge", topic="vehicle")
        desk = self._process(desk)
        act = desk.author.open(other.member, post(desk, body, life_s, purpose))
        key = self.runner.run(self._act(desk, act))
        if key is not None:
            self.threads.append((desk.member, key))

    @rule(place=st.integers(0, 50), body=st.sampled_from(BODIES), opener=st.booleans(), life_s=LIVES, purpose=PURPOSES)
    def say(self, place: int, body: Body, opener: bool, life_s: int, purpose: Purpose) -> None:
        if not self.threads:
            return
        member, key = self.threads[place % len(self.threads)]
        desk = self.desks.desks[member if opener else key.peer]
        mine = key if opener else ThreadKey(member, key.thread_id)
        if desk.store.thread(mine) is not None:
            if isinstance(body, Change):
                body = Change(ChangeCode.WITHDRAWN, of=key.thread_id, reason="settled")
            desk = self._process(desk)
            self.runner.run(self._act(desk, desk.author.post(mine, post(desk, body, life_s, purpose))))

    @rule(lost=st.sampled_from((0.0, 0.3, 0.9)), doubled=st.sampled_from((0.0, 0.15, 0.5)), deaf=st.booleans())
    def spoil(self, lost: float, doubled: float, deaf: bool) -> None:
        link = self.desks.link
        link.lost, link.doubled, link.late, link.deaf = lost, doubled, doubled, deaf

    @rule()
    def bring_late_ones(self) -> None:
        self.runner.run(self.desks.link.bring_late_ones())

    @rule(who=st.integers(0, 2), action=st.sampled_from(Action), humane=st.booleans())
    def switch(self, who: int, action: Action, humane: bool) -> None:
        target = f"peer:{self._desk(who + 1).member}"
        self._desk(who).switch(action, target, "minister" if humane and action is Action.SUSPEND else "")

    @rule(who=st.integers(0, 2), gone=st.booleans())
    def remove(self, who: int, gone: bool) -> None:
        for desk in self.desks.every:
            if desk.member != self._desk(who).member:
                desk.remove(*([self._desk(who).member] if gone else []))

    @rule(who=st.integers(0, 2), place=st.sampled_from(("before", "inside", "after")))
    def kill(self, who: int, place: str) -> None:
        self._process(self._desk(who)).kill_at(place)

    @rule(one=st.integers(0, 2), cut=st.booleans())
    def cut(self, one: int, cut: bool) -> None:
        pair = frozenset((self._desk(one).member, self._desk(one + 1).member))
        (self.desks.link.cut.add if cut else self.desks.link.cut.discard)(pair)

    @rule(seconds=st.sampled_from((0, 1, 40, 3_600)))
    def go_on(self, seconds: int) -> None:
        async def run() -> None:
            self.desks.clock.advance(timedelta(seconds=seconds))
            for desk in self.desks.every:
                await desk.reborn()
                await desk.sender.round()
            await asyncio.sleep(0.005)
            for desk in self.desks.every:
                await desk.reborn()

        self.runner.run(run())

    def teardown(self) -> None:
        if not hasattr(self, "desks"):
            return
        try:
            self.runner.run(self.desks.settle())
            self.runner.run(find_out(self.desks))
            check_all(self.desks)
        finally:
            self.runner.run(self.desks.stop())
            self.runner.close()
            shutil.rmtree(self.folder, ignore_errors=True)


class SeveralProcesses(DeskMachine):
    """The same, on PostgreSQL, with two processes of one member that both send."""

    engine = "postgresql"
    several = ("th",)


_SETTINGS: dict[str, Any] = {
    "stateful_step_count": 40, "deadline": None, "suppress_health_check": list(HealthCheck)
}  # fmt: skip
DeskMachine.TestCase.settings = settings(max_examples=8, **_SETTINGS)
SeveralProcesses.TestCase.settings = settings(max_examples=4, **_SETTINGS)
test_desks_agree = DeskMachine.TestCase
test_desks_of_several_processes_agree = pytest.mark.process(SeveralProcesses.TestCase)


async def test_one_that_was_taken_and_whose_receipts_were_lost_until_its_time_was_over_is_part_of_both_threads(
    tmp_path: Path,
) -> None:
    desks = make_desks(tmp_path)
    author, taker = desks.desks.values()
    desks.link.deaf = True
    key = await author.author.open(taker.member, post(author, BODIES[0], life_s=20))
    await desks.until(lambda: author.store.deliveries(key=key)[0].problem != "", "the first receipt was lost")
    assert entries_of(taker, events.ANSWERED)
    desks.clock.advance(timedelta(seconds=3_600))
    await desks.until(author.is_quiet, "its time is over")
    assert [each.state for each in author.store.deliveries(tuple(DeliveryState), key)] == [DeliveryState.EXPIRED]
    await desks.settle()
    await find_out(desks)
    assert check_all(desks) == 2
    assert not entries_of(author, events.RECEIVED).keys() & entries_of(author, events.SILENT).keys()
    await desks.stop()


@pytest.mark.parametrize("seed", range(2))
async def test_a_link_that_loses_a_third_each_way_loses_nothing(tmp_path: Path, seed: int) -> None:
    await run_long(tmp_path, seed, 60)


@pytest.mark.skipif("LIAISON_SLOW" not in os.environ, reason="some minutes: LIAISON_SLOW=1")
@pytest.mark.parametrize("seed", range(20))
async def test_in_long_runs_nothing_is_lost_and_nothing_doubled(tmp_path: Path, seed: int) -> None:
    await run_long(tmp_path, seed, 400)


async def run_long(folder: Path, seed: int, count: int) -> None:
    """Write so many notices in threads of two members, with a kill at each seventh, and let them all arrive."""
    desks = make_desks(folder, ("th", "vn"), seed)
    link = desks.link
    link.lost, link.doubled, link.late = 0.3, 0.15, 0.15
    keys: list[ThreadKey] = []
    written = 0
    for place in range(count):
        desk = list(desks.desks.values())[place % 2]
        other = MemberId("vn" if desk.member == "th" else "th")
        if place % 7 == 3:
            desk.kill_at(link.random.choice(("before", "inside", "after")))
        try:
            if keys and place % 3:
                known = [key for key in keys[-8:] if desk.store.thread(ThreadKey(other, key.thread_id)) is not None]
                body = link.random.choice([body for body in BODIES if not isinstance(body, Change)])
                if known:
                    key = ThreadKey(other, link.random.choice(known).thread_id)
                    await desk.alive(desk.author.post(key, post(desk, body)))
            else:
                keys.append(await desk.alive(desk.author.open(other, post(desk, BODIES[0]))))
            written += 1
        except LiaisonError:
            await desk.reborn()
        if place % 20 == 19:
            desks.clock.advance(timedelta(seconds=31))
            for each in desks.every:
                await each.reborn()
                await each.sender.round()
            await link.bring_late_ones()
    await desks.settle()
    assert check_all(desks) >= len(keys)
    assert link.sent > len(keys)
    assert sum(desk.deaths for desk in desks.every) > 0
    await desks.stop()
