"""The exchanges of a day in one channel, as the log of one side holds them, for two nodes to compare.

The channel is the one on which `peer` asks us ("in:peer" where we answer) or we ask it ("out:peer"). Only public parts
are read: nothing is opened.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.audit.accounts.receipts import NumberedExchange, exchanges_hash
from gateway.audit.entries.entry import Entry, parse_entry
from gateway.model.evidence.day_account import DayAccount, ExchangeLine
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.entries.events import ANSWERS
from gateway.ports.log_store import LogStore
from gateway.statements.account import MAX_LINES, MAX_NAMED
from gateway.statements.fields import SKEW_US


class Held(msgspec.Struct, frozen=True):
    """The result of comparing our log with the range of an account.

    `ids` are the exchange ids of `missing`, `differing` and `unknown` as far as they are known here. `same`: nothing is
    missing, differing or unknown.
    """

    exchanges_hash: bytes
    missing: tuple[int, ...]
    differing: tuple[int, ...]
    unknown: tuple[ExchangeLine, ...]
    ids: tuple[ExchangeId, ...]
    same: bool


def line_of(item: NumberedExchange) -> ExchangeLine:
    """Return the line of an account that lists the exchange."""
    return ExchangeLine(item.number, ExchangeId(item.exchange_id), exchanges_hash([item]))


def given_by(store: LogStore, log: str, peer: MemberId, end_us: int) -> int:
    """Return the highest number of an answer to `peer` that was given before `end_us`; 0 where there is none."""
    highest, state = 0, store.state(log)
    if state is None or not state.counters.get(f"in:{peer}"):
        return 0  # the search below would read all entries to find nothing
    for kind in ANSWERS:
        for index in store.find(log, peer=peer, kind=kind, until_us=end_us, limit=1):
            for _, body, _ in store.bodies(log, index, index + 1):
                highest = max(highest, parse_entry(body).number or 0)
    return highest


def answers(store: LogStore, log: str, peer: MemberId, first: int, through: int) -> list[NumberedExchange]:
    """Return our answers to `peer` in a range of numbers."""
    return [item for item, _ in _exchanges(store, log, f"in:{peer}", first, through)]


def compare(store: LogStore, log: str, account: DayAccount, end_us: int) -> Held:
    """Compare our log with `account`, whose day ends at `end_us`, over the account's range of numbers."""
    found = _exchanges(store, log, f"out:{account.sender}", account.first, account.through)
    arrived = {item.number: item for item, _ in found}
    missing = [number for number in range(account.first, account.through + 1) if number not in arrived]
    ids = {number: ExchangeId(item.exchange_id) for number, item in arrived.items()}
    differing: list[int] = []
    if account.listed:
        listed = {line.number: line for line in account.lines}
        ids |= {number: line.exchange_id for number, line in listed.items() if number not in ids}
        # A number that neither side has is no difference between them.
        missing = [number for number in missing if number in listed]
        differing = [number for number, item in arrived.items() if listed.get(number) != line_of(item)]
    unknown = _unknown(store, log, account, end_us)
    digest = exchanges_hash(arrived[number] for number in sorted(arrived))
    concerned = [ids[number] for number in (*missing, *differing) if number in ids]
    return Held(
        digest,
        tuple(missing[:MAX_NAMED]),
        tuple(differing),
        unknown,
        tuple(dict.fromkeys((*concerned, *(line.exchange_id for line in unknown)))),
        not missing and not differing and not unknown and digest == account.exchanges_hash,
    )


def _unknown(store: LogStore, log: str, account: DayAccount, end_us: int) -> tuple[ExchangeLine, ...]:
    """Return arrivals numbered above those given that day that came too early to be of a later day, by any clock."""
    rest = _exchanges(store, log, f"out:{account.sender}", account.given + 1, account.given + MAX_LINES)
    sure_us = end_us - 2 * SKEW_US
    return tuple(line_of(item) for item, entry in rest if entry.time_us < sure_us)


def _exchanges(
    store: LogStore, log: str, channel: str, first: int, through: int
) -> list[tuple[NumberedExchange, Entry]]:
    entries: Iterable[Entry] = map(parse_entry, store.channel(log, channel, first, through))
    return [
        (NumberedExchange(entry.number, entry.exchange_id, entry.request_hash, entry.answer_hash), entry)
        for entry in entries
        if entry.number is not None
    ]
