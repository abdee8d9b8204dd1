"""Statements of a day's account, and of what the other side holds (threats.md, T4; domain.md, L5)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

from liaison.exchange.v1 import account_pb2 as pb

from gateway.errors import Forbidden, Malformed
from gateway.model.evidence.day_account import DayAccount, DayAnswer, ExchangeLine
from gateway.model.exchange import Verified
from gateway.model.names import MemberId, exchange_id, member_id
from gateway.statements.envelope import (
    DAY_ACCOUNT,
    DAY_ACCOUNT_ANSWER,
    Sealed,
    SigningKey,
    StatementKeys,
    check_parties,
    check_signature,
    parse,
    sealed,
    unseal,
)
from gateway.statements.fields import HASH_SIZE, check_hash, check_not_from_the_future, microseconds, timestamp

MAX_WIDTH = 4096
"""Numbers that one account speaks of, without lines."""

MAX_LINES = 256
"""Numbers that an account with lines speaks of, and answers that can be named as unknown."""

MAX_NAMED = 1024
"""Missing numbers that an answer names: where there are more, these are the first."""

_MAX_NUMBER = 2**63 - 1


def build_account(account: DayAccount, key: SigningKey) -> Sealed:
    """`account`, signed; `Malformed` for what a counterpart would refuse."""
    message = pb.DayAccount(
        blind=os.urandom(HASH_SIZE),
        sender=account.sender,
        recipient=account.recipient,
        day=account.day,
        first=account.first,
        through=account.through,
        given=account.given,
        exchanges_hash=account.exchanges_hash,
        listed=account.listed,
        lines=_written(account.lines),
        issued_time=timestamp(account.issued_us),
    )
    read_account(message)
    return sealed(DAY_ACCOUNT, message.SerializeToString(), key)


def verify_account(
    envelope: bytes, *, keys: StatementKeys, peer: MemberId, me: MemberId, now_us: int
) -> Verified[DayAccount]:
    """The account in `envelope`, when every check holds:

    1. size, form, payload type, and exactly one signature
    2. the payload parses, without unknown fields
    3. the sender is the peer
    4. the recipient is us
    5. a key that the sender lists for statements at `now_us` signed exactly these bytes
    6. the content is complete and well-formed
    7. it is not from the future

    Raises like `verify_request`.
    """
    unsealed = unseal(envelope, DAY_ACCOUNT)  # 1
    message = parse(pb.DayAccount, unsealed.payload, "account")  # 2
    check_parties(message.sender, message.recipient, peer, me)  # 3, 4
    check_signature(unsealed, keys, peer, now_us)  # 5
    account = read_account(message)  # 6
    check_not_from_the_future(account.issued_us, now_us)  # 7
    return Verified(account, unsealed.payload_hash, envelope, peer, unsealed.key_id)


def read_account(message: pb.DayAccount) -> DayAccount:
    """The account that a parsed payload says, or `Malformed`."""
    check_hash(message.blind, "blind")
    account = DayAccount(
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        day=_day(message.day),
        first=message.first,
        through=message.through,
        given=message.given,
        exchanges_hash=check_hash(message.exchanges_hash, "exchanges_hash"),
        listed=message.listed,
        lines=_lines(message.lines, "lines"),
        issued_us=microseconds(message.issued_time, "issued_time"),
    )
    if not 1 <= account.first <= account.through <= account.given <= _MAX_NUMBER:
        raise Malformed("a range counts from 1 upwards, to what was given", code="bad-range", where="first")
    if account.through - account.first >= (MAX_LINES if account.listed else MAX_WIDTH):
        raise Malformed("the range is too wide", code="too-many", where="through")
    if account.lines and not account.listed:
        raise Malformed("an account that lists nothing has lines", code="bad-lines", where="lines")
    if account.lines and (account.lines[0].number < account.first or account.lines[-1].number > account.through):
        raise Malformed("lines lie inside the range", code="bad-range", where="lines")
    return account


def build_account_answer(answer: DayAnswer, key: SigningKey) -> Sealed:
    """`answer`, signed; `Malformed` for what a counterpart would refuse."""
    message = pb.DayAccountAnswer(
        blind=os.urandom(HASH_SIZE),
        sender=answer.sender,
        recipient=answer.recipient,
        account_hash=answer.account_hash,
        exchanges_hash=answer.exchanges_hash,
        missing=answer.missing,
        differing=answer.differing,
        unknown=_written(answer.unknown),
        issued_time=timestamp(answer.issued_us),
    )
    read_account_answer(message)
    return sealed(DAY_ACCOUNT_ANSWER, message.SerializeToString(), key)


def verify_account_answer(
    envelope: bytes, *, keys: StatementKeys, peer: MemberId, me: MemberId, account_hash: bytes, now_us: int
) -> Verified[DayAnswer]:
    """The answer to the account whose payload has this hash; the checks of `verify_account`, and that it is its."""
    unsealed = unseal(envelope, DAY_ACCOUNT_ANSWER)
    message = parse(pb.DayAccountAnswer, unsealed.payload, "account answer")
    check_parties(message.sender, message.recipient, peer, me)
    check_signature(unsealed, keys, peer, now_us)
    answer = read_account_answer(message)
    check_not_from_the_future(answer.issued_us, now_us)
    if answer.account_hash != account_hash:
        raise Forbidden("the answer is to another account", code="wrong-account", where="account_hash")
    return Verified(answer, unsealed.payload_hash, envelope, peer, unsealed.key_id)


def read_account_answer(message: pb.DayAccountAnswer) -> DayAnswer:
    """The answer that a parsed payload says, or `Malformed`."""
    check_hash(message.blind, "blind")
    return DayAnswer(
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        account_hash=check_hash(message.account_hash, "account_hash"),
        exchanges_hash=check_hash(message.exchanges_hash, "exchanges_hash"),
        missing=_numbers(message.missing, MAX_NAMED, "missing"),
        differing=_numbers(message.differing, MAX_LINES, "differing"),
        unknown=_lines(message.unknown, "unknown"),
        issued_us=microseconds(message.issued_time, "issued_time"),
    )


def _written(lines: Iterable[ExchangeLine]) -> list[pb.ExchangeLine]:
    return [
        pb.ExchangeLine(number=line.number, exchange_id=bytes.fromhex(line.exchange_id), line_hash=line.line_hash)
        for line in lines
    ]


def _lines(lines: Sequence[pb.ExchangeLine], where: str) -> tuple[ExchangeLine, ...]:
    if len(lines) > MAX_LINES:
        raise Malformed(f"more than {MAX_LINES} lines", code="too-many", where=where)
    _numbers([line.number for line in lines], MAX_LINES, where)
    return tuple(
        ExchangeLine(line.number, exchange_id(line.exchange_id.hex()), check_hash(line.line_hash, f"{where}.line_hash"))
        for line in lines
    )


def _numbers(numbers: Sequence[int], limit: int, where: str) -> tuple[int, ...]:
    if len(numbers) > limit:
        raise Malformed(f"more than {limit} numbers", code="too-many", where=where)
    rising = all(earlier < later for earlier, later in pairwise(numbers))
    if numbers and (not rising or not numbers[0] >= 1 or numbers[-1] > _MAX_NUMBER):
        raise Malformed("numbers rise from 1 upwards", code="bad-range", where=where)
    return tuple(numbers)


def _day(text: str) -> str:
    """`text`, when it is a day as RFC 3339 writes it, else `Malformed`."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise Malformed("a day has the form 2026-11-23", code="bad-day", where="day")
