"""A search as an officer sees it: the command, one line for each counterpart, and the search as a whole."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.model.exchange import Outcome, Refusal, Searched
from gateway.model.hit import Lead
from gateway.model.names import MemberId


class ShownRecord(msgspec.Struct, frozen=True):
    """A verified record as the officer sees it: the disclosed fields only, and its handling rules.

    `own_key` is True when the agency itself signed (`own`), False when the node held its key (`held-by-node`).
    """

    owner: str
    own_key: bool
    fields: dict[str, Any]
    marking: dict[str, Any]
    undisclosed: int
    compact: str


class ShownHit(Lead, frozen=True):
    """One hit: a lead, not proof."""

    record: ShownRecord | None = None


class Line(msgspec.Struct, frozen=True):
    """The line of one counterpart: its answer, or its silence. The line of our own agencies has our own id as `member`.

    `silent` is never shown as no hit; `last_seen_us` is when it was last heard (0 = never); `silent_since_us` is set
    when it was not waited for, since it had been silent for long; `late` is True when the answer came after the budget.
    `searched` says as of when each kind of source was searched, and is empty where an answer does not tell;
    `suspended` are those of `missing` that are switched off. `log` is the counterpart's log that holds its entry of the
    answer; `log_forked` is set while the search is shown, where two versions of that log are known.
    """

    member: MemberId
    outcome: Outcome
    hits: tuple[ShownHit, ...] = ()
    refusal: Refusal | None = None
    missing: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    searched: tuple[Searched, ...] = ()
    capped: bool = False
    withheld_count: int | None = None
    last_seen_us: int = 0
    silent_since_us: int = 0
    late: bool = False
    exchange_id: str = ""
    entry_index: int | None = None
    log: str = ""
    log_forked: bool = False


class Search(msgspec.Struct, frozen=True):
    """A search with its lines so far; `done` when nothing more is waited for in its budget.

    `awaiting_late` are the counterparts whose answer may still come after that. `failed` says why the search ended
    before its time.
    """

    id: str
    officer: str
    started_us: int
    done: bool
    waiting_for: tuple[MemberId, ...] = ()
    lines: tuple[Line, ...] = ()
    awaiting_late: tuple[MemberId, ...] = ()
    failed: Refusal | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether no line can be added any more."""
        return self.done and not self.awaiting_late
