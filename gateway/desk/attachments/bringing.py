"""Bring files to the desk: they are sealed while they come, and their type is told by content. Pictures lose what tells
of camera and place where policy or the settings say so, and formulas of tables become texts. A notice can then name
them.

In memory there is one chunk of a file that comes, whatever its size.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec.structs import replace

from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import check_person
from gateway.desk.acts import Act
from gateway.desk.attachments.formulas import has_formulas, neutral_name, neutral_parts, original_hash
from gateway.desk.attachments.images import stripped_jpeg, stripped_png
from gateway.desk.attachments.kinds import checked_type, told_type
from gateway.desk.attachments.values import MIB, FileParts
from gateway.desk.roles import matter_by, may
from gateway.errors import Forbidden, Malformed, Overloaded, TooLarge, Unknown
from gateway.model.desk.attachments import CHUNK, MAX_FILES, MAX_SIZE, Attachment, FileState, MediaType
from gateway.model.marking import Level
from gateway.model.names import MemberId, new_exchange_id
from gateway.ports.files.held import KEY_BYTES, ByteReader, ChunkWriter, HeldFile
from gateway.statements.notices.notice import file_name
from policy.bundle.limits import BROUGHT

_AT_ONCE, _AT_ONCE_PERSON = 16, 2
_BARE: Mapping[MediaType, Callable[[ByteReader, int], Iterator[bytes]]] = {
    MediaType.JPEG: stripped_jpeg,
    MediaType.PNG: stripped_png,
}
_BECOMES_BARE = "remove"


class Bringing:
    """Takes the files of officers."""

    def __init__(self, it: FileParts) -> None:
        self._it = it
        self._open: Counter[str] = Counter()

    async def bring(
        self, actor: Actor, name: str, parts: AsyncIterator[bytes], size: int = 0, marking: Level = Level.OFFICIAL
    ) -> HeldFile:
        """Keep a file for a notice, and return its row; `size` is what the sender said, 0 where it is not known.

        Raises `Forbidden` for a person who may write nothing, `Malformed` for a type or name that is not taken,
        `TooLarge`, and `Overloaded` where there is no room. Nothing of a file that is refused stays.
        """
        it = self._it
        self._check(actor, size)
        await asyncio.to_thread(it.check_room, "", size)
        with self._place(actor.officer.person):
            empty = self._row(actor, name, marking)
            raw = await self._take(actor, empty, parts)
            try:
                row = await asyncio.to_thread(self._finished, raw)
            except BaseException:
                await asyncio.to_thread(it.files.remove, raw)
                raise
        await asyncio.to_thread(it.rows.put, row)
        return row

    def named(self, actor: Actor, ids: Sequence[str]) -> tuple[Attachment, ...]:
        """Return the files with these ids that this officer has brought. Raises `Unknown`, `Forbidden`."""
        if len(ids) > MAX_FILES:
            raise Malformed("more than {limit} files", code="too-many", where="attachments", limit=MAX_FILES)
        return tuple(self._named(actor, each) for each in ids)

    def _named(self, actor: Actor, file_id: str) -> Attachment:
        row = self._it.rows.upload(file_id)
        if row is None or row.officer != actor.officer.person:
            raise Unknown(
                "there is no such file of yours", code="no-such-file", where="attachments", remedy="bring it again"
            )
        if row.state is FileState.SHUT:
            raise Forbidden("the scanner found something in it", code="scanner-found", where="attachments")
        return row.about

    def _check(self, actor: Actor, size: int) -> None:
        check_person(actor)
        officer = actor.officer
        matter = matter_by(officer)
        may(actor.person, Act.NOTE, matter, self._it.now_us)
        self._check_size(size)

    @property
    def _becomes_bare(self) -> bool:
        """Tell whether pictures lose what tells of their camera: policy can demand it whatever the settings say."""
        rules = self._it.desk.parts.policy().bundle.desk
        return rules.bare_pictures or self._it.settings.image_metadata == _BECOMES_BARE

    def _check_size(self, size: int) -> None:
        most = min(MAX_SIZE, self._it.settings.largest_mib * MIB)
        if size > most:
            raise TooLarge("a file has at most {limit} bytes", code="file-too-large", where="file", limit=most)

    @contextmanager
    def _place(self, person: str) -> Iterator[None]:
        """Count a file that comes; raise `Overloaded` where too many come at once."""
        if self._open[person] >= _AT_ONCE_PERSON or sum(self._open.values()) >= _AT_ONCE:
            raise Overloaded("too many files come at once", code="files-at-once", where="file", remedy="wait for one")
        self._open[person] += 1
        try:
            yield
        finally:
            self._open[person] -= 1

    def _row(self, actor: Actor, name: str, marking: Level) -> HeldFile:
        about = Attachment(name, MediaType.TEXT, 0, b"", marking)
        now_us = self._it.now_us
        return HeldFile(
            MemberId(""),
            new_exchange_id(),
            "",
            about,
            ours=True,
            state=FileState.UNSCANNED,
            file=new_exchange_id(),
            key=os.urandom(KEY_BYTES),
            time_us=now_us,
            officer=actor.officer.person,
            due_us=now_us,
        )

    async def _take(self, actor: Actor, row: HeldFile, parts: AsyncIterator[bytes]) -> HeldFile:
        """Seal and count what comes, a chunk at a time; return the row with size and root."""
        writing = _Writing(await asyncio.to_thread(self._it.files.writer, row))
        try:
            async for part in parts:
                if whole := writing.put(part):
                    self._check_size(writing.size)
                    await asyncio.to_thread(self._spend, actor, whole)
                    await asyncio.to_thread(writing.flush)
                    # After each part: other files come at the same time, and what the sender said of the size may be
                    # wrong.
                    await asyncio.to_thread(self._it.check_disk, 0)
            self._check_size(writing.size)
            await asyncio.to_thread(self._spend, actor, writing.left)
            await asyncio.to_thread(writing.finish)
        except BaseException:
            await asyncio.to_thread(writing.drop)
            raise
        return writing.told(row)

    def _spend(self, actor: Actor, size: int) -> None:
        """Count bytes of the day for the person, under a name that no list tells, and for the agency."""
        officer, desk = actor.officer, self._it.desk
        person = desk.pseudonym(officer.person, desk.parts.member)
        self._it.spend(BROUGHT, officer.agency, person, size)
        self._it.spend(BROUGHT, officer.agency, "", size)

    def _finished(self, raw: HeldFile) -> HeldFile:
        """Return the row of a file whose type is told, and that says nothing of its camera any more."""
        it, size = self._it, raw.about.size
        read = it.files.reader(raw)
        kind = told_type(read(0, CHUNK), raw.about.name)
        file_name(raw.about.name, kind, "name")
        row = replace(raw, about=replace(raw.about, type=kind))
        if not self._becomes_bare or not kind.value.startswith("image/"):
            checked_type(read, size, raw.about.name)
            if kind is not MediaType.CSV or not has_formulas(read, size):
                return row
            about = replace(row.about, name=neutral_name(row.about.name))
            named = replace(row, about=about, original=original_hash(read, size))
            return self._copied(raw, named, neutral_parts(read, size))
        if kind not in _BARE:
            raise Malformed(
                "a picture of the type `{type}` cannot leave without what tells of its camera",
                code="metadata-stays",
                where="file",
                remedy="send it as PNG or JPEG",
                type=kind.value,
            )
        return self._copied(raw, row, _BARE[kind](read, size))

    def _copied(self, raw: HeldFile, row: HeldFile, parts: Iterable[bytes]) -> HeldFile:
        """Keep a copy with these parts in the place of what came."""
        files = self._it.files
        copy = replace(row, file=new_exchange_id(), key=os.urandom(KEY_BYTES), about=replace(row.about, size=0))
        found = self._written(copy, parts)
        try:
            # A copy is judged by its own bytes too: what made it read bytes from outside.
            checked_type(files.reader(found), found.about.size, found.about.name)
        except BaseException:
            files.remove(found)
            raise
        files.remove(raw)
        return found

    def _written(self, row: HeldFile, parts: Iterable[bytes]) -> HeldFile:
        writing = _Writing(self._it.files.writer(row))
        try:
            for part in parts:
                if writing.put(part):
                    writing.flush()
                self._check_size(writing.size)
            writing.finish()
        except BaseException:
            writing.drop()
            raise
        return writing.told(row)


class _Writing:
    """A file that is written: what has come and is no whole chunk yet, and the tree over the chunks."""

    def __init__(self, writer: ChunkWriter) -> None:
        self._writer = writer
        self._rest = bytearray()
        self._leaves: list[bytes] = []
        self.size = 0

    def put(self, part: bytes) -> int:
        """Take a part; return the bytes of the chunks that are whole."""
        self._rest += part
        self.size += len(part)
        return len(self._rest) // CHUNK * CHUNK

    @property
    def left(self) -> int:
        """The bytes that are not written yet."""
        return len(self._rest)

    def flush(self) -> None:
        """Write the chunks that are whole."""
        while len(self._rest) >= CHUNK:
            self._seal(CHUNK)

    def finish(self) -> None:
        """Write what is left, and give the file its name. Raises `Malformed` for an empty file."""
        self.flush()
        if self._rest:
            self._seal(len(self._rest))
        if not self.size:
            raise Malformed("the file is empty", code="empty-file", where="file")
        self._writer.finish(self._leaves)

    def drop(self) -> None:
        """Leave nothing of the file."""
        self._writer.close(keep=False)

    def told(self, row: HeldFile) -> HeldFile:
        """Return the row with size and root."""
        tree = Tree()
        tree.extend(self._leaves)
        return replace(row, about=replace(row.about, size=self.size, root=tree.root()))

    def _seal(self, count: int) -> None:
        data = bytes(self._rest[:count])
        del self._rest[:count]
        self._writer.append(data)
        self._leaves.append(leaf_hash(data))
