"""Check 12: no exchange of a log was answered twice; a pair is told with its cause where the node noted one."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.reading.evidence import LogEvidence
from gateway.audit.verify.findings import Check, Report
from gateway.audit.verify.segment_checks import Segment
from gateway.errors import LiaisonError
from gateway.ports.entries.events import ANSWERED

_CLOCKS_TOLD = 5


@dataclass(frozen=True, slots=True)
class ClockEntry:
    """The place and the time of an entry about the node's clock."""

    log: str
    index: int
    time_us: int


class AnsweredTwice:
    """Gathers the answers of a log from its segments, then finds the exchanges that have two."""

    def __init__(self, evidence: LogEvidence, report: Report) -> None:
        self._evidence = evidence
        self._report = report
        self._beginnings = array("Q")
        self._unsure: dict[int, int] = {}

    def take(self, segment: Segment) -> None:
        """Add the answers of the next segment."""
        self._beginnings.extend(segment.answered)
        self._unsure |= segment.unsure

    def check(self, clocks: Sequence[ClockEntry]) -> None:
        """Add a finding for each second answer. Only ids whose beginnings occur twice, which are rare, are compared."""
        ordered = sorted(self._beginnings)
        self._beginnings = array("Q")
        twice = {one for one, other in pairwise(ordered) if one == other}
        del ordered
        first: dict[tuple[str, str], Entry] = {}
        for _, body in self._evidence.bodies() if twice else ():
            try:
                entry = parse_entry(body)
            except LiaisonError:
                continue
            if entry.kind != ANSWERED.kind or not entry.exchange_id or int(entry.exchange_id[:16], 16) not in twice:
                continue
            before = first.setdefault((entry.peer, entry.exchange_id), entry)
            if before is not entry:
                self._tell(before, entry, clocks)

    def _tell(self, first: Entry, second: Entry, clocks: Sequence[ClockEntry]) -> None:
        """Tell two answers to one exchange, with the cause where entries of the node name one.

        A clock that was wrong can make a node answer one request again. It explains no answer to another request.
        """
        text = f"the exchange has two answers, in entry {first.index} and entry {second.index}"
        causes = self._causes(first, second, clocks)
        log, index = self._evidence.name, second.index
        if first.request_hash != second.request_hash:
            self._report.contradicted(Check.ONE_ANSWER, f"{text}, to different requests", log, index)
        elif not causes:
            self._report.contradicted(Check.ONE_ANSWER, text, log, index)
        else:
            why = "; ".join(causes)
            self._report.not_provable(Check.ONE_ANSWER, f"{text}, both to one request: {why}", log, index)

    def _causes(self, first: Entry, second: Entry, clocks: Sequence[ClockEntry]) -> list[str]:
        causes = [
            f"entry {index} notes that the clock was off by {self._unsure[index] / 1e6:.0f} s"
            for index in (first.index, second.index)
            if index in self._unsure
        ]
        between = [item for item in clocks if first.time_us <= item.time_us <= second.time_us]
        told = [f"entry {item.index} of {item.log}" for item in between[:_CLOCKS_TOLD]]
        if told:
            causes.append(f"the clock moved between them ({', '.join(told)})")
        return causes
