"""The scrubber: every entry is hashed again once a week, and what is not what was signed ends the log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.audit.log.scrub import PIECE, WEEK_S, Scrubber
from gateway.clock import ManualClock
from gateway.errors import StorageBroken
from gateway.ports.journal import EntryDraft
from tests.support.audit_logs import NOON, LogHome, answered, logged

pytestmark = pytest.mark.usefixtures("engine")

WEEK = timedelta(seconds=WEEK_S)


def rounds(scrubber: Scrubber, number: int) -> list[EntryDraft]:
    return [draft for _ in range(number) for draft in scrubber.round()]


def test_a_week_after_the_start_a_pass_begins_and_its_end_is_an_entry(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    with LogHome(tmp_path).log() as log:
        logged(log.append([answered() for _ in range(PIECE + 3)]))
        scrubber = Scrubber([log], clock, 60.0)
        assert rounds(scrubber, 3) == [], "a start has hashed all of it"
        clock.advance(WEEK)
        assert rounds(scrubber, 1) == [], "one piece is not all"
        (draft,) = rounds(scrubber, 5)
        assert (draft.kind, draft.private) == ("scrubbed", {"log": log.store_name, "size": PIECE + 3})
        clock.advance(WEEK / 2)
        assert rounds(scrubber, 3) == []
        clock.advance(WEEK / 2)
        assert len(rounds(scrubber, 5)) == 1


def test_a_long_log_is_hashed_within_a_week() -> None:
    class Long:
        store_name, size, hashed_from = "exchange/1", 50_000_000, 0
        last = 0

        def reread(self, first: int, stop: int) -> None:
            assert first == self.last, "every entry, in order"
            self.last = stop

    log, clock = Long(), ManualClock(NOON)
    scrubber = Scrubber([log], clock, 3600.0)
    clock.advance(WEEK)
    drafts = rounds(scrubber, int(WEEK_S / 3600))
    assert log.last == log.size
    assert [draft.kind for draft in drafts] == ["scrubbed"]


def test_an_entry_that_was_changed_in_the_database_is_found_and_nothing_is_signed_over_it(tmp_path: Path) -> None:
    home, clock = LogHome(tmp_path), ManualClock(NOON)
    with home.log() as log:
        logged(log.append([answered() for _ in range(5)]))
        scrubber = Scrubber([log], clock, 60.0)
        home.sql("UPDATE log_entry SET body = leaf_hash WHERE seq = 2")
        clock.advance(WEEK)
        with pytest.raises(StorageBroken, match="not what was written"):
            scrubber.round()
