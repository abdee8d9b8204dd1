"""The keys of calls at the desk: a call has its effect once, and one that was broken off is carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.desk.worklist.once import OnceKeys
from gateway.errors import Forbidden, Malformed, Replayed
from gateway.storage.documents.document_store import SqlDocumentStore
from tests.support.audit_logs import NOON, LogHome

pytestmark = pytest.mark.asyncio


class _Called:
    """A call that counts how often it was carried out, and is done at most by one at a time."""

    def __init__(self, documents: SqlDocumentStore) -> None:
        self.keys = OnceKeys(documents, ManualClock(NOON))
        self.count = 0
        self._is_inside = False

    async def send(self, key: str, asked: bytes = b"note", fault: BaseException | None = None) -> bytes:
        """Carry the call out under a key, or break it off with `fault` once it began."""
        async with self.keys.once("th.o.1", key, asked) as claim:
            if claim.answer:
                return claim.answer
            assert not self._is_inside
            self._is_inside = True
            await asyncio.sleep(0)
            self._is_inside = False
            if fault is not None:
                raise fault
            self.count += 1
            self.keys.keep(claim, b"done %d" % self.count)
        return b"done %d" % self.count


@pytest.fixture
def called(tmp_path: Path) -> Iterator[_Called]:
    with LogHome(tmp_path).documents() as documents:
        yield _Called(documents)


async def test_calls_at_once_have_one_effect_and_one_answer(called: _Called) -> None:
    assert await asyncio.gather(*(called.send("k") for _ in range(5))) == [b"done 1"] * 5
    assert await called.send("other") == b"done 2"


@pytest.mark.parametrize("fault", [Forbidden("no", code="not-yours"), RuntimeError("lost"), asyncio.CancelledError()])
async def test_what_was_refused_or_broken_off_is_carried_out_when_it_comes_again(
    called: _Called, fault: BaseException
) -> None:
    with pytest.raises(type(fault)):
        await called.send("k", fault=fault)
    with pytest.raises(Replayed):
        await called.send("k", b"something else")
    assert await called.send("k") == b"done 1"
    assert await called.send("k") == b"done 1"


async def test_a_call_that_was_not_well_formed_sets_its_key_free_but_not_that_of_another(called: _Called) -> None:
    with pytest.raises(Malformed):
        await called.send("k", fault=Malformed("no", code="bad-ask"))
    assert await called.send("k", b"something else") == b"done 1"
    with pytest.raises(Forbidden):
        await called.send("second", fault=Forbidden("no", code="not-yours"))
    with pytest.raises(Malformed):
        await called.send("second", fault=Malformed("no", code="bad-ask"))
    with pytest.raises(Replayed):
        await called.send("second", b"something else")
