"""Rows of files on both engines: each member has its turn, and its share with what has begun to come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model.desk.attachments import Attachment, FileState, MediaType
from gateway.model.names import MemberId, new_exchange_id
from gateway.ports.files.held import HeldFile
from gateway.storage.desk.file_rows import SqlFileRows
from tests.support.audit_logs import LogHome

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[SqlFileRows]:
    home = LogHome(tmp_path / "home")
    with home.database() as database:
        yield SqlFileRows(database, home.keystore)


def put(rows: SqlFileRows, peer: str, due_us: int, state: FileState = FileState.WAITING, size: int = 10) -> HeldFile:
    name = new_exchange_id()
    about = Attachment("a.pdf", MediaType.PDF, size, bytes(32))
    made = HeldFile(MemberId(peer), name, name, about, not peer, state, new_exchange_id(), bytes(32), 1, due_us=due_us)
    rows.put(made)
    return made


def test_n183_each_member_has_its_turn_however_many_files_another_has_named_before(rows: SqlFileRows) -> None:
    for due_us in range(50):
        put(rows, "th", due_us)
    put(rows, "kh", 60)
    put(rows, "kh", 59)
    put(rows, "", 61)
    put(rows, "la", 70)
    found = rows.due((FileState.WAITING,), 65, 6)
    assert [(row.peer, row.due_us) for row in found] == [
        ("th", 0), ("kh", 59), ("", 61), ("th", 1), ("kh", 60), ("th", 2)
    ]  # fmt: skip
    assert len(rows.due((FileState.WAITING,), 65, 99)) == 53
    assert rows.due((FileState.CLEAN,), 99, 99) == []


def test_n182_what_has_begun_to_come_counts_whole(rows: SqlFileRows) -> None:
    put(rows, "th", 0, FileState.CLEAN, 100)
    begun, whole = put(rows, "th", 0, size=30), put(rows, "th", 0, FileState.UNSCANNED, 7)
    put(rows, "th", 0, size=9_000)
    other = put(rows, "kh", 0, size=50)
    assert rows.used("th") == 107
    assert rows.used("th", {begun.file, whole.file, other.file, "gone"}) == 137
    assert rows.used("", {begun.file}) == 0
