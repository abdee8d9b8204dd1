"""Prune the exchange log of a home that no node serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from certs.keyfiles import KeyPlace
from gateway.audit.accounts.receipts import settled
from gateway.audit.acts.table import ActKind
from gateway.audit.log.head import time_of_entry
from gateway.audit.log.log import AuditLog
from gateway.audit.retention.plan import standing as standing_holds
from gateway.audit.retention.prune import Limits, Plan, Pruner
from gateway.clock import Clock, SystemClock, check_time
from gateway.config import Home, Settings, load_settings
from gateway.model.names import MemberId, member_id
from gateway.ops.acts.draft import prove_here
from gateway.ops.acts.next_log import alone
from gateway.ops.acts.parts import require_here
from gateway.ops.homes.lock import only_one
from gateway.ops.keys.head_keys import load_log_keys
from gateway.ops.stores import own_keystore
from gateway.ports.journal import EntryDraft
from gateway.storage.database.engine import Database
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.keeper import TrustKeeper
from gateway.witness.plan import witness_plan
from gateway.witness.standing import standing


def prune_home(folder: Path, before_us: int, reason: str, keys: Sequence[KeyPlace], *, dry_run: bool) -> list[Plan]:
    """Prune entries before `before_us` that may go, by an act that an administrator signs; return the plans.

    With `dry_run` nothing is signed or done. Raises `Misconfigured` while a node runs, `NotProved` on a copy that no
    witness was asked about, `Stale` by a clock that is not to be trusted, `Forbidden` where no administrator signed.
    """
    detail = {"before_us": before_us}
    proved = None if dry_run else prove_here(folder, ActKind.PRUNE, reason, detail, keys)[1]
    settings, clock = load_settings(folder), SystemClock()
    check_time(clock)
    home, member = Home(settings.home), member_id(settings.node.member)
    with only_one(home.lock), alone(settings) as database, _pruner(settings, member, database, clock) as pruner:
        plans = list(pruner.plans(before_us))
        for plan in plans if proved else ():
            if proved and plan.stop > plan.first:
                pruner.carry_out(plan, proved.words, reason, before_us, proved.members())
        database.truncate_wal()
        return plans


@contextmanager
def _pruner(settings: Settings, member: MemberId, database: Database, clock: Clock) -> Iterator[Pruner]:
    home = Home(settings.home)
    store, keys = SqlLogStore(database), own_keystore(settings)
    key = load_log_keys(home)
    limits = Limits(
        covered=partial(_covered, settings, member, database, clock),
        holds=standing_holds(store, keys, clock.now_us()),
        settled=partial(settled, SqlDocumentStore(database, keys, clock)),
    )
    operations = AuditLog(store, keys, key, clock, member, "operations", highwater=home.highwater)
    require_here(operations)

    def write(draft: EntryDraft) -> None:
        operations.append([draft])

    with closing(operations):
        yield Pruner(store, keys, member, limits, write)


def _covered(settings: Settings, member: MemberId, database: Database, clock: Clock, log: str) -> int:
    """Return the size of the newest head of a log that enough witnesses cosigned."""
    view = TrustKeeper(Home(settings.home).trust, clock).view
    plan = witness_plan(member, settings.witness, view)
    logs, store = SqlLogStore(database), SqlWitnessStore(database)
    state, time_of = logs.state(log), partial(time_of_entry, logs, log)
    size = state.size if state else 0
    return standing(store, log, size, plan.counted, plan.quorum, clock.now_us(), time_of).covered
