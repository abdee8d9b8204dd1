"""`LogStore` in SQL: one transaction for each batch, one statement for each table.

Statements of the hot path are compiled once to the driver's own form, since a batch is on the path of every exchange. A
batch only writes to the end of tables and indexes, so that it costs the same however long the history is.

On a server's database a process writes under a lease (`gateway.storage.log.lease`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, inspect, select, update
from sqlalchemy.sql.elements import ClauseElement

from gateway.errors import NotWritten, StorageAway, StorageBroken
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.content_keys import EncryptedContent
from gateway.ports.log_store import LogState, NewEntry, Span, StoredEntry
from gateway.storage.database.engine import Database, storage_errors
from gateway.storage.database.postgres import identity
from gateway.storage.database.prepared import Prepared, insert_into, run_together
from gateway.storage.database.tables import log_checkpoint, log_content, log_entry, log_node, log_state
from gateway.storage.database.upsert import insert_for
from gateway.storage.desk.desk_writer import DeskWriter
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.batch_statement import LeasedBatch, Rows
from gateway.storage.log.claims import LogClaims
from gateway.storage.log.lease import Leases
from gateway.storage.log.prune_store import prune, tile_leaves


class SqlLogStore:
    """Rows of the logs of one node. Thread-safe. A node that writes has one store for all of its logs.

    Only a store with a keystore takes entries with rows of the desk, which it seals.
    """

    def __init__(self, database: Database, keystore: KeyStore | None = None) -> None:
        self._database = database
        dialect = database.engine.dialect
        self._ids: dict[str, int] = {}
        self._bodies = Prepared(_BODIES, dialect)
        self._entries = Prepared(_with_content(), dialect)
        self._nodes = Prepared(_NODES, dialect)
        self._claims = LogClaims(database)
        self._desk = DeskWriter(database, keystore) if keystore else None
        self._turns = threading.local()
        self._insert_entry = Prepared(insert_into(log_entry), dialect)
        self._insert_content = Prepared(insert_into(log_content), dialect)
        self._advance_state = Prepared(_ADVANCE, dialect)
        self._keep = Prepared(_KEEP, dialect)
        self._put_node = Prepared(_put_node(shared=self.shared), dialect)
        self._leases = Leases(database)
        self._batch = LeasedBatch((log_checkpoint, log_entry, log_content, log_node), dialect) if self.shared else None

    @contextmanager
    def awaited(self, lock: threading.Lock, *, must: bool = False) -> Iterator[None]:
        """Wait for a server that is away, then hold `lock`; in the block it is `StorageAway`, and not waited for.

        A thread that other work needs is refused instead where many wait, unless it `must`.
        """
        self._database.absence.require_here("append", waits=True, must=must)
        with self._database.places.at("append", lock, must=must), self._database.absence.held:
            yield

    @contextmanager
    def turn(self, known: LogState) -> Iterator[LogState]:
        """Yield the state of the log of `known`: what `known` says while the lease is ours, else what the database says
        when we take it. Raises `NotWritten` where the database has ended the transaction of the turn, and `StorageAway`
        where its server is away.

        A file of SQLite has one process, whose own knowledge is the state.
        """
        if not self.shared:
            try:
                yield known
            finally:
                if self._desk:
                    self._desk.release()
            return
        self._database.absence.require_here("append", waits=True)  # before the lease of before is taken for ours
        log_id, state = self._ids[known.log], known
        if self._leases.asks(log_id):
            state = self._state(self._leases.take(log_id))
            self._claims.read([log_id], state.size)
        try:
            with ExitStack() as stack:
                self._turns.stack, self._turns.connection = stack, None
                yield state
        except (NotWritten, StorageAway):
            self._claims.read_again()
            raise
        finally:
            self._turns.stack = self._turns.connection = None
            self._leases.rest(log_id)

    def settle(self, log: str) -> None:
        """Return when each batch of `log` that another process had begun is written, or refused."""
        if self.shared and self._id(log) >= 0:
            self._leases.settle(self._ids[log])

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Yield the transaction that this thread's turn has begun, or one of its own."""
        turn: Connection | None = getattr(self._turns, "connection", None)
        if turn is not None:
            with self._database.guarded("append"):
                yield turn
            return
        with self._database.write("append") as connection:
            yield connection

    def thread_versions(self, keys: Collection[ThreadKey]) -> Mapping[ThreadKey, int]:
        """Return the versions of those threads that exist. No other writer can change one before the turn ends."""
        stack: ExitStack | None = getattr(self._turns, "stack", None)
        if stack is not None and self._turns.connection is None:
            self._turns.connection = stack.enter_context(self._database.write("append"))
        return self._writer_of_rows.versions(keys, getattr(self._turns, "connection", None))

    @property
    def _writer_of_rows(self) -> DeskWriter:
        if self._desk is None:
            raise StorageBroken("rows of the desk need a store with a keystore", where="append")
        return self._desk

    def commit(self, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
        """Write `entries` and the state in one durable transaction. Return False, and write nothing, where another
        process has taken the lease.

        Raises `StorageBroken` when it failed, when a claim is taken, or when `before` is not the state of a file any
        more. A log that another process has made meanwhile stays.
        """
        with self._writing() as connection:
            if before is None:
                self._make(connection, after)
                return True
            log_id = self._ids[after.log]
            self._claims.require_free(entries)
            if not self._write(connection, log_id, before, after, entries):
                self._leases.lost(log_id)
                return False
        if entries:
            self._claims.add(log_id, after.size, entries)
        return True

    def _make(self, connection: Connection, after: LogState) -> None:
        log = after.log
        if connection.execute(select(log_state.c.id).where(log_state.c.log == log)).scalar() is None:
            values = {"log": log, "claims_from": 0, **_state_values(after)}
            made = insert_for(log_state, shared=self.shared).values(values)
            connection.execute(made.on_conflict_do_nothing(index_elements=["log"]))
        self._ids[log] = connection.execute(select(log_state.c.id).where(log_state.c.log == log)).scalar_one()

    def _write(
        self, connection: Connection, log_id: int, before: LogState, after: LogState, entries: Sequence[NewEntry]
    ) -> bool:
        size = _size_of(after.checkpoint)
        is_new = size is not None and size != _size_of(before.checkpoint)  # another key may sign the same head anew
        heads = [(log_id, size, after.checkpoint)] if is_new else []
        bodies = [_entry_row(log_id, entry) for entry in entries]
        contents = [_content_row(log_id, entry) for entry in entries]
        found = entries[-1].nodes if entries else ()
        nodes = [(log_id, node.level, node.place, node.hash) for node in found]
        if self._batch is not None:
            return self._write_leased(connection, log_id, before, after, entries, (heads, bodies, contents, nodes))
        place = {"the_id": log_id, "old_size": before.size, "old_root": before.root}
        work = [(self._advance_state, [self._advance_state.values(place | _state_values(after))])]
        work += [(self._keep, heads), (self._insert_entry, bodies), (self._insert_content, contents)]
        work += [(self._put_node, nodes)]
        if run_together(connection, [(statement, rows) for statement, rows in work if rows]) != 1:
            raise _written_elsewhere(after.log)
        if any(entry.rows is not None for entry in entries):
            self._writer_of_rows.write(connection, after.log, entries)
        return True

    def _write_leased(
        self,
        connection: Connection,
        log_id: int,
        before: LogState,
        after: LogState,
        entries: Sequence[NewEntry],
        rows: Sequence[Rows],
    ) -> bool:
        """Write a batch under our lease. Rows of the desk go first, so that the log's row is locked last."""
        assert self._batch is not None
        desk = any(entry.rows is not None for entry in entries)
        if desk:
            self._writer_of_rows.write(connection, after.log, entries)
        place = (log_id, self._leases.epoch(log_id), before.size, before.root)
        written = self._batch.run(connection, place, _state_values(after), rows, commit=not desk)
        if written:
            self._leases.written(log_id)
        elif not self._leases.holds(log_id):
            raise _written_elsewhere(after.log)
        elif desk and (transaction := connection.get_transaction()):
            transaction.rollback()
        return written

    def prune(self, log: str, first: int, stop: int) -> None:
        """Replace the entries in [first, stop), whole tiles, by their hashes, in one durable transaction."""
        prune(self._database, log, first, stop)

    def keep_heads(self, log: str, heads: Iterable[tuple[int, bytes]]) -> None:
        """Store signed heads of `log`, by size. Leaves stored heads of the same size."""
        rows = [{"log_id": self._id(log), "size": size, "checkpoint": head} for size, head in dict(heads).items()]
        with self._database.write("heads") as connection:
            for row in rows:
                connection.execute(
                    insert_for(log_checkpoint, shared=self.shared)
                    .values(row)
                    .on_conflict_do_nothing(index_elements=["log_id", "size"])
                )

    def claimed(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], tuple[bytes, int]]:
        """Return request hash and entry index of those `claims` that exist and are not forgotten."""
        if self.shared and getattr(self._turns, "stack", None) is None:
            self._claims.read(list(self._ids.values()))
        return self._claims.find(claims)

    def claims_over(self, before_us: int, held_s: float) -> Sequence[Span]:
        """Return when the claims expired that `forget_claims` would forget now, in order; each span without its end."""
        return self._claims.over(before_us, held_s)

    def forget_claims(self, before_us: int, held_s: float = 0.0) -> int:
        """Forget claims that expired before `before_us`, up to half a minute late. Return their number.

        Only what this process has held for `held_s` seconds, by the steady clock, is forgotten.
        """
        return self._claims.forget(before_us, held_s)

    # ------------------------------------------------------------ reading

    @property
    def shared(self) -> bool:
        """True where other processes may write to the same logs."""
        return self._database.shared

    def identity(self) -> str:
        """Return a name of this database that stays while it is the same one: a copy of a file has another name."""
        if found := identity(self._database):
            return str(found)
        with storage_errors("file identity"):
            file = self._database.file
            return f"file {file.stat().st_ino} of SQLite" if file else ""

    def state(self, log: str) -> LogState | None:
        """Return the state of `log`, or None when it has never been opened."""
        with self._database.read("log state") as connection:
            row = connection.execute(select(log_state).where(log_state.c.log == log)).first()
        return None if row is None else self._state(row)

    def _state(self, row: Any) -> LogState:
        self._ids[row.log] = row.id
        return LogState(row.log, row.number, row.size, row.root, row.checkpoint, json.loads(row.counters), row.pruned)

    def entries(self, log: str, start: int, stop: int) -> Iterator[StoredEntry]:
        """Yield entries with index in [start, stop), in order, with their content; a page in memory at a time."""
        for first in range(start, stop, _PAGE):
            bounds = {"the_id": self._id(log), "first": first, "stop": min(stop, first + _PAGE)}
            with self._database.read("entries") as connection:
                rows = self._entries.rows(connection, bounds)
            for index, body, *content in rows:
                yield StoredEntry(index, body, EncryptedContent(*content) if content[0] is not None else None)

    def bodies(self, log: str, start: int, stop: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield index, body and stored leaf hash of the entries in [start, stop), in order."""
        for first in range(start, stop, _PAGE * 8):
            bounds = {"the_id": self._id(log), "first": first, "stop": min(stop, first + _PAGE * 8)}
            with self._database.read("entries") as connection:
                rows = self._bodies.rows(connection, bounds)
            for row in rows:
                yield row[0], row[1], row[2]

    def leaves(self, log: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the stored leaf hashes in [start, stop), in order, with those of pruned entries."""
        state = self.state(log)
        if state is not None and start < state.first and start < stop:
            for first in range(start, min(stop, state.first), _PAGE * 8):
                with self._database.snapshot("tiles") as connection:
                    stop_here = min(stop, state.first, first + _PAGE * 8)
                    found = list(tile_leaves(connection, self._id(log), first, stop_here))
                yield from found
        for _, _, leaf in self.bodies(log, max(start, state.first if state else 0), stop):
            yield leaf

    def nodes(self, log: str, level: int, start: int, stop: int) -> Mapping[int, bytes]:
        """Return the stored nodes of `level` with place in [start, stop), by place."""
        if not self._has_nodes:
            return {}
        bounds = {"the_id": self._id(log), "the_level": level, "first": start, "stop": stop}
        with self._database.read("nodes") as connection:
            return {row[0]: row[1] for row in self._nodes.rows(connection, bounds)}

    @cached_property
    def _has_nodes(self) -> bool:
        """False for a database of an earlier version that is only read."""
        with self._database.read("nodes") as connection:
            return inspect(connection).has_table(log_node.name)

    def checkpoints(self, log: str) -> list[bytes]:
        """Return all stored checkpoints, by size."""
        statement = (
            select(log_checkpoint.c.checkpoint)
            .where(log_checkpoint.c.log_id == self._id(log))
            .order_by(log_checkpoint.c.size)
        )
        with self._database.read("checkpoints") as connection:
            return list(connection.execute(statement).scalars())

    def logs(self) -> list[str]:
        """Return names of the logs that were opened."""
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
        """Return indexes of entries that fit all given filters, newest first.

        Times narrow the rows that are looked at, since entries are in the order of their time; the other filters
        look at each row, on a connection of their own: about a second for a million entries.
        """
        c = log_entry.c
        statement = select(c.seq).where(c.log_id == self._id(log)).order_by(c.seq.desc()).limit(limit)
        for given, condition in (
            (peer, c.peer == peer),
            (kind, c.kind == kind),
            (exchange_id, c.exchange_id == bytes.fromhex(exchange_id)),
        ):
            if given:
                statement = statement.where(condition)
        with self._database.snapshot("find") as connection:
            if since_us:
                statement = statement.where(c.seq >= self.first_since(connection, log, since_us))
            if until_us:
                statement = statement.where(c.seq < self.first_since(connection, log, until_us))
            return list(connection.execute(statement).scalars())

    def of_exchanges(self, log: str, exchanges: Collection[str]) -> list[int]:
        """Return indexes of the entries of these exchanges, ascending, in one pass over the log."""
        c, wanted = log_entry.c, {bytes.fromhex(one) for one in exchanges}
        statement = select(c.seq, c.exchange_id).where(c.log_id == self._id(log), c.seq >= bindparam("first"))
        statement = statement.where(c.seq < bindparam("stop")).order_by(c.seq)
        state = self.state(log)
        found: list[int] = []
        if state is None or not wanted:
            return []
        for first in range(state.first, state.size, _SCANNED):
            with self._database.read("find") as connection:
                rows = connection.execute(statement, {"first": first, "stop": min(state.size, first + _SCANNED)})
                found += [seq for seq, exchange in rows if exchange in wanted]
        return found

    def of_kinds(
        self, log: str, kinds: Collection[str], since_us: int, first: int = 0
    ) -> Iterator[tuple[int, int, str, str]]:
        """Yield index, time, kind and exchange id of the entries of these kinds at or after a time, in order.

        With `first` those from that index on, whatever their time.
        """
        c = log_entry.c
        wanted = select(c.seq, c.time_us, c.kind, c.exchange_id).where(c.log_id == self._id(log), c.kind.in_(kinds))
        with self._database.snapshot("find") as connection:
            first = first or (self.first_since(connection, log, since_us) if since_us else 0)
            for index, time_us, kind, exchange_id in connection.execute(wanted.where(c.seq >= first).order_by(c.seq)):
                yield index, time_us, kind, exchange_id.hex() if exchange_id else ""

    def first_since(self, connection: Connection, log: str, time_us: int) -> int:
        """Return the index of the first entry at or after `time_us`, by halving. A deleted row counts as the next."""
        log_id, c = self._id(log), log_entry.c
        here = (c.log_id == log_id, c.seq >= bindparam("index"))
        times = select(c.time_us).where(*here).order_by(c.seq).limit(1)
        low, high = 0, connection.execute(select(log_state.c.size).where(log_state.c.id == log_id)).scalar() or 0
        while low < high:
            middle = (low + high) // 2
            found = connection.execute(times, {"index": middle}).scalar()
            if found is not None and found < time_us:
                low = middle + 1
            else:
                high = middle
        return low

    def channel(self, log: str, channel: str, first: int, last: int) -> list[bytes]:
        """Return bodies of the entries of `channel` numbered in [first, last], by number; also from the log's earlier
        numbers, through which a channel's numbers go on."""
        c = log_entry.c
        statement = (
            select(c.body)
            .where(c.log_id.in_(self._through(log)), c.channel == channel, c.number.between(first, last))
            .order_by(c.number, c.log_id, c.seq)
        )
        with self._database.read("channel") as connection:
            return list(connection.execute(statement).scalars())

    def highest(self, log: str, channel: str) -> int:
        """Return the highest number in `channel`, also in the log's earlier numbers; 0 when it has none."""
        c, logs = log_entry.c, self._through(log)
        with self._database.read("channel") as connection:
            found = [
                connection.execute(select(func.max(c.number)).where(c.log_id == one, c.channel == channel)).scalar()
                for one in logs
            ]
        return max((int(number or 0) for number in found), default=0)

    def _through(self, log: str) -> list[int]:
        """Return the ids of a log and of its earlier numbers, the oldest first."""
        name, _, number = log.partition("/")
        before = (f"{name}/{earlier}" for earlier in range(1, int(number)))
        return [found for found in (self._id(one) for one in (*before, log)) if found >= 0]

    def _id(self, log: str) -> int:
        if log not in self._ids and self.state(log) is None:
            return -1
        return self._ids[log]


_ADVANCE = (
    update(log_state)
    .where(
        log_state.c.id == bindparam("the_id"),
        log_state.c.size == bindparam("old_size"),
        log_state.c.root == bindparam("old_root"),
    )
    .values({column: bindparam(column) for column in ("number", "size", "root", "checkpoint", "counters")})
)


@cache
def _put_node(*, shared: bool) -> ClauseElement:
    node = insert_for(log_node, shared=shared)
    replaced = node.values({column: bindparam(column) for column in ("log_id", "level", "place", "hash")})
    return replaced.on_conflict_do_update(
        index_elements=("log_id", "level", "place"), set_={"hash": node.excluded.hash}
    )


_KEEP = insert_into(log_checkpoint)


def _written_elsewhere(log: str) -> StorageBroken:
    return StorageBroken(
        "another process has written to log `{log}`",
        where="append",
        remedy="run one node on one home, then start it again",
        log=log,
    )


def _size_of(checkpoint: bytes) -> int | None:
    return int(checkpoint.split(b"\n", 2)[1]) if checkpoint else None


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


# ------------------------------------------------------------ statements that read


_PAGE = 512
_SCANNED = 16_384


@cache
def _with_content() -> Select[Any]:
    e, c = log_entry.c, log_content.c
    joined = log_entry.outerjoin(log_content, (e.log_id == c.log_id) & (e.seq == c.seq))
    return (
        select(e.seq, e.body, c.key_id, c.wrapped_key, c.private, c.request, c.answer)
        .select_from(joined)
        .where(e.log_id == bindparam("the_id"), e.seq >= bindparam("first"), e.seq < bindparam("stop"))
        .order_by(e.seq)
    )


_NODES = select(log_node.c.place, log_node.c.hash).where(
    log_node.c.log_id == bindparam("the_id"),
    log_node.c.level == bindparam("the_level"),
    log_node.c.place >= bindparam("first"),
    log_node.c.place < bindparam("stop"),
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
