"""An auditor's inspection of a home, or a use of what policy decided on: its entry first, written by the running node
or, where there is none, by us."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gateway.app.lock import only_one
from gateway.audit.inspection import Action, Inspection, sign_inspection
from gateway.audit.log import AuditLog
from gateway.clock import Clock, SystemClock
from gateway.config import Home, Settings, load_settings
from gateway.errors import Forbidden, Misconfigured, Unavailable
from gateway.model.names import MemberId, member_id
from gateway.ops.inspections import InspectionDesk, inspection_order
from gateway.ops.orders import Order, Orders
from gateway.ops.uses import Use, use_order
from gateway.ports import ContentKeys, EntryDraft, Journal, Logged, LogStore
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.storage.keystore import KeyStore
from gateway.storage.log_store import SqlLogStore
from gateway.storage.open import open_storage
from gateway.trust.documents import TrustDocuments
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView

WAIT_S = 30.0
"""Seconds that a running node may take; it looks once a second."""

_STEP_S = 0.1


def inspection_desk(
    home: Home,
    member: MemberId,
    view: Callable[[], TrustView],
    clock: Clock,
    store: LogStore,
    keys: ContentKeys,
    operations: Journal,
) -> InspectionDesk:
    """The desk of one home, which writes to its operations log."""
    write = partial(_write, operations)
    return InspectionDesk(home.inspections, member, view, TrustDocuments(home.trust), clock, store, keys, write)


def inspect(folder: Path, key: SigningKey, action: Action, reason: str, detail: dict[str, Any]) -> int:
    """The index of the entry of this inspection in the operations log, which is durable now.

    Raises `Forbidden` with the reason when it is refused, and `Unavailable` when a running
    node did not take it in time.
    """
    return _announced(
        folder,
        lambda member, clock: inspection_order(
            sign_inspection(Inspection(action, member, reason, clock.now_us(), detail), key)
        ),
    )


def announce_use(folder: Path, use: Use, by: str, reason: str, detail: dict[str, Any]) -> int:
    """The index of the entry of this use in the operations log, which is durable now.

    Raises `Malformed` where nobody says who or why, and `Unavailable` or what storage raises when the entry cannot be
    written: nothing may be read then.
    """
    return _announced(folder, lambda *_: use_order(use, by, reason, detail))


def _announced(folder: Path, make_order: Callable[[MemberId, Clock], Order]) -> int:
    settings = load_settings(folder)
    home, clock = Home(settings.home), SystemClock()
    member = member_id(settings.node.member)
    order = make_order(member, clock)
    orders = Orders(home.inspections)
    orders.give(order)
    try:
        return int(_result(settings, home, member, orders, order, clock)["index"])
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
    """Take what waits, unless a node runs: it does so within a second."""
    try:
        with only_one(home.lock):
            database = open_storage(settings)
            try:
                store, keys = SqlLogStore(database), KeyStore(settings.keystore)
                log_key = load_signing_key(home.key("log"))
                log = AuditLog(store, keys, log_key, clock, member, "operations", highwater=home.highwater)
                try:
                    keeper = TrustKeeper(home.trust, clock)
                    inspection_desk(home, member, lambda: keeper.view, clock, store, keys, log).run()
                finally:
                    log.close()
            finally:
                database.close()
    except Misconfigured as error:
        if error.code not in ("already-running", "log-in-use"):
            raise


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
