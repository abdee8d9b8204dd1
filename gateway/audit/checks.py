"""The checks of one log, in one pass over its entries (numbers: `findings.Check`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gateway.audit.checkpoint import Checkpoint, origin, parse_checkpoint, verify_checkpoint
from gateway.audit.entry import Entry, commitment, decode_private, parse_entry
from gateway.audit.events import EVENTS, Party
from gateway.audit.evidence import LogEvidence, Row
from gateway.audit.findings import Check, Report
from gateway.audit.merkle import Tree, leaf_hash
from gateway.audit.recover import first_bad_range
from gateway.errors import BadSignature, LiaisonError
from gateway.model.names import MemberId
from gateway.signing.keys import VerifyKey
from gateway.statements.envelope import ANSWER, REQUEST, check_signature, unseal
from gateway.trust.descriptor import KeyUse
from gateway.trust.view import TrustView

_OF_A_LOG = (
    Check.HEAD,
    Check.TREE,
    Check.EARLIER_HEADS,
    Check.FORM,
    Check.TIME,
    Check.CHANNELS,
    Check.PRIVATE,
    Check.STATEMENTS,
    Check.ONE_ANSWER,
)


class LogCheck:
    """Checks 4 to 12 for one log of `member`.

    `erased` holds the ids of keys that the operations log says were destroyed: what they protected is gone by
    right. `statements` = False leaves out the signatures of statements, which take most of the time.
    """

    def __init__(
        self,
        evidence: LogEvidence,
        member: MemberId,
        view: TrustView,
        report: Report,
        erased: frozenset[str] = frozenset(),
        *,
        statements: bool = True,
    ) -> None:
        self._evidence = evidence
        self._log = evidence.name
        self._member = member
        self._view = view
        self._report = report
        self._erased = erased
        self._check_statements = statements
        log, _, number = evidence.name.partition("/")
        self._origin = origin(member, log, int(number))
        self._tree = Tree()
        self._last_us = 0
        self._channels: dict[str, int] = {}
        self._answered: set[tuple[str, str]] = set()
        self._suspect: int | None = None
        self.destroyed: set[str] = set()

    def run(self) -> None:
        """Check everything, and say so in the report."""
        for row in self._evidence.rows():
            self._row(row)
        heads = self._heads()
        if heads:
            self._root(heads)
        self._report.sizes[self._log] = self._tree.size
        self._report.conclude(_OF_A_LOG, self._log)

    # ------------------------------------------------------------ heads and tree

    def _heads(self) -> list[Checkpoint]:
        """Check 4: heads that a listed log key signed, the newest last."""
        keys = self._view.vkeys(self._member, KeyUse.LOG)
        found = self._evidence.heads()
        heads = [head for data in dict.fromkeys(found) if (head := self._verified(data, keys))]
        if not heads:
            text = "no head that a listed log key signed" if found else "there is no signed head"
            self._report.not_provable(Check.HEAD, text, self._log)
            return []
        heads.sort(key=lambda head: head.size)
        self._in_time(heads[-1], keys)
        return heads

    def _verified(self, data: bytes, keys: Sequence[VerifyKey]) -> Checkpoint | None:
        for key in keys:
            try:
                return verify_checkpoint(data, self._origin, key)
            except BadSignature:
                continue
            except LiaisonError:
                break
        self._report.contradicted(Check.HEAD, f"a head is not signed by a listed log key: {_about(data)}", self._log)
        return None

    def _in_time(self, head: Checkpoint, keys: Sequence[VerifyKey]) -> None:
        """The key's time: it is that of the last entry that the head covers."""
        for key in keys:
            try:
                verify_checkpoint(head.data, self._origin, key)
                self._view.verify_key(self._member, key.key_id, KeyUse.LOG, self._last_us)
            except LiaisonError:
                continue
            return
        if self._last_us:
            self._report.contradicted(Check.HEAD, "the log key of the newest head was not valid then", self._log)

    def _root(self, heads: list[Checkpoint]) -> None:
        """Checks 5 and 6."""
        newest, size = heads[-1], self._tree.size
        if newest.size > size:
            text = f"entry {size} is missing: a head over {newest.size} entries was signed"
            self._report.contradicted(Check.TREE, text, self._log, size)
        elif newest.size < size:
            text = f"the entries from {newest.size} on are under no signed head"
            self._report.not_provable(Check.TREE, text, self._log, newest.size)
        bad = [head for head in heads if head.size <= size and self._tree.root(head.size) != head.root]
        if not bad:
            return
        start, stop = first_bad_range(self._tree, heads)
        if self._suspect is not None and start <= self._suspect < stop:
            start, stop = self._suspect, self._suspect + 1
        place = f"entry {start}" if stop == start + 1 else f"one of the entries {start} to {stop - 1}"
        check = Check.TREE if newest in bad else Check.EARLIER_HEADS
        text = f"{place} is not what was signed, in the head over {bad[0].size} entries"
        self._report.contradicted(check, text, self._log, start)

    # ------------------------------------------------------------ entries

    def _row(self, row: Row) -> None:
        expected = self._tree.size
        leaf = leaf_hash(row.body)
        self._tree.append(leaf)
        if row.stored_leaf and leaf != row.stored_leaf:
            self._suspicious(expected)
            self._report.contradicted(Check.TREE, "the entry is not what its stored hash says", self._log, expected)
        try:
            entry = parse_entry(row.body)
        except LiaisonError as error:
            self._suspicious(expected)
            self._report.contradicted(Check.FORM, error.message, self._log, expected)
            return
        self._form(entry, row, expected)
        self._private(entry, row)
        if self._check_statements:
            self._statements(entry, row)

    def _suspicious(self, index: int) -> None:
        if self._suspect is None:
            self._suspect = index

    def _form(self, entry: Entry, row: Row, expected: int) -> None:
        """Checks 7, 8, 9 and 12."""
        if (entry.log, entry.index, row.index) != (self._origin, expected, expected):
            self._suspicious(expected)
            text = f"here stands entry {entry.index} of `{entry.log}`, where entry {expected} should be"
            self._report.contradicted(Check.FORM, text, self._log, expected)
        if entry.time_us < self._last_us:
            self._suspicious(expected)
            self._report.contradicted(Check.TIME, "the entry is older than the one before it", self._log, expected)
        self._last_us = max(self._last_us, entry.time_us)
        event = EVENTS[entry.kind]
        if event.log != self._log.partition("/")[0]:
            self._report.contradicted(Check.FORM, f"`{entry.kind}` is no kind of this log", self._log, expected)
        if event.counted and entry.number is not None:
            self._channel(entry, expected)
        if entry.kind == "answered":
            answered = (entry.peer, entry.exchange_id)
            if answered in self._answered:
                self._report.contradicted(Check.ONE_ANSWER, "the exchange has two answers", self._log, expected)
            self._answered.add(answered)

    def _channel(self, entry: Entry, index: int) -> None:
        before = self._channels.get(entry.peer, 0)
        if entry.number != before + 1:
            self._suspicious(index)
            text = f"number {entry.number} of the channel from `{entry.peer}` follows number {before}"
            self._report.contradicted(Check.CHANNELS, text, self._log, index)
        self._channels[entry.peer] = entry.number or before

    def _private(self, entry: Entry, row: Row) -> None:
        """Check 10."""
        if row.private is None:
            if row.erased and row.erased in self._erased:
                return
            text = row.problem or f"its private part was erased (key `{row.erased}`)"
            add = self._report.contradicted if row.problem else self._report.not_provable
            add(Check.PRIVATE, text, self._log, entry.index)
            return
        if commitment(row.private) != entry.commitment:
            self._suspicious(entry.index)
            self._report.contradicted(Check.PRIVATE, "its private part is another one", self._log, entry.index)
            return
        if entry.kind == "key-destroyed":
            self.destroyed.add(str(decode_private(row.private).get("key_id", "")))

    def _statements(self, entry: Entry, row: Row) -> None:
        """Check 11."""
        event = EVENTS[entry.kind]
        if row.private is None or row.problem:
            return
        if event.strict and event.answer is not Party.NOBODY and not row.answer:
            self._report.not_provable(Check.STATEMENTS, "its answer is not there", self._log, entry.index)
        try:
            if row.request:
                self._statement(row.request, REQUEST, entry.request_hash, event.request, entry, strict=event.strict)
            if row.answer:
                self._statement(row.answer, ANSWER, entry.answer_hash, event.answer, entry, strict=True)
        except LiaisonError as error:
            self._suspicious(entry.index)
            self._report.contradicted(Check.STATEMENTS, error.message, self._log, entry.index)

    def _statement(
        self, data: bytes, payload_type: str, expected: bytes, party: Party, entry: Entry, *, strict: bool
    ) -> None:
        if not strict and hashlib.sha256(data).digest() == expected:
            return
        unsealed = unseal(data, payload_type)
        if unsealed.payload_hash != expected:
            raise BadSignature("a statement is not the one whose hash is in the entry")
        if strict:
            signer = self._member if party is Party.US else MemberId(entry.peer)
            check_signature(unsealed, self._view, signer, entry.time_us)


def _about(data: bytes) -> str:
    try:
        head = parse_checkpoint(data)
    except LiaisonError as error:
        return error.message
    return f"`{head.origin[:80]!a}`, {head.size} entries"
