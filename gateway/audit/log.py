"""One audit log of a node (design, section 7).

`append` writes a batch:

1. each draft is checked, and its private part encoded: what fails here fails before anything is written;
2. drafts whose claim is taken leave with the stored answer;
3. under the lock, the others get place, time and channel number, and their bytes are built;
4. entries, claims, encrypted content and the new state are one transaction, durable when it returns;
5. the batch is read again and hashed again (against memory faults), and compared with the tree;
6. the new head is signed once, and written to the high-water file;
7. each entry gets its proof under that head.

The signature is deterministic, so the head is stored with the next batch. Any failure from step 4 on leaves the log
broken: nothing is signed from memory any more, and the process has to end.

Several processes may write to one log where the database is a server's. Steps 2 to 4 are then one transaction that
begins with the log's state locked (`LogStore.turn`). A process that is behind reads what the others have written,
hashes it again, and compares it with the state and the stored head before it goes on. So of each size there is one
committed root, and a head is signed only over a root that was committed and that this process has computed itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gateway.audit.checkpoint import HeadSigner, Signer, origin
from gateway.audit.earlier import earlier_proof
from gateway.audit.entry import SALT_BYTES, Entry, build_entry, check_fields, commitment, encode_private, parse_entry
from gateway.audit.events import Log
from gateway.audit.highwater import HighWater, Seen, high_water_path, moved
from gateway.audit.merkle import EMPTY_ROOT, leaf_hash
from gateway.audit.numbers import newest_number, require_begun, store_name
from gateway.audit.recover import as_broken, check_end, check_extends, check_state, extend_tree, rebuild_tree
from gateway.clock import JUMP_US, Clock
from gateway.errors import Contradicted, LiaisonError, Malformed, Misconfigured, StorageBroken, Unknown
from gateway.model.exchange import LogProof
from gateway.model.frozen import changing
from gateway.model.names import ExchangeId, MemberId
from gateway.ports import ContentKeys, EncryptedContent, EntryDraft, Logged, LogState, LogStore, NewEntry, StoredAnswer
from gateway.signing.keys import VerifyKey

_Claim = tuple[MemberId, ExchangeId]

_AFTER_A_MOVE = (
    "was a standby promoted, or a backup put back, that lacks the last commits? Bring back the server that has them, "
    "then start the node again"
)


@changing
class _Winner:
    """A draft that is to be written, with the place of its result."""

    position: int
    draft: EntryDraft
    private: bytes


class AuditLog:
    """A `Journal`. Opening it re-hashes all rows and refuses a log that is not what was signed.

    `database` is the one it is on, `moved` says so when its newest head was signed on another one (then it has to be
    compared with more than this home knows), and is empty otherwise.

    `number` is 0 for the newest one there is. A number after the first that has no entry yet was not opened in full:
    only `audit.continue_log` may do so, which says `opening` with the counters of its channels.

    Raises `Contradicted` (rows were changed), `Misconfigured` (in use, or another key), `StorageBroken`.
    """

    def __init__(
        self,
        store: LogStore,
        keystore: ContentKeys,
        key: HeadSigner,
        clock: Clock,
        member: str,
        name: str = Log.EXCHANGE,
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
        self._lock = threading.Lock()
        self._broken = False
        self.database = store.identity()
        self._high_water = HighWater(
            high_water_path(highwater, name, number), shared=store.shared, database=self.database
        )
        self._verify_key = VerifyKey.admit(key.spki)
        try:
            self._open(number, opening)
        except BaseException:
            self._high_water.close()
            raise

    # ------------------------------------------------------------ start and end

    def _open(self, number: int, opening: Mapping[str, int] | None) -> None:
        seen = self._high_water.read(self.origin, self._verify_key)  # first: other processes go on signing
        self.moved = moved(seen, self.database)
        state = self._store.state(self.store_name)
        if state is None and seen is not None:
            raise Misconfigured(
                f"the database has no log, but a head over {seen.head.size} entries was signed{self.moved}",
                code="log-missing",
                where=f"log {self.store_name}",
                remedy="restore the database that belongs to this home",
            )
        if opening is None:
            require_begun(self.store_name, number, state)
        if state is None:
            state = LogState(self.store_name, number, 0, EMPTY_ROOT, b"", dict(opening or {}))
            self._store.commit(None, state, [])
        self._tree = rebuild_tree(self._store, state)
        self._check(state, seen)
        self._state = state
        self._last_us = self._time_of_last()
        # Times never decrease: after entries from a clock that was ahead they run ahead of a clock that is right.
        self._runs_ahead = True
        with self._store.turn(state) as current:
            self._catch_up(current)
            check_end(current, self._store)
        self._checkpoint = self._signer.sign(self._state.size, self._state.root)
        if not self.moved:  # else the next entry says that it is here now: until then it may be the wrong copy
            self._high_water.write(self._checkpoint)

    def _check(self, state: LogState, seen: Seen | None) -> None:
        """Compare what is in the database with what was signed. `Contradicted` also says when it is another one."""
        key = self._verify_key
        try:
            check_state(self._tree, state, self._store, self.origin, key)
            if seen is not None:
                check_extends(self._tree, seen.head, self._store, state.log, key)
        except Contradicted as error:
            if not self.moved:
                raise
            raise Contradicted(
                error.message + self.moved, code=error.code, where=error.where, remedy=_AFTER_A_MOVE
            ) from error

    def _time_of_last(self) -> int:
        last = self._tree.size - 1
        if last < 0:
            return 0
        return parse_entry(next(iter(self._store.bodies(self.store_name, last, last + 1)))[1]).time_us

    def close(self) -> None:
        """Store the newest head and let go of the log. The log cannot be used afterwards."""
        with self._lock:
            try:
                if not self._broken:
                    self._store_head()
            finally:
                self._broken = True
                self._high_water.close()

    def settle(self) -> None:
        """Return when what is being written is written, by any process; what comes later sees the keystore as it is
        by now."""
        with self._lock, self._turn():
            return

    def abandon(self) -> None:
        """Let go of the log as it is, without writing anything: it is not to be gone on with."""
        with self._lock:
            self._broken = True
            self._high_water.close()

    def _store_head(self) -> None:
        with self._store.turn(self._state) as current:
            if (current.size, current.root) == (self._state.size, self._state.root):
                self._store.commit(current, replace(current, checkpoint=self._checkpoint), [])

    # ------------------------------------------------------------ other processes

    def follow(self) -> None:
        """Take up what other processes have written, so that this one knows their newest head, and keeps it outside
        the database. Raises `StorageBroken` when the log is no longer the one that was signed."""
        if not self._store.shared:
            return
        self._keystore.look_again()
        with self._lock, self._unforgiving():
            self._require_open()
            current = self._store.state(self.store_name)
            if current is None:
                raise StorageBroken("the log is gone from the database", where=self.origin)
            if current.size != self._state.size:
                self._catch_up(current)
                self._high_water.write(self._checkpoint)

    def _catch_up(self, current: LogState) -> None:
        """Make `current` the state: what was added is hashed again, and must be what the state and its head say."""
        known, self._state = self._state, current
        if current is known or (current.size, current.root) == (known.size, known.root):
            return
        if current.size <= known.size:
            raise StorageBroken(
                f"the database has gone back: it holds {current.size} entries, and a head over {known.size} was signed",
                code="log-went-back",
                where=self.origin,
                remedy=_AFTER_A_MOVE,
            )
        rows = self._store.bodies(current.log, known.size, current.size)
        extend_tree(self._tree, rows, current.size, current.log)
        check_state(self._tree, current, self._store, self.origin, self._verify_key)
        self._last_us = max(self._last_us, self._time_of_last())
        self._checkpoint = self._signer.sign(current.size, current.root)

    @contextmanager
    def _unforgiving(self) -> Iterator[None]:
        """What fails inside ends the log: nothing is signed any more."""
        try:
            yield
        except LiaisonError as error:
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
        return self._state.size

    @property
    def checkpoint(self) -> bytes:
        """The newest signed head."""
        return self._checkpoint

    @property
    def vkey(self) -> str:
        """The verifier key of this log, as text."""
        return self._signer.vkey

    def proof(self, index: int, origin: str = "") -> LogProof:
        """The proof of an entry under the newest signed head; of another number of this log where `origin` says so.

        `Malformed` when there is no such entry.
        """
        if origin not in ("", self.origin):
            return earlier_proof(self._store, origin, index, self._verify_key)
        with self._lock:
            return LogProof(index, self._tree.inclusion(index, self._state.size), self._checkpoint)

    def root(self, size: int) -> bytes:
        """The root over the first `size` entries, or `Malformed` when there are not so many."""
        with self._lock:
            return self._tree.root(size)

    def reread(self, first: int, stop: int) -> None:
        """Return when the entries in [first, stop) in the database are those of the tree, else `StorageBroken`. What
        was pruned has nothing to read."""
        first = max(first, self._state.first)
        found = [(index, leaf_hash(body)) for index, body, _ in self._store.bodies(self.store_name, first, stop)]
        if found != [(index, self._tree.leaf(index)) for index in range(first, stop)]:
            raise StorageBroken(
                f"entries {first} to {stop - 1} read back are not what was written",
                where=self.origin,
                remedy="check memory and disk, then start the node again",
            )

    def extension(self, first: int, second: int) -> tuple[bytes, ...]:
        """The proof that the tree over `second` entries extends the one over `first`; empty from 0."""
        with self._lock:
            return self._tree.consistency(first, second) if first else ()

    def stored_answers(self, claims: Sequence[_Claim]) -> Mapping[_Claim, StoredAnswer]:
        """Those of `claims` that are answered. The answer is empty where its content was erased."""
        taken = self._store.claimed(claims)
        return {claim: self._stored(claim, *place) for claim, place in taken.items()}

    def _stored(self, claim: _Claim, request_hash: bytes, index: int) -> StoredAnswer:
        for stored in self._store.entries(self.store_name, index, index + 1):
            entry = parse_entry(stored.body)
            if (entry.peer, entry.exchange_id) == claim:
                answer = self._answer(index, stored.content) if stored.content else b""
                return StoredAnswer(request_hash, answer, stored.body, index)
        return StoredAnswer(request_hash, b"", b"", index)

    def _answer(self, index: int, content: EncryptedContent) -> bytes:
        try:
            return self._keystore.open_content(self.store_name, index, content)[2]
        except Unknown:
            return b""

    # ------------------------------------------------------------ writing

    def append(self, drafts: Sequence[EntryDraft]) -> list[Logged | StoredAnswer]:
        """An item for each draft, in order: `Logged`, or the stored answer when the draft's claim lost.

        Raises `Malformed` naming the draft when one cannot be an entry (nothing is written then), and
        `StorageBroken` when the storage failed.
        """
        self._flag_time(drafts)
        salts = os.urandom(SALT_BYTES * len(drafts))
        privates = [self._prepare(position, draft, salts) for position, draft in enumerate(drafts)]  # 1
        with self._lock:
            self._require_open()
            written: tuple[LogState, list[NewEntry]] | None = None
            with self._turn():
                results, winners, twins = self._claim(drafts, privates)  # 2
                if winners:
                    with self._unforgiving():
                        written = self._write(winners)  # 3, 4
            if written:
                with self._unforgiving():
                    logged = self._prove(*written)  # 5 to 7
                for winner, place in zip(winners, logged, strict=True):
                    results[winner.position] = place
        for position, first in twins:
            twin, draft = results[first], drafts[first]
            assert isinstance(twin, Logged)
            results[position] = StoredAnswer(draft.request_hash, draft.answer, twin.entry, twin.index)
        return [result for result in results if result is not None]

    def _flag_time(self, drafts: Sequence[EntryDraft]) -> None:
        """Each entry says so when its time is not to be believed (domain.md, L24)."""
        off = self._clock.jumped_us()
        if abs(off) < JUMP_US and self._runs_ahead:
            off = min(0, self._clock.now_us() - self._last_us)
            self._runs_ahead = abs(off) >= JUMP_US
        if abs(off) >= JUMP_US:
            for draft in drafts:
                draft.private = {**draft.private, "clock_us": off}

    def _prepare(self, position: int, draft: EntryDraft, salts: bytes) -> bytes:
        try:
            check_fields(draft.kind, self.name, draft.peer, draft.exchange_id, draft.request_hash, draft.answer_hash)
            start = position * SALT_BYTES
            return encode_private(draft.private, salts[start : start + SALT_BYTES])
        except Malformed as error:
            raise Malformed(error.message, code=error.code, where=f"drafts[{position}].{error.where}") from error

    def _claim(
        self, drafts: Sequence[EntryDraft], privates: Sequence[bytes]
    ) -> tuple[list[Logged | StoredAnswer | None], list[_Winner], list[tuple[int, int]]]:
        """Results so far, the drafts to write, and those whose claim an earlier draft of the batch takes."""
        wanted = [(draft.claim.sender, draft.claim.exchange_id) for draft in drafts if draft.claim]
        taken = self.stored_answers(wanted) if wanted else {}
        results: list[Logged | StoredAnswer | None] = [None] * len(drafts)
        winners: list[_Winner] = []
        twins: list[tuple[int, int]] = []
        firsts: dict[_Claim, int] = {}
        for position, draft in enumerate(drafts):
            if draft.claim:
                claim = (draft.claim.sender, draft.claim.exchange_id)
                if claim in taken:
                    results[position] = taken[claim]
                    continue
                if firsts.setdefault(claim, position) != position:
                    twins.append((position, firsts[claim]))
                    continue
            winners.append(_Winner(position, draft, privates[position]))
        return results, winners, twins

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The log's state is ours until the block ends, and we have all that others wrote before."""
        try:
            with self._store.turn(self._state) as current:
                if self._store.shared:
                    self._keystore.look_again()
                if current is not self._state:
                    with self._unforgiving():
                        self._catch_up(current)
                yield
        except StorageBroken:
            self._broken = True
            raise

    def _write(self, winners: Sequence[_Winner]) -> tuple[LogState, list[NewEntry]]:
        before = self._state
        counters = dict(before.counters)
        entries = [self._build(winner, before.size + place, counters) for place, winner in enumerate(winners)]  # 3
        self._tree.extend(entry.leaf_hash for entry in entries)
        size = before.size + len(entries)
        after = LogState(before.log, before.number, size, self._tree.root(), self._checkpoint, counters, before.first)
        self._store.commit(before, after, entries)  # 4
        return after, entries

    def _prove(self, after: LogState, entries: Sequence[NewEntry]) -> list[Logged]:
        self.reread(entries[0].index, entries[-1].index + 1)  # 5
        size = after.size
        self._checkpoint = self._signer.sign(size, after.root)  # 6
        self._high_water.write(self._checkpoint)
        self._state = after
        inclusion, head = self._tree.inclusion, self._checkpoint
        return [  # 7
            Logged(entry.index, entry.body, entry.number, LogProof(entry.index, inclusion(entry.index, size), head))
            for entry in entries
        ]

    def _build(self, winner: _Winner, index: int, counters: dict[str, int]) -> NewEntry:
        draft, private = winner.draft, winner.private
        number = draft.number
        if number is None and draft.channel:
            number = counters[draft.channel] = counters.get(draft.channel, 0) + 1
        self._last_us = time_us = max(self._clock.now_us(), self._last_us + 1)
        body = build_entry(
            Entry(
                self.origin,
                index,
                time_us,
                draft.kind,
                draft.peer,
                number,
                draft.exchange_id,
                draft.request_hash,
                draft.answer_hash,
                commitment(private),
            )
        )
        content = self._keystore.seal_content(
            draft.retention, time_us, self.store_name, index, private, draft.request, draft.answer
        )
        return NewEntry(
            index,
            body,
            leaf_hash(body),
            draft.kind,
            draft.peer,
            draft.exchange_id,
            time_us,
            draft.channel,
            number,
            content,
            draft.claim,
        )
