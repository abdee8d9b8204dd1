"""The desk's rows as figures need them: thread by thread, without content but where a figure needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.model.desk.threads import Placed, ThreadKey, ThreadKind
from gateway.model.desk.work import WorkKind


@dataclass(frozen=True, slots=True)
class CountedNotice:
    """A notice that both sides have. `envelope` opens its bytes; they are empty once erased."""

    ours: bool
    placed: Placed
    envelope: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class CountedThread:
    """A thread with its notices, in the order in which we wrote them. `opener` tells whether we opened it."""

    key: ThreadKey
    kind: ThreadKind
    opener: bool
    notices: tuple[CountedNotice, ...]


@dataclass(frozen=True, slots=True)
class CountedWork:
    """An item of work. `answered` tells whether a human did it, and not the clock."""

    kind: WorkKind
    peer: str
    office: str
    answered: bool
