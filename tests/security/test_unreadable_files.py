"""A file that could not be read once is read again: a removal that came meanwhile counts (real descriptors run out)."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.config.suspensions import Action, Suspensions
from gateway.errors import BadSignature, Overloaded
from gateway.exchange.changes import TrustChanges
from gateway.ports.journal import EntryDraft
from gateway.trust.ceremony.ceremony import publish_status
from gateway.trust.keeper import TrustKeeper
from tests.support.federation import Federation, make_federation


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path, ManualClock(founded.clock.now()))


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let this process open no file (EMFILE), as in a storm of connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.open("/dev/null", os.O_RDONLY)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            os.close(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Put a folder in the file's place, and the very file back: for root no mode makes it unreadable."""
    aside = path.with_name("aside")
    path.rename(aside)
    path.mkdir()
    yield
    path.rmdir()
    aside.rename(path)


def settle(keeper: TrustKeeper, federation: Federation) -> None:
    """Let the files of the last change be old."""
    assert isinstance(federation.clock, ManualClock)
    federation.clock.advance(timedelta(minutes=1))
    keeper.refresh()
    assert not keeper.refresh()


def removal(federation: Federation, keeper: TrustKeeper) -> str:
    gone = federation["kh"].key("statement").key_id
    data = publish_status(federation["kh"].home, federation.clock, removed=[gone])
    keeper.documents.accept_status(data, "kh", federation.clock)
    return gone


def counts(keeper: TrustKeeper, federation: Federation, key_id: str) -> bool:
    try:
        keeper.view.verify_key("kh", key_id, "statement", federation.clock.now_us())
    except BadSignature:
        return False
    return True


def test_a_removal_that_could_not_be_read_for_want_of_descriptors_counts_in_the_next_round(
    federation: Federation,
) -> None:
    keeper = federation["th"].keeper()
    settle(keeper, federation)
    gone = removal(federation, keeper)
    with no_descriptors():
        assert not keeper.refresh()
        assert counts(keeper, federation, gone)
    assert keeper.alarms
    assert keeper.refresh()
    assert not counts(keeper, federation, gone)
    assert keeper.alarms == ()


@pytest.mark.parametrize("file", ["charter.jsonl", "descriptors/kh.jsonl", "statuses/kh.json"])
def test_a_file_of_trust_that_could_not_be_read_is_read_again(federation: Federation, file: str) -> None:
    keeper = federation["th"].keeper()
    settle(keeper, federation)
    gone = removal(federation, keeper)
    with unreadable(keeper.documents.folder / file):
        keeper.refresh()
        assert keeper.alarms
    keeper.refresh()
    assert not counts(keeper, federation, gone)
    assert keeper.alarms == ()


def test_a_half_written_file_that_is_finished_in_the_same_moment_counts(federation: Federation) -> None:
    keeper = federation["th"].keeper()
    settle(keeper, federation)
    path = keeper.documents.status_path("kh")
    old = path.read_bytes()
    gone = removal(federation, keeper)
    new = path.read_bytes()
    path.write_bytes(old)
    settle(keeper, federation)
    found = path.stat()
    half = new[: len(new) // 2].ljust(len(new), b" ")
    with path.open("r+b") as file:
        file.write(half)
        file.flush()
        keeper.refresh()
        file.seek(0)
        file.write(new)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    keeper.refresh()
    assert not counts(keeper, federation, gone)


def test_the_off_switch_that_could_not_be_read_is_off_and_is_read_again(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    file = tmp_path / "suspensions.jsonl"
    file.write_text('{"id":"a","time":"","action":"suspend","target":"peer:vn","reason":"r"}\n')
    suspensions = Suspensions(file, clock.monotonic)
    clock.advance(timedelta(minutes=1))
    assert suspensions.suspends(peer="kh") is None
    with file.open("a") as opened:
        opened.write('{"id":"b","time":"","action":"suspend","target":"peer:la","reason":"r"}\n')
    clock.advance(timedelta(seconds=2))
    with no_descriptors():
        assert suspensions.suspends(peer="kh")
    clock.advance(timedelta(seconds=2))
    assert suspensions.suspends(peer="kh") is None
    assert suspensions.suspends(peer="la")
    assert [switch.action for switch in suspensions.switches] == [Action.SUSPEND] * 2


def test_an_entry_about_trust_that_could_not_be_written_is_written_in_the_next_round(federation: Federation) -> None:
    keeper = federation["th"].keeper()
    written: list[str] = []
    full = [True]

    async def write(draft: EntryDraft) -> None:
        if full:
            full.pop()
            raise Overloaded("the log's stage is full")
        written.append(draft.kind)

    async def rounds() -> None:
        changes = TrustChanges(keeper, write)
        removal(federation, keeper)
        with pytest.raises(Overloaded):
            await changes.round()
        await changes.round()
        await changes.round()

    asyncio.run(rounds())
    assert written == ["trust-accepted", "alarm"]
