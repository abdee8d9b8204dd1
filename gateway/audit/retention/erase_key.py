"""Erase what one month's key protects (design, section 7). Each step can be begun again after a crash at any moment:

1. the content that stays is kept: the key is retired, writing under it is waited for, and the kept content keys are
   wrapped under the key that follows it, a hundred at a time;
2. the entry `key-destroyed` is durable: which key, which entries, why, by whom;
3. the key's name is durable in the list of destroyed keys (`gateway.audit.retention.destroyed_keys`);
4. the key is destroyed: from here on the content is gone, in this database and in every copy of it;
5. the rows are overwritten;
6. the list says so.

Steps 4 to 6 are taken up again from the list, the steps before from the act that asked for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from gateway.audit.reading.show import Filter, show
from gateway.audit.retention.destroyed_keys import Tombstones
from gateway.audit.retention.holds import Hold, holding
from gateway.audit.retention.plan import Erased, Progress, Sorted, Wanted, in_silence, sort_content
from gateway.audit.retention.ports import ErasableContent, ErasableKeys
from gateway.clock import Clock
from gateway.errors import StorageBroken
from gateway.model.evidence.retention import ContentKeyId, ContentPlace, content_key_id, ranges
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Journal, Logged
from gateway.ports.log_store import LogStore

_BATCH = 100
_LONGEST = 64 * 1024
"""Characters of the longest list of indexes in an entry; of a longer one, only the number of entries is given."""


@dataclass(frozen=True, slots=True)
class ErasureReason:
    """A reason to erase. `ground` is `age`, `entry`, `subject`, `court-order`, `lost-key` or `owner`; `order` the id of
    the act."""

    ground: str
    by: str
    reason: str = ""
    reference: str = ""
    order: str = ""


@dataclass(slots=True, kw_only=True)
class KeyEraser:
    """Erases the content under single keys. One at a time for a home (`gateway.ops.acts`).

    `settle` waits until everything that was being written to the logs is written.
    """

    store: LogStore
    content: ErasableContent
    keys: ErasableKeys
    operations: Journal
    tombstones: Tombstones
    clock: Clock
    settle: Callable[[], None]
    progress: Progress = in_silence
    _known: dict[str, int] | None = field(default=None, init=False)

    def erase(self, key: ContentKeyId, holds: Sequence[Hold], wanted: Wanted, why: ErasureReason) -> Erased | None:
        """Carry out all steps for one key. Returns None, and changes nothing, where all its content is to be kept."""
        plan = sort_content(self.content, key, holds, wanted)
        if plan.keep and not plan.erase:
            return None
        if plan.keep or key.end_us > self.clock.now_us():
            to = self.keys.retire(key.id)
            self.settle()
            plan = sort_content(self.content, key, holds, wanted)
            self._keep(key, to, holds, wanted, plan.keep)
        return self._destroy(key, plan, why)

    def _keep(self, key: ContentKeyId, to: str, holds: Sequence[Hold], wanted: Wanted, total: int) -> None:
        """Carry out step 1 for `total` pieces of content."""
        waiting: list[tuple[ContentPlace, bytes]] = []
        done = 0
        for place in self.content.under(key.id, key.start_us, key.end_us):
            if wanted(place) and holding(holds, place.log, place.index, place.exchange_id) is None:
                continue
            waiting.append((place, self.keys.rewrap(key.id, place.wrapped_key, place.log, place.index, to)))
            if len(waiting) == _BATCH:
                self._rewrap(key.id, to, waiting)
                done += len(waiting)
                self.progress(f"keeping the rest of {key.id}", done, total)
                waiting = []
        if waiting:
            self._rewrap(key.id, to, waiting)
        if sort_content(self.content, key, holds, wanted).keep:
            raise StorageBroken("content was written under the retired key `{id}`", where="erase", id=key.id)

    def _rewrap(self, key_id: str, to: str, places: Sequence[tuple[ContentPlace, bytes]]) -> None:
        self.keys.remember(to, [(place.log, place.index, wrapped) for place, wrapped in places])
        self.content.rewrap(key_id, to, places)

    def reseal(self, key: ContentKeyId, drop: Callable[[str, bytes], bool], why: ErasureReason) -> Erased:
        """Carry out all steps for a key of single values: `drop` picks by name and value those that go."""
        to, seen = self.keys.retire(key.id), count(1)

        def change(name: str, sealed: bytes, place: bytes) -> bytes | None:
            if (done := next(seen)) % _BATCH == 0:
                self.progress(f"sealing {key.id} anew", done, 0)
            return None if drop(name, self.keys.open(sealed, place)) else self.keys.reseal(sealed, to, place)

        kept = self.content.reseal_small(key.id, change)
        return self._destroy(key, Sorted(keep=kept), why)

    def erase_lost(self, key: ContentKeyId, plan: Sorted, why: ErasureReason) -> Erased:
        """Carry out steps 2 to 6 for a key that is lost, with which nothing can be kept."""
        self.content.reseal_small(key.id, lambda *_: None)
        return self._destroy(key, plan, why)

    def _destroy(self, key: ContentKeyId, plan: Sorted, why: ErasureReason) -> Erased:
        proof = self._prove(plan.told(key.id), plan, why)
        self.tombstones.note_destroyed(key.id)
        self.finish(key.id)
        return plan.told(key.id, proof)

    def _prove(self, told: Erased, plan: Sorted, why: ErasureReason) -> int:
        """Write the entry of step 2, unless it is there from before a crash. Return its index."""
        if (known := self._proofs().get(told.key_id)) is not None:
            return known
        lists = {log: ranges(indexes) for log, indexes in plan.erase.items()}
        draft = events.KEY_DESTROYED.draft(
            key_id=told.key_id,
            ground=why.ground,
            by=why.by,
            reason=why.reason,
            reference=why.reference,
            order=why.order,
            entries=dict(told.entries),
            indexes={log: text for log, text in lists.items() if len(text) <= _LONGEST},
            kept=told.kept,
            holds=list(told.held_by),
        )
        index = self._proofs()[told.key_id] = self.note(draft)
        return index

    def _proofs(self) -> dict[str, int]:
        """Return the keys that entries say were destroyed, with the entries' indexes; read once for each order."""
        if self._known is None:
            self._known = {
                str(shown.private.get("key_id", "")): shown.entry.index
                for log in self.store.logs()
                if log.startswith("operations/")
                for shown in show(self.store, self.keys, log, Filter(kind=events.KEY_DESTROYED.kind), 1_000_000)
            }
        return self._known

    def look_again(self) -> None:
        """Forget the entries that were read, because another order begins."""
        self._known = None

    def finish(self, key_id: str) -> None:
        """Carry out steps 4 to 6."""
        key = content_key_id(key_id)
        self.keys.destroy(key.id)
        self.content.empty(key.id, key.start_us, key.end_us)
        self.tombstones.note_emptied(key.id)

    def note(self, draft: EntryDraft) -> int:
        """Write an entry of the operations log, and return its index."""
        written = self.operations.append([draft])[0]
        assert isinstance(written, Logged)
        return written.index
