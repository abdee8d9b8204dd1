"""Open the next number of a log whose entries are lost, at a home that no node serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from certs.keyfiles import KeyPlace
from gateway.audit.accounts.receipts import settle
from gateway.audit.acts.table import ActKind
from gateway.audit.log.open_next import Loss, LostLog, Word
from gateway.clock import SystemClock
from gateway.config import Home, Settings, load_settings
from gateway.errors import Misconfigured
from gateway.exchange.receipts.days import GIVEN, DayState
from gateway.model.names import member_id
from gateway.ops.acts.draft import prove_here
from gateway.ops.homes.lock import only_one
from gateway.ops.keys.head_keys import load_log_keys
from gateway.ops.stores import own_keystore
from gateway.ports.documents import DocumentStore
from gateway.storage.database.engine import Database
from gateway.storage.database.leader import Leader
from gateway.storage.database.migrate import prepare
from gateway.storage.database.open import open_storage
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.keeper import TrustKeeper


@dataclass(frozen=True, slots=True)
class Opened:
    """The loss, and the number under which the log goes on."""

    loss: Loss
    number: int


def open_next_log(
    folder: Path, name: str, reason: str, keys: Sequence[KeyPlace], *, unwitnessed: bool = False
) -> Opened:
    """Open the next number of the log `name` of a home, by an act that two persons sign, one of them an administrator.

    Raises `Misconfigured` while a node runs, `Forbidden` when nothing is lost, `BadSignature` where too few signed,
    `NotProved`, `Malformed`.
    """
    _, proved = prove_here(folder, ActKind.NEXT_LOG, reason, {"log": name, "unwitnessed": unwitnessed}, keys)
    word = Word(proved.words, reason, unwitnessed, proved.members())
    word.check()
    settings, clock = load_settings(folder), SystemClock()
    home, member = Home(settings.home), member_id(settings.node.member)
    with only_one(home.lock), alone(settings) as database:
        keystore = own_keystore(settings)
        view = TrustKeeper(home.trust, clock).view
        log = LostLog(
            store=SqlLogStore(database),
            keys=keystore,
            key=load_log_keys(home),
            listed=view.vkeys(member, KeyUse.LOG),
            clock=clock,
            member=member,
            name=name,
            highwater=home.highwater,
            shown=SqlWitnessStore(database).evidence(),
        )
        loss = log.assess(unwitnessed=word.unwitnessed)
        documents = SqlDocumentStore(database, keystore, clock)
        counterparts = sorted(set(view.members) - {member})
        return Opened(loss, log.open_next(loss, word, counterparts, partial(_settle, documents)))


@contextmanager
def alone(settings: Settings) -> Iterator[Database]:
    """Yield the database while no process on any machine makes the node's rounds on it. Raises `Misconfigured`."""
    with closing(open_storage(settings)) as database, closing(Leader(database)) as leader:
        prepare(database)
        if not leader.leads():
            raise Misconfigured(
                "a node runs on this database", code="already-running", where="storage.url", remedy="stop it first"
            )
        yield database


def _settle(documents: DocumentStore, peer: str, through: int) -> None:
    """Settle receipts and the account of days with `peer` up to `through`: lost entries are owed neither."""
    settle(documents, peer, through)
    state = DayState.read(documents, GIVEN, peer)
    if through > state.through:
        state.through = through
        state.write(documents, GIVEN, peer)
