"""Put the checks of a log's segments together, and compare its tree with its heads (numbers: `findings.Check`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from gateway.audit.log.recovery import first_bad_range
from gateway.audit.log.succession import Continued
from gateway.audit.reading.evidence import SEGMENT, LogEvidence
from gateway.audit.retention.prune import pruned_mark
from gateway.audit.tree.checkpoint import Checkpoint, parse_checkpoint, signed_head, verify_checkpoint
from gateway.audit.tree.cosignature import Witness
from gateway.audit.tree.quorum import Witnessed, witnessed
from gateway.audit.tree.tile_tree import PIECE, TileTree
from gateway.audit.verify.answered_twice import AnsweredTwice, ClockEntry
from gateway.audit.verify.erasure_proofs import ErasedEntries, ErasureProof, not_proved, not_shown, told
from gateway.audit.verify.findings import Check, Report, State
from gateway.audit.verify.human_checks import Decision, Extent, Extents, Passkeys, Told
from gateway.audit.verify.other_hands import OtherHands
from gateway.audit.verify.segment_checks import PrunedMark, Rules, Segment
from gateway.errors import LiaisonError, NotProved
from gateway.signing.keys import VerifyKey
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.slots import IN_OTHER_HANDS
from gateway.trust.view import TrustView

Span = tuple[int, list[int]]
"""The beginning of a segment, and the sizes of heads that end inside a piece of it."""

Outer = Callable[[range], Iterable[bytes]]
"""Gives nodes over pieces that an export does not hold, by its own word; the root shows whether it is true."""

_OF_A_LOG = (
    Check.HEAD,
    Check.TREE,
    Check.EARLIER_HEADS,
    Check.FORM,
    Check.TIME,
    Check.CHANNELS,
    Check.ONE_ANSWER,
    Check.LOST,
)


class LogCheck:
    """Checks 4 to 14 and 16 to 20 for one log: `spans` first, then `take` for each segment in order, then the others.

    `destroyed`, `policies`, `withheld`, `pruned`, `opened` and `other_hands` are gathered from the segments.
    """

    def __init__(self, evidence: LogEvidence, rules: Rules, view: TrustView, report: Report) -> None:
        self._evidence = evidence
        self._rules = rules
        self._log = evidence.name
        self._view = view
        self._report = report
        self._heads: list[Checkpoint] = []
        self._beyond: list[Checkpoint] = []
        self._continued: Continued | None = None
        self._tile_tree = TileTree()
        self._seen = evidence.first
        self._last_us = 0
        self._channels: dict[str, int] = {}
        self._answers = AnsweredTwice(evidence, report)
        self.clocks: list[ClockEntry] = []
        self._suspect: int | None = None
        self.destroyed: dict[str, ErasureProof] = {}
        self._gone: dict[str, ErasedEntries] = {}
        self._grounds: set[str] = set()
        self.policies: set[str] = set()
        self.withheld: dict[str, int] = {}
        self.times: dict[int, int] = {}
        self.opened = 0
        self.statements = 0
        self.acts: dict[str, int] = {}
        self._told, self._decisions, self._extents = list[Told](), list[Decision](), Extents()
        self.pruned: list[PrunedMark] = []
        self._mark: PrunedMark | None = None
        self.other_hands, self.cosigned = OtherHands(), list[Witnessed]()

    @property
    def size(self) -> int:
        """The size of the newest head that verifies, or 0."""
        return self._heads[-1].size if self._heads else 0

    @property
    def tile_tree(self) -> TileTree:
        """The tree, once `finish` was called."""
        return self._tile_tree

    def spans(self) -> list[Span]:
        """Carry out check 4, and return the segments to check, each with the sizes of heads that end in it."""
        self._verify_heads()
        sizes = sorted({head.size for head in self._heads if head.size % PIECE})
        spans: list[Span] = [(start, []) for start in range(self._evidence.first, max(1, self._evidence.stop), SEGMENT)]
        for size in sizes:
            place = (size - 1 - self._evidence.first) // SEGMENT
            if 0 <= place < len(spans):
                spans[place][1].append(size)
        return spans

    # ------------------------------------------------------------ segments

    def take(self, segment: Segment) -> None:
        """Add the next segment."""
        if segment.size:
            self._join(segment)
        self._seen += segment.size
        for node in segment.nodes:
            self._tile_tree.append(node)
        for size, node in segment.roots.items():
            self._tile_tree.add_ragged(size, node)
        if segment.suspect is not None:
            self._suspicious(segment.suspect)
        self._report.merge(segment.report)
        self.destroyed |= segment.destroyed
        self.policies |= segment.policies
        self.pruned += segment.pruned
        self.times |= segment.times
        self.opened += segment.opened
        self.statements += segment.statements
        self._told += segment.told
        for each in segment.decisions:
            if isinstance(each, Extent):
                self._human(partial(self._extents.judge, each), each.index)
            else:
                self._decisions.append(each)
        self.other_hands.take(segment.other_hands)
        for act, index in segment.acts:
            if (before := self.acts.setdefault(act, index)) != index:
                self._against(Check.ACTS, f"it keeps the act of entry {before} again", index)
        for key_id, gone in segment.gone.items():
            self._gone.setdefault(key_id, ErasedEntries()).merge(gone)
        for ground, count in segment.withheld.items():
            self.withheld[ground] = self.withheld.get(ground, 0) + count

    def _join(self, segment: Segment) -> None:
        """Check time and channel numbers where two segments meet."""
        if segment.first_us < self._last_us:
            self._suspicious(segment.start)
            self._against(Check.TIME, "the entry is older than the one before it", segment.start)
        self._last_us = max(self._last_us, segment.last_us)
        for peer, channel in segment.channels.items():
            # Where an export begins inside the log, or the log after a loss, a channel's first number may be any.
            whole = self._evidence.first == 0 and self._log.endswith("/1")
            before = self._channels.get(peer, 0 if whole else channel.first - 1)
            if channel.first != before + 1:
                self._suspicious(channel.index)
                text = f"number {channel.first} of the channel from `{peer}` follows number {before}"
                self._against(Check.CHANNELS, text, channel.index)
            self._channels[peer] = channel.last
        self._answers.take(segment)
        self.clocks += (ClockEntry(self._log, index, time_us) for index, time_us in segment.clocks)

    def _suspicious(self, index: int) -> None:
        self._suspect = index if self._suspect is None else min(self._suspect, index)

    def _against(self, check: Check, text: str, index: int) -> None:
        self._report.contradicted(check, text, self._log, index)

    def begin_after(self, outer: Outer, ragged: Callable[[int], bytes] | None = None) -> None:
        """Start the tree with the pieces before the first segment; `ragged` gives the ends of heads among them."""
        for node in outer(range(self._evidence.first // PIECE)):
            self._tile_tree.append(node)
        if ragged is None:
            return
        for head in self._heads:
            if head.size < self._evidence.first and head.size % PIECE:
                self._tile_tree.add_ragged(head.size, ragged(head.size))

    def finish(self, outer: Outer | None = None, tail: Sequence[bytes] = ()) -> None:
        """Carry out checks 5, 6, 12 and 17. `tail` is the ragged end of the newest head if no segment has it."""
        beyond = self.size // PIECE
        if outer is not None and self._seen < self.size:
            for node in outer(range(self._seen // PIECE, beyond)):
                self._tile_tree.append(node)
            for node in tail:
                self._tile_tree.add_ragged(self.size, node)
            self._tile_tree.end(self.size - self._tile_tree.tree.size * PIECE)
        else:
            self._tile_tree.end(self._seen - self._tile_tree.tree.size * PIECE)
        if self._heads:
            self._in_time(self._heads[-1])
            self._root()
        self._lost()
        self._report.sizes[self._log] = self._seen - self._evidence.first

    def check_tiles(self, wrong: Iterable[str]) -> None:
        """Carry out check 5 for the hashes above the entries: `wrong` are names of tiles that differ."""
        for name in wrong:
            self._report.contradicted(Check.TREE, f"`{name}` is not what the entries give", self._log)

    def check_pruned(self, marks: Sequence[PrunedMark]) -> None:
        """Carry out check 18 for the entries before the first one, where that is shown."""
        first = self._rules.shown[0] if self._rules.shown[0] == self._evidence.first else 0
        mine = [mark for mark in marks if mark.log == pruned_mark(self._rules.origin) and mark.index >= first]
        for mark in mine:
            if mark.index > self._tile_tree.size or self._tile_tree.root(mark.index) != mark.root:
                text = f"{mark.entry} names another root over the {mark.index} entries that were to be pruned"
                self._report.contradicted(Check.PRUNED, text, self._log)
        if not first:
            return
        if mine:
            self._mark = mine[0]
            said = f"pruned below {first}, as {self._mark.entry} says"
            text = f"{said}: the signed heads cover the hashes of those entries, and not what they were"
            self._report.not_provable(Check.PRUNED, text, self._log, 0)
        elif self._rules.mandate is None:
            text = f"the entries below {first} are not there, and no entry says that they were pruned"
            self._report.contradicted(Check.PRUNED, text, self._log, 0)

    def check_answered_twice(self, clocks: Sequence[ClockEntry]) -> None:
        """Carry out check 12. `clocks` are all entries about the clock, of this log and of others."""
        self._answers.check(clocks)

    def check_erased(self, proofs: Mapping[str, ErasureProof]) -> None:
        """Carry out check 10 for content that is not there: an entry `key-destroyed` has to cover it."""
        for key_id, gone in self._gone.items():
            proof = proofs.get(key_id)
            if proof is None:
                why = "cannot be read, for its key is lost" if gone.is_lost else "was erased"
                text = f"its private part {why} (key `{key_id[:40]}`), and no entry says that the key was destroyed"
                for index in gone.indexes:
                    self._report.not_provable(Check.PRIVATE, text, self._log, index)
            elif (bad := not_proved(self._log, key_id, gone, proof)) is not None:
                self._against(Check.PRIVATE, f"its content is gone, and {told(proof)} does not say so", bad)
            else:
                self.withheld["erased"] = self.withheld.get("erased", 0) + len(gone.indexes)
                self._grounds.add(proof.ground)

    def check_humans(self, passkeys: Passkeys) -> None:
        """Carry out check 20, and let `passkeys` learn what this log tells."""
        passkeys.learn(self._told)
        if self._continued is not None:
            passkeys.begin_anew(self._log)
        for decision in self._decisions:
            self._human(partial(passkeys.judge, decision), decision.index)

    def _human(self, judge: Callable[[], None], index: int) -> None:
        try:
            judge()
        except NotProved as gap:
            self._report.not_provable(Check.HUMANS, gap.message, self._log, index)
        except LiaisonError as error:
            self._against(Check.HUMANS, f"its decision does not verify: {error.message}", index)

    def check_witnesses(self, witnesses: Sequence[Witness], now_us: int, quorum: int) -> None:
        """Carry out check 16. Check 6 shows that a cosigned head is of the same tree."""
        self.cosigned, wrong = witnessed(self._heads, witnesses, now_us)
        for text in wrong:
            self._report.contradicted(Check.WITNESSES, text, self._log)
        enough = [item for item in self.cosigned if item.reaches(max(1, quorum))]
        if enough and not wrong:
            self._report.add(Check.WITNESSES, State.PROVED, enough[-1].describe(), self._log)
        if quorum and (not enough or self.size - enough[-1].head.size > 0):
            since = enough[-1].head.size if enough else 0
            text = f"the entries from {since} on are under no head that enough witnesses cosigned"
            self._report.not_provable(Check.WITNESSES, text, self._log, since)
        elif not enough and self._rules.mandate is not None:
            text = "no witness has cosigned a head: nobody else vouches for the whole log"
            self._report.notes.append(f"{self._log}: {text}")

    def conclude(self) -> None:
        """Add the checks that are proved, and notes on content that is rightly absent."""
        self._range()
        checks = list(_OF_A_LOG)
        if not self._evidence.first:
            checks.append(Check.PRUNED)
        counts = {Check.PRIVATE: self.opened, Check.STATEMENTS: self.statements, Check.ACTS: len(self.acts)}
        counts[Check.HUMANS] = len(self._decisions) + self._extents.shown
        checks += [check for check, count in counts.items() if count]
        if self._rules.mandate is not None:
            checks.append(Check.RANGE)
            if self._rules.mandate.scope is not None:
                checks.append(Check.MANDATE)
        self._report.conclude(tuple(checks), self._log)
        for ground, count in sorted(self.withheld.items()):
            grounds = f" ({', '.join(map('`{}`'.format, sorted(self._grounds)))})" if ground == "erased" else ""
            self._report.notes.append(f"{self._log}: {not_shown(ground, count)}{grounds}")

    def _range(self) -> None:
        """Carry out check 13: the times of the entries at both ends of the shown part, and of those beside them."""
        (low, high), since_us, until_us = self._rules.shown, self._rules.since_us, self._rules.until_us
        if low > 0 and self._mark is None and self._rules.mandate is not None:
            self._edge(low - 1, "before", lambda at: at < since_us)
        if low < high:
            self._edge(low, "in", lambda at: at >= since_us)
            self._edge(high - 1, "in", lambda at: not until_us or at < until_us)
        if high < self.size:
            self._edge(high, "after", lambda at: bool(until_us) and at >= until_us)

    def _edge(self, index: int, where: str, fits: Callable[[int], bool]) -> None:
        if index not in self.times:
            text = f"entry {index} is not there: it would show that nothing is left out"
            self._report.not_provable(Check.RANGE, text, self._log, index)
        elif not fits(self.times[index]):
            text = f"entry {index} should lie {where} the time that was asked for, and does not"
            self._report.contradicted(Check.RANGE, text, self._log, index)

    # ------------------------------------------------------------ heads and tree

    def _verify_heads(self) -> None:
        """Carry out check 4: keep the heads that a listed log key signed, the newest last."""
        keys = self._view.vkeys(self._rules.member, KeyUse.LOG)
        found = self._evidence.heads()
        self._heads = [head for data in dict.fromkeys(found) if (head := self._verified(data, keys))]
        if not self._heads:
            text = "no head that a listed log key signed" if found else "there is no signed head"
            self._report.not_provable(Check.HEAD, text, self._log)
        self._heads.sort(key=lambda head: head.size)
        self._look_further(keys)

    def _look_further(self, keys: Sequence[VerifyKey]) -> None:
        """Set apart the heads beyond the kept part of a log that goes on under the next number: they show the loss."""
        try:
            self._continued = self._evidence.continued(keys)
        except LiaisonError as error:
            self._report.contradicted(
                Check.LOST, f"how it goes on under the next number does not verify: {error.message}", self._log
            )
        if self._continued is not None:
            kept = self._continued.kept(self._heads)
            size = kept.size if kept else 0
            self._beyond = [head for head in self._heads if head.size > size]
            self._heads = [head for head in self._heads if head.size <= size]

    def _verified(self, data: bytes, keys: Sequence[VerifyKey]) -> Checkpoint | None:
        head = signed_head(data, self._rules.origin, keys)
        if head is None:
            text = f"a head is not signed by a listed log key: {_about(data)}"
            self._report.contradicted(Check.HEAD, text, self._log)
        return head

    def _in_time(self, head: Checkpoint) -> None:
        """Check that the newest head's key was valid at the time of the last entry that was checked."""
        against = self._report.contradicted
        for key in self._view.vkeys(self._rules.member, KeyUse.LOG):
            try:
                verify_checkpoint(head.data, self._rules.origin, key)
                self._view.verify_key(self._rules.member, key.key_id, KeyUse.LOG, self._last_us)
            except LiaisonError as error:
                against = self._report.not_provable if error.code == IN_OTHER_HANDS else against
                continue
            return
        if self._last_us:
            against(Check.HEAD, "the log key of the newest head was not valid then, or in other hands", self._log)

    def _root(self) -> None:
        """Carry out checks 5 and 6."""
        newest, size = self._heads[-1], self._tile_tree.size
        if newest.size > size:
            text = f"entry {size} is missing: a head over {newest.size} entries was signed"
            self._report.contradicted(Check.TREE, text, self._log, size)
        elif newest.size < size:
            text = f"the entries from {newest.size} on are under no signed head"
            self._report.not_provable(Check.TREE, text, self._log, newest.size)
        bad = [head for head in self._heads if head.size <= size and self._tile_tree.root(head.size) != head.root]
        if not bad:
            return
        start, stop = first_bad_range(self._tile_tree, self._heads)
        if self._suspect is not None and start <= self._suspect < stop:
            start, stop = self._suspect, self._suspect + 1
        place = f"entry {start}" if stop == start + 1 else f"one of the entries {start} to {stop - 1}"
        check = Check.TREE if newest in bad else Check.EARLIER_HEADS
        text = f"{place} is not what was signed, in the head over {bad[0].size} entries"
        self._report.contradicted(check, text, self._log, start)

    def _lost(self) -> None:
        """Carry out check 17: a number that ends short of a signed head is never proved to be the whole log."""
        said = self._continued
        if said is None:
            return
        size = self._tile_tree.size
        if self.size != size:
            text = f"`{said.log}` says that other entries are kept of this number than there are"
            self._report.contradicted(Check.LOST, text, self._log, min(size, self.size))
            return
        lost = said.lost([*self._beyond, *self._heads])
        until = max([size, *(head.size for head in self._beyond)])
        if lost is not None and until > max(size, lost.size):
            text = f"a head over {until} entries was signed, and `{said.log}` speaks of {lost.size} only"
            self._report.contradicted(Check.LOST, text, self._log, lost.size)
        elif until > size:
            text = (
                f"entries {size} to {until - 1} are lost: a head over {until} entries was signed, as `{said.log}` says"
            )
            self._report.not_provable(Check.LOST, text, self._log, size)
        else:
            text = f"the log goes on as `{said.log}`, and nothing shows what followed entry {size - 1} of this number"
            self._report.not_provable(Check.LOST, text, self._log, size)


def _about(data: bytes) -> str:
    try:
        head = parse_checkpoint(data)
    except LiaisonError as error:
        return error.message
    return f"`{head.origin[:80]!a}`, {head.size} entries"
