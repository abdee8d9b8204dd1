"""Build the desks that carry out acts at one home, for a running node and for a home that no node serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

from gateway.audit.acts.table import ActKind, Lane
from gateway.audit.log.log import AuditLog
from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.audit.retention.destroyed_keys import Tombstones, bury
from gateway.audit.retention.erase_key import KeyEraser
from gateway.audit.retention.plan import Progress, in_silence
from gateway.clock import Clock, SystemClock, check_time
from gateway.config import Home, Settings
from gateway.config.suspensions import Switch
from gateway.desk.consent.book import ConsentBook
from gateway.desk.consent.reading import ConsentReader
from gateway.desk.evidence.deciders import HumanDesk
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.errors import Forbidden, LiaisonError, NotProved
from gateway.model.names import MemberId, member_id
from gateway.model.requester import Officer
from gateway.ops.acts.consents import ConsentActs
from gateway.ops.acts.erasures import ErasureDesk
from gateway.ops.acts.inspections import Inspections, QuickDesk
from gateway.ops.acts.mailbox import Mailbox
from gateway.ops.acts.own_removals import RemovalDesk
from gateway.ops.acts.passkeys import PasskeyDesk
from gateway.ops.acts.prove import HomeTrust, Used
from gateway.ops.acts.switches import SwitchDesk, history
from gateway.ops.homes.lock import only_one
from gateway.ops.keys.head_keys import load_log_keys
from gateway.ops.stores import own_keystore
from gateway.ports.journal import EntryDraft, Journal, Logged
from gateway.storage.database.engine import Database
from gateway.storage.database.open import open_node_database, open_storage
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.key_copy import keep_in_step
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.erase_store import SqlErasableContent
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView

OfficerOf = Callable[[str], Officer]
"""The check of an officer's token; it raises `Unauthenticated`."""


@dataclass(frozen=True, slots=True)
class Desks:
    """The desks that carry out the acts of one home, one for each lane of the mailbox."""

    quick: QuickDesk
    long: ErasureDesk
    switches: SwitchDesk


@dataclass(frozen=True, slots=True)
class Stands:
    """The parts of a home that its desks work with.

    `log` is the name of the operations log; `settle` waits for writes under way; `proved` tells whether somebody else
    vouches for our time. `refresh` has trust documents of the home that changed count at once.
    """

    settings: Settings
    clock: Clock
    database: Database
    store: SqlLogStore
    desk: SqlDeskStore
    keystore: KeyStore
    operations: Journal
    log: str
    settle: Callable[[], None]
    view: Callable[[], TrustView]
    switches: Callable[[], Sequence[Switch]]
    officer_of: OfficerOf
    proved: Callable[[], bool] = lambda: True
    refresh: Callable[[], object] = lambda: None
    progress: Progress = in_silence

    @property
    def home(self) -> Home:
        """Return the home."""
        return Home(self.settings.home)

    @property
    def member(self) -> MemberId:
        """Return the member whose home it is."""
        return member_id(self.settings.node.member)

    def write(self, draft: EntryDraft) -> Logged:
        """Write an entry of the operations log, durably."""
        (logged,) = self.operations.append([draft])
        assert isinstance(logged, Logged)
        return logged


def desks_on(on: Stands) -> Desks:
    """Return the desks of one home."""
    documents = SqlDocumentStore(on.database, on.keystore, on.clock)
    mailbox, trust = Mailbox(on.home.acts, on.progress), HomeTrust(on.home, on.member, on.clock)
    used = Used(documents, on.store, on.keystore)
    switches = SwitchDesk(mailbox, trust, used, documents, on.switches, on.write)
    book = PasskeyBook(documents)
    consents = _consent_acts(on, documents, HumanDesk(book, lambda: on.settings.release, on.write))
    # An appointment counts as soon as it is on disk, so each inspection is judged by documents that are read anew.
    inspections = Inspections(
        on.member,
        partial(_fresh_view, on.home, on.clock),
        TrustDocuments(on.home.trust),
        on.clock,
        on.store,
        on.keystore,
        used,
        on.log,
        on.write,
        book,
    )
    removals = RemovalDesk(trust, used, on.log, on.write, on.refresh)
    passkeys = PasskeyDesk(trust, used, book, on.log, on.write)
    more = {
        ActKind.RESUME: switches.resume,
        ActKind.CONSENT: consents.decide,
        ActKind.REVOKE: removals.note,
        ActKind.PASSKEY_ENROL: passkeys.enrol,
        ActKind.PASSKEY_WITHDRAW: passkeys.withdraw,
    }
    quick = QuickDesk(mailbox, inspections, more)
    return Desks(quick, _erasure_desk(on, mailbox, trust, used), switches)


def _consent_acts(on: Stands, documents: SqlDocumentStore, humans: HumanDesk) -> ConsentActs:
    book = ConsentBook(documents, on.desk)
    reader = ConsentReader(book, KeptAnswers(on.store, on.keystore))
    return ConsentActs(reader, on.clock, on.officer_of, humans.check_token_proves)


def _erasure_desk(on: Stands, mailbox: Mailbox, trust: HomeTrust, used: Used) -> ErasureDesk:
    one = KeyEraser(
        store=on.store,
        content=SqlErasableContent(on.database, on.store),
        keys=on.keystore,
        operations=on.operations,
        tombstones=Tombstones(on.home.tombstones),
        clock=on.clock,
        settle=on.settle,
    )
    timely = partial(require_timely, on.clock, on.member, on.view)
    copy_keys = partial(_copy_keys, on.settings)
    return ErasureDesk(one, mailbox, trust, used, on.settings.retention, copy_keys, timely, on.proved)


@contextmanager
def own_desks(
    settings: Settings, lane: Lane, officer_of: OfficerOf, progress: Progress = in_silence
) -> Iterator[Desks]:
    """Yield the desks of a home that no node serves. Raises `Misconfigured` (`already-running`) when one does."""
    home = Home(settings.home)
    keystore = own_keystore(settings)
    with (
        only_one(home.lock),
        closing(open_node_database(settings) if lane is Lane.LONG else open_storage(settings)) as database,
    ):
        clock = SystemClock()
        store = SqlLogStore(database)
        key, member = load_log_keys(home), member_id(settings.node.member)
        operations = AuditLog(store, keystore, key, clock, member, "operations", highwater=home.highwater)
        if lane is not Lane.LONG:
            require_here(operations)
        with closing(operations):
            if lane is Lane.LONG:
                bury(Tombstones(home.tombstones), keystore)
            yield desks_on(
                Stands(
                    settings,
                    clock,
                    database,
                    store,
                    SqlDeskStore(database, keystore),
                    keystore,
                    operations,
                    operations.store_name,
                    _every_turn(store),
                    partial(_fresh_view, home, clock),
                    partial(history, home),
                    officer_of,
                    progress=progress,
                )
            )


def require_here(log: AuditLog) -> None:
    """Raise `NotProved` where the log is a copy or an old backup that no witness was asked about.

    Going on with such a home would fork its log. Only a start of the node asks the witnesses which copy is the newest.
    """
    if log.moved:
        log.abandon()
        raise NotProved(
            "the entry that must come first cannot be written{moved}, and no witness was asked "
            "yet which copy is the newest: nothing is shown or done",
            code="unwitnessed-copy",
            where=f"log {log.store_name}",
            remedy="start the node once (liaison serve); to search before: liaison audit export, then find --export",
            moved=log.moved,
        )


def _every_turn(store: SqlLogStore) -> Callable[[], None]:
    """Return a function that waits until other processes have ended what they write to any log."""

    def settle() -> None:
        for log in store.logs():
            store.settle(log)

    return settle


def require_timely(clock: Clock, member: MemberId, view: Callable[[], TrustView]) -> None:
    """Raise `Forbidden` unless our time is proved: a clock that is years ahead would erase everything.

    A status lives three days at most, so one that is valid by our clock shows that the clock is about right.
    """
    try:
        check_time(clock)
        view().freshness(member, clock.now_us())
    except LiaisonError as error:
        raise Forbidden(
            "nothing is erased by age while our own time is not proved: {detail}",
            code="time-not-proved",
            where="clock",
            remedy="set the clock right, then renew our status: liaison trust publish",
            detail=error.message,
        ) from error


def _fresh_view(home: Home, clock: Clock) -> TrustView:
    return TrustKeeper(home.trust, clock).view


def _copy_keys(settings: Settings) -> None:
    if settings.storage.key_copy:
        copy, noted = settings.path(settings.storage.key_copy), Home(settings.home).key_copied
        keep_in_step(settings.keystore, copy, noted)
