"""Write one log of an export, segment by segment; the form is in `gateway.audit.export.layout`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from gateway.audit.entries.entry import Entry, decode_private, parse_entry
from gateway.audit.export.layout import (
    CHECKPOINT,
    CONTINUED,
    HEADS,
    OPENINGS,
    STATEMENTS,
    closed_line,
    head_line,
    lines_name,
    log_folder,
    opening_line,
    statement_line,
)
from gateway.audit.export.progress_file import Done, LogPlan, Part
from gateway.audit.reading.evidence import SEGMENT, HomeLog, Row
from gateway.audit.reading.mandate import ALWAYS_OPEN, Mandate
from gateway.audit.tree.checkpoint import Checkpoint, parse_checkpoint
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.audit.tree.quorum import with_cosignatures
from gateway.audit.tree.tile_tree import PIECE, TileTree, fold
from gateway.audit.tree.tiles import bundle, tile_path, tiles
from gateway.errors import LiaisonError
from gateway.model.evidence.witness import CosignedHead

Progress = Callable[[int, int], None]
"""Called with the number of finished entries, and of all."""

_Line = Callable[[bytes], None]


@dataclass(slots=True)
class Files:
    """Writes files below a folder and keeps their hashes, by name."""

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, data: bytes) -> None:
        """Write a small file."""
        self._open(name).write_bytes(data)
        self.hashes[name] = hashlib.sha256(data).hexdigest()

    def _open(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @contextmanager
    def lines(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Yield a function that adds a line to a file. The file is not made without lines."""
        digest = hashlib.sha256()
        with ExitStack() as files:
            file: IO[bytes] | None = None

            def add(line: bytes) -> None:
                nonlocal file
                if file is None:
                    file = files.enter_context(self._open(name).open("wb"))
                digest.update(line)
                file.write(line)

            yield add
        if file is not None:
            self.hashes[name] = digest.hexdigest()


@dataclass(slots=True)
class ExportProgress:
    """Counts finished entries."""

    progress: Progress
    of: int
    done: int = 0

    def add(self, count: int) -> None:
        """Add `count` finished entries."""
        self.done += count
        self.progress(self.done, self.of)


def readable_heads(log: HomeLog) -> list[Checkpoint]:
    """Return the heads that can be read, by size."""
    heads = []
    for data in dict.fromkeys(log.heads()):
        try:
            heads.append(parse_checkpoint(data))
        except LiaisonError:
            continue
    return sorted(heads, key=lambda head: head.size)


class ExportedLog:
    """Writes one log of an export."""

    def __init__(
        self,
        writer: Files,
        part: Part,
        log: HomeLog,
        plan: LogPlan,
        mandate: Mandate,
        told: ExportProgress,
        cosigned: Sequence[CosignedHead],
    ) -> None:
        self._writer = writer
        self._part = part
        self._log = log
        self._plan = plan
        self._range = plan.range
        self._mandate = mandate
        self._told = told
        self._cosigned = cosigned
        self._folder = log_folder(log.name)

    def write(self, finished: Mapping[tuple[str, int], Done]) -> None:
        """Write all files of the log. Leaves finished segments as they are."""
        tile_tree = TileTree()
        for node in self._outer(0, self._range.first):
            tile_tree.append(node)
        for start in range(self._range.first, self._range.stop, SEGMENT):
            done = finished.get((self._log.name, start)) or self._segment(start)
            self._writer.hashes |= done.files
            for text in done.nodes:
                tile_tree.append(bytes.fromhex(text))
            self._told.add(min(start + SEGMENT, self._range.stop) - start)
        after = self._range.stop // PIECE * PIECE
        for node in self._outer(after, self._range.size) if self._range.stop < self._range.size else ():
            tile_tree.append(node)
        if self._range.stop < self._range.size:
            self._last_tile()
        for name, data in tiles(tile_tree.tree, tile_tree.tree.size, lowest=1):
            self._file(name, data)
        newest = [with_cosignatures(head) for head in self._cosigned if head.size == self._range.size]
        self._file(CHECKPOINT, newest[-1] if newest else self._plan.head.encode())
        lost = self._continued()
        self._file(HEADS, b"".join(head_line(head) for head in (*self._earlier(), *lost)))

    def _file(self, name: str, data: bytes) -> None:
        self._writer.write(f"{self._folder}/{name}", data)

    def _outer(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the nodes over complete pieces of a part outside the export."""
        waiting: list[bytes] = []
        for leaf in self._log.leaves(start, stop // PIECE * PIECE):
            waiting.append(leaf)
            if len(waiting) == PIECE:
                yield fold(waiting)
                waiting = []

    def _last_tile(self) -> None:
        """Write the hashes of the last incomplete piece outside the export: the newest head's root covers them."""
        place, width = divmod(self._range.size, PIECE)
        if width:
            hashes = b"".join(self._log.leaves(place * PIECE, self._range.size))
            self._file(tile_path(0, place, width), hashes)

    def _earlier(self) -> Iterator[bytes]:
        """Yield, for each piece in the export, the last head that ends in it, and the last cosigned one."""
        low, high = self._range.first, min(self._range.stop, self._range.size - 1)
        plain = [(head.size, head.data) for head in readable_heads(self._log)]
        cosigned = [(head.size, with_cosignatures(head)) for head in self._cosigned]
        found: dict[int, bytes] = {}
        for heads in (plain, cosigned):
            last = {self._place(size): (size, data) for size, data in heads if low < size <= high}
            found |= dict(last.values())
        for size in sorted(found):
            yield found[size]

    def _continued(self) -> list[bytes]:
        """Write the file that says where the log goes on, if it does. Return the head that shows the loss."""
        found = self._log.continued(())
        if found is None:
            return []
        after = self._log.following()
        newest = [head for head in readable_heads(after) if head.size <= after.size][-1]
        tree = Tree()
        tree.extend(after.leaves(0, newest.size))
        proof = tuple(tree.inclusion(0, newest.size))
        self._file(CONTINUED, replace(found, proof=proof, head=newest.data).data())
        lost = found.lost(readable_heads(self._log))
        return [lost.data] if lost is not None and lost.size > self._range.size else []

    @staticmethod
    def _place(size: int) -> int:
        return (size - 1) // PIECE

    # ------------------------------------------------------------ a segment

    def _segment(self, start: int) -> Done:
        stop = min(start + SEGMENT, self._range.stop)
        before = set(self._writer.hashes)
        names = (f"{self._folder}/{lines_name(kind, start)}" for kind in (OPENINGS, STATEMENTS))
        nodes: list[bytes] = []
        bodies: list[bytes] = []
        opened, kept = (self._writer.lines(name) for name in names)
        with opened as openings, kept as statements:
            for row in self._rows(start, stop):
                bodies.append(row.body)
                self._content(row, openings, statements)
                if len(bodies) == PIECE:
                    nodes.append(self._piece(row.index // PIECE, bodies))
                    bodies = []
        if bodies:
            self._piece((stop - 1) // PIECE, bodies)
        files = {name: digest for name, digest in self._writer.hashes.items() if name not in before}
        done = Done(self._log.name, start, files, tuple(node.hex() for node in nodes))
        self._part.add(done)
        return done

    def _piece(self, place: int, bodies: Sequence[bytes]) -> bytes:
        """Write a bundle and its tile of hashes. Return the node over it."""
        leaves = [leaf_hash(body) for body in bodies]
        self._file(tile_path("entries", place, len(bodies)), bundle(bodies))
        self._file(tile_path(0, place, len(bodies)), b"".join(leaves))
        return fold(leaves)

    def _rows(self, start: int, stop: int) -> Iterator[Row]:
        """Yield rows of a segment. Reads their content only where the appointment may show it."""
        operations = self._log.name.startswith("operations/")
        seen = operations or (start < self._range.high and stop > self._range.low)
        if self._mandate.scope is not None and seen:
            yield from self._log.part(start, stop)
            return
        for index, body in self._log.bodies_of(start, stop):
            yield Row(index, body, b"", None, b"", b"")

    def _content(self, row: Row, opening: _Line, statement: _Line) -> None:
        """Write the lines of a row."""
        if self._mandate.scope is None:
            return
        entry = parse_entry(row.body)
        if not self._range.low <= row.index < self._range.high and entry.kind not in ALWAYS_OPEN:
            return
        ground, problem = self._ground(entry, row)
        if ground:
            opening(closed_line(row.index, "withheld", ground))
        elif row.private is not None and not problem:
            opening(opening_line(row.index, row.private))
            answer = row.answer if self._mandate.shows_answers else b""
            if row.request or answer:
                statement(statement_line(row.index, row.request, answer))
        elif key_id := row.erased or row.lost:
            opening(closed_line(row.index, "erased" if row.erased else "lost", key_id))
        else:
            opening(closed_line(row.index, "problem", problem))

    def _ground(self, entry: Entry, row: Row) -> tuple[str, str]:
        """Return the ground on which a private part is withheld, and its problem; empty where there is none."""
        ground = self._mandate.withholds(entry)
        if ground or row.private is None or not self._mandate.names_agencies:
            return ground, row.problem
        try:
            return self._mandate.withholds_private(entry, decode_private(row.private)), row.problem
        except LiaisonError as error:
            return "", error.code
