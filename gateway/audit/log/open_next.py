"""Open the next number of a log whose entries are lost for good: a human's act, under a name.

1. every known signed head of the log is gathered: the high-water file's, the database's, and those that
   witnesses showed before a start was refused;
2. the rows are hashed again. Where they give all of these heads nothing is lost, and nothing is opened;
3. what is kept ends with the last head, or the database's own state, that the rows give without contradicting any
   other;
4. both heads are stored with the old number, so that it can be exported and verified as far as it goes;
5. the next number is made, its channels' counters ahead of every number that a lost answer can have had;
6. its first entry names the loss, the person who opened the number, and the reason.

The act may be given again where it was interrupted: until step 6 no node starts on the next number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gateway.audit.log.highwater import high_water_path, read_heads
from gateway.audit.log.log import AuditLog
from gateway.audit.log.numbers import newest_number, store_name
from gateway.audit.log.succession import text_hash
from gateway.audit.tree.checkpoint import Checkpoint, HeadSigner, LogKeys, Signer, parse_checkpoint, signed_head
from gateway.audit.tree.checkpoint import origin as origin_of
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.clock import Clock
from gateway.errors import Forbidden, NotProved
from gateway.model.evidence.witness import HeadEvidence
from gateway.model.values import text_value
from gateway.ports.content_keys import ContentKeys
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged, LogName
from gateway.ports.log_store import LogState, LogStore
from gateway.signing.keys import VerifyKey

MARGIN = 1_000
"""Numbers of a channel that are skipped beyond those of the lost entries: answers may have left after the largest head
that is known."""

_MAX_TEXT = 500


class KeepingStore(LogStore, Protocol):
    """A log store that also keeps heads beside those of its batches."""

    def keep_heads(self, log: str, heads: Iterable[tuple[int, bytes]]) -> None:
        """Store signed heads of `log`, by size. Leaves stored heads of the same size."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss in number `number` of a log. `kept` is None where nothing is kept, `lost` the largest known head."""

    number: int
    kept: Checkpoint | None
    lost: Checkpoint
    known_from: str
    counters: Mapping[str, int]

    @property
    def entries(self) -> int:
        """The number of lost entries, as far as heads are known."""
        return max(0, self.lost.size - (self.kept.size if self.kept else 0))


@dataclass(frozen=True, slots=True)
class Word:
    """The person whose act it is, and the reason. `unwitnessed`: no loss is proved, and no witness can be asked.

    `proof` are the members of the entry that prove the act.
    """

    by: str
    reason: str
    unwitnessed: bool = False
    proof: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise `Malformed` when a text is missing."""
        text_value(self.by, "--by", _MAX_TEXT)
        text_value(self.reason, "--reason", _MAX_TEXT)


@dataclass(frozen=True, slots=True)
class LostLog:
    """A log of a home that no node serves, and all known heads of it."""

    store: KeepingStore
    keys: ContentKeys
    key: HeadSigner
    listed: Sequence[VerifyKey]
    clock: Clock
    member: str
    name: str
    highwater: Path
    shown: Sequence[HeadEvidence]

    def assess(self, *, unwitnessed: bool = False) -> Loss:
        """Carry out steps 1 to 3. Raises `Forbidden` when nothing is lost, `NotProved` when no signed head is known."""
        number = newest_number(self.store, self.highwater, self.name)
        while number > 1 and not self._begun(number):
            number -= 1
        heads = self._heads(number)
        if not heads:
            raise NotProved(
                "no signed head of this log is known: there is nothing to go on from",
                code="no-head",
                where=f"log {store_name(self.name, number)}",
                remedy="start the node; a log without entries needs no next number",
            )
        state = self.store.state(store_name(self.name, number))
        tree, whole = self._tree(state)
        kept = _kept(tree, whole, [head for head, _ in heads])
        lost, known_from = max(heads, key=lambda item: item[0].size)
        if kept >= lost.size and not unwitnessed:
            raise Forbidden(
                "nothing is lost: the rows give every head of this log that is known here",
                code="log-is-whole",
                where=f"log {store_name(self.name, number)}",
                remedy="start the node: where a witness has seen more, it says so, and this can be given after that",
            )
        head = parse_checkpoint(self._sign(number, kept, tree.root(kept))) if kept else None
        return Loss(number, head, lost, known_from, dict(state.counters) if state else {})

    def open_next(self, loss: Loss, word: Word, counterparts: Iterable[str], settle: Callable[[str, int], None]) -> int:
        """Carry out steps 4 to 6. Return the number that was opened. `settle` is called with each counterpart and the
        number through which its receipts count as given: lost answers need none."""
        word.check()
        old = store_name(self.name, loss.number)
        if self.store.state(old) is not None:
            kept = [(loss.kept.size, loss.kept.data)] if loss.kept else []
            self.store.keep_heads(old, [*kept, (loss.lost.size, loss.lost.data)])
        counters = self._counters(loss, counterparts)
        for channel, count in counters.items():
            if channel.startswith("in:"):
                settle(channel.removeprefix("in:"), count)
        number = loss.number + 1
        with closing(
            AuditLog(
                self.store,
                self.keys,
                self.key,
                self.clock,
                self.member,
                self.name,
                number,
                highwater=self.highwater,
                opening=counters,
            )
        ) as log:
            if log.size == 0:
                (logged,) = log.append([self._draft(loss, word, old)])
                assert isinstance(logged, Logged)
        return number

    def _begun(self, number: int) -> bool:
        """Tell whether this number was opened in full, here or in a database that is lost."""
        state = self.store.state(store_name(self.name, number))
        return bool(state and state.size) or any(head.size for head, _ in self._heads(number))

    def _counters(self, loss: Loss, counterparts: Iterable[str]) -> dict[str, int]:
        if self.name != LogName.EXCHANGE:
            return dict(loss.counters)
        channels = {f"in:{peer}": 0 for peer in counterparts} | dict(loss.counters)
        return {channel: count + loss.entries + MARGIN for channel, count in channels.items()}

    def _draft(self, loss: Loss, word: Word, old: str) -> EntryDraft:
        kept = loss.kept
        event = events.EXCHANGE_CONTINUED if self.name == LogName.EXCHANGE else events.OPERATIONS_CONTINUED
        return event.draft(
            request_hash=text_hash(loss.lost),
            answer_hash=text_hash(kept) if kept else b"",
            by=word.by,
            reason=word.reason,
            log=old,
            lost_head=loss.lost.data.decode(),
            lost_size=loss.lost.size,
            kept_head=kept.data.decode() if kept else "",
            kept_size=kept.size if kept else 0,
            known_from=loss.known_from,
            unwitnessed=word.unwitnessed,
            **word.proof,
        )

    # ------------------------------------------------------------ heads and rows

    def _heads(self, number: int) -> list[tuple[Checkpoint, str]]:
        """Return the heads that a key of ours signed, each with its source (step 1)."""
        origin, log = origin_of(self.member, self.name, number), store_name(self.name, number)
        state = self.store.state(log)
        found: list[tuple[bytes, str]] = [
            *((data, "database") for data in (state.checkpoint if state else b"", *self.store.checkpoints(log))),
            *((data, "high-water") for data in read_heads(high_water_path(self.highwater, self.name, number))),
            *((data, "witness") for item in self.shown if item.origin == origin for data in (item.known, item.offered)),
        ]
        return [(head, source) for data, source in found if (head := self._verified(data, origin)) is not None]

    def _verified(self, data: bytes, origin: str) -> Checkpoint | None:
        return signed_head(data, origin, (*LogKeys.of(self.key).verifiers, *self.listed))

    def _tree(self, state: LogState | None) -> tuple[Tree, bool]:
        """Return the tree over the rows up to the first bad one, and whether it matches the state (step 2)."""
        tree = Tree()
        tree.extend(self.store.leaves(state.log, 0, state.first) if state else ())
        for index, body, stored in self.store.bodies(state.log, state.first, state.size) if state else ():
            leaf = leaf_hash(body)
            if index != tree.size or leaf != stored:
                return tree, False
            tree.append(leaf)
        return tree, state is not None and (tree.size, tree.root()) == (state.size, state.root)

    def _sign(self, number: int, size: int, root: bytes) -> bytes:
        """Return the head over the kept entries, as it was signed when they were written: signatures never vary."""
        return Signer(origin_of(self.member, self.name, number), self.key).sign(size, root)


def _kept(tree: Tree, whole: bool, heads: Sequence[Checkpoint]) -> int:
    """Return how many entries are kept (step 3)."""
    wrong = [head.size for head in heads if head.size <= tree.size and tree.root(head.size) != head.root]
    if whole and not wrong:
        return tree.size
    before = min(wrong, default=tree.size + 1)
    return max((head.size for head in heads if head.size < before), default=0)
