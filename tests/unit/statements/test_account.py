"""Days' accounts and the answers to them: one test for each number in the docstring of `Kind.verify`."""

from __future__ import annotations

import pytest
from liaison.exchange.v1 import account_pb2 as pb
from msgspec.structs import replace

from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Stale
from gateway.model.evidence.day_account import DayAccount, DayAnswer, ExchangeLine
from gateway.model.exchange import Verified
from gateway.statements.account import (
    ACCOUNT_ANSWER_KIND,
    ACCOUNT_KIND,
    DAY_ACCOUNT,
    MAX_LINES,
    MAX_NAMED,
    MAX_WIDTH,
    read_account,
    read_account_answer,
    verify_account_answer,
)
from gateway.statements.receipt import RECEIPT
from tests.support.sealing import EXCHANGE, NOW, SECOND, TH, VN, ListedKeys, envelope_of, new_key, payload_of
from tests.support.tables import table

KEY = new_key()
KEYS = ListedKeys()
KEYS.add(TH, KEY)
LINE = ExchangeLine(7, EXCHANGE, bytes(32))
ACCOUNT = DayAccount(TH, VN, "2026-11-23", 5, 9, 12, b"\5" * 32, False, (), NOW)
LISTED = replace(ACCOUNT, listed=True, lines=(replace(LINE, number=5), LINE))
ANSWER = DayAnswer(TH, VN, b"\1" * 32, b"\5" * 32, (5, 8), (7,), (replace(LINE, number=13),), NOW)


def verify(envelope: bytes, **changes: object) -> Verified[DayAccount]:
    values: dict[str, object] = {"keys": KEYS, "peer": TH, "me": VN, "now_us": NOW} | changes
    return ACCOUNT_KIND.verify(envelope, **values)  # type: ignore[arg-type]


def verify_answer(envelope: bytes, **changes: object) -> Verified[DayAnswer]:
    values: dict[str, object] = {"keys": KEYS, "peer": TH, "me": VN, "account_hash": b"\1" * 32, "now_us": NOW}
    return verify_account_answer(envelope, **(values | changes))  # type: ignore[arg-type]


@table(
    "account",
    [
        ACCOUNT,
        LISTED,
        replace(ACCOUNT, through=5 + MAX_WIDTH - 1, given=2**62),
        replace(
            ACCOUNT,
            first=1,
            through=MAX_LINES,
            given=MAX_LINES,
            listed=True,
            lines=tuple(replace(LINE, number=number) for number in range(1, MAX_LINES + 1)),
        ),
    ],
)
def test_an_account_arrives_as_it_was_built(account: DayAccount) -> None:
    sealed = ACCOUNT_KIND.build(account, KEY)
    verified = verify(sealed.envelope)
    assert (verified.value, verified.payload_hash) == (account, sealed.payload_hash)


def test_an_answer_arrives_as_it_was_built() -> None:
    widest = replace(ANSWER, missing=tuple(range(1, MAX_NAMED + 1)), differing=tuple(range(1, MAX_LINES + 1)))
    for answer in (ANSWER, widest, replace(ANSWER, missing=(), differing=(), unknown=())):
        assert verify_answer(ACCOUNT_ANSWER_KIND.build(answer, KEY).envelope).value == answer


def test_check_1_another_kind_of_statement() -> None:
    payload = payload_of(ACCOUNT_KIND.build(ACCOUNT, KEY).envelope)
    with pytest.raises(BadSignature):
        verify(envelope_of(payload, RECEIPT, KEY))


def test_check_2_unknown_fields() -> None:
    payload = payload_of(ACCOUNT_KIND.build(ACCOUNT, KEY).envelope)
    with pytest.raises(Malformed):
        verify(envelope_of(payload + b"\x98\x06\x01", DAY_ACCOUNT, KEY))


def test_check_3_and_4_sender_and_recipient() -> None:
    envelope = ACCOUNT_KIND.build(ACCOUNT, KEY).envelope
    with pytest.raises(BadSignature):
        verify(envelope, peer=VN)
    with pytest.raises(Forbidden):
        verify(envelope, me=TH)


def test_check_6_a_key_that_is_not_listed() -> None:
    with pytest.raises(BadSignature):
        verify(ACCOUNT_KIND.build(ACCOUNT, new_key()).envelope)
    with pytest.raises(BadSignature):
        verify_answer(ACCOUNT_ANSWER_KIND.build(ANSWER, new_key()).envelope)


@table(
    "changes",
    [
        {"day": "2026-11-31"},
        {"day": "20261123"},
        {"day": ""},
        {"first": 0},
        {"first": 10},
        {"given": 8},
        {"given": 2**63},
        {"through": 5 + MAX_WIDTH, "given": 2**20},
        {"exchanges_hash": b""},
        {"lines": (LINE,)},
        {"listed": True, "lines": (LINE, LINE)},
        {"listed": True, "lines": (replace(LINE, number=4),)},
        {"listed": True, "lines": (replace(LINE, number=10),)},
        {"listed": True, "lines": (replace(LINE, line_hash=b"x"),)},
        {"listed": True, "lines": (LINE,), "through": 5 + MAX_LINES, "given": 2**20},
    ],
)
def test_check_7_content(changes: dict[str, object]) -> None:
    with pytest.raises(LiaisonError):
        ACCOUNT_KIND.build(replace(ACCOUNT, **changes), KEY)


def test_check_7_lines_are_counted_before_they_are_read() -> None:
    message = pb.DayAccount.FromString(payload_of(ACCOUNT_KIND.build(LISTED, KEY).envelope))
    message.lines.extend([message.lines[0]] * MAX_LINES)
    with pytest.raises(Malformed) as refused:
        read_account(message)
    assert (refused.value.code, refused.value.where) == ("too-many", "lines")


@table("part", ["unknown", "missing", "differing"])
def test_check_7_what_an_answer_lists_is_counted_before_it_is_read(part: str) -> None:
    message = pb.DayAccountAnswer.FromString(payload_of(ACCOUNT_ANSWER_KIND.build(ANSWER, KEY).envelope))
    items = getattr(message, part)
    items.extend([items[0]] * max(MAX_LINES, MAX_NAMED))
    with pytest.raises(Malformed) as refused:
        read_account_answer(message)
    assert (refused.value.code, refused.value.where) == ("too-many", part)


def test_check_7_an_exchange_id_has_16_bytes() -> None:
    message = pb.DayAccount.FromString(payload_of(ACCOUNT_KIND.build(LISTED, KEY).envelope))
    message.lines[0].exchange_id = b"short"
    with pytest.raises(Malformed):
        read_account(message)


def test_check_8_from_the_future() -> None:
    with pytest.raises(Stale):
        verify(ACCOUNT_KIND.build(ACCOUNT, KEY).envelope, now_us=NOW - 31 * SECOND)


def test_check_9_an_answer_to_another_account_is_none() -> None:
    with pytest.raises(Forbidden):
        verify_answer(ACCOUNT_ANSWER_KIND.build(ANSWER, KEY).envelope, account_hash=bytes(32))
