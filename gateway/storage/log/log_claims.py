"""The answered (sender, exchange id) pairs of a database: a `ClaimIndex` that is filled from its rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import bindparam, select, update

from gateway.errors import StorageBroken
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.log_store import NewEntry, Span
from gateway.storage.database.engine import Database
from gateway.storage.database.prepared import Prepared
from gateway.storage.database.tables import log_entry, log_state
from gateway.storage.log.claims import ClaimIndex, claim_key


class LogClaims:
    """The claims of all logs of a database, read from the rows at first use. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.RLock()
        self._index: ClaimIndex | None = None
        self._through: dict[int, int] = {}
        self._newer = Prepared(_NEWER_CLAIMS, database.engine.dialect)

    def find(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], tuple[bytes, int]]:
        """Return request hash and entry index of those `claims` that exist and are not forgotten."""
        keys = {claim_key(sender, exchange): (sender, exchange) for sender, exchange in claims}
        found: dict[tuple[MemberId, ExchangeId], tuple[bytes, int]] = {}
        index = self._index or self._opened()  # without the lock: an index that is there stays
        for key, (log_id, place) in index.find(keys).items():
            with self._database.read("claims") as connection:
                row = connection.execute(_REQUEST_HASH, {"the_id": log_id, "index": place}).first()
            if row is not None:  # else its transaction has not ended
                found[keys[key]] = (row[0], place)
        return found

    def over(self, before_us: int, held_s: float) -> list[Span]:
        """Return when the claims expired that `forget` would forget, in order."""
        return self._opened().over(before_us, held_s)

    def forget(self, before_us: int, held_s: float) -> int:
        """Forget claims that expired before `before_us` and are held for `held_s` seconds. Return their number.

        A claim expires twice the skew (30 s) after its request, and `check_fresh` of the statements refuses a request
        as stale from its own expiry on: a forgotten claim is never asked for again, not even by a node whose clock is
        put back by the skew. A node keeps what `over` said, for a clock that is put back further. The rows stay: they
        are entries of the log. The place from which on a start has to read claims is kept, so that it reads minutes and
        not the history.
        """
        count, starts = self._opened().forget(before_us, held_s)
        if count:
            with self._database.write("forget claims") as connection:
                for log_id, index in starts.items():
                    connection.execute(update(log_state).where(log_state.c.id == log_id).values(claims_from=index))
        return count

    def read(self, logs: Sequence[int], size: int | None = None) -> None:
        """Take in the claims that other processes have written to `logs` by now; up to `size`, where that is known.

        Entries become visible in order and without gaps, since each batch follows the state before. The lock ensures
        that no entry is read twice, and none that this process adds itself.
        """
        with self._locked():
            claims = self._opened()  # under this lock: another thread may forget the index, and begin another
            behind = {log_id: self._through.get(log_id, 0) for log_id in logs}
            if size is not None:
                behind = {log_id: through for log_id, through in behind.items() if through < size}
            for log_id, through in behind.items():
                with self._database.read("claims") as connection:
                    rows = self._newer.rows(connection, {"the_id": log_id, "first": through})
                claims.add(_claim(*row) for row in rows)
                self._through[log_id] = max((row[4] + 1 for row in rows), default=max(through, size or 0))

    def require_free(self, entries: Sequence[NewEntry]) -> None:
        """Raise `StorageBroken` when the claim of an entry is taken already."""
        if any(entry.claim for entry in entries) and self._opened().find(_keys(entries)):
            raise StorageBroken("an exchange would be answered twice", where="append")

    def add(self, log_id: int, size: int, entries: Sequence[NewEntry]) -> None:
        """Take in the claims of a batch that is committed, except those that were read since."""
        if self._index is None and not any(entry.claim for entry in entries):
            return  # a command that writes one entry does not read the claims of the history for it
        with self._locked():
            claims = self._opened()
            through = self._through.get(log_id, 0)
            claims.add(
                (claim_key(claim.sender, claim.exchange_id), claim.expires_us, log_id, entry.index)
                for entry in entries
                if (claim := entry.claim) and entry.index >= through
            )
            self._through[log_id] = max(through, size)

    def read_again(self) -> None:
        """Forget what is known, since a batch was not written after all: it is read from the rows at the next use."""
        with self._lock:
            self._index = None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock in the block, which does not wait for a server that is away: who writes may wait for us."""
        absence = self._database.absence
        absence.require_here("claims", waits=True)
        with self._database.places.at("claims", self._lock), absence.held:
            yield

    def _opened(self) -> ClaimIndex:
        """Return the claims, read from the rows at first use."""
        with self._locked():
            if self._index is None:
                claims = ClaimIndex()
                with self._database.snapshot("claims") as connection:
                    self._through = {row.id: row.size for row in connection.execute(_SIZES)}
                    claims.add(_claim(*row) for row in connection.execute(_CLAIMS))
                self._index = claims
            return self._index


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
_REQUEST_HASH = select(log_entry.c.request_hash).where(
    log_entry.c.log_id == bindparam("the_id"), log_entry.c.seq == bindparam("index")
)


def _keys(entries: Sequence[NewEntry]) -> Iterator[bytes]:
    return (claim_key(claim.sender, claim.exchange_id) for entry in entries if (claim := entry.claim))


def _claim(exchange: bytes, peer: str, expires_us: int, log_id: int, index: int) -> tuple[bytes, int, int, int]:
    return exchange + peer.encode(), expires_us, log_id, index
