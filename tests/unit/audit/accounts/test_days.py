"""What a day's account says against what arrived: every difference that was put in is named, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.audit.accounts.days import answers, compare, line_of
from gateway.audit.accounts.receipts import exchanges_hash
from gateway.audit.entries.entry import Entry, build_entry
from gateway.model.evidence.day_account import DayAccount
from gateway.model.names import MemberId
from gateway.statements.account import MAX_LINES

TH, VN = MemberId("th"), MemberId("vn")
LOG = "exchange/1"
END_US = 86_400_000_000


def entry(member: str, kind: str, peer: str, number: int, time_us: int = 1) -> Entry:
    """An entry about the exchange of this number."""
    digest = hashlib.sha256(str(number).encode()).digest()
    origin = f"{member}.liaison.internal/{LOG}"
    return Entry(origin, number, time_us, kind, peer, number, digest[:16].hex(), digest, digest[::-1], digest)


@dataclass
class Rows:
    """The rows of one channel, as a log's store gives them."""

    rows: dict[int, Entry]

    def channel(self, log: str, channel: str, first: int, last: int) -> list[bytes]:
        del log, channel
        return [build_entry(self.rows[number]) for number in sorted(self.rows) if first <= number <= last]


def account(theirs: Rows, size: int, given: int, *, listed: bool) -> DayAccount:
    """Viet Nam's account of what it answered to Thailand."""
    items = answers(theirs, LOG, TH, 1, size)  # type: ignore[arg-type]
    lines = tuple(map(line_of, items)) if listed else ()
    return DayAccount(VN, TH, "1970-01-01", 1, size, given, exchanges_hash(items), listed, lines, 0)


FATES = st.lists(st.sampled_from(["both", "lost", "dropped", "neither", "altered"]), min_size=1, max_size=40)


def logs(fates: Sequence[str]) -> tuple[Rows, Rows]:
    """What the two sides hold, by what happened to each number."""
    ours, theirs = Rows({}), Rows({})
    for number, fate in enumerate(fates, 1):
        if fate in ("both", "dropped", "altered"):
            ours.rows[number] = entry("th", "received", VN, number)
        if fate in ("both", "lost", "altered"):
            theirs.rows[number] = entry("vn", "answered", TH, number)
        if fate == "altered":
            theirs.rows[number] = replace(theirs.rows[number], answer_hash=bytes(32))
    return ours, theirs


@given(fates=FATES)
def test_every_difference_is_named_once_and_nothing_else(fates: list[str]) -> None:
    ours, theirs = logs(fates)
    held = compare(ours, LOG, account(theirs, len(fates), len(fates), listed=True), END_US)  # type: ignore[arg-type]
    by_fate = {fate: [number for number, each in enumerate(fates, 1) if each == fate] for fate in set(fates)}
    assert list(held.missing) == by_fate.get("lost", [])
    wrong = sorted(by_fate.get("dropped", []) + by_fate.get("altered", []))
    assert sorted(held.differing) == wrong
    concerned = {*held.missing, *held.differing}
    assert set(held.ids) == {entry("vn", "answered", TH, number).exchange_id for number in concerned}
    assert held.same == (not concerned)


@given(fates=FATES)
def test_a_range_that_is_not_listed_is_the_same_only_when_nothing_differs(fates: list[str]) -> None:
    ours, theirs = logs(fates)
    held = compare(ours, LOG, account(theirs, len(fates), len(fates), listed=False), END_US)  # type: ignore[arg-type]
    assert held.same == (set(fates) == {"both"})


@given(given_=st.integers(1, 20), more=st.integers(0, MAX_LINES), early=st.booleans())
def test_answers_of_the_day_that_nobody_gave_are_unknown(given_: int, more: int, early: bool) -> None:
    time_us = 1 if early else END_US - 1_000_000
    ours = Rows({number: entry("th", "received", VN, number, time_us) for number in range(1, given_ + more + 1)})
    theirs = Rows({number: entry("vn", "answered", TH, number) for number in range(1, given_ + 1)})
    held = compare(ours, LOG, account(theirs, given_, given_, listed=False), END_US)  # type: ignore[arg-type]
    found = [line.number for line in held.unknown]
    assert found == (list(range(given_ + 1, given_ + more + 1)) if early else [])
    assert held.same == (not found)
