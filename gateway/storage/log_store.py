"""`LogStore` in SQL: one transaction for each batch, one statement for each table.

Statements of the hot path are compiled once to the driver's own form, since a batch is on the path of every
exchange. Everything that a batch writes goes to the end of a table or index, so that it costs the same however
long the history is.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, update

from gateway.errors import StorageBroken
from gateway.model.names import ExchangeId, MemberId
from gateway.ports import EncryptedContent, LogState, NewEntry, StoredEntry
from gateway.storage.claims import ClaimIndex, claim_key
from gateway.storage.engine import Database, file_identity
from gateway.storage.postgres import identity
from gateway.storage.prepared import Prepared, insert_into, run_together
from gateway.storage.prune_store import prune, tile_leaves
from gateway.storage.tables import log_checkpoint, log_content, log_entry, log_state
from gateway.storage.upsert import insert_for

_PAGE = 512


class SqlLogStore:
    """Rows of the logs of one node. Thread-safe. A node that writes has one store for all of its logs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[str, int] = {}
        dialect = database.engine.dialect
        self._turns = threading.local()
        self._claims: ClaimIndex | None = None
        self._claims_through: dict[int, int] = {}
        self._claims_lock = threading.Lock()
        self._insert_entry = Prepared(insert_into(log_entry), dialect)
        self._insert_content = Prepared(insert_into(log_content), dialect)
        self._advance_state = Prepared(_ADVANCE, dialect)
        self._keep = Prepared(_KEEP, dialect)
        self._bodies = Prepared(_BODIES, dialect)
        self._entries = Prepared(_with_content(), dialect)
        self._lock = Prepared(_LOCK, dialect)
        self._newer_claims = Prepared(_NEWER_CLAIMS, dialect)

    @property
    def shared(self) -> bool:
        """Whether other processes may write to the same logs."""
        return self._database.shared

    def identity(self) -> str:
        """Which database this is, as long as it is the same one: a copy of a file is another one."""
        return str(identity(self._database) or "") or file_identity(self._database)

    def state(self, log: str) -> LogState | None:
        """The state of `log`, or None when it has never been opened."""
        with self._database.read("log state") as connection:
            row = connection.execute(select(log_state).where(log_state.c.log == log)).first()
        return None if row is None else self._state(row)

    def _state(self, row: Any) -> LogState:
        self._ids[row.log] = row.id
        return LogState(row.log, row.number, row.size, row.root, row.checkpoint, json.loads(row.counters), row.pruned)

    @contextmanager
    def turn(self, known: LogState) -> Iterator[LogState]:
        """Where the log of `known` stands while nobody else can move it; `commit` ends that.

        A file of SQLite has one process, whose own knowledge is the state.
        """
        if not self.shared:
            yield known
            return
        with self._database.write("append") as connection:
            state = self._state(self._lock.run(connection, {"the_id": self._ids[known.log]}).one())
            self._read_claims([self._ids[known.log]])
            self._turns.connection = connection
            try:
                yield state
            finally:
                self._turns.connection = None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """The transaction of this thread's turn, which ends with it, or one of its own."""
        turn: Connection | None = getattr(self._turns, "connection", None)
        if turn is None:
            with self._database.write("append") as connection:
                yield connection
            return
        yield turn
        turn.commit()

    def commit(self, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> None:
        """One durable transaction; `StorageBroken` when it failed, when `before` is not the state any more, or
        when a claim of `entries` is taken. Making a log that another process has made meanwhile changes nothing."""
        with self._writing() as connection:
            if before is None:
                self._make(connection, after)
                return
            log_id = self._ids[after.log]
            self._write(connection, log_id, before, after, entries)
            if entries:
                self._add_claims(log_id, after.size, entries)

    def _make(self, connection: Connection, after: LogState) -> None:
        log = after.log
        if connection.execute(select(log_state.c.id).where(log_state.c.log == log)).scalar() is None:
            values = {"log": log, "claims_from": 0, **_state_values(after)}
            made = insert_for(log_state, shared=self.shared).values(values)
            connection.execute(made.on_conflict_do_nothing(index_elements=["log"]))
        self._ids[log] = connection.execute(select(log_state.c.id).where(log_state.c.log == log)).scalar_one()

    def _write(
        self, connection: Connection, log_id: int, before: LogState, after: LogState, entries: Sequence[NewEntry]
    ) -> None:
        place = {"the_id": log_id, "old_size": before.size, "old_root": before.root}
        work = [(self._advance_state, [self._advance_state.values(place | _state_values(after))])]
        if after.checkpoint and after.checkpoint != before.checkpoint:
            size = int(after.checkpoint.split(b"\n", 2)[1])
            work.append((self._keep, [(log_id, size, after.checkpoint)]))
        if entries:
            work.append((self._insert_entry, [_entry_row(log_id, entry) for entry in entries]))
            work.append((self._insert_content, [_content_row(log_id, entry) for entry in entries]))
        if run_together(connection, work) != 1:
            raise StorageBroken(
                f"another process has written to log `{after.log}`",
                where="append",
                remedy="run one node on one home, then start it again",
            )

    def entries(self, log: str, start: int, stop: int) -> Iterator[StoredEntry]:
        """Entries with index in [start, stop), in order, with their content; a page in memory at a time."""
        for first in range(start, stop, _PAGE):
            bounds = {"the_id": self._id(log), "first": first, "stop": min(stop, first + _PAGE)}
            with self._database.read("entries") as connection:
                rows = self._entries.run(connection, bounds).all()
            for index, body, *content in rows:
                yield StoredEntry(index, body, EncryptedContent(*content) if content[0] is not None else None)

    def bodies(self, log: str, start: int, stop: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Index, body and stored leaf hash of the entries in [start, stop), in order."""
        for first in range(start, stop, _PAGE * 8):
            bounds = {"the_id": self._id(log), "first": first, "stop": min(stop, first + _PAGE * 8)}
            with self._database.read("entries") as connection:
                rows = self._bodies.run(connection, bounds).all()
            for row in rows:
                yield row[0], row[1], row[2]

    def leaves(self, log: str, start: int, stop: int) -> Iterator[bytes]:
        """The stored leaf hashes in [start, stop), in order; those of pruned entries, too."""
        state = self.state(log)
        if state is not None and start < state.first and start < stop:
            for first in range(start, min(stop, state.first), _PAGE * 8):
                with self._database.snapshot("tiles") as connection:
                    stop_here = min(stop, state.first, first + _PAGE * 8)
                    found = list(tile_leaves(connection, self._id(log), first, stop_here))
                yield from found
        for _, _, leaf in self.bodies(log, max(start, state.first if state else 0), stop):
            yield leaf

    def prune(self, log: str, first: int, stop: int) -> None:
        """In one durable transaction replace the entries in [first, stop), whole tiles, by their hashes."""
        prune(self._database, log, first, stop)

    def checkpoints(self, log: str) -> list[bytes]:
        """All checkpoints that were stored, by size."""
        statement = (
            select(log_checkpoint.c.checkpoint)
            .where(log_checkpoint.c.log_id == self._id(log))
            .order_by(log_checkpoint.c.size)
        )
        with self._database.read("checkpoints") as connection:
            return list(connection.execute(statement).scalars())

    def keep_heads(self, log: str, heads: Iterable[tuple[int, bytes]]) -> None:
        """Store signed heads of `log`, by size; those of a size that is there stay."""
        rows = [{"log_id": self._id(log), "size": size, "checkpoint": head} for size, head in dict(heads).items()]
        with self._database.write("heads") as connection:
            for row in rows:
                connection.execute(
                    insert_for(log_checkpoint, shared=self.shared)
                    .values(row)
                    .on_conflict_do_nothing(index_elements=["log_id", "size"])
                )

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
        """Indexes of entries that fit all given filters, newest first.

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

    def of_kinds(self, log: str, kinds: Collection[str], since_us: int) -> Iterator[tuple[int, int, str, str]]:
        """Index, time, kind and exchange id of the entries of these kinds at or after a time, in order."""
        c = log_entry.c
        wanted = select(c.seq, c.time_us, c.kind, c.exchange_id).where(c.log_id == self._id(log), c.kind.in_(kinds))
        with self._database.snapshot("find") as connection:
            first = self.first_since(connection, log, since_us) if since_us else 0
            for index, time_us, kind, exchange_id in connection.execute(wanted.where(c.seq >= first).order_by(c.seq)):
                yield index, time_us, kind, exchange_id.hex() if exchange_id else ""

    def first_since(self, connection: Connection, log: str, time_us: int) -> int:
        """The index of the first entry at or after `time_us`, by halving; a deleted row counts as the next one."""
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
        """Bodies of the entries of `channel` whose number lies in [first, last], by number; those of the log's
        numbers before this one, too, since a channel's numbers go on through them."""
        c = log_entry.c
        statement = (
            select(c.body)
            .where(c.log_id.in_(self._through(log)), c.channel == channel, c.number.between(first, last))
            .order_by(c.number, c.log_id, c.seq)
        )
        with self._database.read("channel") as connection:
            return list(connection.execute(statement).scalars())

    def highest(self, log: str, channel: str) -> int:
        """The highest number in `channel`, 0 when it has none; also in the log's numbers before this one."""
        c, logs = log_entry.c, self._through(log)
        with self._database.read("channel") as connection:
            found = [
                connection.execute(select(func.max(c.number)).where(c.log_id == one, c.channel == channel)).scalar()
                for one in logs
            ]
        return max((int(number or 0) for number in found), default=0)

    def claimed(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], tuple[bytes, int]]:
        """Request hash and entry index of those of `claims` that exist and are not forgotten."""
        keys = {claim_key(sender, exchange): (sender, exchange) for sender, exchange in claims}
        found: dict[tuple[MemberId, ExchangeId], tuple[bytes, int]] = {}
        if self.shared and getattr(self._turns, "connection", None) is None:
            self._read_claims(list(self._ids.values()))
        for key, (log_id, index) in self._open_claims().find(keys).items():
            with self._database.read("claims") as connection:
                row = connection.execute(_REQUEST_HASH, {"the_id": log_id, "index": index}).first()
            if row is not None:  # else its transaction has not ended
                found[keys[key]] = (row[0], index)
        return found

    def forget_claims(self, before_us: int) -> int:
        """Forget claims that expired before `before_us`, up to half a minute late; the number forgotten.

        A claim expires twice the skew (30 s) after its request, and `check_fresh` of the statements refuses a
        request as stale from its own expiry on: what is forgotten here is never asked for again, not even by a
        node whose clock is put back by the skew. The rows stay, as what they are: entries of the log. The place
        from which on a start has to read claims is kept, so that it reads minutes and not the history.
        """
        count, starts = self._open_claims().forget(before_us)
        if count:
            with self._database.write("forget claims") as connection:
                for log_id, index in starts.items():
                    connection.execute(update(log_state).where(log_state.c.id == log_id).values(claims_from=index))
        return count

    def _open_claims(self) -> ClaimIndex:
        """The claims, read from the rows at first use."""
        with self._claims_lock:
            if self._claims is None:
                claims = ClaimIndex()
                with self._database.snapshot("claims") as connection:
                    self._claims_through = {row.id: row.size for row in connection.execute(_SIZES)}
                    claims.add(_claim(*row) for row in connection.execute(_CLAIMS))
                self._claims = claims
            return self._claims

    def _read_claims(self, logs: Sequence[int]) -> None:
        """Take in the claims that other processes have written to `logs` by now.

        Entries become visible in order and without gaps, since each batch waits for the log's state. The lock sees to
        it that no entry is read twice, and none that this process adds itself.
        """
        claims = self._open_claims()
        with self._claims_lock, self._database.read("claims") as connection:
            for log_id in logs:
                through = self._claims_through.get(log_id, 0)
                rows = self._newer_claims.run(connection, {"the_id": log_id, "first": through}).all()
                claims.add(_claim(*row) for row in rows)
                self._claims_through[log_id] = max((row[4] + 1 for row in rows), default=through)

    def _add_claims(self, log_id: int, size: int, entries: Sequence[NewEntry]) -> None:
        """Take in the claims of a batch, before it is committed: it ends with the process when that fails."""
        if self._claims is None and not any(entry.claim for entry in entries):
            return  # a command that writes one entry does not read the claims of the history for it
        claims = self._open_claims()
        with self._claims_lock:
            claims.add(
                (claim_key(claim.sender, claim.exchange_id), claim.expires_us, log_id, entry.index)
                for entry in entries
                if (claim := entry.claim)
            )
            self._claims_through[log_id] = size

    def _through(self, log: str) -> list[int]:
        """Ids of a log and of its numbers before this one, the oldest first."""
        name, _, number = log.partition("/")
        before = (f"{name}/{earlier}" for earlier in range(1, int(number)))
        return [found for found in (self._id(one) for one in (*before, log)) if found >= 0]

    def _id(self, log: str) -> int:
        if log not in self._ids and self.state(log) is None:
            return -1
        return self._ids[log]


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
_ADVANCE = (
    update(log_state)
    .where(
        log_state.c.id == bindparam("the_id"),
        log_state.c.size == bindparam("old_size"),
        log_state.c.root == bindparam("old_root"),
    )
    .values({column: bindparam(column) for column in ("number", "size", "root", "checkpoint", "counters")})
)
_KEEP = insert_into(log_checkpoint)
_CLAIMS = (
    select(log_entry.c.exchange_id, log_entry.c.peer, log_entry.c.expires_us, log_entry.c.log_id, log_entry.c.seq)
    .select_from(log_state.join(log_entry, log_entry.c.log_id == log_state.c.id))
    .where(log_entry.c.seq >= log_state.c.claims_from, log_entry.c.expires_us.is_not(None))
)
_SIZES = select(log_state.c.id, log_state.c.size)
_NEWER_CLAIMS = select(
    log_entry.c.exchange_id, log_entry.c.peer, log_entry.c.expires_us, log_entry.c.log_id, log_entry.c.seq
).where(
    log_entry.c.log_id == bindparam("the_id"),
    log_entry.c.seq >= bindparam("first"),
    log_entry.c.expires_us.is_not(None),
)
_LOCK = select(log_state).where(log_state.c.id == bindparam("the_id")).with_for_update()
_REQUEST_HASH = select(log_entry.c.request_hash).where(
    log_entry.c.log_id == bindparam("the_id"), log_entry.c.seq == bindparam("index")
)


def _claim(exchange: bytes, peer: str, expires_us: int, log_id: int, index: int) -> tuple[bytes, int, int, int]:
    return exchange + peer.encode(), expires_us, log_id, index


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
