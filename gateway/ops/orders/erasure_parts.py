"""Put together what erases the content of a home that no node serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from gateway.audit.log.log import AuditLog
from gateway.audit.retention.destroyed_keys import Tombstones, bury
from gateway.audit.retention.erase_key import KeyEraser
from gateway.clock import Clock, SystemClock, check_time
from gateway.config import Home, Settings
from gateway.errors import Forbidden, LiaisonError
from gateway.model.names import MemberId, member_id
from gateway.ops.homes.lock import only_one
from gateway.ops.orders.erasure_orders import ErasureDesk
from gateway.ops.orders.mailbox import Orders
from gateway.ops.policy.keeper import own_approvers
from gateway.ports.journal import Journal
from gateway.signing.keys import VerifyKey, load_signing_key
from gateway.storage.database.engine import Database
from gateway.storage.database.open import open_node_database
from gateway.storage.keys.key_copy import keep_in_step
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.erase_store import SqlErasableContent
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.documents.policy_approval import approver_keys
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView


@contextmanager
def own_desk(settings: Settings) -> Iterator[ErasureDesk]:
    """The desk of a home that no node serves. `Misconfigured` (`already-running`) when one does."""
    home = Home(settings.home)
    with only_one(home.lock):
        database = open_node_database(settings)
        try:
            keystore, clock = KeyStore(settings.keystore), SystemClock()
            store = SqlLogStore(database)
            key, member = load_signing_key(home.key("log")), member_id(settings.node.member)
            operations = AuditLog(store, keystore, key, clock, member, "operations", highwater=home.highwater)
            try:
                bury(Tombstones(home.tombstones), keystore)
                settle = _every_turn(store)
                keeper = TrustKeeper(home.trust, clock)
                timely = partial(require_timely, clock, member, lambda: keeper.view)
                yield erasure_desk(settings, clock, database, store, keystore, operations, settle, timely)
            finally:
                operations.close()
        finally:
            database.close()


def _every_turn(store: SqlLogStore) -> Callable[[], None]:
    """Where several processes share the database, each has its turn at a log: when ours comes, theirs has ended."""

    def settle() -> None:
        for log in store.logs():
            if (state := store.state(log)) is not None:
                with store.turn(state):
                    continue

    return settle


def erasure_desk(
    settings: Settings,
    clock: Clock,
    database: Database,
    store: SqlLogStore,
    keystore: KeyStore,
    operations: Journal,
    settle: Callable[[], None],
    timely: Callable[[], None],
) -> ErasureDesk:
    """Return the desk that carries out orders on these stores.

    `settle` waits for writes under way; `timely` raises where the time is not to be trusted.
    """
    home, member = Home(settings.home), member_id(settings.node.member)
    one = KeyEraser(
        store=store,
        content=SqlErasableContent(database, store),
        keys=keystore,
        operations=operations,
        tombstones=Tombstones(home.tombstones),
        clock=clock,
        settle=settle,
    )
    approvers = _approvers(home, member, clock)
    copy_keys = partial(_copy_keys, settings)
    return ErasureDesk(one, Orders(home.orders), member, settings.retention, approvers, copy_keys, timely)


def require_timely(clock: Clock, member: MemberId, view: Callable[[], TrustView]) -> None:
    """Raise `Forbidden` unless our time is to be trusted: a clock that is years ahead would erase everything.

    A status lives three days at most, so one that is valid by our clock says that the clock is about right.
    """
    try:
        check_time(clock)
        view().freshness(member, clock.now_us())
    except LiaisonError as error:
        raise Forbidden(
            f"nothing is erased by age while our own time is not proved: {error.message}",
            code="time-not-proved",
            where="clock",
            remedy="set the clock right, then renew our status: liaison trust publish",
        ) from error


def _copy_keys(settings: Settings) -> None:
    if settings.storage.key_copy:
        keep_in_step(settings.keystore, settings.path(settings.storage.key_copy))


def _approvers(home: Home, member: MemberId, clock: Clock) -> Callable[[], list[VerifyKey]]:
    def approvers() -> list[VerifyKey]:
        descriptor, removed = own_approvers(home, member, clock)
        return approver_keys(descriptor, clock.now_us(), removed)

    return approvers
