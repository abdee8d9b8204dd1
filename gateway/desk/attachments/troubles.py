"""Raise the work of an administrator about files that wait or stay shut, once for each cause, and end it."""

from __future__ import annotations

import hashlib

from msgspec.structs import replace

from gateway.desk.attachments.values import FileParts
from gateway.desk.raising import for_administrator
from gateway.errors import Stale
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId
from gateway.ports.desk import DeskRows
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft


class Troubles:
    """Tells administrators of causes that keep files from people."""

    def __init__(self, it: FileParts) -> None:
        self._it = it

    async def raise_work(self, code: str) -> None:
        """Raise the work on a cause where none is open, with an alarm."""
        await self._write(code, is_over=False)

    async def end_work(self, code: str) -> None:
        """End the work on a cause that is over."""
        await self._write(code, is_over=True)

    async def _write(self, code: str, *, is_over: bool) -> None:
        it, member = self._it, self._it.desk.parts.member
        key = ThreadKey(member, ExchangeId(hashlib.sha256(f"desk files {code}".encode()).hexdigest()[:32]))

        def draft() -> EntryDraft:
            work = for_administrator(key, code, it.now_us)
            known = it.desk.store.work(work.id)
            is_open = known is not None and not known.done_us
            if is_open != is_over:
                raise Stale("nothing changes", code="no-change", where="attachments")
            if is_over and known is not None:
                work = replace(known, done_us=it.now_us, by="node", result="it works again")
            detail = f"{code}{' is over' if is_over else ''}"
            return events.ALARM.draft(code="attachments", detail=detail, rows=DeskRows(works=(work,)))

        try:
            await it.desk.pen.write(member, key, draft)
        except Stale:
            return
