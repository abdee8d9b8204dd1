"""One audit log of a node (design, section 7).

`append` writes a batch:

1. each draft is checked, and its private part encoded: what fails here fails before anything is written;
2. drafts whose claim is taken leave with the stored answer; rows of the desk that build on another version of their
   thread refuse the batch (`Outdated`);
3. under the lock, the others get place, time and channel number, and their bytes are built;
4. entries, claims, rows of the desk, encrypted content and the new state are one transaction, durable when it returns;
5. the batch is read again and hashed again (against memory faults), and compared with the tree;
6. the new head is signed once, and written to the high-water file;
7. each entry gets its proof under that head.

The signature is deterministic, so the head is stored with the next batch. Any failure from step 4 on leaves the log
broken: nothing is signed from memory any more, and the process has to end. A lack of descriptors in step 3 refuses the
batch (`Unavailable`): nothing was written, and nothing changed.

Several processes may write to one log where the database is a server's. One at a time then has the log
(`LogStore.turn`). It first takes up the entries of the others (`gateway.audit.log.head`), and writes batches until
another one takes the log. Step 4 refuses the batch of a process that has lost it: steps 2 to 4 are done again. So they
are where the server was away (decision 0131), unless the batch is found in the log then.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from gateway.audit.entries.entry import SALT_BYTES
from gateway.audit.log.batch import (
    Claim,
    EntryBuilder,
    Winner,
    by_claim,
    encoded_private,
    require_current,
    stored_answer,
)
from gateway.audit.log.earlier_proofs import earlier_proof
from gateway.audit.log.head import LogHead, state_at_start, time_of_entry
from gateway.audit.log.highwater import HighWater, high_water_path, moved
from gateway.audit.log.numbers import newest_number, store_name
from gateway.audit.log.recovery import as_broken
from gateway.audit.tree.checkpoint import Checkpoint, HeadSigner, LogKeys, Signer, origin, verify_head
from gateway.clock import JUMP_US, Clock
from gateway.errors import LiaisonError, NotWritten, StorageAway, StorageBroken, Unavailable
from gateway.model.exchange import LogProof
from gateway.ports.content_keys import ContentKeys
from gateway.ports.journal import EntryDraft, Logged, LogName, StoredAnswer
from gateway.ports.log_store import LogState, LogStore, NewEntry

_Tried = tuple[list[Logged | StoredAnswer | None], Sequence[Winner], list[tuple[int, int]], Sequence[NewEntry]]
"""What `by_claim` has found of drafts, and the entries that were to be written."""

_MOST_TRIES = 5
"""Times that the same entries are written, where the database ends their transaction before its commit."""


class AuditLog:
    """A `Journal`. Opening it refuses a log that differs from the signed one (`gateway.audit.log.recovery`).

    `database` names its database. `moved` says so when the newest head was signed on another one, and is empty
    otherwise: such a log has to be compared with more than this home knows.

    `number` 0 stands for the newest number. A number after the first without an entry was not opened in full: only
    `gateway.audit.log.open_next` may do that, which gives the counters of its channels as `opening`.

    Raises `Contradicted` (rows were changed), `Misconfigured` (in use, or another key), `StorageBroken`.
    """

    def __init__(
        self,
        store: LogStore,
        keystore: ContentKeys,
        key: HeadSigner,
        clock: Clock,
        member: str,
        name: str = LogName.EXCHANGE,
        number: int = 0,
        *,
        highwater: Path,
        opening: Mapping[str, int] | None = None,
    ) -> None:
        number = number or newest_number(store, highwater, name)
        self.name = name
        self.number = number
        self.store_name = store_name(name, number)
        self.origin = origin(member, name, number)
        self._store = store
        self._keystore = keystore
        self._clock = clock
        self._signer = Signer(self.origin, key)
        self._builder = EntryBuilder(self.origin, self.store_name, keystore)
        self._lock = threading.Lock()
        self._broken = False
        self.database = store.identity()
        self._high_water = HighWater(
            high_water_path(highwater, name, number), shared=store.shared, database=self.database
        )
        self._keys = LogKeys.of(key).verifiers
        try:
            seen = self._high_water.read(self.origin, self._keys)  # before the state: others go on signing
            self.moved = moved(seen, self.database)
            state = state_at_start(store, self.store_name, number, opening, seen, self.moved)
            self._head = LogHead(store, self._signer, self._keys, state, seen, self.moved)
            if not self.moved:  # else this may be the wrong copy until an entry says that the log is here
                self._high_water.write(self._head.checkpoint)
        except BaseException:
            self._high_water.close()
            raise
        # Times never decrease: after entries from a clock that was ahead they run ahead of a clock that is right.
        self._runs_ahead = True

    # ------------------------------------------------------------ end

    def close(self) -> None:
        """Store the newest head and release the log, which cannot be used afterwards."""
        with self._lock:
            try:
                if not self._broken:
                    head = self._head
                    with self._store.turn(head.state) as current:
                        if (current.size, current.root) == (head.state.size, head.state.root):
                            self._store.commit(current, replace(current, checkpoint=head.checkpoint), [])
            finally:
                self._broken = True
                self._high_water.close()

    def settle(self) -> None:
        """Wait until every process has written what it is writing. Later writes use the keystore as it is by now."""
        with self._lock, self._unforgiving():
            self._store.settle(self.store_name)

    def abandon(self) -> None:
        """Release the log without writing anything, because it must not go on."""
        with self._lock:
            self._broken = True
            self._high_water.close()

    def sign_with(self, keys: LogKeys) -> None:
        """Sign heads with other keys from now on, beginning with the newest one."""
        with self._lock, self._unforgiving():
            self._require_open()
            self._signer, self._keys = Signer(self.origin, keys), keys.verifiers
            self._head.sign_with(self._signer, self._keys)
            self._high_water.write(self._head.checkpoint)

    # ------------------------------------------------------------ other processes

    def follow(self) -> None:
        """Take up the entries of other processes, and write their newest head to the high-water file. Raises
        `StorageBroken` when the log is no longer the one that was signed."""
        if not self._store.shared:
            return
        self._keystore.look_again()
        with self._store.awaited(self._lock), self._unforgiving():
            self._require_open()
            self._follow()

    def _follow(self) -> None:
        current = self._store.state(self.store_name)
        if current is None:
            raise StorageBroken("the log is gone from the database", where=self.origin)
        if current.size != self._head.state.size:
            self._head.catch_up(current)
            self._high_water.write(self._head.checkpoint)

    @contextmanager
    def _reading(self, size: int) -> Iterator[LogHead]:
        """Yield the log as we know it, with the first `size` entries where another process has written them."""
        with self._lock:
            if size > self._head.state.size and self._store.shared and not self._broken:
                with self._unforgiving():
                    self._follow()
            yield self._head

    @contextmanager
    def _unforgiving(self, *but: type[LiaisonError]) -> Iterator[None]:
        """End the log when the block fails, `but` for errors of these types and of a server that is away: nothing is
        signed any more."""
        try:
            yield
        except LiaisonError as error:
            if isinstance(error, (StorageAway, *but)):
                raise
            self._broken = True
            raise as_broken(error) from error
        except BaseException:
            self._broken = True
            raise

    def _require_open(self) -> None:
        if self._broken:
            raise StorageBroken("the log failed before, or is closed", where=self.origin)

    # ------------------------------------------------------------ reading

    @property
    def size(self) -> int:
        """The number of entries."""
        return self._head.state.size

    @property
    def hashed_from(self) -> int:
        """The index from which on entries were re-hashed when the log was opened."""
        return self._head.hashed_from

    @property
    def checkpoint(self) -> bytes:
        """The newest signed head."""
        return self._head.checkpoint

    @property
    def vkey(self) -> str:
        """The verifier key of this log, as text."""
        return self._signer.vkey

    def proof(self, index: int, origin: str = "") -> LogProof:
        """Return the proof of an entry under the newest signed head; `origin` may name another number of this log.

        Raises `Malformed` when there is no such entry.
        """
        if origin not in ("", self.origin):
            return earlier_proof(self._store, origin, index, self._keys)
        with self._reading(index + 1) as head:
            return LogProof(index, head.tree.inclusion(index, head.state.size), head.checkpoint)

    def verified(self, head: bytes) -> Checkpoint:
        """Return a head that a key of this log signed. Raises `Malformed`, `BadSignature`."""
        return verify_head(head, self.origin, self._keys)

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Return the proof that entry `index` is among the first `size` entries. Raises `Malformed`."""
        with self._reading(size) as head:
            return head.tree.inclusion(index, size)

    def root(self, size: int) -> bytes:
        """Return the root over the first `size` entries. Raises `Malformed` when there are not so many."""
        with self._reading(size) as head:
            return head.tree.root(size)

    def reread(self, first: int, stop: int) -> None:
        """Raise `StorageBroken` unless the stored entries in [first, stop) are those of the tree. Skips pruned ones."""
        self._head.reread(first, stop)

    def extension(self, first: int, second: int) -> tuple[bytes, ...]:
        """Return the proof that the tree over `second` entries extends the one over `first`; empty from 0."""
        with self._reading(second) as head:
            return head.tree.consistency(first, second) if first else ()

    def time_of(self, index: int) -> int:
        """Return the time of an entry in microseconds since 1970; 0 where it is pruned."""
        return time_of_entry(self._store, self.store_name, index)

    def stored_answers(self, claims: Sequence[Claim]) -> Mapping[Claim, StoredAnswer]:
        """Return the stored answer of each claim that has one. An answer is empty where its content was erased."""
        taken = self._store.claimed(claims)
        return {
            claim: stored_answer(self._store, self._keystore, self.store_name, claim, *place)
            for claim, place in taken.items()
        }

    # ------------------------------------------------------------ writing

    def append(self, drafts: Sequence[EntryDraft]) -> list[Logged | StoredAnswer]:
        """Write the drafts. Return for each, in order, `Logged`, or the stored answer when the draft's claim lost.

        Raises `Malformed` naming the draft when one cannot be an entry, and `Outdated` when its rows do not build on
        their thread as it stands (nothing is written then), and `StorageBroken` when the storage failed.
        """
        self._flag_time(drafts)
        salts = os.urandom(SALT_BYTES * len(drafts))
        privates = [encoded_private(self.name, position, draft, salts) for position, draft in enumerate(drafts)]  # 1
        wanted = [(draft.claim.sender, draft.claim.exchange_id) for draft in drafts if draft.claim]
        done, tries, tried = None, 0, list[_Tried]()
        while done is None:
            with self._store.awaited(self._lock, must=bool(tried)):
                self._require_open()
                try:
                    done = self._make(drafts, privates, wanted, tried)
                except (NotWritten, StorageAway) as error:  # the database stood still, or we did: the same again
                    self._head.tree.cut(self._head.state.size)
                    tries += isinstance(error, NotWritten)  # a server is waited for, however often it goes away
                    if tries == _MOST_TRIES:
                        self._broken = True
                        raise StorageBroken(
                            "the database ended the transaction of the same entries {count} times",
                            code="not-written",
                            where=self.origin,
                            remedy="look why this machine or its database is so slow, then start the node again",
                            count=tries,
                        ) from error
        results, twins = done
        for position, first in twins:
            twin, draft = results[first], drafts[first]
            assert isinstance(twin, Logged)
            results[position] = StoredAnswer(draft.request_hash, draft.answer, twin.entry, twin.index)
        return [result for result in results if result is not None]

    def _make(
        self, drafts: Sequence[EntryDraft], privates: Sequence[bytes], wanted: Sequence[Claim], tried: list[_Tried]
    ) -> tuple[list[Logged | StoredAnswer | None], list[tuple[int, int]]] | None:
        """Carry out steps 2 to 7. Return results and twins; None where another process has taken the log meanwhile.

        What was `tried` before is in the log where the connection was lost after its commit: then it has been
        taken up with the turn, and only the proofs are left to make.
        """
        written: tuple[LogState, list[NewEntry]] | None = None
        with self._turn():
            for results, winners, twins, entries in tried:
                if self._head.holds(entries):
                    return self._proved(self._head.state, entries, results, winners), twins
            taken = self.stored_answers(wanted) if wanted else {}  # 2
            results, winners, twins = by_claim(drafts, privates, taken)
            if winners:
                require_current(self._store, [winner.draft.rows for winner in winners if winner.draft.rows])
                with self._unforgiving(Unavailable):
                    built = self._build(winners)  # 3
                tried.append((results, winners, twins, built[0]))
                with self._unforgiving(NotWritten):
                    written = self._write(*built)  # 4
                if written is None:
                    return None
        return self._proved(*written, results, winners) if written else results, twins

    def _proved(
        self,
        after: LogState,
        entries: Sequence[NewEntry],
        results: list[Logged | StoredAnswer | None],
        winners: Sequence[Winner],
    ) -> list[Logged | StoredAnswer | None]:
        with self._unforgiving():
            logged = self._prove(after, entries)  # 5 to 7
        for winner, place in zip(winners, logged, strict=True):
            results[winner.position] = place
        return results

    def _flag_time(self, drafts: Sequence[EntryDraft]) -> None:
        """Note the clock's error in each draft while the time is not to be believed (DUTY-L24)."""
        off = self._clock.jumped_us()
        if abs(off) < JUMP_US and self._runs_ahead:
            off = min(0, self._clock.now_us() - self._head.last_us)
            self._runs_ahead = abs(off) >= JUMP_US
        if abs(off) >= JUMP_US:
            for draft in drafts:
                draft.private = {**draft.private, "clock_us": off}

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Have the log until the block ends, after taking up everything that others wrote before."""
        try:
            with self._store.turn(self._head.state) as current:
                if current is not self._head.state:
                    self._keystore.look_again()
                    with self._unforgiving():
                        self._head.catch_up(current)
                yield
        except StorageAway:
            raise
        except StorageBroken:
            self._broken = True
            raise

    def _build(self, winners: Sequence[Winner]) -> tuple[list[NewEntry], dict[str, int]]:
        """Return the entries of a batch and the counters after it. Changes nothing."""
        counters, last_us = dict(self._head.state.counters), self._head.last_us
        entries = [
            self._builder.build(winner, index, last_us := max(self._clock.now_us(), last_us + 1), counters)
            for index, winner in enumerate(winners, self._head.state.size)
        ]
        return entries, counters

    def _write(self, entries: list[NewEntry], counters: dict[str, int]) -> tuple[LogState, list[NewEntry]] | None:
        """Write a batch. Return None, and leave all as it was, where another process has taken the log."""
        head, before = self._head, self._head.state
        head.tree.extend(entry.leaf_hash for entry in entries)
        size = before.size + len(entries)
        after = LogState(before.log, before.number, size, head.tree.root(), head.checkpoint, counters, before.first)
        if nodes := head.unstored():
            entries[-1] = replace(entries[-1], nodes=nodes)
        if not self._store.commit(before, after, entries):  # 4
            head.tree.cut(before.size)
            return None
        head.last_us = entries[-1].time_us
        return after, entries

    def _prove(self, after: LogState, entries: Sequence[NewEntry]) -> list[Logged]:
        head, size = self._head, after.size
        head.reread(entries[0].index, entries[-1].index + 1)  # 5
        signed = head.checkpoint = self._signer.sign(size, after.root)  # 6
        self._high_water.write(signed)
        head.state = after
        inclusion = head.tree.inclusion
        logged = [  # 7
            Logged(entry.index, entry.body, entry.number, LogProof(entry.index, inclusion(entry.index, size), signed))
            for entry in entries
        ]
        head.tree.stored()
        return logged
