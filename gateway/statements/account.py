"""Statements of a day's account, and of the other side's own view of it (THREAT-T4; DUTY-L5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

from liaison.exchange.v1 import account_pb2 as pb

from gateway.errors import Forbidden, Malformed
from gateway.model.evidence.day_account import DayAccount, DayAnswer, ExchangeLine
from gateway.model.exchange import Verified
from gateway.model.names import MemberId, exchange_id, member_id
from gateway.statements.envelope import StatementKeys, payload_types
from gateway.statements.fields import check_hash, check_issued, microseconds, timestamp
from gateway.statements.kind import Kind
from gateway.statements.versions import Versions

DAY_ACCOUNT = payload_types("day-account", 24 * 1024)[0]
DAY_ACCOUNT_ANSWER = payload_types("day-account-answer", 24 * 1024)[0]

MAX_WIDTH = 4096
"""Numbers that one account covers, without lines."""

MAX_LINES = 256
"""Numbers that an account with lines covers, and answers that can be named as unknown."""

MAX_NAMED = 1024
"""Missing numbers that an answer names: where there are more, these are the first."""

_MAX_NUMBER = 2**63 - 1


def _write_account(account: DayAccount) -> pb.DayAccount:
    return pb.DayAccount(
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


def read_account(message: pb.DayAccount) -> DayAccount:
    """Return the account in a parsed payload, or raise `Malformed`."""
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


def _write_answer(answer: DayAnswer) -> pb.DayAccountAnswer:
    return pb.DayAccountAnswer(
        sender=answer.sender,
        recipient=answer.recipient,
        account_hash=answer.account_hash,
        exchanges_hash=answer.exchanges_hash,
        missing=answer.missing,
        differing=answer.differing,
        unknown=_written(answer.unknown),
        issued_time=timestamp(answer.issued_us),
    )


def read_account_answer(message: pb.DayAccountAnswer) -> DayAnswer:
    """Return the answer in a parsed payload, or raise `Malformed`."""
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
        raise Malformed("more than {limit} lines", code="too-many", where=where, limit=MAX_LINES)
    _numbers([line.number for line in lines], MAX_LINES, where)
    return tuple(
        ExchangeLine(line.number, exchange_id(line.exchange_id.hex()), check_hash(line.line_hash, f"{where}.line_hash"))
        for line in lines
    )


def _numbers(numbers: Sequence[int], limit: int, where: str) -> tuple[int, ...]:
    if len(numbers) > limit:
        raise Malformed("more than {limit} numbers", code="too-many", where=where, limit=limit)
    rising = all(earlier < later for earlier, later in pairwise(numbers))
    if numbers and (not rising or not numbers[0] >= 1 or numbers[-1] > _MAX_NUMBER):
        raise Malformed("numbers rise from 1 upwards", code="bad-range", where=where)
    return tuple(numbers)


def _day(text: str) -> str:
    """Return `text` when it is a day as RFC 3339 writes it, else raise `Malformed`."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise Malformed("a day has the form 2026-11-23", code="bad-day", where="day")


ACCOUNT_KIND = Kind(DAY_ACCOUNT, pb.DayAccount, "account", _write_account, read_account, check_issued)
"""The answers that the sender gave to the recipient on one day."""

ACCOUNT_ANSWER_KIND = Kind(
    DAY_ACCOUNT_ANSWER, pb.DayAccountAnswer, "account answer", _write_answer, read_account_answer, check_issued
)
"""The other side's own view of that day."""

ACCOUNT_VERSIONS = Versions(ACCOUNT_KIND)
ACCOUNT_ANSWER_VERSIONS = Versions(ACCOUNT_ANSWER_KIND)


def verify_account_answer(
    envelope: bytes, *, keys: StatementKeys, peer: MemberId, me: MemberId, account_hash: bytes, now_us: int
) -> Verified[DayAnswer]:
    """Return the answer in `envelope` when the checks of `Kind.verify` hold, and

    9. it answers the account whose payload has the hash `account_hash`

    Raises like `Kind.verify`.
    """
    verified = ACCOUNT_ANSWER_VERSIONS.verify(envelope, keys=keys, peer=peer, me=me, now_us=now_us)
    if verified.value.account_hash != account_hash:  # 9
        raise Forbidden("the answer is to another account", code="wrong-account", where="account_hash")
    return verified
