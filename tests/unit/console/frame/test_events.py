"""Streams of events say that something has changed, never what, and end with what they follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.console.frame import events
from gateway.console.frame.events import merged_changes


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
    async with asyncio.timeout(20):
        await ended.wait()


async def _never() -> AsyncIterator[object]:
    await asyncio.Event().wait()
    yield 0
