"""A day's account: the answers of one node to another, compared once a day."""

from __future__ import annotations

import msgspec

from gateway.model.names import ExchangeId, MemberId


class ExchangeLine(msgspec.Struct, frozen=True):
    """One exchange of a channel; `line_hash` is SHA-256 over its line, as in receipts."""

    number: int
    exchange_id: ExchangeId
    line_hash: bytes


class DayAccount(msgspec.Struct, frozen=True):
    """The answers of `sender` to `recipient`, by the numbers of their channel. Times are microseconds since 1970.

    `day` is the UTC day that it closes (`2026-11-23`), `given` the highest number by its end, [`first`, `through`] the
    range that this account covers; where it is `listed`, `lines` are all exchanges that the sender has in it.
    """

    sender: MemberId
    recipient: MemberId
    day: str
    first: int
    through: int
    given: int
    exchanges_hash: bytes
    listed: bool
    lines: tuple[ExchangeLine, ...]
    issued_us: int


class DayAnswer(msgspec.Struct, frozen=True):
    """The recipient's own view of an account's range.

    `missing` are numbers that did not arrive; `differing` are numbers that are listed but held otherwise, or held but
    not listed; `unknown` are answers that arrived that day with numbers higher than any given.
    """

    sender: MemberId
    recipient: MemberId
    account_hash: bytes
    exchanges_hash: bytes
    missing: tuple[int, ...]
    differing: tuple[int, ...]
    unknown: tuple[ExchangeLine, ...]
    issued_us: int
