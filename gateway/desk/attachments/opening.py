"""Show files to people: which there are in a thread and how they stand, and their bytes once the entry is durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import check_person
from gateway.desk.attachments.formulas import neutral_name, neutral_parts
from gateway.desk.attachments.pdf import check_pdf
from gateway.desk.attachments.values import KEEP_BROUGHT_US, FileParts
from gateway.desk.entries import desk_act
from gateway.desk.holdings.ledger import WITHDRAWN
from gateway.errors import Forbidden, LiaisonError, Malformed, Unavailable, Unknown
from gateway.model.desk.attachments import Attachment, FileState, MediaType, chunk_count
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, HoldingState
from gateway.ports.files.held import HeldFile

_HOUR_S = 3_600.0


class ShownFile(msgspec.Struct, frozen=True):
    """A file of a thread as people see it: its row, and how many bytes of it are here."""

    row: HeldFile
    here: int


class OpenedFile(msgspec.Struct, frozen=True):
    """A file that a person opens, as it leaves: of a table with formulas a copy without them. `parts` are its bytes."""

    about: Attachment
    parts: AsyncIterator[bytes]


class Opening:
    """Lists and opens files for people who may read their thread (`ThreadReading.key`)."""

    def __init__(self, it: FileParts) -> None:
        self._it = it

    async def list(self, key: ThreadKey) -> Sequence[ShownFile]:
        """Return the files of a thread, the oldest first."""
        return await asyncio.to_thread(self._list, key)

    async def open(self, actor: Actor, key: ThreadKey, root: bytes) -> OpenedFile:
        """Return a file of a thread, once the entry of its opening is durable.

        Raises `Unknown` for one that is not there, `Unavailable` for one that is not here or not scanned yet, and
        `Forbidden` for one in which the scanner found something, or whose owner took back what came with it.
        """
        check_person(actor)
        row = await asyncio.to_thread(self._found, key, root)
        copy = await asyncio.to_thread(self._copy, row)
        act = desk_act(actor.officer, "open-file", key, notice=row.notice_id, content={"file": root.hex()})
        await self._it.desk.pen.write(self._it.desk.parts.member, key, lambda: act)
        return OpenedFile(copy or row.about, self._parts(row) if copy is None else self._neutral(row))

    def sweep(self) -> None:
        """Forget files that were brought and never named, and delete those that no row names any more. It blocks."""
        it = self._it
        it.rows.forget_brought(it.now_us - KEEP_BROUGHT_US)
        it.files.sweep(it.rows.names(), it.now_us / 1_000_000 - _HOUR_S)

    def _list(self, key: ThreadKey) -> Sequence[ShownFile]:
        rows = sorted(self._it.rows.of_thread(key), key=lambda row: (row.time_us, row.notice_id, row.about.name))
        return [ShownFile(row, self._it.files.progress(row)) for row in rows]

    def _found(self, key: ThreadKey, root: bytes) -> HeldFile:
        rows = [row for row in self._it.rows.of_thread(key) if row.about.root == root]
        row = next((each for each in rows if each.state is FileState.CLEAN), rows[0] if rows else None)
        if row is None:
            raise Unknown("there is no such file for you", code="no-such-file", where="attachment")
        if row.state is FileState.CLEAN and not self._it.files.has(row):
            self._lost(row)
        if row.state is FileState.CLEAN and row.about.type is MediaType.PDF:
            row = self._looked(row)
        if (refusal := refusal_of(row)) is not None:
            raise refusal
        copies = self._it.desk.store.holdings(source=row.notice_id, direction=Direction.IN)
        if any(copy.owner == row.peer and copy.state is not HoldingState.HELD for copy in copies):
            raise Forbidden("its owner took back what came with it", code=WITHDRAWN, where="attachment")
        return row

    def _looked(self, row: HeldFile) -> HeldFile:
        """Return the row of a PDF, refused where an earlier version took it without a look into it."""
        try:
            check_pdf(self._it.files.reader(row), row.about.size)
        except Malformed as error:
            row = replace(row, state=FileState.REFUSED, problem=error.code)
            self._it.rows.note(row)
        return row

    def _lost(self, row: HeldFile) -> None:
        """Fetch a file of theirs again that this node's disk does not have, such as after a restore; raise."""
        state = FileState.LOST if row.ours else FileState.WAITING
        self._it.rows.note(replace(row, state=state, problem="file-lost", due_us=self._it.now_us))
        raise Unavailable(
            "the file is not here any more; it is fetched again where it is a counterpart's",
            code="file-lost",
            where="attachment",
            remedy="try again later: `liaison desk attachments`",
        )

    def _copy(self, row: HeldFile) -> Attachment | None:
        """Return name and size of the copy without formulas of a table that has some; None for any other file."""
        if row.about.type is not MediaType.CSV:
            return None
        size = sum(map(len, neutral_parts(self._it.files.reader(row), row.about.size)))
        return replace(row.about, name=neutral_name(row.about.name), size=size) if size != row.about.size else None

    async def _neutral(self, row: HeldFile) -> AsyncIterator[bytes]:
        parts = neutral_parts(self._it.files.reader(row), row.about.size)
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            yield part

    async def _parts(self, row: HeldFile) -> AsyncIterator[bytes]:
        for number in range(chunk_count(row.about.size)):
            yield await asyncio.to_thread(self._it.files.chunk, row, number)


def refusal_of(row: HeldFile) -> LiaisonError | None:
    """Return why a file cannot be opened as it stands, None where it can."""
    if row.state is FileState.CLEAN:
        return None
    if row.state is FileState.WAITING:
        return Unavailable(
            "the file is not here yet", code=row.problem or "not-here-yet", where="attachment", remedy="try again later"
        )
    if row.state is FileState.UNSCANNED:
        return Unavailable(
            "no scanner has said yet that the file is clean",
            code=row.problem or "not-scanned",
            where="attachment",
            remedy="try again later; an administrator looks after the scanner",
        )
    if row.state is FileState.SHUT:
        return Forbidden("the scanner found something in the file", code="scanner-found", where="attachment")
    return Unknown("the file cannot be had: {problem}", code="no-such-file", where="attachment", problem=row.problem)
