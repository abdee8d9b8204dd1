"""Plan an erasure: which content it would erase, which is held, and which is gone already. Nothing here changes
anything."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.audit.entries.entry import decode_private, parse_entry
from gateway.audit.reading.opened import stored_at
from gateway.audit.retention.holds import Hold, holding, read_holds
from gateway.audit.retention.ports import ErasableContent, ErasableKeys
from gateway.errors import Forbidden, Unknown
from gateway.model.evidence.retention import ContentKeyId, ContentPlace, content_key_id
from gateway.ports.content_keys import Retention
from gateway.ports.log_store import LogStore, StoredEntry

ERASED_BY_AGE = (Retention.HIT, Retention.NO_HIT, Retention.OPERATIONS, Retention.JUSTIFICATION)
"""Classes whose content ages. `PROOF` is never erased."""

DOCUMENTS = "docs"
"""The class of small documents."""

RESEALED = frozenset({DOCUMENTS, str(Retention.DESK)})
"""Classes of single values: those of an old month that are still needed are sealed anew, then its key is destroyed."""

Progress = Callable[[str, int, int], None]
"""Called with the name of a step of long work, the part that is done, and the whole."""

_TOLD = 1_000
"""Entries between two reports of progress."""

Wanted = Callable[[ContentPlace], bool]
"""Tells whether content is to be erased, as long as no hold covers it."""


@dataclass(frozen=True, slots=True)
class Erased:
    """The result for one key: entries erased by log, how many were kept, the holds that kept some, and the index of its
    proof (-1: nothing is erased yet)."""

    key_id: str
    entries: Mapping[str, int]
    kept: int = 0
    held_by: tuple[str, ...] = ()
    proof: int = -1


@dataclass(slots=True)
class Sorted:
    """The content under a key: indexes to erase by log, how many to keep, and the holds that keep some."""

    erase: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    keep: int = 0
    held_by: set[str] = field(default_factory=set)

    def told(self, key_id: str, proof: int = -1) -> Erased:
        """Return the result for the key in numbers."""
        counts = {log: len(indexes) for log, indexes in self.erase.items()}
        return Erased(key_id, counts, self.keep, tuple(sorted(self.held_by)), proof)


@dataclass(slots=True)
class Targets:
    """Entries whose content is to be erased: indexes by log, their keys, how many lie under each by log, the exchanges
    and searches that they belong to, and the first one's time. `gone` counts those that were erased before."""

    entries: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    keys: dict[str, ContentKeyId] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    names: set[str] = field(default_factory=set)
    since_us: int = 0
    gone: int = 0

    def wanted(self, place: ContentPlace) -> bool:
        """Tell whether a place is one of the targets."""
        return place.index in self.entries.get(place.log, ())


def in_silence(step: str, done: int, total: int) -> None:
    """Report no progress."""
    del step, done, total


def everything(place: ContentPlace) -> bool:
    """Select all content under a key."""
    del place
    return True


def standing(store: LogStore, keys: ErasableKeys, now_us: int) -> list[Hold]:
    """Return the holds that are in force at a time."""
    return [hold for hold in read_holds(store, keys) if hold.stands(now_us)]


def due(keys: ErasableKeys, before: Mapping[str, int]) -> list[ContentKeyId]:
    """Return keys of months that ended before the time given for their class, the oldest first."""
    found = [content_key_id(text) for text in keys.key_ids() if text.partition("/")[0] in before]
    return sorted((key for key in found if key.end_us <= before[key.name]), key=lambda key: (key.start_us, key.id))


def sort_content(content: ErasableContent, key: ContentKeyId, holds: Sequence[Hold], wanted: Wanted) -> Sorted:
    """Sort the content under a key into the part to erase and the part to keep."""
    found = Sorted()
    for place in content.under(key.id, key.start_us, key.end_us):
        hold = holding(holds, place.log, place.index, place.exchange_id)
        if hold is not None:
            found.held_by.add(hold.id)
        if hold is None and wanted(place):
            found.erase[place.log].append(place.index)
        else:
            found.keep += 1
    return found


def sort_lost(content: ErasableContent, keys: ErasableKeys, holds: Sequence[Hold], text: str, now_us: int) -> Sorted:
    """Sort the content under a key that is lost: all of it goes.

    Raises `Forbidden` for a key that is there, whose month is not over, that protects proofs, or under which something
    is held; `Unknown` where nothing lies under it; `Malformed`.
    """
    key = content_key_id(text)
    why = (
        "is there"
        if key.id in keys.key_ids()
        else "protects proofs, which are never erased"
        if key.name == Retention.PROOF
        else "is of a month that is not over"
        if key.end_us > now_us
        else ""
    )
    if why:
        raise Forbidden("the key `{key}` cannot be declared lost: it {why}", code="key-not-lost", key=key.id, why=why)
    found = sort_content(content, key, holds, everything)
    if found.keep:
        raise Forbidden(
            "entries under the key `{key}` are under the legal hold `{id}`: nothing was erased",
            code="held",
            remedy="wait until it ends, or let two approvers lift it: liaison audit hold lift",
            key=key.id,
            id=min(found.held_by),
        )
    if not (found.erase or keys.is_destroyed(key.id) or content.under_others(keys.key_ids()).get(key.id)):
        raise Unknown("nothing lies under a key `{key}`", code="no-key", key=key.id)
    return found


def plan_by_age(
    store: LogStore, content: ErasableContent, keys: ErasableKeys, now_us: int, before: Mapping[str, int]
) -> list[Erased]:
    """Return the plan of erasing by age, key by key, with the holds."""
    holds = standing(store, keys, now_us)
    return [sort_content(content, key, holds, everything).told(key.id) for key in due(keys, before)]


def look_up(
    store: LogStore,
    keys: ErasableKeys,
    holds: Sequence[Hold],
    wanted: Mapping[str, Iterable[int]],
    progress: Progress = in_silence,
) -> Targets:
    """Return the entries that an order names, in one pass. Entries that are erased already are only counted.

    Raises `Forbidden` when one of them is held, or is a proof that is never erased, and `Unknown` when there is no such
    entry.
    """
    targets = Targets()
    sorted_indexes = {log: sorted(set(indexes)) for log, indexes in wanted.items()}
    total, done = sum(map(len, sorted_indexes.values())), 0
    for log, indexes in sorted_indexes.items():
        found = stored_at(store, log, indexes)
        for index in indexes:
            stored = next(found, None)
            if stored is None or stored.index != index:
                raise Unknown(
                    "there is no entry {index} in {log}", code="no-such-entry", where=log, index=index, log=log
                )
            _add(targets, keys, holds, log, stored)
            done += 1
            if done % _TOLD == 0:
                progress("looking up", done, total)
    return targets


def _add(targets: Targets, keys: ErasableKeys, holds: Sequence[Hold], log: str, stored: StoredEntry) -> None:
    entry, index = parse_entry(stored.body), stored.index
    if (hold := holding(holds, log, index, entry.exchange_id)) is not None:
        raise Forbidden(
            "entry {index} of {log} is under the legal hold `{id}`: nothing was erased",
            code="held",
            where=log,
            remedy="wait until it ends, or let two approvers lift it: liaison audit hold lift",
            index=index,
            log=log,
            id=hold.id,
        )
    if stored.content is None or not stored.content.private or keys.is_destroyed(stored.content.key_id):
        targets.gone += 1
        return
    key = content_key_id(stored.content.key_id)
    if key.name == Retention.PROOF:
        raise Forbidden(
            "entry {index} of {log} proves an erasure or a hold, and is never erased",
            code="is-a-proof",
            where=log,
            index=index,
            log=log,
        )
    try:
        private, _, _ = keys.open_content(log, index, stored.content)
    except Unknown as error:
        if error.code != "no-key":
            raise
        raise Unknown(
            "the key `{key}` of entry {index} in {log} is lost: nothing was erased",
            code="no-key",
            where=log,
            remedy="put it back (`storage.key_copy`, or a backup of the keystore); where it is lost for good, two "
            "persons say so: liaison audit erase --lost-key {key}",
            index=index,
            log=log,
            key=key.id,
        ) from error
    targets.entries[log].add(index)
    targets.keys[key.id] = key
    targets.counts[key.id][log] += 1
    targets.names |= {name for name in (entry.exchange_id, decode_private(private).get("search")) if name}
    targets.since_us = min(targets.since_us or entry.time_us, entry.time_us)
