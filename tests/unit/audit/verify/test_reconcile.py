"""Two logs side by side: every injected fault is found once, its author is named, and nothing else is said."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.accounts.ledger import MARGIN_US, Ledger
from gateway.audit.entries.entry import Entry, build_entry, encode_private
from gateway.audit.reading.evidence import Row
from gateway.audit.tree.checkpoint import Signer, origin
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.audit.verify.reconcile import Comparison, Fault, compare
from gateway.signing.keys import SigningKey, VerifyKey

MINUTE_US = 60_000_000
START_US = 1_000_000_000_000
KEYS = {member: SigningKey(Ed25519PrivateKey.generate()) for member in ("th", "vn")}


@dataclass
class Item:
    """An entry before it has its place, `at` minutes after the start; `shows`: it keeps the peer's own entry."""

    kind: str
    peer: str
    exchange_id: str
    request: bytes = b""
    answer: bytes = b""
    held: bool = True
    is_lost: bool = False
    number: int | None = None
    private: dict[str, Any] = field(default_factory=dict)
    shows: bool = False
    at: int = 0
    salt: bytes = field(default_factory=lambda: os.urandom(32))


@dataclass
class Log:
    """A member's exchange log: items, and what it made of them the first time, before anybody changed them."""

    member: str
    items: list[Item] = field(default_factory=list)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)

    def rows(self) -> list[Row]:
        tree = Tree()
        rows = []
        for index, item in enumerate(self.items):
            private = encode_private(item.private, item.salt)
            entry = Entry(
                origin(self.member, "exchange", 1),
                index,
                START_US + item.at * MINUTE_US,
                item.kind,
                item.peer,
                item.number,
                item.exchange_id,
                item.request,
                item.answer,
                hashlib.sha256(private).digest(),
            )
            body = build_entry(entry)
            tree.append(leaf_hash(body))
            held = b"by a lost key" if item.is_lost else b"signed" if item.held else b""
            rows.append(Row(index, body, b"", private, held, held))
        return rows

    def show(self) -> None:
        """Remember each answer's entry with its head and proof, as the asker gets them."""
        rows = self.rows()
        tree = Tree()
        signer = Signer(origin(self.member, "exchange", 1), KEYS[self.member])
        for row, item in zip(rows, self.items, strict=True):
            tree.append(leaf_hash(row.body))
            if item.kind in ("answered", "refused"):
                head = signer.sign(tree.size, tree.root(tree.size))
                self.shown[item.exchange_id] = {
                    "their_index": row.index,
                    "their_entry": row.body.decode(),
                    "their_hashes": [part.hex() for part in tree.inclusion(row.index, tree.size)],
                    "their_checkpoint": head.decode(),
                }


def world(count: int) -> tuple[Log, Log, list[str]]:
    """Thailand asks, Viet Nam answers `count` times, and both go on for a while afterwards."""
    th, vn = Log("th"), Log("vn")
    ids = [secrets.token_hex(16) for _ in range(count)]
    for number, exchange_id in enumerate(ids, 1):
        request, answer = os.urandom(32), os.urandom(32)
        at = 9 * number
        th.items.append(Item("asked", "vn", exchange_id, request, at=at))
        vn.items.append(Item("answered", "th", exchange_id, request, answer, number=number, at=at + 1))
        th.items.append(Item("received", "vn", exchange_id, request, answer, number=number, shows=True, at=at + 2))
    vn.show()
    for item in th.items:
        if item.shows:
            item.private = vn.shown[item.exchange_id]
    for log, peer in ((th, "la"), (vn, "la")):
        log.items += [Item("asked", peer, secrets.token_hex(16), os.urandom(32), at=9 * count + 9) for _ in range(3)]
    return th, vn, ids


def of(log: Log, kind: str, exchange_id: str) -> Item:
    return next(item for item in log.items if item.kind == kind and item.exchange_id == exchange_id)


class Signed:
    """Statements in these logs are signed where the bytes say so; `two_exports` hands in real signatures."""

    def __init__(self, *said: bytes) -> None:
        self._said = said or (b"signed",)

    @property
    def whoever(self) -> Signed:
        return Signed(b"signed", b"by a lost key")

    def request(self, envelope: bytes, entry: Entry) -> bool:
        return envelope in self._said

    def answer(self, envelope: bytes, entry: Entry) -> bool:
        return envelope in self._said


def judge(
    th: Log, vn: Log, through: int = 10_000, early: str = "", lost: dict[str, tuple[int, int]] | None = None
) -> Comparison:
    """`early`: whose export was made when its last entry was written; else both were made long afterwards. `lost`: the
    minutes of which somebody's log says itself that its entries are lost."""
    last = max(item.at for item in [*th.items, *vn.items])
    ends = {log.member: log.items[-1].at if log.member == early else last + 60 for log in (th, vn)}
    made = {member: START_US + at * MINUTE_US for member, at in ends.items()}
    sides = {"th": Ledger("th", "vn", made["th"]), "vn": Ledger("vn", "th", made["vn"])}
    for member, (since, until) in (lost or {}).items():
        sides[member].lost.append((START_US + since * MINUTE_US, START_US + until * MINUTE_US))
    for log in (th, vn):
        sides[log.member].take_answers(log.rows())
    keys: dict[str, list[VerifyKey]] = {member: [key.verify_key()] for member, key in KEYS.items()}
    sides["vn"].acknowledged = through
    sides["th"].take_questions(th.rows(), sides["vn"], keys["vn"])
    sides["vn"].take_questions(vn.rows(), sides["th"], keys["th"])
    suspected = compare(sides["th"], sides["vn"]).suspected
    for log in (th, vn):
        sides[log.member].prove(log.rows(), suspected, Signed())
    return compare(sides["th"], sides["vn"])


def test_two_honest_logs_agree() -> None:
    th, vn, ids = world(8)
    found = judge(th, vn)
    assert found.findings == ()
    assert found.agreed == len(ids)
    assert found.outside == 0


@pytest.mark.parametrize("member", ["th", "vn"])
def test_what_a_log_says_that_it_lost_is_nobodys_fault_and_proves_nothing(member: str) -> None:
    th, vn, ids = world(8)
    loser, gone = {"th": th, "vn": vn}[member], set(ids[5:])
    loser.items = [item for item in loser.items if item.exchange_id not in gone]
    span = {member: (9 * 6 - 3, 9 * 8 + 3)}
    found = judge(th, vn, lost=span)
    assert [(item.fault, item.blamed) for item in found.findings] == [(Fault.LOST_ENTRIES, "")] * 3
    assert {item.exchange_id for item in found.findings} == gone
    assert (found.agreed, found.unproved) == (5, True)
    assert judge(th, vn).blamed == {member}  # without that word it has dropped them
    other = {"th": vn, "vn": th}[member]
    other.items = [item for item in other.items if item.exchange_id != ids[0]]
    assert judge(th, vn, lost=span).blamed == {other.member}  # and it covers no one else, and no other time


def drop_answer(th: Log, vn: Log, exchange_id: str) -> tuple[Fault, str]:
    vn.items.remove(of(vn, "answered", exchange_id))
    return Fault.DROPPED_ANSWER, "vn"


def drop_question(th: Log, vn: Log, exchange_id: str) -> tuple[Fault, str]:
    for kind in ("asked", "received"):
        th.items.remove(of(th, kind, exchange_id))
    return Fault.DROPPED_QUESTION, "th"


def alter_answer(th: Log, vn: Log, exchange_id: str) -> tuple[Fault, str]:
    of(vn, "answered", exchange_id).answer = os.urandom(32)
    return Fault.ALTERED_ANSWER, "vn"


def alter_request(th: Log, vn: Log, exchange_id: str) -> tuple[Fault, str]:
    other = os.urandom(32)
    of(th, "asked", exchange_id).request = other
    of(th, "received", exchange_id).request = other
    return Fault.ALTERED_REQUEST, "th"


def lose_answer(th: Log, vn: Log, exchange_id: str) -> tuple[Fault, str]:
    at = th.items.index(of(th, "received", exchange_id))
    th.items[at] = Item("silent", "vn", exchange_id, th.items[at].request, at=th.items[at].at)
    return Fault.LOST_ANSWER, ""


FAULTS: tuple[Callable[[Log, Log, str], tuple[Fault, str]], ...] = (
    drop_answer,
    drop_question,
    alter_answer,
    alter_request,
    lose_answer,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(FAULTS), max_size=6), st.integers(0, 1000))
@pytest.mark.long
def test_every_injected_fault_is_found_once_and_nothing_else(
    faults: list[Callable[[Log, Log, str], tuple[Fault, str]]], shift: int
) -> None:
    th, vn, ids = world(8)
    expected = set()
    for place, fault in enumerate(faults):
        exchange_id = ids[(place + shift) % len(ids)]
        kind, blamed = fault(th, vn, exchange_id)
        expected.add((kind, exchange_id, blamed))
    found = judge(th, vn)
    assert {(item.fault, item.exchange_id, item.blamed) for item in found.findings} == expected
    assert len(found.findings) == len(expected)
    assert found.agreed == len(ids) - len(faults)


def test_a_question_that_never_came_has_no_culprit() -> None:
    th, vn, ids = world(4)
    th.items.insert(0, Item("asked", "vn", "0" * 32, os.urandom(32)))
    found = judge(th, vn)
    assert [(item.fault, item.blamed) for item in found.findings] == [(Fault.LOST_QUESTION, "")]
    assert found.agreed == len(ids)


def test_a_question_that_was_turned_away_is_neither_sides_fault() -> None:
    th, vn, ids = world(4)
    asked = os.urandom(32)
    th.items[:0] = [Item(kind, "vn", "0" * 32, asked) for kind in ("asked", "too-many")]
    found = judge(th, vn)
    assert (found.findings, found.agreed, found.turned_away) == ((), len(ids), 1)


def test_a_question_said_to_be_turned_away_that_was_answered_is_an_answer_that_never_came() -> None:
    th, vn, ids = world(4)
    of(th, "received", ids[1]).kind = "too-many"
    found = judge(th, vn)
    assert [(item.fault, item.blamed) for item in found.findings] == [(Fault.LOST_ANSWER, "")]
    assert found.turned_away == 0


def test_a_history_that_was_rewritten_otherwise_is_told_once() -> None:
    th, vn, ids = world(6)
    vn.items.insert(0, Item("asked", "la", "1" * 32, os.urandom(32)))
    found = judge(th, vn)
    assert [(item.fault, item.blamed, item.answerer_index) for item in found.findings] == [(Fault.REWRITTEN, "vn", 0)]
    assert found.agreed == len(ids)


def test_what_the_asker_shows_without_a_head_of_the_other_blames_nobody() -> None:
    th, vn, ids = world(3)
    for item in th.items:
        if item.shows:
            item.held = False
            item.private = {**item.private, "their_checkpoint": th_head()}
    drop_answer(th, vn, ids[1])
    found = judge(th, vn)
    assert [(item.fault, item.blamed) for item in found.findings] == [(Fault.DROPPED_ANSWER, "")]


def th_head() -> str:
    """A head over the place of Viet Nam's log that Thailand signed itself."""
    return Signer(origin("vn", "exchange", 1), KEYS["th"]).sign(1, bytes(32)).decode()


def test_what_is_not_acknowledged_is_one_finding_for_the_channel() -> None:
    th, vn, _ = world(9)
    found = judge(th, vn, through=6)
    assert [(item.fault, item.blamed) for item in found.findings] == [(Fault.UNACKNOWLEDGED, "")]
    assert found.findings[0].text == "numbers 7 to 9 (3), the receipts end at 6"


@pytest.mark.parametrize("short", ["th", "vn"])
def test_what_happened_after_an_export_was_made_is_not_judged(short: str) -> None:
    th, vn, _ = world(6)
    cut(th if short == "th" else vn, 2 if short == "vn" else 4)
    found = judge(th, vn, early=short)
    assert not found.blamed
    assert {item.fault for item in found.findings} <= {Fault.LOST_QUESTION, Fault.LOST_ANSWER}
    assert MARGIN_US == 2 * MINUTE_US


def cut(log: Log, kept: int) -> None:
    log.items = [item for item in log.items if item.peer != "la"][:kept]


def test_who_leaves_the_end_of_the_log_out_of_a_late_export_is_named() -> None:
    th, vn, ids = world(6)
    cut(vn, 2)
    found = judge(th, vn)
    assert {item.exchange_id for item in found.findings if item.blamed == "vn"} == set(ids[2:])
    assert {item.fault for item in found.findings} == {Fault.DROPPED_ANSWER}


def test_a_statement_that_nobody_signed_blames_nobody() -> None:
    th, vn, ids = world(4)
    of(vn, "answered", ids[1]).held = False
    drop_question(th, vn, ids[1])
    found = judge(th, vn)
    assert [(item.fault, item.blamed) for item in found.findings] == [(Fault.DROPPED_QUESTION, "")]


def test_a_statement_by_a_key_in_other_hands_blames_nobody() -> None:
    """CASE-N224: a thief asked in the name of Thailand, and no one else is named."""
    th, vn, ids = world(6)
    for exchange_id in ids[1:3]:
        of(vn, "answered", exchange_id).is_lost = True
        drop_question(th, vn, exchange_id)
    found = judge(th, vn)
    named = [item for item in found.findings if item.fault is Fault.OTHER_HANDS]
    assert ({item.exchange_id for item in named}, found.blamed) == (set(ids[1:3]), frozenset())
    assert found.unproved


@pytest.mark.parametrize("part", ["peer", "exchange"])
def test_an_entry_about_somebody_else_proves_nothing_here(part: str) -> None:
    th, vn, ids = world(4)
    other = secrets.token_hex(16)
    item = Item("answered", "la" if part == "peer" else "th", other, os.urandom(32), os.urandom(32), number=1)
    vn.items.insert(0, item)
    vn.show()
    shown = vn.shown[other]
    vn.items.pop(0)
    for arrived in th.items:
        if arrived.shows and arrived.exchange_id == ids[0]:
            arrived.held, arrived.private = False, shown
    drop_answer(th, vn, ids[0])
    found = judge(th, vn)
    assert (Fault.DROPPED_ANSWER, ids[0], "") in {
        (item.fault, item.exchange_id, item.blamed) for item in found.findings
    }


def test_a_refusal_beside_an_answer_of_the_same_exchange_is_no_fault() -> None:
    th, vn, ids = world(4)
    answered = of(vn, "answered", ids[1])
    vn.items.insert(vn.items.index(answered) + 1, replace(answered, kind="refused", request=os.urandom(32), number=99))
    vn.show()
    for item in th.items:
        if item.shows and item.exchange_id != ids[1]:
            item.private = vn.shown[item.exchange_id]
    assert judge(th, vn).findings == ()
