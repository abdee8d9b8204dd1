"""`FileRows` in SQL: the rows of the files of notices."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, inspect, select, update

from gateway.model.desk.attachments import FileState
from gateway.model.desk.threads import ThreadKey
from gateway.ports.files.held import HeldFile
from gateway.storage.database.desk_tables import desk_attachment
from gateway.storage.database.engine import Database
from gateway.storage.desk.rows import file_of, file_row
from gateway.storage.desk.sealing import DeskSeals
from gateway.storage.keys.keystore import KeyStore

_F = desk_attachment.c
_ORDER = (_F.due_us, _F.time_us, _F.notice_id, _F.root)
_HERE = [state.value for state in (FileState.UNSCANNED, FileState.CLEAN, FileState.SHUT)]


class SqlFileRows:
    """The rows of files of one node. Thread-safe."""

    def __init__(self, database: Database, keystore: KeyStore) -> None:
        self._database = database
        self._seals = DeskSeals(keystore)

    def put(self, row: HeldFile) -> None:
        """Write the row of a file that no notice names yet."""
        columns = [column.name for column in desk_attachment.c]
        values = dict(zip(columns, file_row(row, self._seals, row.time_us), strict=True))
        with self._database.write("file") as connection:
            connection.execute(insert(desk_attachment).values(values))

    def note(self, row: HeldFile) -> bool:
        """Write what changed of a row (state, time, tries, problem); False where it is there no more."""
        changed = {"state": row.state.value, "due_us": row.due_us, "tries": row.tries, "problem": row.problem}
        with self._database.write("file") as connection:
            return bool(connection.execute(update(desk_attachment).where(*_at(*row.place)).values(changed)).rowcount)

    def of_thread(self, key: ThreadKey) -> list[HeldFile]:
        """Return the files of a thread."""
        return self._list(_F.peer == key.peer, _F.thread_id == key.thread_id)

    def one(self, peer: str, notice_id: str, root: bytes) -> HeldFile | None:
        """Return the file that a notice names by its root, or None."""
        return next(iter(self._list(*_at(peer, notice_id, root))), None)

    def brought(self, root: bytes) -> HeldFile | None:
        """Return a file with this root that an officer of ours has brought and that is still kept for notices."""
        return next(iter(self._list(_F.peer == "", _F.root == root)), None)

    def upload(self, file_id: str) -> HeldFile | None:
        """Return a file by the id that it got when an officer brought it, or None."""
        return next(iter(self._list(_F.peer == "", _F.notice_id == file_id)), None)

    def due(self, states: Collection[FileState], now_us: int, limit: int) -> list[HeldFile]:
        """Return files in these states whose time has come: the first due of each counterpart and of ours, then the
        second of each, and so on."""
        wanted = (_F.state.in_([state.value for state in states]), _F.due_us <= now_us)
        turn = func.row_number().over(partition_by=_F.peer, order_by=_ORDER).label("turn")
        ranked = select(_F.peer, _F.notice_id, _F.root, turn).where(*wanted).subquery()
        same = and_(*(_F[name] == ranked.c[name] for name in ("peer", "notice_id", "root")))
        statement = select(desk_attachment).join(ranked, same).order_by(ranked.c.turn, *_ORDER).limit(limit)
        return self._opened(statement)

    def used(self, peer: str, begun: Collection[str] = ()) -> int:
        """Return the bytes of all files of one counterpart's notices that are here, or of ours for an empty name.

        `begun` are files of which a part is here: as far as they wait, the whole of them counts.
        """
        whose = (_F.peer == peer, _F.ours.is_(not peer))
        here = select(func.coalesce(func.sum(_F.size), 0)).where(*whose, _F.state.in_(_HERE))
        waiting = select(_F.file, _F.size).where(*whose, _F.state == FileState.WAITING.value)
        with self._database.snapshot("files") as connection:
            used = int(connection.scalar(here) or 0)
            rows: Any = connection.execute(waiting).all() if begun else []
        return used + sum(int(size) for file, size in rows if file in begun)

    def names(self) -> set[str]:
        """Return the names of all sealed files that some row names."""
        with self._database.snapshot("files") as connection:
            return set(connection.scalars(select(_F.file).distinct()))

    def forget_brought(self, before_us: int) -> int:
        """Delete the rows of files that were brought before a time for notices; return their number."""
        with self._database.write("files") as connection:
            return connection.execute(delete(desk_attachment).where(_F.peer == "", _F.time_us < before_us)).rowcount

    def _list(self, *conditions: ColumnElement[bool]) -> list[HeldFile]:
        return self._opened(select(desk_attachment).where(*conditions).order_by(*_ORDER))

    def _opened(self, statement: Select[Any]) -> list[HeldFile]:
        with self._database.snapshot("files") as connection:
            rows = connection.execute(statement).all()
        return [file for row in rows if (file := file_of(row, self._seals)) is not None]


def files_here(database: Database, limit: int) -> list[str]:
    """Return the names of sealed files that are here by their rows, the newest first; none where no schema has them."""
    newest = select(_F.file).where(_F.state.in_(_HERE)).order_by(_F.time_us.desc()).limit(limit)
    with database.snapshot("files") as connection:
        return list(connection.scalars(newest)) if inspect(connection).has_table(desk_attachment.name) else []


def _at(peer: str, notice_id: str, root: bytes) -> tuple[ColumnElement[bool], ...]:
    return _F.peer == peer, _F.notice_id == notice_id, _F.root == root
