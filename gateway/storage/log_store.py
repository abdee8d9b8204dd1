"""`LogStore` in SQL: one transaction for each batch, one statement for each table.

Statements are compiled once to the driver's own form, since a batch is on the path of every exchange.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, Table, bindparam, insert, select, update
from sqlalchemy.sql.elements import ClauseElement

from gateway.errors import StorageBroken
from gateway.model.names import ExchangeId, MemberId
from gateway.ports import EncryptedContent, LogState, NewEntry, StoredEntry
from gateway.storage.engine import Database
from gateway.storage.tables import log_checkpoint, log_content, log_entry, log_state

_PAGE = 512
_CLAIMS = 64


class SqlLogStore:
    """Rows of the logs of one node. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[str, int] = {}
        self._insert_entry = self._compiled(_insert(log_entry))
        self._insert_content = self._compiled(_insert(log_content))
        self._select_claims = self._compiled(_claims())

    def _compiled(self, statement: ClauseElement) -> str:
        return str(statement.compile(dialect=self._database.engine.dialect))

    def state(self, log: str) -> LogState | None:
        """The state of `log`, or None when it has never been opened."""
        with self._database.read("log state") as connection:
            row = connection.execute(select(log_state).where(log_state.c.log == log)).first()
        if row is None:
            return None
        self._ids[log] = row.id
        return LogState(row.log, row.number, row.size, row.root, row.checkpoint, json.loads(row.counters))

    def commit(self, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> None:
        """One durable transaction; `StorageBroken` when it failed or when `before` is not the state any more."""
        with self._database.write("append") as connection:
            log_id = self._advance(connection, before, after)
            if entries:
                connection.exec_driver_sql(self._insert_entry, [_entry_row(log_id, entry) for entry in entries])
                connection.exec_driver_sql(self._insert_content, [_content_row(log_id, entry) for entry in entries])

    def _advance(self, connection: Connection, before: LogState | None, after: LogState) -> int:
        values = _state_values(after)
        if before is None:
            made = insert(log_state).values(log=after.log, **values).returning(log_state.c.id)
            self._ids[after.log] = connection.execute(made).scalar_one()
            return self._ids[after.log]
        log_id = self._ids[after.log]
        place = {"the_id": log_id, "old_size": before.size, "old_root": before.root}
        changed = connection.execute(_ADVANCE, place | values)
        if changed.rowcount != 1:
            raise StorageBroken(
                f"another process has written to log `{after.log}`",
                where="append",
                remedy="run one node on one home, then start it again",
            )
        if after.checkpoint and after.checkpoint != before.checkpoint:
            size = int(after.checkpoint.split(b"\n", 2)[1])
            connection.execute(_KEEP, {"log_id": log_id, "size": size, "checkpoint": after.checkpoint})
        return log_id

    def entries(self, log: str, start: int, stop: int) -> Iterator[StoredEntry]:
        """Entries with index in [start, stop), in order, with their content; a page in memory at a time."""
        statement = _with_content()
        for first in range(start, stop, _PAGE):
            bounds = {"the_id": self._id(log), "first": first, "stop": min(stop, first + _PAGE)}
            with self._database.read("entries") as connection:
                rows = connection.execute(statement, bounds).all()
            for row in rows:
                yield StoredEntry(row[0], row[1], EncryptedContent(*row[2:]) if row[2] is not None else None)

    def bodies(self, log: str, start: int, stop: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Index, body and stored leaf hash of the entries in [start, stop), in order."""
        for first in range(start, stop, _PAGE * 8):
            bounds = {"the_id": self._id(log), "first": first, "stop": min(stop, first + _PAGE * 8)}
            with self._database.read("entries") as connection:
                rows = connection.execute(_BODIES, bounds).all()
            for row in rows:
                yield row[0], row[1], row[2]

    def checkpoints(self, log: str) -> list[bytes]:
        """All checkpoints that were stored, by size."""
        statement = (
            select(log_checkpoint.c.checkpoint)
            .where(log_checkpoint.c.log_id == self._id(log))
            .order_by(log_checkpoint.c.size)
        )
        with self._database.read("checkpoints") as connection:
            return list(connection.execute(statement).scalars())

    def logs(self) -> list[str]:
        """Names of the logs that were opened."""
        with self._database.read("logs") as connection:
            return list(connection.execute(select(log_state.c.log).order_by(log_state.c.log)).scalars())

    def find(
        self,
        log: str,
        *,
        peer: str = "",
        exchange_id: str = "",
        kind: str = "",
        since_us: int = 0,
        until_us: int = 0,
        limit: int = 1000,
    ) -> list[int]:
        """Indexes of entries that fit all given filters, newest first."""
        c = log_entry.c
        statement = select(c.seq).where(c.log_id == self._id(log)).order_by(c.seq.desc()).limit(limit)
        for given, condition in (
            (peer, c.peer == peer),
            (kind, c.kind == kind),
            (since_us, c.time_us >= since_us),
            (until_us, c.time_us < until_us),
        ):
            if given:
                statement = statement.where(condition)
        if exchange_id:
            statement = statement.where(c.exchange_id == bytes.fromhex(exchange_id))
        with self._database.read("find") as connection:
            return list(connection.execute(statement).scalars())

    def channel(self, log: str, channel: str, first: int, last: int) -> list[bytes]:
        """Bodies of the entries of `channel` whose number lies in [first, last], by number."""
        c = log_entry.c
        statement = (
            select(c.body)
            .where(c.log_id == self._id(log), c.channel == channel, c.number.between(first, last))
            .order_by(c.number, c.seq)
        )
        with self._database.read("channel") as connection:
            return list(connection.execute(statement).scalars())

    def claimed(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], tuple[bytes, int]]:
        """Request hash and entry index of those of `claims` that exist."""
        found: dict[tuple[MemberId, ExchangeId], tuple[bytes, int]] = {}
        wanted = set(claims)
        for first in range(0, len(claims), _CLAIMS):
            ids = [bytes.fromhex(exchange) for _, exchange in claims[first : first + _CLAIMS]]
            ids += ids[-1:] * (_CLAIMS - len(ids))
            with self._database.read("claims") as connection:
                rows = connection.exec_driver_sql(self._select_claims, (0, *ids)).all()
            for exchange, sender, request_hash, seq in rows:
                claim = (MemberId(sender), ExchangeId(exchange.hex()))
                if claim in wanted:
                    found[claim] = (request_hash, seq)
        return found

    def forget_claims(self, before_us: int) -> int:  # noqa: ARG002 - the port's signature
        """Nothing: claims are kept with their entries, so that an exchange id is never answered twice."""
        return 0

    def _id(self, log: str) -> int:
        if log not in self._ids and self.state(log) is None:
            return -1
        return self._ids[log]


def _insert(table: Table) -> ClauseElement:
    return insert(table).values({column: bindparam(column) for column in table.c.keys()})  # noqa: SIM118 - columns, not keys


def _claims() -> Select[Any]:
    c = log_entry.c
    ids: list[BindParameter[bytes]] = [bindparam(f"id_{position}") for position in range(_CLAIMS)]
    claiming = (c.slot == bindparam("slot")) & c.exchange_id.in_(ids)
    return select(c.exchange_id, c.peer, c.request_hash, c.seq).where(claiming)


def _with_content() -> Select[Any]:
    e, c = log_entry.c, log_content.c
    joined = log_entry.outerjoin(log_content, (e.log_id == c.log_id) & (e.seq == c.seq))
    return (
        select(e.seq, e.body, c.key_id, c.wrapped_key, c.private, c.request, c.answer)
        .select_from(joined)
        .where(e.log_id == bindparam("the_id"), e.seq >= bindparam("first"), e.seq < bindparam("stop"))
        .order_by(e.seq)
    )


_BODIES = (
    select(log_entry.c.seq, log_entry.c.body, log_entry.c.leaf_hash)
    .where(
        log_entry.c.log_id == bindparam("the_id"),
        log_entry.c.seq >= bindparam("first"),
        log_entry.c.seq < bindparam("stop"),
    )
    .order_by(log_entry.c.seq)
)
_ADVANCE = update(log_state).where(
    log_state.c.id == bindparam("the_id"),
    log_state.c.size == bindparam("old_size"),
    log_state.c.root == bindparam("old_root"),
)
_KEEP = insert(log_checkpoint)


def _state_values(state: LogState) -> dict[str, Any]:
    counters = json.dumps(dict(state.counters), separators=(",", ":"), sort_keys=True)
    return {
        "number": state.number,
        "size": state.size,
        "root": state.root,
        "checkpoint": state.checkpoint,
        "counters": counters,
    }


def _entry_row(log_id: int, entry: NewEntry) -> tuple[Any, ...]:
    claim = entry.claim
    return (
        log_id,
        entry.index,
        entry.body,
        entry.leaf_hash,
        entry.kind,
        entry.peer,
        bytes.fromhex(entry.exchange_id) if entry.exchange_id else None,
        0 if claim else (log_id << 48) + entry.index + 1,
        entry.time_us,
        entry.channel or None,
        entry.number,
        claim.request_hash if claim else None,
        claim.expires_us if claim else None,
    )


def _content_row(log_id: int, entry: NewEntry) -> tuple[Any, ...]:
    content = entry.content
    return (
        log_id,
        entry.index,
        content.key_id,
        content.wrapped_key,
        content.private,
        content.request,
        content.answer,
    )
