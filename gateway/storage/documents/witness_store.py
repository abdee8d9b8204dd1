"""`WitnessStore` in SQL: the newest heads that we cosigned, evidence, and cosignatures of our own heads.

A head is made the newest by compare and set, in one transaction that is durable before the cosignature leaves: two
requests can never both begin from the same head (C2SP tlog-witness).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Table, delete, func, select, update

from gateway.model.evidence.witness import CosignedHead, HeadEvidence, WitnessedHead
from gateway.storage.database.engine import Database
from gateway.storage.database.tables import cosigned_head, head_evidence, seen_head, witnessed_head
from gateway.storage.database.upsert import insert_for


class SqlWitnessStore:
    """The witness's memory in one database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def witnessed(self, origin: str) -> WitnessedHead | None:
        """Return the newest head of a log that we cosigned, or None."""
        with self._database.read("witnessed head") as connection:
            row = connection.execute(select(witnessed_head).where(witnessed_head.c.origin == origin)).first()
        return WitnessedHead(*row) if row else None

    def origins(self) -> list[WitnessedHead]:
        """Return the newest head of every log that we cosigned, by origin."""
        with self._database.read("witnessed heads") as connection:
            rows = connection.execute(select(witnessed_head).order_by(witnessed_head.c.origin)).all()
        return [WitnessedHead(*row) for row in rows]

    def advance(self, before: WitnessedHead | None, head: WitnessedHead) -> bool:
        """Make `head` the newest, durably, while `before` still is. Return whether it did."""
        c = witnessed_head.c
        values = {"size": head.size, "root": head.root, "checkpoint": head.checkpoint, "time_us": head.time_us}
        with self._database.write("witnessed head") as connection:
            if before is None:
                return self._insert(connection, witnessed_head, {"origin": head.origin, **values})
            here = (c.origin == head.origin) & (c.size == before.size) & (c.root == before.root)
            return connection.execute(update(witnessed_head).where(here).values(**values)).rowcount == 1

    def keep_evidence(self, evidence: HeadEvidence, most: int) -> bool:
        """Keep two heads, unless they are kept or there are `most` of this log. Return whether it did."""
        c = head_evidence.c
        place = {"origin": evidence.origin, "hash": hashlib.sha256(evidence.known + evidence.offered).digest()}
        with self._database.write("evidence") as connection:
            count = select(func.count()).select_from(head_evidence).where(c.origin == evidence.origin)
            if connection.execute(count).scalar_one() >= most:
                return False
            values = {"code": evidence.code, "known": evidence.known, "offered": evidence.offered}
            return self._insert(connection, head_evidence, {**place, **values, "time_us": evidence.time_us})

    def evidence(self) -> list[HeadEvidence]:
        """Return all evidence, the oldest first."""
        c = head_evidence.c
        statement = select(c.origin, c.code, c.known, c.offered, c.time_us).order_by(c.time_us, c.hash)
        with self._database.read("evidence") as connection:
            return [HeadEvidence(*row) for row in connection.execute(statement).all()]

    def seen(self, origin: str) -> bytes | None:
        """Return the largest head of a log that was seen signed."""
        with self._database.read("seen head") as connection:
            row = connection.execute(select(seen_head.c.checkpoint).where(seen_head.c.origin == origin)).first()
        return row[0] if row else None

    def put_seen(self, origin: str, size: int, checkpoint: bytes) -> None:
        """Keep a head as seen, unless a larger one is kept."""
        c = seen_head.c
        with self._database.write("seen head") as connection:
            values = {"size": size, "checkpoint": checkpoint}
            if not self._insert(connection, seen_head, {"origin": origin, **values}):
                connection.execute(update(seen_head).where(c.origin == origin, c.size < size).values(**values))

    def put_cosignatures(self, log: str, size: int, checkpoint: bytes, lines: Sequence[bytes], time_us: int) -> None:
        """Keep signature lines of a head of our own log. Skips lines of a key that has one there already."""
        c = cosigned_head.c
        here = (c.log == log) & (c.size == size)
        with self._database.write("cosignatures") as connection:
            values = {"checkpoint": checkpoint, "lines": b"".join(lines), "time_us": time_us}
            if self._insert(connection, cosigned_head, {"log": log, "size": size, **values}):
                return
            kept = connection.execute(select(c.lines).where(here).with_for_update()).scalar_one()
            known = {_whose(line) for line in _split(kept)}
            new = b"".join(line for line in lines if _whose(line) not in known)
            if new:
                connection.execute(update(cosigned_head).where(here).values(lines=kept + new))

    def cosignatures(self, log: str, size: int) -> list[bytes]:
        """Return the signature lines of the head of this size, each with its newline."""
        c = cosigned_head.c
        with self._database.read("cosignatures") as connection:
            kept = connection.execute(select(c.lines).where((c.log == log) & (c.size == size))).scalar()
        return _split(kept) if kept else []

    def cosigned(self, log: str, since: int = 0) -> list[CosignedHead]:
        """Return all cosigned heads of our own log from size `since` on, by size."""
        c = cosigned_head.c
        statement = select(c.size, c.checkpoint, c.lines, c.time_us).where(c.log == log, c.size >= since)
        with self._database.snapshot("cosignatures") as connection:
            rows = connection.execute(statement.order_by(c.size)).all()
        return [CosignedHead(row.size, row.checkpoint, tuple(_split(row.lines)), row.time_us) for row in rows]

    def recent(self, log: str, most: int) -> list[CosignedHead]:
        """Return the newest cosigned heads of our own log, at most so many, newest first."""
        c = cosigned_head.c
        statement = select(c.size, c.checkpoint, c.lines, c.time_us).where(c.log == log).order_by(c.size.desc())
        with self._database.read("cosignatures") as connection:
            rows = connection.execute(statement.limit(most)).all()
        return [CosignedHead(row.size, row.checkpoint, tuple(_split(row.lines)), row.time_us) for row in rows]

    def thin(self, before_us: int, every_us: int) -> int:
        """Delete heads cosigned before a time, except the first of each stretch of `every_us`. Return their number."""
        c = cosigned_head.c
        old = select(c.log, c.size, c.time_us).where(c.time_us < before_us).order_by(c.log, c.size)
        with self._database.snapshot("cosignatures") as connection:
            rows = connection.execute(old).all()
        kept: set[tuple[str, int]] = set()
        gone = []
        for row in rows:
            stretch = (row.log, row.time_us // every_us)
            if stretch in kept:
                gone.append((row.log, row.size))
            kept.add(stretch)
        if gone:
            with self._database.write("cosignatures") as connection:
                for log, size in gone:
                    connection.execute(delete(cosigned_head).where(c.log == log, c.size == size))
        return len(gone)

    def _insert(self, connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
        """Add a row unless its key is there, also from another process just now. Return whether it did."""
        made = (
            insert_for(table, shared=self._database.shared)
            .values(**values)
            .on_conflict_do_nothing()
            .returning(*table.primary_key)
        )
        return connection.execute(made).first() is not None


def _split(lines: bytes) -> list[bytes]:
    return [line + b"\n" for line in lines.split(b"\n")[:-1]]


def _whose(line: bytes) -> bytes:
    """Return name and key id of a signature line that was verified: the id is the first four bytes."""
    name, _, encoded = line.rpartition(b" ")
    return name + base64.b64decode(encoded[:8])[:4]
