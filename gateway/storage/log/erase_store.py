"""`ErasableContent` in SQL: the rows of encrypted content whose keys are retired or destroyed.

Rows are changed a hundred at a time, so that a running node's batches come between. Only `wipe` depends on the engine:
SQLite overwrites freed bytes (`secure_delete`), and its write-ahead log is moved into the file and cut. PostgreSQL
keeps old versions of rows until `VACUUM`, and its write-ahead log and replicas for as long as they are set up to:
there, as in every backup, only ciphertext without a key is left.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from sqlalchemy import LargeBinary, Select, bindparam, func, select, update
from sqlalchemy.engine import Row
from sqlalchemy.sql.functions import Function

from gateway.model.evidence.retention import ContentPlace
from gateway.storage.database.engine import Database
from gateway.storage.database.tables import log_content, log_entry, log_state
from gateway.storage.documents.document_store import SEALING
from gateway.storage.log.log_store import SqlLogStore
from gateway.storage.log.small_values import SEALED, SealedColumn

_PAGE = 1_000
_KEY_ID = 32
"""Bytes within which the id of a key ends."""

_BATCH = 100
_TRIES, _PAUSE_S = 20, 0.05


class SqlErasableContent:
    """The encrypted content in one database. Thread-safe."""

    def __init__(self, database: Database, store: SqlLogStore) -> None:
        self._database = database
        self._store = store

    def under(self, key_id: str, since_us: int, until_us: int) -> Iterator[ContentPlace]:
        """Yield all content that is left under a month's key."""
        for log in self._store.logs():
            for row in self._pages(log, _under(key_id), since_us, until_us):
                yield ContentPlace(log, row.seq, row.exchange_id.hex() if row.exchange_id else "", row.wrapped_key)

    def _pages(
        self, log: str, statement: Select[int, bytes, bytes], since_us: int, until_us: int
    ) -> Iterator[Row[int, bytes, bytes]]:
        with self._database.snapshot("find content") as connection:
            log_id = connection.execute(select(log_state.c.id).where(log_state.c.log == log)).scalar_one()
            start = self._store.first_since(connection, log, since_us)
            stop = self._store.first_since(connection, log, until_us)
        for first in range(start, stop, _PAGE):
            bounds = {"log_id": log_id, "first": first, "stop": min(stop, first + _PAGE)}
            with self._database.snapshot("find content") as connection:
                rows = connection.execute(statement, bounds).all()
            yield from rows

    def find_exchange(self, log: str, exchange_id: str) -> list[int]:
        """Return indexes of an exchange's entries in a log, ascending."""
        return self._store.find(log, exchange_id=exchange_id)[::-1]

    def rewrap(self, key_id: str, to: str, places: Sequence[tuple[ContentPlace, bytes]]) -> None:
        """Put these content keys under `to`, in one transaction."""
        c = log_content.c
        with self._database.write("re-wrap") as connection:
            ids = {row.log: row.id for row in connection.execute(select(log_state.c.log, log_state.c.id))}
            here = (c.log_id == bindparam("the_log"), c.seq == bindparam("the_seq"), c.key_id == key_id)
            statement = update(log_content).where(*here).values(key_id=to, wrapped_key=bindparam("wrapped"))
            rows = [{"the_log": ids[item.log], "the_seq": item.index, "wrapped": wrapped} for item, wrapped in places]
            connection.execute(statement, rows)

    def empty(self, key_id: str, since_us: int, until_us: int) -> Mapping[str, Sequence[int]]:
        """Overwrite all content that is left under a key. Return the indexes by log."""
        found: dict[str, list[int]] = {}
        for place in self.under(key_id, since_us, until_us):
            found.setdefault(place.log, []).append(place.index)
        for log, indexes in found.items():
            for start in range(0, len(indexes), _BATCH):
                self._empty(key_id, log, indexes[start : start + _BATCH])
        return found

    def _empty(self, key_id: str, log: str, indexes: Sequence[int]) -> None:
        c = log_content.c
        nothing = dict.fromkeys(("wrapped_key", "private", "request", "answer"), b"")
        of_log = select(log_state.c.id).where(log_state.c.log == log).scalar_subquery()
        with self._database.write("erase") as connection:
            connection.execute(
                update(log_content).where(c.log_id == of_log, c.seq.in_(indexes), c.key_id == key_id).values(**nothing)
            )

    def reseal_small(self, key_id: str, change: Callable[[str, bytes, bytes], bytes | None]) -> int:
        """Seal small documents and values of the desk under a key anew, or take them away. Return how many are kept."""
        self._wait_for_sealing()
        return sum(self._reseal(column, key_id, change) for column in SEALED)

    def _reseal(self, column: SealedColumn, key_id: str, change: Callable[[str, bytes, bytes], bytes | None]) -> int:
        start = key_id.encode() + b"\n"
        with self._database.snapshot("sealed values") as connection:
            found = connection.execute(select(*column.key, *column.more).where(column.under(start))).all()
        kept, count = 0, len(column.key)
        for begin in range(0, len(found), _BATCH):
            with self._database.write("re-seal") as connection:
                for row in found[begin : begin + _BATCH]:
                    here = [part == value for part, value in zip(column.key, row, strict=False)]
                    value = connection.execute(select(column.sealed).where(*here)).scalar()
                    if value is None or not value.startswith(start):
                        continue
                    fresh = change(column.name(row), value, column.place(*row[:count]))
                    connection.execute(column.changed(fresh).where(*here))
                    kept += fresh is not None
        return kept

    def under_others(self, living: Collection[str]) -> Counter[str]:
        """Return how many entries, documents and values of the desk lie under other keys than `living`, by key."""
        starts = defaultdict[int, list[bytes]](list)
        for key_id in living:
            starts[len(key_id) + 1].append(key_id.encode() + b"\n")
        c = log_content.c
        entries = (
            select(c.key_id, func.count().label("number"))
            .where(c.key_id.not_in(list(living)), func.length(c.wrapped_key) > 0)
            .group_by(c.key_id)
        )
        with self._database.snapshot("content of other keys") as connection:
            found = Counter({row.key_id: int(row.number) for row in connection.execute(entries)})
            for column in SEALED:
                others = (_start(column, length).not_in(known) for length, known in starts.items())
                statement = select(_start(column, _KEY_ID)).where(func.length(column.sealed) > 0, *others)
                found.update(start.partition(b"\n")[0].decode() for start in connection.scalars(statement))
        return found

    def drop_small(self, key_id: str) -> int:
        """Take away small documents and values of the desk under a destroyed key, in a database that came from a
        backup. Return their number."""
        start = key_id.encode() + b"\n"
        with self._database.write("drop sealed values") as connection:
            return sum(
                int(connection.execute(column.changed(None).where(column.under(start))).rowcount) for column in SEALED
            )

    def _wait_for_sealing(self) -> None:
        """Wait until every transaction that seals under the old key has ended."""
        with self._database.write("re-seal") as connection:
            if self._database.shared:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SEALING})")

    def wipe(self) -> bool:
        """Take overwritten content out of SQLite's write-ahead log; other engines do it in their own time."""
        for _ in range(_TRIES):
            if self._database.truncate_wal():
                return True
            time.sleep(_PAUSE_S)
        return False


def _start(column: SealedColumn, length: int) -> Function[bytes]:
    return func.substr(column.sealed, 1, length, type_=LargeBinary)


def _under(key_id: str) -> Select[int, bytes, bytes]:
    c, e = log_content.c, log_entry.c
    return (
        select(c.seq, c.wrapped_key, e.exchange_id)
        .join(log_entry, (c.log_id == e.log_id) & (c.seq == e.seq))
        .where(
            c.log_id == bindparam("log_id"),
            c.seq >= bindparam("first"),
            c.seq < bindparam("stop"),
            c.key_id == key_id,
            func.length(c.wrapped_key) > 0,
        )
        .order_by(c.seq)
    )
