"""The rows of the desk: threads, notices, deliveries, work and holdings, as the desk reads and writes them.

Rows are written in the transaction of the entry that they belong to (`EntryDraft.rows`), so that nothing has to be
reconciled after a kill. Times are microseconds since 1970; 0 means none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from gateway.model.desk.notices import About, NoticeType, Urgency
from gateway.model.desk.order import Sight, WorkPlace
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import DeliveryState, Direction, HoldingState, Level, Role, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.files.held import HeldFile


class Thread(msgspec.Struct, frozen=True):
    """A thread as it stands: a projection of its notices, which can be rebuilt.

    `version` counts its changes from 1. `opener` tells whether we opened it. `due_us` is when a human should have
    answered. `closed_us` is when it ended, or when its clock will end it; 0: only a notice does. `ours` and `theirs`
    count the notices of each side; `our_last` and `their_last` are the payload hashes of the newest ones. `draft` is
    what no notice says yet (sealed in the database): a first notice that waits for its approval, or a reply that waits
    for a passkey or for a second person. The next notice of the thread ends it.
    """

    key: ThreadKey
    kind: ThreadKind
    opener: bool
    state: ThreadState
    urgency: Urgency
    version: int
    opened_us: int
    due_us: int = 0
    closed_us: int = 0
    group_id: str = ""
    office: str = ""
    agency: str = ""
    officer: str = ""
    ours: int = 0
    theirs: int = 0
    our_last: bytes = b""
    their_last: bytes = b""
    draft: bytes = b""

    def side(self, *, ours: bool) -> Side:
        """Return which side of the thread we, or they, are."""
        return Side.OPENER if ours == self.opener else Side.OTHER


class NoticeRow(msgspec.Struct, frozen=True):
    """One notice of a thread.

    `envelope` are its exact bytes, empty once erased; `receipt` are those of the answer that we gave to it, as they
    left (empty for ours). `log` and `index` name its entry, and are set by the store. A notice of ours whose
    `placed.seq` is 0 was refused, and is no part of its thread.
    """

    key: ThreadKey
    notice_id: ExchangeId
    placed: Placed
    payload_hash: bytes
    time_us: int
    envelope: bytes
    receipt: bytes = b""
    log: str = ""
    index: int = -1

    def is_ours(self, thread: Thread) -> bool:
        """Tell whether we wrote it; `thread` is the thread that it is in."""
        return self.placed.side is thread.side(ours=True)


class Delivery(msgspec.Struct, frozen=True):
    """A notice of ours on its way. The lowest `seq` of a thread goes first. `due_us` is when it is tried next."""

    notice_id: ExchangeId
    key: ThreadKey
    seq: int
    type: NoticeType
    urgency: Urgency
    due_us: int
    expires_us: int
    tries: int = 0
    problem: str = ""
    state: DeliveryState = DeliveryState.WAITING


class Outbox(msgspec.Struct, frozen=True):
    """What waits for one counterpart: how many notices of ours, the oldest since when, and when one is tried next.

    `problem` is what kept one of them from being delivered; empty where none was tried in vain.
    """

    peer: MemberId
    waiting: int
    oldest_us: int
    next_us: int
    problem: str = ""


class Work(msgspec.Struct, frozen=True):
    """Somebody of this agency and office, in this role, must do something until `due_us`.

    `id` is stable for what raised it, so that it is raised once. `half_us` is when the clock is half over. `assigned`
    is a person who took it. `not_by` is a person who may not do it (the author). `paused_us` is when its clock was
    stopped, 0 while it runs. `done_us` 0 while it is open; `by` and `result` say how it ended. The `result` of open
    work is a mark, such as `LATE`. `alarm_us` is the next alarm of an alert that is to be acknowledged.
    """

    id: str
    key: ThreadKey
    kind: WorkKind
    agency: str
    office: str
    role: Role
    urgency: Urgency
    opened_us: int
    half_us: int
    due_us: int
    level: Level = Level.FIRST
    assigned: str = ""
    not_by: str = ""
    paused_us: int = 0
    done_us: int = 0
    by: str = ""
    result: str = ""
    notice_id: str = ""
    alarm_us: int = 0


class Holding(msgspec.Struct, frozen=True):
    """One copy of a record: the record's `jti`, who holds it, whose it is, where it was given, and its state.

    `source` is the exchange or notice that gave it; `record` the owner's own `source/key` (ours only). `due_us` is when
    its end must be confirmed.
    """

    jti: str
    direction: Direction
    holder: MemberId
    owner: MemberId
    source: ExchangeId
    state: HoldingState
    version: int = 1
    record: str = ""
    type: str = ""
    due_us: int = 0
    expires_us: int = 0


class ReportRow(msgspec.Struct, frozen=True):
    """A report of the library as it is written: the thread that holds it, and the keys by which it is found.

    `version` counts its states from 1. `withdrawn_us` 0: it stands. `until_us` is until when it may be kept.
    """

    key: ThreadKey
    version: int
    until_us: int
    withdrawn_us: int = 0
    keys: tuple[str, ...] = ()


class ListedReport(msgspec.Struct, frozen=True):
    """A report as the library lists it. `added_us` is when its newest state was added: no two reports share one."""

    key: ThreadKey
    added_us: int
    version: int
    withdrawn_us: int
    until_us: int


class DeskRows(msgspec.Struct, frozen=True):
    """The rows of one entry.

    `before` is the version of `thread` that they build on: 0 for a new thread. Where another process has changed the
    thread meanwhile, neither the entry nor the rows are written, and the writer gets `Outdated`. Each row replaces the
    one with its key. The key of a notice is its counterpart and id; that of a copy its `jti`, direction, holder and
    owner. `erased` are notices of the counterpart that the thread, or without one the entry, is about.
    """

    thread: Thread | None = None
    before: int = 0
    notice: NoticeRow | None = None
    deliveries: tuple[Delivery, ...] = ()
    works: tuple[Work, ...] = ()
    holdings: tuple[Holding, ...] = ()
    erased: tuple[ExchangeId, ...] = ()
    """Notices whose envelopes are erased, with the rows of their files."""
    files: tuple[HeldFile, ...] = ()
    reports: tuple[ReportRow, ...] = ()


class ListPlace(msgspec.Struct, frozen=True):
    """The place of a thread in a list of threads, the newest first."""

    opened_us: int
    thread_id: ExchangeId
    peer: MemberId


class WorkFilter(msgspec.Struct, frozen=True):
    """The work that is wanted; empty fields leave it open. `limit` 0: all of it.

    `or_none` adds to that of an agency what is of none. `states` are those of its thread, `closed_us` is a time before
    which the thread was closed; `threadless` wants work whose thread is not there. `due_us` is a time before which its
    clock was over, `opened_after_us` one after which it was opened. `sight` leaves out most of what a person may not
    see; all is checked. `assignee` has taken it: some that an earlier version wrote for another may be among it; for a
    `reader` what others have taken is left out. With `ranked`, `behind` or without, it is in the order of `order`.
    """

    agency: str = ""
    or_none: bool = False
    offices: tuple[str, ...] = ()
    assignee: str = ""
    roles: tuple[Role, ...] = ()
    sight: Sight | None = None
    kinds: tuple[WorkKind, ...] = ()
    key: ThreadKey | None = None
    peer: str = ""
    states: tuple[ThreadState, ...] = ()
    closed_us: int = 0
    threadless: bool = False
    due_us: int = 0
    open_only: bool = True
    limit: int = 0
    opened_after_us: int = 0
    reader: str = ""
    ranked: bool = False
    behind: WorkPlace | None = None


class ReportLibrary(Protocol):
    """The reports of one node. Thread-safe; rows are written through the journal with their entry."""

    def find(self, groups: Sequence[Collection[str]], now_us: int, limit: int, before: int = 0) -> list[ListedReport]:
        """Return the reports that stand, were added before a time, and have a key of each group, the newest first."""

    def mark(self, peer: MemberId) -> tuple[int, int]:
        """Return what is another pair once the reports of threads with a member are others, or there are fewer."""

    def of(self, peer: MemberId) -> list[ListedReport]:
        """Return the reports of threads with a member that were not withdrawn, those that were added last first."""

    def added(self, after_us: int, limit: int) -> list[ListedReport]:
        """Return the reports that were added, or withdrawn, after a time, in the order of that."""

    def report(self, key: ThreadKey) -> ListedReport | None:
        """Return one report, or None."""


class DeskStore(Protocol):
    """The desk's rows. Thread-safe; rows are written through the journal with their entry."""

    def thread(self, key: ThreadKey) -> Thread | None:
        """Return a thread, or None."""

    def threads_of(self, keys: Collection[ThreadKey]) -> dict[ThreadKey, Thread]:
        """Return those of some threads that there are."""

    def threads(
        self,
        *,
        kinds: Collection[ThreadKind] = (),
        states: Collection[ThreadState] = (),
        agencies: Collection[str] = (),
        offices: Collection[str] = (),
        group_id: str = "",
        peer: str = "",
        opener: bool | None = None,
        behind: ListPlace | None = None,
        limit: int = 0,
    ) -> list[Thread]:
        """Return the threads that fit, the newest first; all of them with `limit` 0. What is empty leaves it open.

        `opener` tells those that this side opened from those of counterparts. With `behind` the list begins after that
        place.
        """

    def versions(
        self, kinds: Collection[ThreadKind], states: Collection[ThreadState]
    ) -> list[tuple[ThreadKey, str, int]]:
        """Return key, group id and version of all threads that fit, in the order of their keys, without content."""

    def find_thread(self, thread_id: ExchangeId) -> list[Thread]:
        """Return the threads with this id; two members may have used one id."""

    def notices(self, key: ThreadKey) -> list[NoticeRow]:
        """Return the notices of a thread, in the order in which we wrote them."""

    def statuses(self, keys: Collection[ThreadKey]) -> dict[ThreadKey, list[NoticeRow]]:
        """Return the other sides' statuses in some threads, in the order in which we wrote them."""

    def placed(self, key: ThreadKey) -> list[Placed]:
        """Return what the fold needs of the notices that are part of a thread, without opening them."""

    def asks(self, about: About, now_us: int) -> list[ThreadKey]:
        """Return the threads with an ask about this whose time is not over."""

    def between(self, peer: MemberId, since: tuple[int, str], limit: int) -> list[NoticeRow]:
        """Return the notices of all threads with `peer` that come after a time and an id, in the order of both."""

    def notice(self, peer: MemberId, notice_id: ExchangeId) -> NoticeRow | None:
        """Return one notice of a thread with `peer`, or None."""

    def due(self, peer: MemberId, now_us: int, limit: int) -> list[Delivery]:
        """Return deliveries to `peer` that are due, one for each thread and its lowest, by urgency and time."""

    def next_due_us(self, peer: str = "") -> int | None:
        """Return when the next delivery (to `peer`) is due, None without any. Only the lowest of each thread counts."""

    def deliveries(
        self, states: Collection[DeliveryState] = (DeliveryState.WAITING,), key: ThreadKey | None = None
    ) -> list[Delivery]:
        """Return deliveries in these states, of one thread or of all."""

    def newest(self, keys: Collection[ThreadKey]) -> dict[ThreadKey, Delivery]:
        """Return the delivery of the newest notice of ours in each of some threads, where that has one."""

    def delivery(self, notice_id: ExchangeId) -> Delivery | None:
        """Return the delivery of a notice of ours, or None."""

    def release(self, peer: MemberId, now_us: int) -> None:
        """Let everything that waits for `peer` be due now."""

    def waiting(self) -> list[MemberId]:
        """Return the members for whom a notice waits."""

    def outboxes(self) -> list[Outbox]:
        """Return what waits for each member for whom a notice waits."""

    def envelope(self, notice_id: ExchangeId) -> bytes:
        """Return the bytes of a notice of ours; raise `Unknown` where it is erased, or never was."""

    def note_try(self, delivery: Delivery) -> None:
        """Write how a try went that changed nothing else (tries, next time, problem); nothing once it waits no more."""

    def works(self, wanted: WorkFilter) -> list[Work]:
        """Return work, by clock."""

    def work(self, work_id: str) -> Work | None:
        """Return one item of work."""

    def asks_waiting(self, peer: MemberId, urgency: Urgency, limit: int) -> int:
        """Return how much work on this counterpart's asks of an urgency waits here, `limit` at most."""

    def due_work(self, now_us: int, limit: int = 1000) -> Sequence[Work]:
        """Return open work whose half or whole time is over, and that was not escalated to that level, the first due
        first. Work whose clock was stopped is left out."""

    def count_theirs(self, kind: ThreadKind, states: Collection[ThreadState], peer: MemberId, limit: int) -> int:
        """Return how many threads of a kind in these states a counterpart has opened, `limit` at most."""

    def holdings(
        self,
        *,
        jti: str = "",
        jtis: Collection[str] = (),
        record: str = "",
        records: Collection[str] = (),
        holder: str = "",
        direction: str = "",
        source: str = "",
        states: Collection[HoldingState] = (),
        after: str = "",
        limit: int = 0,
    ) -> list[Holding]:
        """Return copies, by record and by owner's key (one or several), holder, direction, the exchange that gave them,
        or state, all of them with `limit` 0; with a limit the first ones by their records' ids, `after` an id."""

    def count_holdings(self, direction: str, after: str) -> int:
        """Return how many copies there are in a direction whose records' ids come after an id."""

    def ending(self, now_us: int, limit: int) -> list[ThreadKey]:
        """Return threads whose clock is over by now, and whose rows do not say so yet, the first over first."""

    def working_peers(self) -> list[MemberId]:
        """Return the counterparts with whom some thread has work."""

    def ended(self, before_us: int) -> list[ThreadKey]:
        """Return threads that were closed before a time, and in which nothing waits: no delivery, no work."""

    def places(self, key: ThreadKey) -> list[tuple[str, int, ExchangeId]]:
        """Return the log, index and exchange of each notice of a thread, for legal holds."""

    def forget(self, keys: Sequence[ThreadKey]) -> None:
        """Delete threads with all their rows, in one transaction; their entries stay in the log."""

    def forget_copies(self, now_us: int, limit: int) -> int:
        """Delete up to `limit` copies that may not be there any more; return their number. A copy whose end is not
        confirmed stays."""
