"""Group commit: entries that wait share a transaction, a bad one harms no other, and a broken storage ends it all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from gateway.errors import LiaisonError, Malformed, StorageAway, StorageBroken
from gateway.model.exchange import LogProof
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged, StoredAnswer
from gateway.storage.log.group_commit import MAX_BATCH, LogWriter
from tests.support.audit_logs import LogHome, answered
from tests.support.waiting import MOST_S


class SlowJournal:
    """Takes nothing until it is opened, and remembers how many drafts came at once; a broken one raises."""

    def __init__(self, broken: LiaisonError | None = None) -> None:
        self.opened = threading.Event()
        self.batches: list[int] = []
        self.broken = broken

    def append(self, drafts: Sequence[EntryDraft]) -> list[Logged | StoredAnswer]:
        self.opened.wait(MOST_S)
        self.batches.append(len(drafts))
        if self.broken is not None:
            raise self.broken
        first = sum(self.batches[:-1])
        return [Logged(first + place, b"", None, LogProof(0, (), b"")) for place in range(len(drafts))]

    def stored_answers(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], StoredAnswer]:
        return {}

    def proof(self, index: int, origin: str = "") -> LogProof:
        return LogProof(index, (), b"")


def test_calls_that_end_together_share_a_transaction_and_a_bad_one_harms_nobody(tmp_path: Path) -> None:
    gate = threading.Barrier(16)
    drafts = [events.ALARM.draft(count=n) if n else events.OWN.draft() for n in range(16)]
    found: dict[int, object] = {}

    def write(number: int, writer: LogWriter) -> None:
        gate.wait()
        try:
            found[number] = writer.write_now(drafts[number])
        except Malformed as error:
            found[number] = error

    with LogHome(tmp_path).log("operations") as log:
        writer = LogWriter(log)
        threads = [threading.Thread(target=write, args=(number, writer)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert isinstance(found.pop(0), Malformed)
        places = [place.index for place in found.values() if isinstance(place, Logged)]
        assert sorted(places) == list(range(log.size)) == list(range(15))


async def test_what_tasks_write_shares_a_transaction_and_a_bad_one_harms_no_other(tmp_path: Path) -> None:
    drafts = [events.ALARM.draft(count=n) if n else events.OWN.draft() for n in range(16)]
    with LogHome(tmp_path).log("operations") as log:
        writer = LogWriter(log)
        writer.start()
        found = await asyncio.gather(*(writer.write(draft) for draft in drafts), return_exceptions=True)
        writer.stop(10)
        assert isinstance(found.pop(0), Malformed)
        assert sorted(place.index for place in found if isinstance(place, Logged)) == list(range(15))


async def test_a_transaction_takes_what_waits_up_to_its_bound_and_stop_writes_the_rest() -> None:
    journal = SlowJournal()
    writer = LogWriter(journal)
    writer.start()
    tasks = [asyncio.create_task(writer.write(events.ALARM.draft(count=n))) for n in range(MAX_BATCH * 2 + 1)]
    await asyncio.sleep(0)
    journal.opened.set()
    await asyncio.to_thread(writer.stop, 10)
    places = await asyncio.gather(*tasks)
    assert [place.index for place in places] == list(range(MAX_BATCH * 2 + 1))
    assert max(journal.batches) <= MAX_BATCH
    assert len(journal.batches) <= 4


async def test_a_task_that_gave_up_waiting_does_not_end_the_worker() -> None:
    journal = SlowJournal()
    writer = LogWriter(journal)
    writer.start()
    gone = asyncio.create_task(writer.write(events.ALARM.draft(count=1)))
    await asyncio.sleep(0)
    gone.cancel()
    journal.opened.set()
    assert (await writer.write(events.ALARM.draft(count=2))).index == 1
    await asyncio.to_thread(writer.stop, 10)


@pytest.mark.long
def test_a_writer_that_waits_itself_is_told_what_its_claim_lost_to(tmp_path: Path) -> None:
    draft = answered()
    with LogHome(tmp_path).log() as log:
        writer = LogWriter(log)
        assert isinstance(writer.write_now(draft), Logged)
        assert isinstance(writer.write_now(answered(draft.exchange_id, draft.request_hash)), StoredAnswer)


async def test_a_broken_storage_goes_to_fatal_and_no_task_is_told_that_its_entry_is_durable() -> None:
    fatal: list[BaseException] = []
    ended = threading.Event()

    def end(error: BaseException) -> None:
        fatal.append(error)
        ended.set()

    journal = SlowJournal(broken=StorageBroken("the disk is full"))
    journal.opened.set()
    writer = LogWriter(journal, fatal=end)
    writer.start()
    task = asyncio.create_task(writer.write(events.ALARM.draft(count=1)))
    assert await asyncio.to_thread(ended.wait, 10)
    assert isinstance(fatal[0], StorageBroken)
    assert not task.done()
    task.cancel()


def test_a_broken_storage_is_raised_to_everyone_who_waits() -> None:
    journal = SlowJournal(broken=StorageBroken("the disk is full"))
    writer = LogWriter(journal)
    found: list[BaseException] = []

    def write() -> None:
        with pytest.raises(StorageBroken) as caught:
            writer.write_now(events.ALARM.draft(count=1))
        found.append(caught.value)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    journal.opened.set()
    for thread in threads:
        thread.join()
    assert len(found) == 8


async def test_an_entry_that_meets_a_database_that_is_away_is_refused_and_the_next_one_is_written() -> None:
    """CASE-N285."""
    journal = SlowJournal(broken=StorageAway("the database is away"))
    ended: list[BaseException] = []
    journal.opened.set()
    writer = LogWriter(journal, fatal=ended.append)
    writer.start()
    with pytest.raises(StorageAway):
        await writer.write(events.OWN.draft())
    journal.broken = None
    assert (await writer.write(events.OWN.draft())).index == 1
    writer.stop(10)
    assert ended == []
