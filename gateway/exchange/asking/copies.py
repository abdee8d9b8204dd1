"""Copies of records that came from abroad: kept no longer than their owner allows (DUTY-L16).

A search is stored without its records. Each record is a document of its own, which ends when the release marking says.
A record for a single use is not kept: the officer who asked has seen it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import asdict, replace

from gateway.clock import to_us
from gateway.model.search import Line, Search, ShownHit, ShownRecord
from gateway.ports.documents import DocumentStore
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft

COPY = "copy"
"""The kind of a copy among the documents; its key is `<search>/<exchange>/<place of the hit>`."""

_BATCH = 64
_NOT_AFTER = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies of all searches."""

    documents: DocumentStore

    def keep(self, search: Search, now_us: int, until_us: int) -> Search:
        """Keep the records of `search`, each until its own end or `until_us`; return the search without them.

        A record whose time is over is not kept, so that storing a search again revives nothing that was deleted.
        """
        for key, hit in _hits(search):
            record = hit.record
            if record is None or record.marking.get("delete_after_use") is True:
                continue
            ends_us = min(until_us, _ends_us(record))
            if ends_us <= now_us:
                continue
            self.documents.put(COPY, key, json.dumps(asdict(record), ensure_ascii=False).encode(), ends_us)
        return _mapped(search, lambda _key, hit: replace(hit, record=None))

    def restore(self, search: Search) -> Search:
        """Return the search with those of its records that are still kept."""

        def restored(key: str, hit: ShownHit) -> ShownHit:
            data = self.documents.get(COPY, key)
            return hit if data is None else replace(hit, record=ShownRecord(**json.loads(data)))

        return _mapped(search, restored)

    def over(self, now_us: int) -> list[str]:
        """Return the keys of the copies whose time is over."""
        return self.documents.expired(COPY, now_us)

    def delete(self, key: str) -> None:
        """Delete one copy, whose entry was written before."""
        self.documents.delete(COPY, key)

    async def delete_over(self, now_us: int, write: Callable[[EntryDraft], Awaitable[object]]) -> None:
        """Delete the copies whose time is over, each after its entry; the entries of a batch share a transaction."""
        over = await asyncio.to_thread(self.over, now_us)
        for start in range(0, len(over), _BATCH):
            keys = over[start : start + _BATCH]
            await asyncio.gather(*(write(deletion(key)) for key in keys))
            for key in keys:
                await asyncio.to_thread(self.delete, key)


def deletion(key: str) -> EntryDraft:
    """Return the entry of a copy that is about to be deleted because its time is over."""
    search, exchange, _ = key.split("/")
    return events.COPY_DELETED.draft(search=search, exchange=exchange, ground="retention")


def _hits(search: Search) -> Iterator[tuple[str, ShownHit]]:
    for line in search.lines:
        for place, hit in enumerate(line.hits):
            yield _key(search, line, place), hit


def _key(search: Search, line: Line, place: int) -> str:
    return f"{search.id}/{line.exchange_id or line.member}/{place}"


def _mapped(search: Search, change: Callable[[str, ShownHit], ShownHit]) -> Search:
    lines = tuple(
        replace(line, hits=tuple(change(_key(search, line, at), hit) for at, hit in enumerate(line.hits)))
        if line.hits
        else line
        for line in search.lines
    )
    return replace(search, lines=lines)


def _ends_us(record: ShownRecord) -> int:
    """Return the time at which the owner's release ends; a marking without a readable time ends at once."""
    try:
        return to_us(datetime.strptime(record.marking["not_after"], _NOT_AFTER).replace(tzinfo=UTC))
    except (KeyError, TypeError, ValueError):
        return 1
