"""Files in sealed chunks: each opens in its place only, and an unfinished file goes on behind what is verified."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit.tree.merkle import leaf_hash
from gateway.errors import Contradicted, Unknown
from gateway.model.desk.attachments import CHUNK, Attachment, FileState, MediaType
from gateway.model.names import new_exchange_id
from gateway.ports.files.held import HeldFile
from gateway.storage.files.sealed_files import FileFolder
from tests.support.tables import table

DATA = os.urandom(2 * CHUNK + 5)
PARTS = [DATA[place : place + CHUNK] for place in range(0, len(DATA), CHUNK)]


def row(size: int = len(DATA)) -> HeldFile:
    about = Attachment("a.mp4", MediaType.MP4, size, bytes(32))
    name = new_exchange_id()
    return HeldFile("vn", name, name, about, False, FileState.WAITING, name, os.urandom(32), 0)  # type: ignore[arg-type]


def written(folder: FileFolder, held: HeldFile, count: int = 3, *, finish: bool = True) -> Path:
    writer = folder.writer(held)
    for part in PARTS[writer.count : count]:
        writer.append(part)
    if finish:
        writer.finish([leaf_hash(part) for part in PARTS])
    else:
        writer.close(keep=True)
    (path,) = [each for each in folder._root.rglob("*") if held.file in each.name]
    return path


def test_a_file_is_read_as_it_was_written_and_nothing_of_it_lies_open(tmp_path: Path) -> None:
    folder, held = FileFolder(tmp_path), row()
    path = written(folder, held)
    assert [folder.chunk(held, number) for number in range(3)] == PARTS
    assert folder.leaves(held) == [leaf_hash(part) for part in PARTS]
    read = folder.reader(held)
    assert read(CHUNK - 3, 6) == DATA[CHUNK - 3 : CHUNK + 3]
    assert read(len(DATA) - 2, 99) == DATA[-2:]
    assert DATA[:64] not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_a_changed_moved_or_foreign_chunk_does_not_open(tmp_path: Path) -> None:
    folder, held = FileFolder(tmp_path), row()
    path = written(folder, held)
    sealed = path.read_bytes()
    step = CHUNK + 16
    path.write_bytes(sealed[step : 2 * step] + sealed[:step] + sealed[2 * step :])
    for number in (0, 1):
        with pytest.raises(Contradicted):
            folder.chunk(held, number)
    path.write_bytes(sealed[:-1])
    with pytest.raises(Contradicted):
        folder.leaves(held)
    with pytest.raises(Contradicted):
        folder.chunk(replace(held, key=os.urandom(32)), 0)
    path.unlink()
    with pytest.raises(Unknown):
        folder.chunk(held, 0)


@table("torn", [0, 1, 17, CHUNK, CHUNK + 15, CHUNK + 16, CHUNK + 17, 2 * CHUNK + 40])
def test_an_unfinished_file_goes_on_behind_its_last_whole_chunk(tmp_path: Path, torn: int) -> None:
    folder, held = FileFolder(tmp_path), row()
    path = written(folder, held, 3, finish=False)
    os.truncate(path, torn)
    assert folder.writer(held).count == torn // (CHUNK + 16)
    written(folder, held)
    assert b"".join(folder.chunk(held, number) for number in range(3)) == DATA


def test_what_lies_behind_a_changed_chunk_is_written_anew(tmp_path: Path) -> None:
    folder, held = FileFolder(tmp_path), row()
    path = written(folder, held, 3, finish=False)
    with path.open("r+b") as file:
        file.seek(CHUNK + 100)
        file.write(b"garbage")
    assert folder.progress(held) == 2 * CHUNK
    assert folder.writer(held).count == 1
    written(folder, held)
    assert folder.chunk(held, 2) == PARTS[2]


def test_files_that_no_row_names_are_swept_and_others_stay(tmp_path: Path) -> None:
    folder, kept, gone, half = FileFolder(tmp_path), row(), row(), row()
    for held in (kept, gone):
        written(folder, held)
    written(folder, half, 1, finish=False)
    assert folder.sweep({kept.file, half.file}, 2**40) == 1
    assert [folder.has(each) for each in (kept, gone)] == [True, False]
    assert folder.progress(half) == CHUNK
    assert folder.sweep(set(), 0.0) == 0
    folder.remove(half)
    assert folder.progress(half) == 0
