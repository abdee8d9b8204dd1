"""Check a segment of consecutive entries, in one pass; several processes each take segments of one log.

Properties within a segment are decided here. Those that reach beyond it (roots, time, channel numbers, exchanges that
were answered twice) are brought back in a `Segment`, and `gateway.audit.verify.log_checks` puts the segments together.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.audit.entries.entry import Entry, commitment, decode_private, parse_entry
from gateway.audit.reading.evidence import Row
from gateway.audit.reading.mandate import Mandate
from gateway.audit.reading.questions import check_pair
from gateway.audit.tree.checkpoint import origin
from gateway.audit.tree.merkle import leaf_hash
from gateway.audit.tree.tile_tree import PIECE, fold, ragged
from gateway.audit.verify.act_checks import ACT_KINDS, OF_ONE, PASSKEY_KINDS, check_act
from gateway.audit.verify.erasure_proofs import ErasedEntries, ErasureProof, erasure_proof
from gateway.audit.verify.findings import Check, Report
from gateway.audit.verify.human_checks import DECIDED, Decision, Extent, Told, decision_of, not_shown, told_of
from gateway.audit.verify.other_hands import Finder, OtherHands
from gateway.errors import BadSignature, LiaisonError
from gateway.model.names import MemberId
from gateway.ports.entries import events
from gateway.ports.entries.events import CONTINUED, EVENTS
from gateway.ports.journal import Event, Party
from gateway.statements.envelope import ASKED, ENDINGS, PayloadType, Unsealed, check_signatures, unseal_evidence
from gateway.trust.slots import IN_OTHER_HANDS
from gateway.trust.view import TrustView

_Place = tuple[int, Entry, Row]
_READ = events.ANSWERS | events.kinds(events.START, events.POLICY_ACCEPTED, events.KEY_DESTROYED) | ACT_KINDS | DECIDED


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules under which a log is checked. `shown` are the entries [from, to) whose private parts may be shown.

    `mandate` is None at home, where nothing is withheld. `statements` = False leaves out the statements, which take
    most of the time. `since_us` and `until_us` are the time that an export is of (0: no bound).
    """

    member: MemberId
    log: str
    shown: tuple[int, int]
    mandate: Mandate | None = None
    statements: bool = True
    since_us: int = 0
    until_us: int = 0

    @property
    def edges(self) -> frozenset[int]:
        """The entries whose times show that an export leaves nothing out."""
        return frozenset(index - before for index in self.shown for before in (0, 1))

    @property
    def origin(self) -> str:
        """The log's name in its entries and heads."""
        name, _, number = self.log.partition("/")
        return origin(self.member, name, int(number))


@dataclass(frozen=True, slots=True)
class PrunedMark:
    """An entry's word on pruning: the hash of the log's name, the lowest index, the root over the pruned entries, and
    the place of the entry."""

    log: bytes
    index: int
    root: bytes
    entry: str


@dataclass(slots=True)
class Channel:
    """Numbers of a channel in a segment: the first one, the entry that has it, and the last one."""

    first: int
    index: int
    last: int


@dataclass(slots=True)
class Segment:
    """The result of a segment. `nodes` are the nodes over its complete pieces, `roots` the ragged ends of the sizes
    that were asked for; `answered` are beginnings of the exchange ids that were answered. `clocks` are index and time
    of the entries about the clock; `unsure` has, by index, the error of the clock that an answer's entry notes."""

    start: int
    size: int = 0
    nodes: list[bytes] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    first_us: int = 0
    last_us: int = 0
    channels: dict[str, Channel] = field(default_factory=dict)
    answered: array[int] = field(default_factory=lambda: array("Q"))
    report: Report = field(default_factory=Report)
    destroyed: dict[str, ErasureProof] = field(default_factory=dict)
    gone: dict[str, ErasedEntries] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)
    withheld: dict[str, int] = field(default_factory=dict)
    opened: int = 0
    statements: int = 0
    acts: list[tuple[str, int]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    decisions: list[Decision | Extent] = field(default_factory=list)
    times: dict[int, int] = field(default_factory=dict)
    pruned: list[PrunedMark] = field(default_factory=list)
    clocks: list[tuple[int, int]] = field(default_factory=list)
    unsure: dict[int, int] = field(default_factory=dict)
    other_hands: OtherHands = field(default_factory=OtherHands)
    suspect: int | None = None
    files: dict[str, str] = field(default_factory=dict)

    def suspicious(self, index: int) -> None:
        """Remember the first entry with a fault."""
        self.suspect = index if self.suspect is None else min(index, self.suspect)


def check_segment(rows: Iterable[Row], start: int, sizes: Sequence[int], rules: Rules, view: TrustView) -> Segment:
    """Check rows that should be the entries from `start` on; `sizes` of heads whose ragged ends are wanted.

    Raises `Malformed` for rows that cannot be read.
    """
    segment = Segment(start)
    checks, piece = _Checks(rules, view, segment), list[bytes]()
    for row in rows:
        piece.append(checks.row(row, start + segment.size))
        segment.size += 1
        if len(piece) == PIECE:
            checks.signatures()
            _end_piece(segment, piece, sizes)
            piece = []
    checks.signatures()
    if piece:
        _end_piece(segment, piece, sizes)
    return segment


def _end_piece(segment: Segment, piece: list[bytes], sizes: Sequence[int]) -> None:
    begin = segment.start + segment.size - len(piece)
    wanted = [size for size in sizes if begin < size <= begin + len(piece)]
    roots = ragged(piece, [size - begin for size in wanted]) if wanted else []
    segment.roots |= zip(wanted, roots, strict=True)
    if len(piece) == PIECE:
        segment.nodes.append(fold(piece))


class _Checks:
    """The checks of one segment; numbers as in `findings.Check`."""

    def __init__(self, rules: Rules, view: TrustView, segment: Segment) -> None:
        self._rules = rules
        self._origin, self._edges = rules.origin, rules.edges
        self._view = view
        self._segment = segment
        self._report = segment.report
        self._finder = Finder(rules.member, view, segment.other_hands)
        self._signed: list[tuple[Unsealed, MemberId, int]] = []
        self._signed_in: list[_Place] = []
        self._unfit: list[tuple[int, LiaisonError]] = []

    def row(self, row: Row, expected: int) -> bytes:
        """Check a row that should be entry `expected`. Return the hash of its leaf."""
        leaf = leaf_hash(row.body)
        if row.stored_leaf and leaf != row.stored_leaf:
            self._segment.suspicious(expected)
            self._against(Check.TREE, "the entry is not what its stored hash says", expected)
        try:
            entry = parse_entry(row.body)
        except LiaisonError as error:
            self._segment.suspicious(expected)
            self._against(Check.FORM, error.message, expected)
            return leaf
        event = EVENTS[entry.kind]
        self._form(entry, event, row, expected)
        private = self._private(entry, row, expected)
        if private is not None:
            self._notes(entry, private, row, expected)
        if self._rules.statements and not row.problem:
            self._statements(entry, event, row, expected)
        return leaf

    def _against(self, check: Check, text: str, index: int) -> None:
        self._report.contradicted(check, text, self._rules.log, index)

    def _form(self, entry: Entry, event: Event, row: Row, expected: int) -> None:
        """Carry out checks 7, 8 and 9, and gather what checks 12, 13 and 18 need."""
        segment = self._segment
        if (entry.log, entry.index, row.index) != (self._origin, expected, expected):
            segment.suspicious(expected)
            text = f"here stands entry {entry.index} of `{entry.log}`, where entry {expected} should be"
            self._against(Check.FORM, text, expected)
        if segment.size == 0:
            segment.first_us = entry.time_us
        if expected in self._edges:
            segment.times[expected] = entry.time_us
        if entry.time_us < segment.last_us:
            segment.suspicious(expected)
            self._against(Check.TIME, "the entry is older than the one before it", expected)
        segment.last_us = max(segment.last_us, entry.time_us)
        if (entry.kind in CONTINUED) != (expected == 0 and not self._rules.log.endswith("/1")):
            text = "a log's number after the first begins with the entry that says why, which stands nowhere else"
            self._against(Check.FORM, text, expected)
        if event.log != self._rules.log.partition("/")[0]:
            self._against(Check.FORM, f"`{entry.kind}` is no kind of this log", expected)
        if event.counted and entry.number is not None:
            self._channel(entry.peer, entry.number, expected)
            self._finder.counted(entry)
        if entry.kind == events.PRUNED.kind and entry.number is not None:
            place = f"entry {expected} of {self._rules.log}"
            segment.pruned.append(PrunedMark(entry.request_hash, entry.number, entry.answer_hash, place))
        if entry.kind == events.CLOCK.kind:
            segment.clocks.append((expected, entry.time_us))
        if entry.kind == events.ANSWERED.kind and entry.exchange_id:
            segment.answered.append(int(entry.exchange_id[:16], 16))

    def _channel(self, peer: str, number: int, index: int) -> None:
        channel = self._segment.channels.get(peer)
        if channel is None:
            self._segment.channels[peer] = Channel(number, index, number)
            return
        if number != channel.last + 1:
            self._segment.suspicious(index)
            text = f"number {number} of the channel from `{peer}` follows number {channel.last}"
            self._against(Check.CHANNELS, text, index)
        channel.last = number

    # ------------------------------------------------------------ private parts

    def _private(self, entry: Entry, row: Row, expected: int) -> dict[str, Any] | None:
        """Carry out checks 10 and 14. Return the private part where other checks read it and it is the right one."""
        if row.private is None:
            self._missing(entry, row, expected)
            return None
        self._segment.opened += 1
        if commitment(row.private) != entry.commitment:
            self._segment.suspicious(expected)
            self._against(Check.PRIVATE, "its private part is another one", expected)
            return None
        mandate = self._rules.mandate
        is_read = entry.kind in _READ or self._finder.wants(entry)
        if not is_read and not (mandate and mandate.names_agencies):
            if mandate is not None and (ground := mandate.withholds(entry)):
                self._beyond(ground, expected)
            return None
        try:
            private = decode_private(row.private)
        except LiaisonError as error:
            self._against(Check.PRIVATE, error.message, expected)
            return None
        if mandate is not None and (ground := mandate.withholds_private(entry, private)):
            self._beyond(ground, expected)
        return private

    def _beyond(self, ground: str, index: int) -> None:
        self._against(Check.MANDATE, f"its private part is shown, which the mandate does not allow ({ground})", index)

    def _missing(self, entry: Entry, row: Row, expected: int) -> None:
        """Judge a private part that is not there: absent by right, without a reason, or broken."""
        self._segment.decisions += not_shown(entry, expected)
        low, high = self._rules.shown
        if row.problem:
            self._against(Check.PRIVATE, f"its private part cannot be read (`{row.problem}`)", expected)
        elif key_id := row.erased or row.lost:
            self._segment.gone.setdefault(key_id, ErasedEntries()).add(expected, entry.time_us, row.lost)
        elif self._rules.mandate is not None and (self._rules.mandate.scope is None or not low <= expected < high):
            return
        elif row.withheld and row.withheld in self._allowed(entry):
            self._segment.withheld[row.withheld] = self._segment.withheld.get(row.withheld, 0) + 1
        else:
            text = f"its private part is not shown, although the mandate allows it (`{row.withheld or 'not there'}`)"
            self._report.not_provable(Check.PRIVATE, text, self._rules.log, expected)

    def _allowed(self, entry: Entry) -> set[str]:
        """Return the grounds on which this entry may be closed. The ground `agency` is the exporter's word."""
        mandate = self._rules.mandate
        if mandate is None:
            return set()
        ground = mandate.withholds(entry)
        return {ground} if ground else {"agency"} if mandate.names_agencies else set()

    def _notes(self, entry: Entry, private: dict[str, Any], row: Row, expected: int) -> None:
        """Gather what other checks need from a private part."""
        if entry.kind in ACT_KINDS:
            self._act(entry, private, expected)
        self._finder.receipt(entry, private)
        self._humans(entry, private, row, expected)
        if entry.kind == events.KEY_DESTROYED.kind:
            self._destroyed(entry, private, expected)
            return
        if entry.kind == events.ANSWERED.kind and isinstance(off := private.get("clock_us"), int):
            self._segment.unsure[expected] = off
        decision = private.get("decision")
        for found in (private.get("policy_hash"), decision.get("hash") if isinstance(decision, dict) else None):
            if isinstance(found, str) and found:
                self._segment.policies.add(found[:64])

    def _act(self, entry: Entry, private: dict[str, Any], expected: int) -> None:
        """Carry out check 19."""
        try:
            if act := check_act(entry, private, self._rules.member, self._view):
                self._segment.acts.append((act, expected))
                if entry.kind in PASSKEY_KINDS:
                    self._segment.told.append(told_of(entry, private))
        except LiaisonError as error:
            against = self._report.not_provable if error.code in (IN_OTHER_HANDS, OF_ONE) else self._report.contradicted
            against(Check.ACTS, f"its act does not verify: {error.message}", self._rules.log, expected)

    def _humans(self, entry: Entry, private: dict[str, Any], row: Row, expected: int) -> None:
        """Carry out check 20 as far as the entry alone tells."""
        try:
            if (decision := decision_of(entry, private, row, expected)) is not None:
                self._segment.decisions.append(decision)
        except LiaisonError as error:
            self._against(Check.HUMANS, f"its decision does not verify: {error.message}", expected)

    def _destroyed(self, entry: Entry, private: dict[str, Any], expected: int) -> None:
        try:
            key_id, proof = erasure_proof(self._rules.log, entry, private)
        except LiaisonError as error:
            self._against(Check.PRIVATE, error.message, expected)
        else:
            self._segment.destroyed[key_id] = proof

    # ------------------------------------------------------------ statements

    def _statements(self, entry: Entry, event: Event, row: Row, expected: int) -> None:
        """Carry out check 11 without the signatures: `signatures` verifies those of many entries together.

        Findings name the expected place, whatever index the entry there claims.
        """
        mandate = self._rules.mandate
        if mandate is not None and row.private is None and (row.request or row.answer):
            self._against(Check.MANDATE, "its statements are shown, and its private part is not", expected)
        if row.answer and mandate is not None and not mandate.shows_answers:
            self._against(Check.MANDATE, "its answer is shown, and the mandate leaves content out", expected)
        if row.private is None:
            return
        answers = mandate is None or mandate.shows_answers
        if event.strict and event.answer is not Party.NOBODY and answers and not row.answer:
            self._report.not_provable(Check.STATEMENTS, "its answer is not there", self._rules.log, expected)
        try:
            asked = ended = None
            place = (expected, entry, row)
            if row.request:
                asked = self._statement(place, row.request, ASKED, entry.request_hash, event.request, event.strict)
            if row.answer:
                ended = self._statement(place, row.answer, ENDINGS, entry.answer_hash, event.answer, True)
            if asked is not None and ended is not None:
                check_pair(asked, ended)
        except LiaisonError as error:
            self._unfit.append((expected, error))

    def _statement(
        self,
        place: _Place,
        data: bytes,
        payload_types: Sequence[PayloadType],
        hashed: bytes,
        party: Party,
        strict: bool,
    ) -> PayloadType | None:
        """Take a statement to be verified, and return its type; None for one that was refused as it came."""
        self._segment.statements += 1
        if not strict and hashlib.sha256(data).digest() == hashed:
            return None
        unsealed = unseal_evidence(data, *payload_types)
        if unsealed.payload_hash != hashed:
            raise BadSignature("a statement is not the one whose hash is in the entry")
        if strict:
            signer = self._rules.member if party is Party.US else MemberId(place[1].peer)
            self._signed.append((unsealed, signer, place[1].time_us))
            self._signed_in.append(place)
        return unsealed.payload_type

    def signatures(self) -> None:
        """Carry out the rest of check 11, for the entries since the last time.

        Findings come in the order of entries, the first of each, as if entries were checked one by one: only the first
        findings are told one by one, and the first bad entry must be among them.
        """
        outcomes = check_signatures(self._signed, self._view)
        refused = [
            (place, refusal)
            for signed, (place, entry, row), refusal in zip(self._signed, self._signed_in, outcomes, strict=True)
            if refusal is not None and not self._finder.doubted(signed, entry, row, refusal)
        ]
        found: dict[int, str] = {}
        for place, refusal in (*refused, *self._unfit):
            found.setdefault(place, refusal.message)
        for place, text in sorted(found.items()):
            self._segment.suspicious(place)
            self._against(Check.STATEMENTS, text, place)
        self._signed, self._signed_in, self._unfit = [], [], []
