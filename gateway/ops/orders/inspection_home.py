"""An inspection of a home, or a use of what policy decided on: its entry first, written by the running node or, where
there is none, by us."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from gateway.audit.log.log import AuditLog
from gateway.audit.reading.inspection import Action, Inspection, sign_inspection
from gateway.clock import Clock, SystemClock
from gateway.config import Home, Settings, load_settings
from gateway.errors import Forbidden, Misconfigured, NotProved, Unavailable
from gateway.model.names import MemberId, member_id
from gateway.ops.homes.lock import only_one
from gateway.ops.homes.open_home import Written
from gateway.ops.orders.decision_reads import Use, use_order
from gateway.ops.orders.inspection_orders import InspectionDesk, inspection_order, look_up_order
from gateway.ops.orders.mailbox import Order, Orders
from gateway.ports.content_keys import ContentKeys
from gateway.ports.journal import EntryDraft, Journal, Logged
from gateway.ports.log_store import LogStore
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.storage.database.open import open_storage
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView

WAIT_S = 30.0
"""Seconds that a running node may take; it looks five times a second."""

_STEP_S = 0.02


def inspection_desk(
    home: Home, member: MemberId, clock: Clock, store: LogStore, keys: ContentKeys, operations: AuditLog
) -> InspectionDesk:
    """The desk of one home, which writes to its operations log.

    It judges by the documents of trust as they are on disk then: an appointment counts as soon as it is there.
    """
    return InspectionDesk(
        home.inspections,
        member,
        partial(_view, home, clock),
        home.trust,
        clock,
        store,
        keys,
        operations.store_name,
        partial(_write, operations),
    )


def inspect(folder: Path, key: SigningKey, action: Action, reason: str, detail: dict[str, Any]) -> Written:
    """The entry of an auditor's inspection in the operations log, which is durable now.

    Raises `Forbidden` with the reason when it is refused, and `Unavailable` when a running
    node did not take it in time.
    """
    settings, clock = load_settings(folder), SystemClock()
    member = member_id(settings.node.member)
    inspection = Inspection(action, member, reason, clock.now_us(), detail)
    return _entry_of(settings, inspection_order(sign_inspection(inspection, key)), clock)


def look_up(folder: Path, reason: str, looked_for: dict[str, Any]) -> Written:
    """The same for a search without a mandate, of which only public parts are shown."""
    return _entry_of(load_settings(folder), look_up_order(reason, looked_for), SystemClock())


def announce_use(folder: Path, use: Use, by: str, reason: str, detail: dict[str, Any]) -> Written:
    """The same for a use of what policy decided on.

    Raises `Malformed` where nobody says who or why, and `Unavailable` or what storage raises when the entry cannot be
    written: nothing may be read then.
    """
    return _entry_of(load_settings(folder), use_order(use, by, reason, detail), SystemClock())


def _entry_of(settings: Settings, order: Order, clock: Clock) -> Written:
    home, member = Home(settings.home), member_id(settings.node.member)
    orders = Orders(home.inspections)
    orders.give(order)
    try:
        result = _result(settings, home, member, orders, order, clock)
        return Written(str(result["log"]), int(result["index"]))
    finally:
        orders.withdraw(order)


def _result(
    settings: Settings, home: Home, member: MemberId, orders: Orders, order: Order, clock: Clock
) -> dict[str, Any]:
    until = clock.monotonic() + WAIT_S
    while True:
        _take_ourselves(settings, home, member, clock)
        found = orders.result(order)
        if found is not None:
            return _raised(found)
        if clock.monotonic() > until:
            raise Unavailable(
                "a node runs on this home, and did not write the entry in time: nothing is shown",
                code="node-does-not-answer",
                where=str(home.path),
                remedy="liaison doctor --home …; or stop the node and try again",
            )
        time.sleep(_STEP_S)


def _take_ourselves(settings: Settings, home: Home, member: MemberId, clock: Clock) -> None:
    """Take what waits, unless a node runs: it does so at once."""
    try:
        with only_one(home.lock):
            database = open_storage(settings)
            try:
                store, keys = SqlLogStore(database), KeyStore(settings.keystore)
                log_key = load_signing_key(home.key("log"))
                log = AuditLog(store, keys, log_key, clock, member, "operations", highwater=home.highwater)
                require_here(log)
                try:
                    inspection_desk(home, member, clock, store, keys, log).run()
                finally:
                    log.close()
            finally:
                database.close()
    except Misconfigured as error:
        if error.code not in ("already-running", "log-in-use"):
            raise


def require_here(log: AuditLog) -> None:
    """A copy or an old backup of a home gets no entry: going on with it would fork the log. Only a start asks the
    witnesses which copy is the newest."""
    if log.moved:
        log.abandon()
        raise NotProved(
            f"the entry that must come first cannot be written{log.moved}, and no witness was asked yet which copy is "
            "the newest: nothing is shown",
            code="unwitnessed-copy",
            where=f"log {log.store_name}",
            remedy="start the node once; or search an export: liaison audit export, then find --export",
        )


def _view(home: Home, clock: Clock) -> TrustView:
    return TrustKeeper(home.trust, clock).view


def _write(journal: Journal, draft: EntryDraft) -> Logged:
    (logged,) = journal.append([draft])
    assert isinstance(logged, Logged)
    return logged


def _raised(result: dict[str, Any]) -> dict[str, Any]:
    """The result, or the error that it is."""
    error = result.get("error")
    if error is None:
        return result
    raise Forbidden(error["message"], code=error["code"], where=error["where"], remedy=error["remedy"])
