"""Have files scanned that have come or were brought, and check that what came is of the type that its notice says.

Only the word `clean` opens a file to people. While no scanner is set, or it gives no clear word, files stay shut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from gateway.desk.attachments.antivirus import Scanner, Verdict
from gateway.desk.attachments.formulas import has_formulas, original_hash
from gateway.desk.attachments.giving import next_try_us
from gateway.desk.attachments.kinds import checked_type
from gateway.desk.attachments.troubles import Troubles
from gateway.desk.attachments.values import FileParts
from gateway.errors import Contradicted, Malformed, Stale, Unavailable, Unknown
from gateway.model.desk.attachments import FileState, MediaType, chunk_count
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId
from gateway.ports.desk import DeskRows
from gateway.ports.entries import events
from gateway.ports.files.held import HeldFile
from gateway.ports.journal import EntryDraft

_AT_ONCE = 16
_SILENT, _NO_SCANNER, _FOUND = "scanner-silent", "no-scanner", "scanner-found"
_FORMULAS = "formulas-made-texts"


class Scanning:
    """Scans what waits, one file after the other, while this process leads."""

    def __init__(self, it: FileParts, scanner: Callable[[], Scanner | None], troubles: Troubles) -> None:
        self._it = it
        self._scanner = scanner
        self._troubles = troubles
        self._task: asyncio.Task[None] | None = None

    async def round(self) -> None:
        """Begin to scan what waits; raise an error of ours."""
        if self._task is not None:
            if not self._task.done():
                return
            done, self._task = self._task, None
            done.result()
        due = await asyncio.to_thread(self._it.rows.due, (FileState.UNSCANNED,), self._it.now_us, _AT_ONCE)
        if due:
            self._task = asyncio.create_task(self._scan_all(due))

    async def finish(self) -> None:
        """Stop (the node ends); what is being scanned is scanned again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _scan_all(self, due: list[HeldFile]) -> None:
        """Scan files. Where one of a counterpart makes the scanner silent, its others come in a later round."""
        silent: set[str] = set()
        for row in due:
            if row.peer not in silent and not await self._scan(row):
                silent.add(row.peer)

    async def _scan(self, row: HeldFile) -> bool:
        """Scan one file; tell whether it could be told what it is."""
        try:
            seen, code = await asyncio.to_thread(self._verdict, row)
        except Unavailable as error:
            now_us, tries = self._it.now_us, row.tries + 1
            later = replace(row, tries=tries, problem=error.code, due_us=next_try_us(now_us, tries))
            await asyncio.to_thread(self._it.rows.note, later)
            await self._troubles.raise_work(error.code)
            return False
        if seen.state is FileState.CLEAN:
            for cause in (_SILENT, _NO_SCANNER):
                await self._troubles.end_work(cause)
        elif seen.state is FileState.SHUT:
            await self._troubles.raise_work(_FOUND)
        await self._told(seen, code)
        return True

    def _verdict(self, row: HeldFile) -> tuple[HeldFile, str]:
        """Return the row of a file after a look, and the code of why. Raises `Unavailable` where none can be told."""
        files = self._it.files
        again = FileState.LOST if row.ours else FileState.WAITING
        if not files.has(row):
            return replace(row, state=again), "file-lost"
        try:
            return self._looked(row)
        except (Contradicted, Unknown) as error:  # our disk has lost or changed it
            return replace(row, state=again), error.code

    def _looked(self, row: HeldFile) -> tuple[HeldFile, str]:
        read, size = self._it.files.reader(row), row.about.size
        try:
            if checked_type(read, size, row.about.name) is not row.about.type:
                return replace(row, state=FileState.REFUSED), "name-and-type-differ"
        except Malformed as error:
            return replace(row, state=FileState.REFUSED), error.code
        scanner = self._scanner()
        if scanner is None:
            raise Unavailable(
                "no scanner is set",
                code=_NO_SCANNER,
                where="attachments.scanner",
                remedy="name one, or `none` where files are to be opened unscanned",
            )
        if scanner(self._parts(row)) is not Verdict.CLEAN:
            return replace(row, state=FileState.SHUT), _FOUND
        if row.about.type is MediaType.CSV and has_formulas(read, size):
            return replace(row, state=FileState.CLEAN, original=original_hash(read, size)), _FORMULAS
        return replace(row, state=FileState.CLEAN), ""

    def _parts(self, row: HeldFile) -> Iterator[bytes]:
        return (self._it.files.chunk(row, number) for number in range(chunk_count(row.about.size)))

    async def _told(self, row: HeldFile, code: str) -> None:
        """Write what was seen of a file, with its row."""
        it, problem = self._it, code if row.state is not FileState.CLEAN else ""

        def draft() -> EntryDraft:
            here = it.rows.one(*row.place)
            if here is None:
                raise Stale("the notice is gone", code="erased", where="attachment")
            made = events.ATTACHMENT_SCANNED.draft(
                peer=row.peer,
                exchange_id=row.notice_id,
                file=row.about.root.hex(),
                outcome=row.state.value,
                code=code,
            )
            now = replace(here, state=row.state, problem=problem, original=row.original, due_us=it.now_us, tries=0)
            made.rows = DeskRows(files=(now,))
            return made

        try:
            await it.desk.pen.write(it.desk.parts.member, ThreadKey(row.peer, ExchangeId(row.thread_id)), draft)
        except Stale:
            return
        if row.state in (FileState.REFUSED, FileState.WAITING):
            await asyncio.to_thread(it.files.remove, row)
