"""The findings of a verifier: numbered, each proved, contradicted or not provable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from gateway.language.catalogue import Sentences

MAX_DETAILS = 20
"""Findings of one check and log that are told one by one; the others are counted."""


class Check(IntEnum):
    """The numbers that findings carry."""

    CHARTER = 1
    DESCRIPTORS = 2
    MANIFEST = 3
    HEAD = 4
    TREE = 5
    EARLIER_HEADS = 6
    FORM = 7
    TIME = 8
    CHANNELS = 9
    PRIVATE = 10
    STATEMENTS = 11
    ONE_ANSWER = 12
    RANGE = 13
    MANDATE = 14
    POLICIES = 15
    WITNESSES = 16
    LOST = 17
    PRUNED = 18
    ACTS = 19
    HUMANS = 20


SAID: Sentences = {
    "CHARTER": "the charter's chain of versions verifies",
    "DESCRIPTORS": "the members' descriptors are signed by their authorities, and list log keys",
    "MANIFEST": "the export's files are those that its maker signed",
    "HEAD": "the newest head is signed by a log key that the member lists",
    "TREE": "all entries, hashed again, give the root of that head",
    "EARLIER_HEADS": "every earlier head that was kept is of the same tree",
    "FORM": "every entry has the form of an entry, names this log, and is numbered without a gap",
    "TIME": "time never goes back",
    "CHANNELS": "each channel's numbers go up by one",
    "PRIVATE": "every private part that is shown is the one that its entry commits to",
    "STATEMENTS": "every statement that is shown has the hash in its entry, and a signature that was valid then",
    "ONE_ANSWER": "no exchange was answered twice",
    "RANGE": "no entry of the time that was asked for is left out",
    "MANDATE": "what is shown is within the scope of an auditor whom the authority appointed",
    "POLICIES": "every policy that decided is in the export, by its hash",
    "WITNESSES": "every cosignature of a listed witness is of a head of this log",
    "LOST": "the log does not end here to go on under another number: nothing of it is said to be lost",
    "PRUNED": "every entry from the first on is there",
    "ACTS": "every signed act that is shown is signed by as many persons as it demands, with keys listed then",
    "HUMANS": "every decision of humans that is shown has their tokens and reasons and, where passkeys signed, "
    "those that were enrolled then, over exactly its statement",
}
"""The sentence of each check that holds, by its name."""

MEANING: Mapping[Check, str] = {Check[name]: text for name, text in SAID.items()}
"""The sentence of each check that holds."""


class State(StrEnum):
    """The results of a check."""

    PROVED = "proved"
    CONTRADICTED = "contradicted"
    NOT_PROVABLE = "not provable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: check, result, text, log (empty: none) and the index of the entry that it is about."""

    check: Check
    state: State
    text: str
    log: str = ""
    index: int | None = None


@dataclass(slots=True)
class Report:
    """All findings. `sizes` are the numbers of checked entries, by log; `notes` tell of content that is rightly absent:
    they are no findings. `about` describes the evidence: the export's own word, until it is proved."""

    findings: list[Finding] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)
    _counts: dict[tuple[Check, str, State], int] = field(default_factory=dict)

    def add(self, check: Check, state: State, text: str, log: str = "", index: int | None = None) -> None:
        """Add a finding; of the same kind only the first ones are kept in full."""
        key = (check, log, state)
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] <= MAX_DETAILS:
            self.findings.append(Finding(check, state, text, log, index))

    def contradicted(self, check: Check, text: str, log: str = "", index: int | None = None) -> None:
        """Add evidence against the claim."""
        self.add(check, State.CONTRADICTED, text, log, index)

    def not_provable(self, check: Check, text: str, log: str = "", index: int | None = None) -> None:
        """Add a gap in the evidence."""
        self.add(check, State.NOT_PROVABLE, text, log, index)

    def merge(self, other: Report) -> None:
        """Add the findings about a part."""
        for key, count in other._counts.items():
            room = max(0, MAX_DETAILS - self._counts.get(key, 0))
            same = [item for item in other.findings if (item.check, item.log, item.state) == key]
            self.findings += same[:room]
            self._counts[key] = self._counts.get(key, 0) + count

    def untold_groups(self) -> list[tuple[Check, str, State, int]]:
        """Return findings that are counted and not told one by one: check, log, state and how many."""
        groups = sorted(self._counts.items(), key=lambda item: item[0][:2])
        return [(*key, count - MAX_DETAILS) for key, count in groups if count > MAX_DETAILS]

    def is_proved(self, check: Check) -> bool:
        """Tell whether a check is proved, without any finding against it."""
        return {state for found, _, state in self._counts if found is check} == {State.PROVED}

    def conclude(self, checks: tuple[Check, ...], log: str = "") -> None:
        """Add `proved` for each of `checks` that has no other finding."""
        for check in checks:
            if not any((check, log, state) in self._counts for state in (State.CONTRADICTED, State.NOT_PROVABLE)):
                self.add(check, State.PROVED, MEANING[check], log)

    def proved(self) -> list[tuple[Check, str, list[str]]]:
        """Return what is proved: each check and sentence once, with the logs that it is proved of."""
        found: dict[tuple[Check, str], list[str]] = {}
        for item in self.findings:
            if item.state is State.PROVED:
                found.setdefault((item.check, item.text), []).append(item.log)
        return [(check, text, [log for log in logs if log]) for (check, text), logs in sorted(found.items())]

    def unproved(self) -> list[Finding]:
        """Return the findings that are told one by one: what is contradicted first, then what is not provable."""
        bad = [item for item in self.findings if item.state is not State.PROVED]
        return sorted(bad, key=lambda item: (item.state is not State.CONTRADICTED, item.check))

    @property
    def first_bad(self) -> tuple[str, int] | None:
        """Log and index of the first entry that a finding contradicts."""
        bad = [
            (item.log, item.index)
            for item in self.findings
            if item.state is State.CONTRADICTED and item.index is not None
        ]
        return min(bad, key=lambda place: (place[0], place[1]), default=None)

    @property
    def exit_code(self) -> int:
        """0 proved, 1 contradicted, 3 not provable."""
        states = {state for _, _, state in self._counts}
        if State.CONTRADICTED in states:
            return 1
        return 3 if State.NOT_PROVABLE in states or not states else 0
