"""Compare two countries' exports: what was lost in transit, dropped, altered, or never acknowledged.

Each exchange between the two gets at most one finding:

1. `dropped-answer`: one side holds an answer signed by the other, whose log has no entry of it;
2. `dropped-question`: one side holds a request signed by the other, whose log does not say that it asked;
3. `altered-request`, `altered-answer`: both have an entry, with different hashes. The signed statement that one of
   them holds contradicts the other; where neither holds it any more, neither is blamed;
4. `lost-answer`: it was given, and never came. Neither is to blame;
5. `lost-question`: it was asked, and there is no entry of it at the other side: lost on the way, or not logged.
   A question that its asker noted as turned away is no finding: beyond a limit the other side keeps no entry of it,
   signs nothing, and gives no number. Where the other side has an answer to it all the same, that is a `lost-answer`.
   Nor is a notice that was still to be delivered when its author's export was made;
6. `lost-entries`: one side has it, and the other side's log lost the entries of that time, as that log says itself.
   Neither is blamed, and nothing is proved;
7. `other-hands`: one side holds a statement by a key of the other that may have been in other hands then, and the log
   of the other does not hold it: it is a thief's, as that log says, and neither is blamed.

And each direction at most one of these:

8. `rewritten`: answers came with entries under signed heads, and the export has other entries in their places,
   although it names every exchange rightly: the side that signed the heads has changed its history otherwise;
9. `unacknowledged`: answers that the asking side has not acknowledged.

An export must hold what happened before it was made, by the time in its signed manifest; what came later is counted and
not judged. A statement puts blame on its signer only after its signature was verified (`Ledger.prove`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.audit.accounts.ledger import MARGIN_US, Ledger, Note


class Fault(StrEnum):
    """The kinds of disagreement between two logs."""

    REWRITTEN = "rewritten"
    DROPPED_ANSWER = "dropped-answer"
    DROPPED_QUESTION = "dropped-question"
    ALTERED_REQUEST = "altered-request"
    ALTERED_ANSWER = "altered-answer"
    LOST_ANSWER = "lost-answer"
    LOST_QUESTION = "lost-question"
    LOST_ENTRIES = "lost-entries"
    OTHER_HANDS = "other-hands"
    UNACKNOWLEDGED = "unacknowledged"


_PROVABLE = frozenset({Fault.DROPPED_ANSWER, Fault.DROPPED_QUESTION, Fault.ALTERED_REQUEST, Fault.ALTERED_ANSWER})

_OPEN = frozenset({Fault.LOST_QUESTION, Fault.LOST_ENTRIES, Fault.OTHER_HANDS})

MEANING: dict[Fault, str] = {
    Fault.REWRITTEN: "the entry that it showed with its answer, under its own signed head, is not in its log",
    Fault.DROPPED_ANSWER: "it signed this answer, and its log has no entry of it",
    Fault.DROPPED_QUESTION: "it signed this request, and its log does not say that it asked",
    Fault.ALTERED_REQUEST: "its entry has another request than the one it signed",
    Fault.ALTERED_ANSWER: "its entry has another answer than the one it signed",
    Fault.LOST_ANSWER: "the answer was given and never came",
    Fault.LOST_QUESTION: "it was asked, and the other side has no entry of it: lost on the way, or not logged; "
    "ask for the other node's log of that time",
    Fault.LOST_ENTRIES: "the other side's log lost the entries of this time, as it says itself",
    Fault.OTHER_HANDS: "it is by a key of the other side that may have been in other hands then, "
    "whose own log does not hold it",
    Fault.UNACKNOWLEDGED: "answers were not acknowledged",
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One finding. `blamed` is the member that its own signature contradicts, empty where there is none.

    `asker` asked `answerer`; `asker_index` and `answerer_index` are places in their logs, None where there is none.
    """

    fault: Fault
    exchange_id: str
    asker: str
    answerer: str
    blamed: str
    text: str
    asker_index: int | None = None
    answerer_index: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All findings in both directions, how many exchanges agree, and how many lie outside the common time.

    `turned_away` counts questions that were not taken, beyond a limit of the other side: neither has a proof of these.
    `waiting` counts notices that are still to be delivered, or whose receipt has not come yet.
    """

    findings: tuple[Disagreement, ...]
    agreed: int
    outside: int
    turned_away: int = 0
    waiting: int = 0

    @property
    def suspected(self) -> frozenset[str]:
        """Exchanges about which a side can be blamed, if the statements are there."""
        return frozenset(found.exchange_id for found in self.findings if found.fault in _PROVABLE)

    @property
    def unproved(self) -> bool:
        """True where a side dropped or altered something, or may have, and nothing shows which."""
        return any(not found.blamed and found.fault in _PROVABLE | _OPEN for found in self.findings)

    @property
    def blamed(self) -> frozenset[str]:
        """Members that a finding contradicts."""
        return frozenset(found.blamed for found in self.findings if found.blamed)


def compare(one: Ledger, other: Ledger) -> Comparison:
    """Compare what the two sides say of their exchanges."""
    counted: Counter[str] = Counter()
    findings = [*_direction(one, other, counted), *_direction(other, one, counted)]
    return Comparison(
        tuple(findings), counted["agreed"], counted["outside"], counted["turned away"], counted["waiting"]
    )


def _direction(asker: Ledger, answerer: Ledger, counted: Counter[str]) -> Iterator[Disagreement]:
    judge = _Direction(asker, answerer)
    blamed = False
    for exchange_id in dict.fromkeys([*asker.asked, *asker.arrived, *answerer.answered]):
        if judge.is_turned_away(exchange_id):
            counted["turned away"] += 1
        elif judge.is_outside(exchange_id):
            counted["outside"] += 1
        elif judge.is_waiting(exchange_id):
            counted["waiting"] += 1
        elif (found := judge.exchange(exchange_id)) is not None:
            blamed = blamed or found.blamed == answerer.member
            yield found
        else:
            counted["agreed"] += 1
    # After an entry that was dropped or altered, all others stand elsewhere: that is told once, by its cause.
    if not blamed:
        yield from judge.rewritten()
    yield from judge.receipts()


class _Direction:
    """The questions of one side to the other."""

    def __init__(self, asker: Ledger, answerer: Ledger) -> None:
        self._asker = asker
        self._answerer = answerer

    def is_turned_away(self, exchange_id: str) -> bool:
        """Tell whether the asker noted that the question was not taken, and neither side has an answer to it."""
        taken = exchange_id in self._asker.arrived or exchange_id in self._answerer.answered
        return exchange_id in self._asker.turned_away and not taken

    def is_waiting(self, exchange_id: str) -> bool:
        """Tell whether a notice is on its way, as its author says, and the taker's log does not contradict it."""
        asked = self._asker.asked.get(exchange_id)
        if asked is None or exchange_id in self._asker.arrived or not self._asker.waits(exchange_id):
            return False
        answered = self._answerer.answered.get(exchange_id, [])
        return not answered or any(note.entry.request_hash == asked.entry.request_hash for note in answered)

    def is_outside(self, exchange_id: str) -> bool:
        """Tell whether one export was made before this exchange was over, or is of another time."""
        arrived, asked = self._asker.arrived.get(exchange_id), self._asker.asked.get(exchange_id)
        answered = self._answerer.answered.get(exchange_id)
        known = arrived or asked
        if answered:
            return arrived is None and not self._asker.covers(answered[0].entry.time_us)
        return known is not None and not self._answerer.covers(known.entry.time_us)

    def exchange(self, exchange_id: str) -> Disagreement | None:
        """Return the gravest finding about one exchange, or None when both agree."""
        asked, arrived = self._asker.asked.get(exchange_id), self._asker.arrived.get(exchange_id)
        answered = self._answerer.answered.get(exchange_id, [])
        if arrived is not None:
            return self._arrived(exchange_id, arrived, answered)
        if answered and asked is None:
            return self._unasked(exchange_id, answered[0])
        if asked is None:
            return None
        if not answered:
            lost = self._answerer.may_have_lost(asked.entry.time_us)
            return self._found(Fault.LOST_ENTRIES if lost else Fault.LOST_QUESTION, exchange_id, "", asked)
        if all(note.entry.request_hash != asked.entry.request_hash for note in answered):
            return self._altered_request(exchange_id, asked, answered[0])
        return self._found(Fault.LOST_ANSWER, exchange_id, "", asked, answered[0])

    def _arrived(self, exchange_id: str, arrived: Note, answered: list[Note]) -> Disagreement | None:
        seen = arrived.seen
        shown = arrived.held or (seen is not None and seen.proven)
        them = self._answerer.member if shown else ""
        if not answered and self._answerer.may_have_lost(arrived.entry.time_us):
            return self._found(Fault.LOST_ENTRIES, exchange_id, "", arrived)
        if not answered:
            is_lost = arrived.other_hands and not them
            return self._found(Fault.OTHER_HANDS if is_lost else Fault.DROPPED_ANSWER, exchange_id, them, arrived)
        entry = arrived.entry
        same = [note for note in answered if note.entry.request_hash == entry.request_hash]
        if not same:
            return self._altered_request(exchange_id, arrived, answered[0])
        if all(note.entry.answer_hash != entry.answer_hash for note in same):
            return self._found(Fault.ALTERED_ANSWER, exchange_id, them, arrived, same[0])
        return None

    def _unasked(self, exchange_id: str, answered: Note) -> Disagreement:
        if self._asker.may_have_lost(answered.entry.time_us):
            return self._found(Fault.LOST_ENTRIES, exchange_id, "", None, answered)
        if answered.other_hands:
            return self._found(Fault.OTHER_HANDS, exchange_id, "", None, answered)
        blamed = self._asker.member if answered.held else ""
        return self._found(Fault.DROPPED_QUESTION, exchange_id, blamed, None, answered)

    def _altered_request(self, exchange_id: str, asked: Note, answered: Note) -> Disagreement:
        if answered.other_hands:
            return self._found(Fault.OTHER_HANDS, exchange_id, "", asked, answered)
        blamed = self._asker.member if answered.held else ""
        return self._found(Fault.ALTERED_REQUEST, exchange_id, blamed, asked, answered)

    def rewritten(self) -> Iterator[Disagreement]:
        """Yield the first entry that was shown under a signed head and is not in its place, if there is one."""
        changed = [
            (note.seen.log, note.seen.index, exchange_id)
            for exchange_id, note in self._asker.arrived.items()
            if note.seen is not None
            and note.seen.proven
            and not self.is_outside(exchange_id)
            and not self._answerer.may_have_lost(note.entry.time_us)
        ]
        if changed:
            log, index, exchange_id = min(changed)
            them = self._answerer.member
            text = f"{MEANING[Fault.REWRITTEN]}: entry {index} of `{log}`, the first of {len(changed)}"
            asked_by = self._asker.member
            yield Disagreement(Fault.REWRITTEN, exchange_id, asked_by, them, them, text, None, index)

    def receipts(self) -> Iterator[Disagreement]:
        """Yield answers that no receipt covers, in one finding; nothing where the receipts are not shown."""
        if not self._answerer.opened:
            return
        through = self._answerer.acknowledged
        edge = self._asker.created_us - MARGIN_US
        open_ones = sorted(
            note.entry.number
            for note in self._answerer.answers()
            if note.entry.number is not None and note.entry.number > through and note.entry.time_us <= edge
        )
        if open_ones:
            text = f"numbers {open_ones[0]} to {open_ones[-1]} ({len(open_ones)}), the receipts end at {through}"
            yield Disagreement(
                Fault.UNACKNOWLEDGED, "", self._asker.member, self._answerer.member, "", text, None, None
            )

    def _found(
        self, fault: Fault, exchange_id: str, blamed: str, asked: Note | None, answered: Note | None = None
    ) -> Disagreement:
        return Disagreement(
            fault,
            exchange_id,
            self._asker.member,
            self._answerer.member,
            blamed,
            MEANING[fault],
            asked.entry.index if asked else None,
            answered.entry.index if answered else None,
        )
