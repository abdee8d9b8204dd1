"""Prune an exchange log to a lowest index: older entries leave their hashes in the tree, and nothing else.

1. of the log's first number, the part to prune ends before the first entry that is younger than the given time, is
   under no head that witnesses cosigned, is held, has content that is not erased yet, or whose receipt is still due;
   and at a whole tile of 256;
2. an entry of the operations log, durable first, names the index, and the root over the pruned entries;
3. the entries go segment by segment, each in one transaction that keeps their hashes and moves the lowest index.

An act that was interrupted in step 3 is continued by the next one; every state between is a whole log. All proofs among
newer entries, and from any head that was ever signed, are made as before: they need hashes only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.log.succession import by_number, split_name
from gateway.audit.reading.evidence import SEGMENT
from gateway.audit.retention.holds import Hold, holding
from gateway.audit.tree.checkpoint import origin as origin_of
from gateway.audit.tree.merkle import Tree
from gateway.audit.tree.tiles import WIDTH
from gateway.errors import Forbidden, NotProved, Unknown
from gateway.model.values import text_value
from gateway.ports.content_keys import ContentKeys, EncryptedContent
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.ports.log_store import LogStore

_MAX_TEXT = 500


class PrunedStore(LogStore, Protocol):
    """A log store whose entries can be pruned."""

    def prune(self, log: str, first: int, stop: int) -> None:
        """Replace the entries in [first, stop), whole tiles, by their hashes, in one durable transaction."""


class ErasedKeys(ContentKeys, Protocol):
    """A keystore that tells which keys were destroyed."""

    def is_destroyed(self, key_id: str) -> bool:
        """Tell whether a key was destroyed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of pruning. `covered` gives the size of a log's newest head that enough witnesses cosigned; `holds`
    are those in force; `settled` gives for a channel the highest number whose receipt is there."""

    covered: Callable[[str], int]
    holds: Sequence[Hold]
    settled: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Plan:
    """The entries of `log` in [first, stop) are to go; `kept_by` says what keeps the next one, empty where only its
    time does. `begun`: an entry says so already."""

    log: str
    first: int
    stop: int
    kept_by: str
    begun: bool = False


def pruned_mark(origin: str) -> bytes:
    """Return the value of `req` in the entry, which names the pruned log."""
    return hashlib.sha256(origin.encode()).digest()


@dataclass(frozen=True, slots=True)
class Pruner:
    """Prunes the logs of a home that no node serves; `write` makes an entry of the operations log durable."""

    store: PrunedStore
    keys: ErasedKeys
    member: str
    limits: Limits
    write: Callable[[EntryDraft], object]

    def plans(self, before_us: int) -> Iterator[Plan]:
        """Yield the plan of each number of the exchange log (step 1). One that was begun is as its entry says."""
        for log in by_number(self.store.logs()):
            state = self.store.state(log)
            if not log.startswith("exchange/") or state is None:
                continue
            begun = self._begun(log)
            if begun > state.first:
                yield Plan(log, state.first, begun, "", begun=True)
                continue
            if split_name(log)[1] > 1:
                yield Plan(log, 0, 0, "its first entry says what was lost of the number before, and stays")
                continue
            wanted = self._first_since(log, state.first, state.size, before_us)
            stop = min(wanted, self.limits.covered(log), max(0, state.size - 1))
            kept_by = "no head that enough witnesses cosigned covers it" if stop < wanted else ""
            stop, why = self._free(log, state.first, stop)
            yield Plan(log, state.first, max(state.first, stop // WIDTH * WIDTH), why or kept_by)

    def carry_out(self, plan: Plan, by: str, reason: str, before_us: int, proof: Mapping[str, Any]) -> None:
        """Carry out steps 2 and 3. `proof` are the members of the entry that prove the act.

        Raises `Malformed` for a text that is missing, `Forbidden` where nothing is to go.
        """
        text_value(by, "--by", _MAX_TEXT)
        text_value(reason, "--reason", _MAX_TEXT)
        if plan.stop <= plan.first:
            raise Forbidden("nothing may be pruned", code="nothing-to-prune", where=plan.log)
        if not plan.begun:
            self.write(self._draft(plan, by, reason, before_us, proof))
        for first in range(plan.first, plan.stop, SEGMENT):
            self.store.prune(plan.log, first, min(plan.stop, first + SEGMENT))

    def _draft(self, plan: Plan, by: str, reason: str, before_us: int, proof: Mapping[str, Any]) -> EntryDraft:
        tree = Tree()
        tree.extend(self.store.leaves(plan.log, 0, plan.stop))
        if tree.size != plan.stop:
            raise NotProved("the hashes of the log are not all there", where=plan.log)
        name, number = split_name(plan.log)
        return events.PRUNED.draft(
            number=plan.stop,
            request_hash=pruned_mark(origin_of(self.member, name, number)),
            answer_hash=tree.root(),
            log=plan.log,
            first=plan.first,
            stop=plan.stop,
            before_us=before_us,
            by=by,
            reason=reason,
            **proof,
        )

    def _begun(self, log: str) -> int:
        """Return the index up to which the operations log says that this log is pruned; 0 where it does not."""
        name, number = split_name(log)
        mark = pruned_mark(origin_of(self.member, name, number))
        found = 0
        for operations in self.store.logs():
            if operations.startswith("operations/"):
                for index in self.store.find(operations, kind=events.PRUNED.kind, limit=1_000_000):
                    for _, body, _ in self.store.bodies(operations, index, index + 1):
                        entry = parse_entry(body)
                        if entry.request_hash == mark:
                            found = max(found, entry.number or 0)
        return found

    def _first_since(self, log: str, low: int, high: int, time_us: int) -> int:
        while low < high:
            middle = (low + high) // 2
            _, body, _ = next(iter(self.store.bodies(log, middle, middle + 1)))
            if parse_entry(body).time_us < time_us:
                low = middle + 1
            else:
                high = middle
        return low

    # ------------------------------------------------------------ what has to stay

    def _free(self, log: str, first: int, stop: int) -> tuple[int, str]:
        """Return the index of the first entry in [first, stop) that has to stay, and why; `stop` where none has."""
        for stored in self.store.entries(log, first, stop):
            why = self._stays(log, parse_entry(stored.body), stored.content)
            if why:
                return stored.index, why
        return stop, ""

    def _stays(self, log: str, entry: Entry, content: EncryptedContent | None) -> str:
        hold = holding(self.limits.holds, log, entry.index, entry.exchange_id)
        if hold is not None:
            return f"the legal hold `{hold.id}` is on entry {entry.index}"
        if content is not None and content.private and not self.keys.is_destroyed(content.key_id):
            return f"the content of entry {entry.index} is not erased yet (key `{content.key_id}`)"
        for channel in _channels(entry):
            if (entry.number or 0) > self.limits.settled(channel):
                return f"no receipt is there for entry {entry.index} (`{entry.peer}`)"
        return ""


def _channels(entry: Entry) -> Iterator[str]:
    if entry.number is not None and entry.peer:
        if entry.kind in events.ANSWERS:
            yield f"in:{entry.peer}"
        elif entry.kind in events.ARRIVALS:
            yield f"out:{entry.peer}"


def pruned_below(store: LogStore) -> dict[str, int]:
    """Return the lowest index of each log that was pruned."""
    states = ((log, store.state(log)) for log in store.logs())
    return {log: state.first for log, state in states if state is not None and state.first}


def require_there(store: LogStore, log: str, index: int) -> None:
    """Raise `Unknown` where an entry was pruned, or was never there."""
    state = store.state(log)
    if state is None or index >= state.size:
        raise Unknown("there is no entry {index}", code="no-such-entry", where=log, index=index)
    if index < state.first:
        raise Unknown(
            "entry {index} was pruned: the entries of this log begin with {first}",
            code="pruned",
            where=log,
            remedy="an export from before holds it; its place in the tree is still proved by its hash",
            index=index,
            first=state.first,
        )
