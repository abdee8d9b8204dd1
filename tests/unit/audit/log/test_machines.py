"""Whatever happens to machines that share a log, it stays one line, and nothing that was promised is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.clock import ManualClock
from gateway.ports.journal import EntryDraft
from gateway.signing.keys import SigningKey
from gateway.storage.log import lease as leases
from tests.support.audit_logs import LogHome, answered, new_id
from tests.support.databases import server
from tests.support.machines import Machine, check_line

pytestmark = pytest.mark.process

KEY = SigningKey(Ed25519PrivateKey.generate())
EXAMPLES, STEPS = (60, 30) if "LIAISON_SLOW" in os.environ else (8, 14)
SKEWS_S = (0, 3, -3)
"""What the clock of each machine is ahead of the first one's."""

ONE = st.integers(0, len(SKEWS_S) - 1)


class Machines(RuleBasedStateMachine):
    """Three machines of one member. One step at a time; a suspended one is in the middle of its batch."""

    exchanges: Bundle[EntryDraft] = Bundle("exchanges")

    @initialize()
    def found(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lsn-"))
        self.home = LogHome(self.folder / "home", KEY)
        with self.home.database():
            pass
        self.all = [Machine(self.home, self.folder / f"m{place}", skew) for place, skew in enumerate(SKEWS_S)]

    def able(self, number: int) -> Machine | None:
        """The machine, unless it is suspended; one that has failed starts again."""
        machine = self.all[number]
        if machine.failed and not machine.suspended:
            machine.kill()
            machine.start()
        return None if machine.suspended else machine

    @rule(target=exchanges, number=ONE, count=st.integers(1, 3))
    def write(self, number: int, count: int) -> EntryDraft:
        drafts = [answered(new_id()) for _ in range(count)]
        if machine := self.able(number):
            machine.append(drafts)
        return drafts[0]

    @rule(number=ONE, draft=exchanges)
    def repeat(self, number: int, draft: EntryDraft) -> None:
        """The same request reaches any machine again: there is one answer."""
        if machine := self.able(number):
            machine.append([answered(draft.exchange_id, draft.request_hash), answered()])

    @rule(number=ONE, place=st.sampled_from(("before", "after")))
    def suspend(self, number: int, place: str) -> None:
        if machine := self.able(number):
            machine.suspend(place, [answered(), answered()])

    @rule(number=ONE)
    def go_on(self, number: int) -> None:
        self.all[number].go_on()

    @rule(number=ONE)
    def cut(self, number: int) -> None:
        """The network breaks: the machine hears of it at its next batch."""
        machine = self.all[number]
        if machine.suspended:
            machine.cut()
        elif (able := self.able(number)) is not None:
            able.cut()
            able.append([answered()])
            assert able.failed

    @rule(number=ONE)
    def kill(self, number: int) -> None:
        self.all[number].kill()
        self.all[number].start()

    @rule(number=ONE)
    def restart(self, number: int) -> None:
        if machine := self.able(number):
            machine.close()
            machine.start()

    @rule(number=ONE)
    def prove(self, number: int) -> None:
        """A machine proves what any other has written, under a head of its own."""
        places = [place for machine in self.all for place in machine.places]
        machine = self.able(number)
        if machine is None or not places:
            return
        index, _ = max(places)
        proof = machine.log.proof(index)
        head = parse_checkpoint(proof.checkpoint)
        machine.heads.append((head.size, head.root))
        assert head.size > index
        assert machine.log.root(head.size) == head.root

    @rule(number=ONE, by_s=st.integers(-20, 20))
    def step_of_the_clock(self, number: int, by_s: int) -> None:
        clock = self.all[number].home.clock
        assert isinstance(clock, ManualClock)
        clock.advance(timedelta(seconds=by_s))

    def teardown(self) -> None:
        for machine in getattr(self, "all", ()):
            machine.close()
        if hasattr(self, "all"):
            check_line(self.home, self.all)
            with self.home.log() as log:  # and the log opens again
                log.append([answered()])
            shutil.rmtree(self.folder)


def test_machines_that_are_suspended_cut_off_and_killed_write_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    server("postgresql")
    monkeypatch.setattr(LogHome, "engine", "postgresql")
    monkeypatch.setattr(leases, "PATIENCE_S", 0.02)
    Machines.TestCase.settings = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    Machines.TestCase("runTest").runTest()
