"""Machines of one member that share its logs on PostgreSQL, each of which can be suspended, cut off and killed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from gateway.audit.entries.entry import parse_entry
from gateway.audit.log.log import AuditLog
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.merkle import Tree
from gateway.clock import ManualClock
from gateway.errors import StorageBroken
from gateway.ports.journal import EntryDraft, Logged, StoredAnswer
from gateway.ports.log_store import LogState, NewEntry
from gateway.storage.database.engine import Database
from gateway.storage.database.prepared import driver_of
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support import schemas
from tests.support.audit_logs import NOON, LogHome
from tests.support.waiting import MOST_S

LOG = "exchange/1"


class SuspendedStore(SqlLogStore):
    """A store whose process is suspended before or after its next commit, until it is woken."""

    suspend_at: str = ""

    def __init__(self, database: Database, keystore: KeyStore, home: Path) -> None:
        super().__init__(database, keystore)
        self._home = home
        self.stands, self.wake = threading.Event(), threading.Event()

    def commit(self, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
        self._reach("before")
        written = super().commit(before, after, entries)
        if written and before is not None:  # nothing else runs meanwhile: the lease in the row must be ours
            assert self._leases.epoch(self._ids[after.log]) == lease(self._home)[0]
        self._reach("after")
        return written

    def _reach(self, place: str) -> None:
        if self.suspend_at == place:
            self.suspend_at = ""
            self.stands.set()
            assert self.wake.wait(MOST_S)


class Machine:
    """One machine: its copy of the home, its clock, and what it was told that is written."""

    def __init__(self, home: LogHome, folder: Path, skew_s: int) -> None:
        shutil.copytree(home.folder, folder)
        self.home = LogHome(folder, home.key, ManualClock(NOON + timedelta(seconds=skew_s)))
        self._shared = home
        self.answers: dict[str, bytes] = {}
        self.heads: list[tuple[int, bytes]] = []
        self.places: list[tuple[int, bytes]] = []
        self.failed = False
        self._thread: threading.Thread | None = None
        self.start()

    def start(self) -> None:
        """Open the database and the log, as a process that starts."""
        self.database = self.home.open()
        keys = self._shared.keystore
        self.store = SuspendedStore(self.database, keys, self.home.folder)
        self.log = AuditLog(
            self.store, keys, self.home.key, self.home.clock, "th", highwater=self.home.highwater
        )  # fmt: skip
        connections = (self.database._writer, self.database._reader)
        self._sessions = [driver_of(connection).info.backend_pid for connection in connections]
        self.failed = False

    @property
    def suspended(self) -> bool:
        return self._thread is not None

    def append(self, drafts: Sequence[EntryDraft]) -> None:
        """Write a batch, and note what was promised; a broken storage ends the process."""
        try:
            results = self.log.append(drafts)
        except StorageBroken:
            self.failed = True
            return
        for draft, result in zip(drafts, results, strict=True):
            self._note(draft, result)

    def _note(self, draft: EntryDraft, result: Logged | StoredAnswer) -> None:
        if isinstance(result, Logged):
            head = parse_checkpoint(result.proof.checkpoint)
            self.heads.append((head.size, head.root))
            self.places.append((result.index, result.entry))
            self.answers[draft.exchange_id] = draft.answer
        else:
            self.answers[draft.exchange_id] = result.answer

    def suspend(self, place: str, drafts: Sequence[EntryDraft]) -> None:
        """Begin a batch, and stand still `before` or `after` its commit."""
        self.store.suspend_at = place
        self.store.stands.clear()
        self.store.wake.clear()
        self._thread = threading.Thread(target=self.append, args=(drafts,))
        self._thread.start()
        assert self.store.stands.wait(MOST_S)

    def go_on(self) -> None:
        """Wake from the suspension, and end the batch."""
        if self._thread is not None:
            self.store.wake.set()
            self._thread.join(MOST_S)
            self._thread = None

    def cut(self) -> None:
        """End all sessions of this machine at the server, as a broken network does."""
        with schemas.connect(self.home.folder) as server:
            for pid in self._sessions:
                server.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    def kill(self) -> None:
        """End the process where it stands: it tells the server, the log and its callers nothing more."""
        self.cut()
        self.go_on()
        self._hang_up()

    def close(self) -> None:
        """Stop in order."""
        self.go_on()
        if self.failed:
            self._hang_up()
            return
        self.log.close()
        self.database.close()

    def _hang_up(self) -> None:
        self.log.abandon()
        with suppress(StorageBroken):  # the server has ended these sessions
            self.database.close()


def lease(folder: Path) -> tuple[int, bool]:
    """The epoch of the lease of the log, and whether its holder is busy."""
    with schemas.connect(folder) as server:
        found = server.execute("SELECT epoch, busy FROM log_lease JOIN log_state ON id = log_id WHERE log = %s", (LOG,))
        row = found.fetchone()
    assert row
    return row[0], row[1]


def check_line(home: LogHome, machines: Sequence[Machine]) -> Tree:
    """One line of entries whose times increase, one head of each size, one answer to each exchange, nothing lost."""
    tree, bodies = Tree(), []
    with home.store() as store:
        state = store.state(LOG)
        assert state
        for index, body, leaf in store.bodies(LOG, 0, state.size + 10):
            assert index == tree.size
            tree.append(leaf)
            bodies.append(body)
        assert (tree.size, tree.root()) == (state.size, state.root)
    entries = [parse_entry(body) for body in bodies]
    times = [entry.time_us for entry in entries]
    assert times == sorted(set(times))
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert len({entry.exchange_id for entry in entries}) == len(entries)
    answers: dict[str, bytes] = {}
    for machine in machines:
        for size, root in machine.heads:
            assert tree.root(size) == root, f"two heads over {size} entries"
        for index, body in machine.places:
            assert bodies[index] == body, f"entry {index} was promised, and is another one"
        for exchange, answer in machine.answers.items():
            assert answers.setdefault(exchange, answer) == answer
    assert answers.keys() <= {entry.exchange_id for entry in entries}
    return tree
