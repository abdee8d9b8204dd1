"""Streams of events say that something has changed, never what, and end with what they follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec import structs
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse

from gateway.console.frame import events
from gateway.console.frame.events import Streams, merged_changes
from gateway.errors import Overloaded
from tests.support.nodes import officer
from tests.support.waiting import MOST_S


async def feed(*items: object) -> AsyncIterator[object]:
    for item in items:
        yield item


async def test_each_change_of_any_feed_is_told_without_its_content_and_then_the_end() -> None:
    told = [part async for part in merged_changes([feed("secret", "more"), feed(3)])]
    assert sorted(told) == [b"event: changed\ndata: {}\n\n"] * 3 + [b"event: over\ndata: {}\n\n"]
    assert told[-1].startswith(b"event: over")


async def test_a_silent_stream_says_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAUSE_S", 0.01)
    stream = merged_changes([_never()])
    assert await anext(stream) == b": nothing new\n\n"
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_reader_who_goes_leaves_nothing_running() -> None:
    ended = asyncio.Event()

    async def watched() -> AsyncIterator[object]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            ended.set()

    stream = merged_changes([watched()])
    assert await anext(stream) == b"event: changed\ndata: {}\n\n"
    await stream.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(MOST_S):
        await ended.wait()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StreamingResponse]:
    """Begin a stream of a session for a person of an agency, where there are eight."""
    monkeypatch.setattr(events, "most_pages", lambda: 8)
    streams = Streams(lambda: 0.0)
    request = Request({"type": "http", "headers": [], "state": {"is_stream": lambda: None}})

    async def goes_on(_is_due: bool) -> bool:
        return True

    def begin(session: str, person: str, agency: str = "police") -> StreamingResponse:
        who = structs.replace(officer("th"), person=person, agency=agency)
        return streams.watch(StreamingResponse(merged_changes([_never()])), request, session, who, goes_on)

    return begin


async def test_n290_persons_of_one_agency_together_leave_streams_to_the_others(
    watch: Callable[..., StreamingResponse],
) -> None:
    kept = [watch(f"s{number}", f"th.p.{number}") for number in range(4)]
    with pytest.raises(Overloaded):
        watch("s4", "th.p.4")
    kept += [watch(f"c{number}", "th.c.1", "customs") for number in range(2)]
    with pytest.raises(Overloaded):
        watch("c2", "th.c.2", "customs")
    assert watch("i", "th.i.1", "immigration")


async def test_n290_streams_count_by_person_from_when_they_are_admitted(
    watch: Callable[..., StreamingResponse],
) -> None:
    admitted = [watch(f"s{number}", "th.d.7") for number in range(4)]  # nothing of them is read yet
    with pytest.raises(Overloaded):
        watch("s4", "th.d.7")
    others = [watch("t", "th.d.8", "customs"), watch("t", "th.d.8", "customs")]

    async def gone(_message: object) -> None:
        raise ConnectionResetError

    async def receive() -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError

    for answer in admitted:
        with pytest.raises(ClientDisconnect):
            await answer({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, gone)
    assert [watch("s4", "th.d.7") for _ in range(3)], "what never began has left its place"
    assert others


async def _never() -> AsyncIterator[object]:
    await asyncio.Event().wait()
    yield 0
