"""Build a key index, or change one: searches see either wholly or not at all."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from gateway.errors import Unavailable
from gateway.storage.index.index_file import (
    FORMAT,
    SCHEMA,
    IndexedRecord,
    KeyKind,
    new_generation,
    note,
    read_body,
    read_pairs,
    remove_generation,
    turn_to,
    unreadable,
    unwritable,
    write_body,
    write_class,
)
from gateway.storage.index.index_seal import IndexSeal, new_salt

_BATCH = 5_000
_CACHE_KIB = 65_536
_MAX_ID = 1 << 28
"""An update keeps a byte for each id that was ever given. An index with more of them is built anew."""

_BUILD = f"""
PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{_CACHE_KIB};
PRAGMA temp_store=FILE;
"""

_CHANGE = """
PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON; PRAGMA cache_size=-16384; PRAGMA journal_size_limit=67108864;
"""

_SORT = """INSERT OR IGNORE INTO keys SELECT hash, class, birth, record FROM loose.keys
ORDER BY hash, class, birth, record"""
_INDEX = "CREATE INDEX records_by_place ON records (place)"

_TWINS = "DELETE FROM records WHERE id NOT IN (SELECT min(id) FROM records GROUP BY place)"
_SIZES = "SELECT count(*), class FROM records GROUP BY class"
_MORE = "UPDATE classes SET size = size + ? WHERE id = ?"
_ADD = "INSERT INTO records VALUES (?,?,?,?,?,?)"


class _Rows:
    """Makes the rows of records and their keys. `count` is the last id."""

    def __init__(self, seal: IndexSeal, count: int, classes: dict[str, int]) -> None:
        self.seal = seal
        self.count = count
        self.classes = classes
        self.new_classes: list[tuple[int, bytes]] = []
        self.records: list[tuple[int, int, bytes, int, str | None, bytes]] = []
        self.keys: list[tuple[int, int, int, int]] = []
        self._numbers = set(classes.values())

    def add(self, record: IndexedRecord, digest: int, spared: Sequence[str]) -> None:
        """Add one record. Raises `Malformed` when its key is no text."""
        seal = self.seal
        record_class = self._class(record)
        body = write_body(record, record_class)
        place = seal.place(record.record_type, record.source_key)
        self.count = number = self.count + 1
        reasons = json.dumps(spared) if spared else None
        self.records.append((number, record_class, place, digest, reasons, seal.close(body, place)))
        hash_of, birth = seal.key, seal.birth
        self.keys += [
            (hash_of(kind, key), record_class, birth(detail) if kind is KeyKind.NAME else 0, number)
            for kind, key, detail in record.keys
        ]

    def _class(self, record: IndexedRecord) -> int:
        text = write_class((record.record_type, record.marking, record.category))
        number = self.classes.get(text)
        if number is None:
            number = self.classes[text] = self.seal.class_number(text, self._numbers)
            self._numbers.add(number)
            self.new_classes.append((number, self.seal.close(text.encode(), b"%d" % number)))
        return number

    def flush(self, database: sqlite3.Connection, keys: str) -> None:
        """Write the rows that were added; `keys` is the statement for the keys."""
        database.executemany(_ADD, self.records)
        database.executemany(keys, self.keys)
        database.executemany("INSERT INTO classes VALUES (?,0,?)", self.new_classes)
        added = Counter(record_class for _, record_class, *_ in self.records)
        database.executemany(_MORE, [(more, record_class) for record_class, more in added.items()])
        self.records.clear()
        self.keys.clear()
        self.new_classes.clear()


class IndexWriter:
    """Builds the next generation of the index at `path`; leaving the `with` block without an error puts it in place.

    `secret` seals it (decision 0012). The caller holds `index_lock`. Raises `Unavailable` when the disk refuses.
    """

    def __init__(self, path: Path, secret: bytes | None = None) -> None:
        self._path = path
        self._salt = new_salt()
        self.seal = IndexSeal(self._salt, secret)
        self._rows = _Rows(self.seal, 0, {})
        self._is_sealed = bool(secret)

    def __enter__(self) -> IndexWriter:
        try:
            self._new = new_generation(self._path)
            loose = self._new.with_name(self._new.name + "-loose")
            os.close(os.open(loose, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            # A build that dies half-way is thrown away, so it needs no journal of its own.
            self._db = sqlite3.connect(self._new, isolation_level=None)
            self._db.executescript(_BUILD + SCHEMA)
            self._db.execute("ATTACH ? AS loose", (str(loose),))
            self._db.execute("PRAGMA loose.journal_mode=OFF")
            self._db.execute("PRAGMA loose.synchronous=OFF")
            self._db.execute("CREATE TABLE loose.keys (hash INTEGER, class INTEGER, birth INTEGER, record INTEGER)")
            self._db.execute("BEGIN")
        except (OSError, sqlite3.Error) as error:
            raise unwritable(self._path) from error
        return self

    def is_same(self, record_type: str, source_key: str, digest: int) -> None:
        """Return None: a new index has no record yet."""

    def put(self, record: IndexedRecord, digest: int = 0, spared: Sequence[str] = ()) -> bool:
        """Add one record. `digest`: of its rows (`IndexSeal.digest`); `spared`: why values of it were left out.

        Returns True: `sort` finds two rows with one key. Raises `Malformed` when its key is no text.
        """
        self._rows.add(record, digest, spared)
        if len(self._rows.records) >= _BATCH:
            self._flush()
        return True

    def remove(self, record_type: str, source_key: str) -> None:
        """Do nothing: a new index has no record yet."""

    def _flush(self) -> None:
        try:
            self._rows.flush(self._db, "INSERT INTO loose.keys VALUES (?,?,?,?)")
        except sqlite3.Error as error:
            raise unwritable(self._path) from error

    def sort(self) -> int:
        """Write the remaining rows and sort the keys. Return the number of dropped records whose key another has."""
        self._flush()
        try:
            return self._sort()
        except sqlite3.Error as error:
            raise unwritable(self._path) from error

    def finish(self, meta: Iterable[tuple[str, str]]) -> None:
        """Note `meta`, after `sort`."""
        try:
            own = {"format": FORMAT, "salt": self._salt.hex(), "check": self.seal.check, "next": str(self._rows.count)}
            note(self._db, [*meta, *own.items(), ("sealed", "yes" if self._is_sealed else "")])
            self._db.execute("COMMIT")
            self._db.execute("DETACH loose")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.Error as error:
            raise unwritable(self._path) from error

    def _sort(self) -> int:
        self._db.execute(_SORT)
        self._db.execute(_INDEX)
        (twins,) = self._db.execute("SELECT count(*) - count(DISTINCT place) FROM records").fetchone()
        if twins:
            self._db.execute(_TWINS)
            sizes = self._db.execute(_SIZES).fetchall()
            self._db.executemany("UPDATE classes SET size = ? WHERE id = ?", sizes)
        return int(twins)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()
        self._new.with_name(self._new.name + "-loose").unlink(missing_ok=True)
        if kind is not None:
            remove_generation(self._new)
            return
        try:
            turn_to(self._path, self._new)
        except OSError as failure:
            raise unwritable(self._path) from failure


class IndexUpdate:
    """Changes the index at `path` in one transaction: leaving the `with` block commits it once it is finished.

    Left by an error or without `finish`, the index stays as it was. The caller holds `index_lock`. Raises `Unavailable`
    when the index cannot be read or written.
    """

    def __init__(self, path: Path, secret: bytes | None = None) -> None:
        self._path = path
        self._secret = secret
        self._is_finished = False
        self.written = 0
        self.removed = 0
        self.same = 0
        """Records that `is_same` has found here."""
        self.outdated: set[str] = set()
        """The source's keys of records that stood here before, and were replaced or removed."""

    def __enter__(self) -> IndexUpdate:
        try:
            self._db = sqlite3.connect(self._path.resolve(), isolation_level=None, timeout=30)
        except sqlite3.Error as error:
            raise unreadable(self._path) from error
        try:
            self._begin()
        except (sqlite3.Error, KeyError, ValueError) as error:
            self._db.close()
            raise unreadable(self._path) from error
        except Unavailable:
            self._db.close()
            raise
        return self

    def _begin(self) -> None:
        self._db.executescript(_CHANGE)
        self._db.execute("BEGIN IMMEDIATE")
        self.meta = read_pairs(self._db, "SELECT name, value FROM meta")
        self.seal = IndexSeal(bytes.fromhex(self.meta["salt"]), self._secret)
        if self.seal.check != self.meta["check"]:
            raise Unavailable("the key index has another key", code="index-unreadable", where=str(self._path))
        stored = self._db.execute("SELECT id, class FROM classes").fetchall()
        classes = {self.seal.open(text, b"%d" % number).decode(): number for number, text in stored}
        count = int(self.meta["next"])
        (last,) = self._db.execute("SELECT coalesce(max(id), 0) FROM records").fetchone()
        if not last <= count <= _MAX_ID:
            raise ValueError("ids that go on from nowhere")
        self._rows = _Rows(self.seal, count, classes)
        self._seen = bytearray(self._rows.count + 1)

    def is_same(self, record_type: str, source_key: str, digest: int) -> list[str] | None:
        """Return the spared values' reasons if this record is here with this `digest`, which is then seen; else
        None."""
        found = self._find(self.seal.place(record_type, source_key))
        if found is None or found[2] != digest or found[0] >= len(self._seen):
            return None  # an id beyond was given by this update: `put` refuses the record
        self._seen[found[0]] = 1
        self.same += 1
        return list(json.loads(found[3])) if found[3] else []

    def put(self, record: IndexedRecord, digest: int = 0, spared: Sequence[str] = ()) -> bool:
        """Add a record in place of an older one. Return False when this update has already put or seen it.

        Raises `Malformed` when its key is no text.
        """
        place = self.seal.place(record.record_type, record.source_key)
        found = self._find(place)
        if found is not None and (found[0] >= len(self._seen) or self._seen[found[0]]):
            return False
        self._rows.add(record, digest, spared)
        if found is not None:
            self._drop(place)
            self.outdated.add(record.source_key)
        self.written += 1
        self._flush()
        return True

    def remove(self, record_type: str, source_key: str) -> None:
        """Remove a record, if there is one."""
        if self._drop(self.seal.place(record_type, source_key)):
            self.removed += 1
            self.outdated.add(source_key)

    def remove_unseen(self) -> None:
        """Remove every older record that `is_same` has not seen, nor `put` replaced."""
        known = self._db.execute("SELECT id, class FROM records WHERE id < ?", (len(self._seen),)).fetchall()
        fewer = Counter(record_class for number, record_class in known if not self._seen[number])
        gone = [(number,) for number, _ in known if not self._seen[number]]
        self._db.executemany("INSERT INTO dead VALUES (?)", gone)
        for (number,) in gone:
            for place, stored in self._db.execute("SELECT place, body FROM records WHERE id = ?", (number,)):
                self.outdated.add(read_body(self.seal.open(stored, place)).source_key)
        self._db.executemany("DELETE FROM records WHERE id = ?", gone)
        self._db.executemany(_MORE, [(-less, record_class) for record_class, less in fewer.items()])
        self.removed += len(gone)

    def sweep(self) -> None:
        """Remove the keys of records that are gone: one pass over all keys."""
        if self._db.execute("SELECT 1 FROM dead LIMIT 1").fetchone():
            self._db.execute("DELETE FROM keys WHERE record IN (SELECT record FROM dead)")
            self._db.execute("DELETE FROM dead")

    def finish(self, meta: Iterable[tuple[str, str]]) -> None:
        """Note `meta`, last of all."""
        try:
            note(self._db, [*meta, ("next", str(self._rows.count))])
        except sqlite3.Error as error:
            raise unwritable(self._path) from error
        self._is_finished = True

    def _find(self, place: bytes) -> tuple[int, int, int, str | None] | None:
        """Return the id, the class, the digest and the spared values' reasons of a record."""
        try:
            found: tuple[int, int, int, str | None] | None = self._db.execute(
                "SELECT id, class, digest, spared FROM records WHERE place = ?", (place,)
            ).fetchone()
        except sqlite3.Error as error:
            raise unreadable(self._path) from error
        return found

    def _drop(self, place: bytes) -> bool:
        found = self._find(place)
        if found is None:
            return False
        try:
            self._db.execute("INSERT INTO dead VALUES (?)", (found[0],))
            self._db.execute("DELETE FROM records WHERE id = ?", (found[0],))
            self._db.execute(_MORE, (-1, found[1]))
        except sqlite3.Error as error:
            raise unwritable(self._path) from error
        return True

    def _flush(self) -> None:
        try:
            self._rows.flush(self._db, "INSERT OR IGNORE INTO keys VALUES (?,?,?,?)")
        except sqlite3.Error as error:
            raise unwritable(self._path) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            # Records without the next id (`finish`) would have theirs given to others.
            self._db.execute("COMMIT" if kind is None and self._is_finished else "ROLLBACK")
        except sqlite3.Error as failure:
            if kind is None and self._is_finished:
                raise unwritable(self._path) from failure
        finally:
            self._db.close()
