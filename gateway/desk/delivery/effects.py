"""Define the effects of a notice beside its thread: one function for each type, in the module of its subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

from gateway.model.desk.notices import Notice, NoticeType
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import ExchangeId
from gateway.ports.desk import DeskStore, Holding, ReportRow, Thread, Work
from gateway.records.verify import VerifiedRecord


@dataclass(frozen=True, slots=True)
class Occasion:
    """A notice that is being taken (`ours` is False) or sent, before its entry: the thread before and after it."""

    ours: bool
    notice: Notice
    payload_hash: bytes
    before: Thread | None
    thread: Thread
    now_us: int
    store: DeskStore


@dataclass(frozen=True, slots=True)
class Effects:
    """Rows that are written with a notice.

    `agency` and `office` of ours are those that the thread is for from now on, where they were not known. Work that the
    notice raises by its kind (`gateway.desk.raising`) needs no mention; where `raises` is False it raises none, since
    the effect does.
    """

    works: tuple[Work, ...] = ()
    holdings: tuple[Holding, ...] = ()
    erased: tuple[ExchangeId, ...] = ()
    agency: str = ""
    office: str = ""
    raises: bool = True
    reports: tuple[ReportRow, ...] = ()


def copy_of(occasion: Occasion, record: VerifiedRecord, source: str) -> Holding:
    """Return the row of a record that goes with a notice in the ledger of copies; ours is from `source`."""
    head = occasion.notice.head
    return Holding(
        record.jti,
        Direction.OUT if occasion.ours else Direction.IN,
        head.recipient,
        head.sender,
        head.notice_id,
        HoldingState.HELD,
        record=f"{source}/{head.group_id or head.thread_id}" if occasion.ours else "",
        type=record.type,
        expires_us=record.exp * 1_000_000,
    )


Effect = Callable[[Occasion], Effects]
"""Returns what a notice changes, or raises the refusal of one that may not come."""

EffectTable = Mapping[NoticeType, Effect]


def joined(first: Effects, second: Effects) -> Effects:
    """Return the rows of both."""
    return Effects(
        first.works + second.works,
        first.holdings + second.holdings,
        first.erased + second.erased,
        first.agency or second.agency,
        first.office or second.office,
        first.raises and second.raises,
        first.reports + second.reports,
    )


def merged(*tables: EffectTable) -> EffectTable:
    """Return one table: a notice's effects are those that each table has for its type, in their order."""
    found: dict[NoticeType, tuple[Effect, ...]] = {}
    for table in tables:
        for kind, effect in table.items():
            found[kind] = (*found.get(kind, ()), effect)
    return {kind: _all_of(effects) for kind, effects in found.items()}


def _all_of(effects: tuple[Effect, ...]) -> Effect:
    return lambda occasion: reduce(joined, (effect(occasion) for effect in effects))
