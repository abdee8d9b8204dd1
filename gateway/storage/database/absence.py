"""Wait for a database's server that is away: no one passes until it is back, and is the same.

A connection that is lost tells nothing of the server behind the address: it may be another one, or one that lacks the
last commits. So from then on all who need the database wait at one gate. One thread looks for the server, and opens the
gate once all that a start compares fits (CASE-H8). What does not fit is raised to all, for ever: the process ends.

A server that stands still neither answers nor breaks a connection, so who is at it waits (decision 0129). All blocking
work of a loop shares its threads. So they wait for a lock in small steps. Once the server has answered nothing for a
while, half of them stay, the others are refused, and who comes later is refused at once (decision 0137).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeAlias

from sqlalchemy import Engine, event

from gateway.clock import SystemClock
from gateway.errors import LiaisonError, NotWritten, StorageAway, StorageBroken
from gateway.host.failures import DESCRIPTORS, LOST
from gateway.loop import SHARED, is_shared
from gateway.pauses import OWN

_FIRST_S, _LONGEST_S = 0.05, 1.0
"""Seconds between two looks; each is twice as long as the one before."""

MOST_WAITING = SHARED // 2
"""Bounds how many of a loop's threads wait at the gate: the others are for what needs no database."""

UNREACHED = (
    "start the server; otherwise check storage.url, the network, and the password file (mode 0600, "
    "`host:port:database:user:password`)"
)
"""Say what to do about a server that cannot be reached."""

_PASSING = frozenset(
    {LOST, StorageAway.default_code, "storage-standby", DESCRIPTORS, NotWritten.default_code, "storage-locked"}
)
"""Codes of a server that is not back yet or is about to be promoted, and of what is short or slow here and passes."""

STANDS_S = 5.0
"""Seconds in which somebody waits and the server answers nothing, after which it stands: health has said so by then."""

_STEP_S = 0.1

_Lock: TypeAlias = "threading.Lock | threading.RLock"


class Held(threading.local):
    """How many of a database's locks this thread holds. The look for the server needs them, so it must not wait."""

    depth = 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1


class Absence:
    """The gate, which is open where no one waits (`look` is None).

    `look` connects anew, and compares; it raises where the server is away, or where something does not fit. `returns`
    counts how often the server has come back: what was known of it before has to be read again.
    """

    def __init__(self) -> None:
        self.look: Callable[[], None] | None = None
        self.held = Held()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._misfit: LiaisonError | None = None
        self._met: LiaisonError | None = None
        self._began: float | None = None
        self._is_over = False
        self._waiting = 0
        self.returns = 0

    def begin(self, doing: str) -> StorageBroken:
        """Close the gate and look for the server. Return the error of what was under way."""
        with self._changed:
            if self._is_over:
                return _closed(doing)
            if self._began is None and self._misfit is None:
                self._began = SystemClock.monotonic()
                self._thread = threading.Thread(target=self._watch, name="database", daemon=True)
                self._thread.start()
        return _away(doing)

    def away_s(self) -> float:
        """Return the seconds since the connection was lost; 0.0 while it is there. Never waits."""
        began = self._began
        return 0.0 if began is None else SystemClock.monotonic() - began

    def met(self) -> LiaisonError | None:
        """Return what the last look for the server met; None while it is there. Never waits.

        A wrong password, a refused host or an expired certificate is met again and again, and somebody has to mend it.
        """
        return self._met if self.away_s() else None

    def require_here(self, doing: str, *, waits: bool = False, must: bool = False) -> None:
        """Return where the gate is open; who `waits` and holds no lock, once it is. Raises `StorageAway`, or what does
        not fit. Of the threads that a loop shares among all of its work only some wait, and those which `must`: the
        others are refused."""
        if self._began is None and self._misfit is None:
            return
        with self._changed:
            if threading.current_thread() is self._thread:
                return
            if waits and not self.held.depth:
                self._wait(must=must)
            if self._misfit is not None:
                error = self._misfit
                raise StorageBroken(error.message, code=error.code, where=error.where, remedy=error.remedy) from error
            if self._began is not None:
                raise _closed(doing) if self._is_over else _away(doing)

    def _wait(self, *, must: bool) -> None:
        """Wait with the lock until the gate is open, or the database closed; not where too many threads do."""
        if (is_shared_thread := is_shared()) and self._waiting >= MOST_WAITING and not must:
            return
        self._waiting += is_shared_thread
        try:
            self._changed.wait_for(lambda: self._began is None or self._is_over)
        finally:
            self._waiting -= is_shared_thread

    def end(self) -> None:
        """Look no more, and end all waits: the database is closed."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _watch(self) -> None:
        assert self.look is not None
        pause_s, misfit = _FIRST_S, None
        while not self._is_over:
            try:
                self.look()
                break
            except LiaisonError as error:
                cause = error.__cause__
                self._met = cause if isinstance(error, StorageAway) and isinstance(cause, LiaisonError) else error
                if error.code not in _PASSING:
                    misfit = error
                    break
            except Exception as error:  # noqa: BLE001 - an unforeseen failure must not leave all waiting for ever
                misfit = StorageBroken("unexpected {kind}", where="database", kind=type(error).__name__)
                break
            with self._changed:
                self._changed.wait_for(lambda: self._is_over, pause_s)
            pause_s = min(2 * pause_s, _LONGEST_S)
        with self._changed:
            self.returns += 1
            self._misfit, self._met, self._thread, self._began = misfit, None, None, None
            self._changed.notify_all()


class Places:
    """Knows the shared threads that are at one database. `held` tells how many of its locks a thread holds."""

    def __init__(self, held: Held, engine: Engine) -> None:
        self._held = held
        self.bounded = False
        """Tells that a node runs on a server, to which it commits each second from a thread of its own."""
        self._guard = threading.Lock()
        self._here = set[int]()
        self._answered_at = 0.0
        self._silent_since = -1.0
        event.listen(engine, "after_cursor_execute", self.answered)

    def answered(self, *_: object) -> None:
        """Note that the server has answered: it does not stand."""
        self._answered_at = SystemClock.monotonic()

    def at(self, doing: str, lock: _Lock, *, must: bool = False) -> AbstractContextManager[object]:
        """Return a block that holds `lock`. It raises `StorageAway` where the server stands and enough wait for it.

        A thread that no loop shares is not counted, nor is one that holds another lock or `must`: others wait for it.
        """
        return lock if must or not self._is_counted() else self._locked(doing, lock)

    def opening(self, doing: str) -> AbstractContextManager[object]:
        """Return a block in which a connection is opened, by one who asks `require` after each attempt that failed."""
        return self._counted(doing) if self._is_counted() else nullcontext()

    def require(self, doing: str, begun: float) -> None:
        """Raise `StorageAway` where this thread, which waits since `begun` (monotonic), is one of more than enough."""
        answered_at = self._answered_at
        if OWN.over(SystemClock.monotonic() - max(begun, answered_at), STANDS_S):
            self._silent_since = answered_at
        here = threading.get_ident()
        with self._guard:
            if not self._stands() or here not in self._here or len(self._here) <= MOST_WAITING:
                return
            self._here.remove(here)
        raise _refusal(doing)

    def _is_counted(self) -> bool:
        return self.bounded and is_shared() and not self._held.depth

    def _stands(self) -> bool:
        """Tell whether somebody found the server silent since its last answer."""
        return self._silent_since == self._answered_at

    @contextmanager
    def _counted(self, doing: str) -> Iterator[None]:
        here = threading.get_ident()
        with self._guard:
            if self._stands() and len(self._here) >= MOST_WAITING:
                raise _refusal(doing)
            self._here.add(here)
        try:
            yield
        finally:
            with self._guard:
                self._here.discard(here)

    @contextmanager
    def _locked(self, doing: str, lock: _Lock) -> Iterator[None]:
        with self._counted(doing):
            begun = SystemClock.monotonic()
            while not lock.acquire(timeout=_STEP_S):
                self.require(doing, begun)
            try:
                yield
            finally:
                lock.release()


def _away(doing: str) -> StorageAway:
    return StorageAway(
        "the connection to the database is lost, and the node waits for it",
        where=doing,
        remedy="look at the database's server and the network to it; the node goes on by itself",
    )


def _closed(doing: str) -> StorageBroken:
    """Return the error of who needs a database that is closed while its server is away: no wait brings it back."""
    return StorageBroken("the database is closed, and its server is away", where=doing, remedy="start the node again")


def _refusal(doing: str) -> StorageAway:
    return StorageAway(
        "the database does not answer, and enough work waits for it",
        where=doing,
        remedy="look at the database's server; the node goes on by itself",
    )
