"""Server-sent events that say only that something has changed: the page then fetches what it shows anew.

They carry no content. A comment in a pause keeps readers and what lies between from taking a silent stream for a broken
one. A stream ends with its session, and gives way to newer ones of the same session: a browser has six connections to
one place, and pages need some of them. The connection of a stream ends with it, and takes no place of those of pages:
all people of an office can come from one address.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.errors import Overloaded
from gateway.host.descriptors import most_pages
from gateway.model.requester import Officer
from gateway.throttle import Shares

EVENT_STREAM = "text/event-stream"
PAUSE_S = 5.0
"""The most seconds in which a stream brings nothing."""

OF_SESSION = 4
"""Streams of one session at a time; one more ends the oldest."""

LOOK_S = 30.0
"""Seconds after which a stream looks again whether its session goes on; a revoked officer is seen at each event."""

_CHANGED = b"event: changed\ndata: {}\n\n"
_OVER = b"event: over\ndata: {}\n\n"
_BEGUN = b"id: 1\n: begun\n\n"
"""Its id comes back with a connection that is made anew (`Last-Event-ID`): changes may have been missed meanwhile."""


async def merged_changes(feeds: Sequence[AsyncIterator[object]]) -> AsyncIterator[bytes]:
    """Yield `changed` each time that one of the feeds has something new, and `over` when all have ended."""
    waits = {asyncio.ensure_future(anext(feed, None)): feed for feed in feeds}
    try:
        while waits:
            done, _ = await asyncio.wait(waits, timeout=PAUSE_S, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                yield b": nothing new\n\n"
            for wait in done:
                feed = waits.pop(wait)
                if wait.result() is None:
                    continue
                waits[asyncio.ensure_future(anext(feed, None))] = feed
                yield _CHANGED
    finally:
        for wait, feed in waits.items():
            wait.cancel()
            closing = asyncio.ensure_future(
                _closed(wait, feed)
            )  # on its own: the reader that left may have cancelled this
            _closing.add(closing)
            closing.add_done_callback(_closing.discard)
    yield _OVER


_closing: set[asyncio.Future[None]] = set()
"""Keep the tasks that close feeds: a loop alone keeps none of them."""


async def _closed(wait: asyncio.Future[object], feed: AsyncIterator[object]) -> None:
    """Close a feed whose reader has left: one that waits to be asked would stay until memory is looked through."""
    await asyncio.wait((wait,))
    if isinstance(feed, AsyncGenerator):
        await feed.aclose()


class Streams:
    """The streams of one process: few of each session, and of no person and no agency more than are free for others.

    A stream counts from when it is admitted until its answer has ended, whether a byte of it was read or not.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._open: defaultdict[str, list[_Stream]] = defaultdict(list)
        # Asked each time: the limit of open files can be raised.
        self._persons, self._agencies = (Shares(lambda: most_pages()) for _ in range(2))

    def watch(
        self, answer: StreamingResponse, request: Request, session: str, officer: Officer, goes_on: GoesOn
    ) -> StreamingResponse:
        """Return a stream that answers a request until its session ends. Raises `Overloaded` where too many are open.

        `goes_on` tells whether the session goes on.
        """
        here = self._open.get(session, [])
        # Those that gave way count until their answers have ended: one who opens streams and reads none fills no
        # memory.
        if len(here) >= 2 * OF_SESSION or not self._take(officer):
            raise Overloaded("too many pages are open", code="too-many-streams", where="events")
        request.scope["state"]["is_stream"]()
        stream, here = _Stream(), self._open[session]
        here.append(stream)
        for old in here[:-OF_SESSION]:
            old.is_over = True

        def leave() -> None:
            self._persons.give_back(officer.person)
            self._agencies.give_back(officer.agency)
            here.remove(stream)
            if not here:
                self._open.pop(session, None)

        anew = "last-event-id" in request.headers
        events = self._events(stream, answer.body_iterator, goes_on, anew=anew)
        return _Counted(events, leave, {**answer.headers, "connection": "close"})

    def _take(self, officer: Officer) -> bool:
        """Take a place for a person, which is one of its agency's, too; return False where one of both has too many."""
        if not self._agencies.take(officer.agency):
            return False
        if not self._persons.take(officer.person):
            self._agencies.give_back(officer.agency)
            return False
        return True

    async def _events(self, stream: _Stream, events: Any, goes_on: GoesOn, *, anew: bool) -> AsyncIterator[bytes]:
        looked = self._monotonic()
        yield _BEGUN + (_CHANGED if anew else b"")
        async with aclosing(events):
            async for event in events:
                now = self._monotonic()
                is_due = now - looked >= LOOK_S
                if stream.is_over or not await goes_on(is_due):
                    yield _OVER
                    return
                looked = now if is_due else looked
                yield event


class _Counted(StreamingResponse):
    """A stream that says when it has ended, also where its reader went before it began."""

    def __init__(self, events: AsyncIterator[bytes], leave: Callable[[], None], headers: dict[str, str]) -> None:
        super().__init__(events, headers=headers)
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


class _Stream:
    """One open stream; `is_over` once newer ones have its place."""

    is_over = False


GoesOn = Callable[[bool], Awaitable[bool]]
"""Tells whether a session goes on; called with True it looks at the session itself, else whether it was revoked."""
