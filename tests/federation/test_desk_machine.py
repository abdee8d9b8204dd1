"""Whatever the link and the processes do, both sides of each thread end with the same notices, states and evidence."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gateway.audit.entries.entry import Entry, parse_entry
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
    Urgency,
)
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports import events
from tests.support.desks import Desk, Desks, make_desks

MEMBERS = ("th", "vn", "kh")
BODIES: tuple[Body, ...] = (
    Ask(About.QUESTION, "more of the truck", topic="vehicle"),
    Reply(ReplyCode.CLARIFY, text="which bridge?"),
    Reply(ReplyCode.NOTHING_HELD),
    Reply(ReplyCode.REFUSED, reason="not-ours"),
    Change(ChangeCode.WITHDRAWN, of="", reason="settled"),
    OutcomeReport(OutcomeCode.NO_ACTION),
    Note("en", "a word"),
)


def post(desk: Desk, body: Body) -> Post:
    """A notice of an officer that never expires."""
    who = Requester("officer", f"{desk.member}.blo.one", "police", "0123456789abcdef")
    return Post(
        body, Urgency.FLASH, Purpose.INVESTIGATION, Offence.NARC, who, case="TH-2026-0417", agreement="gms-border-2026"
    )


def entries(desk: Desk) -> list[Entry]:
    """All entries of a desk's exchange log."""
    store, name = desk._logs_store, desk.logs["exchange"].store_name  # type: ignore[index]
    state = store.state(name)
    return [parse_entry(body) for _, body, _ in store.bodies(name, 0, state.size)] if state else []


def of_kind(desk: Desk, *kinds: Any) -> dict[str, Entry]:
    """Entries of kinds by exchange; each exchange has one at most."""
    found = [entry for entry in entries(desk) if entry.kind in events.kinds(*kinds)]
    by_id = {entry.exchange_id: entry for entry in found}
    assert len(by_id) == len(found), "an exchange has two entries of one kind"
    return by_id


def check_pair(one: Desk, other: Desk) -> int:
    """Check that two desks hold the same of all their threads; return the number of notices."""
    count = 0
    threads = {t.key.thread_id for t in one.store.threads() if t.key.peer == other.member}
    assert threads == {t.key.thread_id for t in other.store.threads() if t.key.peer == one.member}
    for thread_id in threads:
        mine, theirs = ThreadKey(other.member, thread_id), ThreadKey(one.member, thread_id)
        here, there = one.store.thread(mine), other.store.thread(theirs)
        assert here is not None
        assert there is not None
        assert here.opener != there.opener
        placed = merge(one.store.placed(mine))
        assert placed == merge(other.store.placed(theirs))
        hashes = {(row.notice_id, row.payload_hash) for row in one.store.notices(mine)}
        assert hashes == {(row.notice_id, row.payload_hash) for row in other.store.notices(theirs)}
        assert here.state is there.state is told(here.kind, placed)
        assert (here.ours, here.theirs) == (there.theirs, there.ours)
        count += len(placed)
    return count


def check_evidence(author: Desk, taker: Desk) -> None:
    """Check that each notice of the author to the taker has its entries at both sides, and that they agree."""
    asked, received = of_kind(author, events.ASKED), of_kind(author, events.RECEIVED)
    answered = of_kind(taker, events.ANSWERED)
    for name, entry in asked.items():
        if entry.peer != taker.member:
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


class DeskMachine(RuleBasedStateMachine):
    """Officers act at random, links fail, processes die."""

    @initialize(seed=st.integers(0, 2**32), count=st.sampled_from((2, 3)))
    def begin(self, seed: int, count: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lsn-desks-"))
        self.runner = asyncio.Runner()
        self.members = MEMBERS[:count]

        async def make() -> Desks:
            return make_desks(self.folder, self.members, seed)

        self.desks = self.runner.run(make())
        self.threads: list[tuple[MemberId, ThreadKey]] = []

    def _desk(self, place: int) -> Desk:
        return self.desks.desks[MemberId(self.members[place % len(self.members)])]

    async def _act(self, desk: Desk, work: Any) -> Any:
        """Let an officer act; a refusal or the death of the process is no fault of the test."""
        try:
            return await desk.alive(work)
        except LiaisonError:
            return None
        finally:
            await desk.reborn()

    @rule(who=st.integers(0, 2), to=st.integers(1, 2))
    def open(self, who: int, to: int) -> None:
        desk, other = self._desk(who), self._desk(who + to)
        if desk is other:
            return
        body = Ask(About.QUESTION, "a truck was left at the bridge", topic="vehicle")
        key = self.runner.run(self._act(desk, desk.author.open(other.member, post(desk, body))))
        if key is not None:
            self.threads.append((desk.member, key))

    @rule(place=st.integers(0, 50), body=st.sampled_from(BODIES), opener=st.booleans())
    def say(self, place: int, body: Body, opener: bool) -> None:
        if not self.threads:
            return
        member, key = self.threads[place % len(self.threads)]
        desk = self.desks.desks[member if opener else key.peer]
        mine = key if opener else ThreadKey(member, key.thread_id)
        if desk.store.thread(mine) is not None:
            if isinstance(body, Change):
                body = Change(ChangeCode.WITHDRAWN, of=key.thread_id, reason="settled")
            self.runner.run(self._act(desk, desk.author.post(mine, post(desk, body))))

    @rule(lost=st.sampled_from((0.0, 0.3, 0.9)), doubled=st.sampled_from((0.0, 0.15, 0.5)))
    def spoil(self, lost: float, doubled: float) -> None:
        self.desks.link.lost, self.desks.link.doubled = lost, doubled

    @rule(who=st.integers(0, 2), place=st.sampled_from(("before", "inside", "after")))
    def kill(self, who: int, place: str) -> None:
        self._desk(who).kill_at(place)

    @rule(one=st.integers(0, 2), cut=st.booleans())
    def cut(self, one: int, cut: bool) -> None:
        pair = frozenset((self._desk(one).member, self._desk(one + 1).member))
        (self.desks.link.cut.add if cut else self.desks.link.cut.discard)(pair)

    @rule(seconds=st.sampled_from((0, 1, 40)))
    def go_on(self, seconds: int) -> None:
        async def run() -> None:
            self.desks.clock.advance(timedelta(seconds=seconds))
            for desk in self.desks.desks.values():
                await desk.reborn()
                await desk.sender.round()
            await asyncio.sleep(0.005)
            for desk in self.desks.desks.values():
                await desk.reborn()

        self.runner.run(run())

    def teardown(self) -> None:
        if not hasattr(self, "desks"):
            return
        try:
            self.runner.run(self.desks.settle())
            check_all(self.desks)
        finally:
            self.runner.run(self.desks.stop())
            self.runner.close()
            shutil.rmtree(self.folder, ignore_errors=True)


DeskMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
test_desks_agree = DeskMachine.TestCase


@pytest.mark.parametrize("seed", range(2))
async def test_a_link_that_loses_a_third_each_way_loses_nothing(tmp_path: Path, seed: int) -> None:
    desks = make_desks(tmp_path, ("th", "vn"), seed)
    link = desks.link
    link.lost, link.doubled = 0.3, 0.15
    keys = []
    for place in range(60):
        desk = list(desks.desks.values())[place % 2]
        other = MemberId("vn" if desk.member == "th" else "th")
        if place % 7 == 3:
            desk.kill_at(link.random.choice(("before", "inside", "after")))
        try:
            keys.append(await desk.alive(desk.author.open(other, post(desk, BODIES[0]))))
        except LiaisonError:
            await desk.reborn()
    await desks.settle()
    assert check_all(desks) >= len(keys)
    assert link.sent > len(keys)
    await desks.stop()
