"""Entries from the loop: whoever awaits gets its place in the log once it is durable and signed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import LiaisonError
from gateway.exchange.stages import Stage, as_error, reraise_fatal
from gateway.ports.journal import EntryDraft, Journal, Logged


@dataclass(frozen=True, slots=True)
class _Order:
    draft: EntryDraft
    future: asyncio.Future[Logged]
    line: str = ""
    rank: int = 0


class Scribe:
    """One journal behind a stage: entries that wait share a transaction."""

    def __init__(self, name: str, journal: Journal, fatal: Callable[[BaseException], None]) -> None:
        self._journal = journal
        self._stage = Stage[_Order](name, self._write, fatal)

    def start(self) -> None:
        """Start the worker."""
        self._stage.start()

    def stop(self, timeout: float) -> None:
        """Write what waits, then end."""
        self._stage.stop(timeout)

    async def write(self, draft: EntryDraft) -> Logged:
        """The entry's place, once it is durable. Raises what the journal raises for this draft."""
        future: asyncio.Future[Logged] = asyncio.get_running_loop().create_future()
        self._stage.put(_Order(draft, future))
        return await future

    def _write(self, batch: list[_Order]) -> None:
        try:
            places = self._journal.append([order.draft for order in batch])
        except LiaisonError as error:
            reraise_fatal(error)
            if len(batch) == 1:
                _settle(batch[0].future, as_error(error))
                return
            for order in batch:  # one of them is at fault: the others must not pay for it
                self._write([order])
            return
        for order, place in zip(batch, places, strict=True):
            if isinstance(place, Logged):
                _settle(order.future, place)


@dataclass(frozen=True, slots=True)
class Scribes:
    """Those who write the two logs."""

    exchange: Scribe
    operations: Scribe


def _settle(future: asyncio.Future[Logged], result: Logged | Exception) -> None:
    def settle() -> None:
        if future.done():
            return
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)

    future.get_loop().call_soon_threadsafe(settle)
