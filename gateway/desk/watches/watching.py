"""Look after the watches that are here: those of counterparts on our records, and those of our own agencies.

A key index numbers the rows that its writer has changed, whichever process that is: the leader compares those since it
looked last. It searches the indexes once for each watch that is new or renewed. For all of them it does so where any
row may have changed: after a start, and when policy, or a switch, has changed, or a record is held back no longer. What
was told is not told again.

Documents that a member publishes change nothing that its watches meet, so nothing is searched for them; only a member
that was silent and is heard again has its own watches searched. A round searches for a few watches of each member, in
turn: one with thousands of them keeps the others' waiting for as long as its few take.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gateway.desk.acting.home import Stand
from gateway.desk.acting.parts import DeskParts
from gateway.desk.alerts.book import in_turn
from gateway.desk.evidence.question import request_of
from gateway.desk.originator.reading import read_records
from gateway.desk.watches.book import LiveWatch, WatchBook, is_goods
from gateway.desk.watches.looking import Looker, Met, is_watched, takes
from gateway.desk.watches.telling import Telling, told_reach
from gateway.desk.watches.values import LIVE, WATCHES, WIDE, WhyStopped
from gateway.errors import Forbidden, LiaisonError, Malformed, Misconfigured, Refused, StorageBroken
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.notices import NoticeType
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.watches import Subject, Watch, Watched
from gateway.model.hit import SourceRecord
from gateway.model.names import MemberId
from gateway.ports.desk import DeskRows, Thread
from gateway.ports.sources import FreshRow, TellingSource
from gateway.statements.notices.notice import parse_notice

_AT_ONCE = 200
MOST_IN_A_ROUND = 32
"""Watches of one member (or of our own agencies) for which a round searches the indexes."""

_LOAD_S = 60.0


@dataclass(slots=True)
class Watching:
    """The live watches, and the rounds that look after them. `walls` are the sources of this node."""

    desk: DeskParts
    walls: Sequence[Bulkhead]
    looker: Looker
    telling: Telling
    allowed: Callable[[LiveWatch], bool]
    """Tells whether policy lets a watch of our own agencies stand."""

    freed: Callable[[], int]
    """Tells how often a record that was held back was given free again."""

    book: WatchBook = field(default_factory=WatchBook)
    _versions: dict[ThreadKey, int] = field(default_factory=dict)
    _again: set[ThreadKey] = field(default_factory=set)
    """Watches for which all indexes are to be searched."""

    _looked: dict[ThreadKey, int] = field(default_factory=dict)
    """The place of each watch in the order of looks; one that is new or renewed has none yet."""

    _looks: int = 0
    _dirty: set[ThreadKey] = field(default_factory=set)
    _state: tuple[object, ...] = ()
    _silent: frozenset[tuple[MemberId, str]] = frozenset()
    """The counterparts and purposes whose watches stood still at the last look."""

    _load_at: float = 0.0

    # ------------------------------------------------------------ what is here

    def changed(self, rows: DeskRows) -> None:
        """Take in the rows of an entry that is durable: the watch that they change is read in the next round."""
        if rows.thread is not None and rows.thread.kind is ThreadKind.WATCH:
            self._dirty.add(rows.thread.key)

    def load(self) -> None:
        """Take in all watches that stand now, and drop the others. It blocks."""
        found = {one.key: one for one in self.desk.store.threads(kinds=(ThreadKind.WATCH,), states=LIVE)}
        for key in self.book.watches.keys() - found.keys():
            self._drop(key)
        for thread in found.values():
            self._take(thread)

    def _take_in(self) -> None:
        """Read the watches that have changed, and all of them now and then: other processes write, too."""
        try:
            if self.desk.parts.clock.monotonic() >= self._load_at:
                self._load_at = self.desk.parts.clock.monotonic() + _LOAD_S
                self._dirty.clear()
                self.load()
            while self._dirty:
                key = self._dirty.pop()
                thread = self.desk.store.thread(key)
                if thread is None or thread.state not in LIVE:
                    self._drop(key)
                else:
                    self._take(thread)
        except StorageBroken:  # the database is away: all of them are read again
            self._load_at = 0.0
            raise

    def _take(self, thread: Thread) -> None:
        if self._versions.get(thread.key) == thread.version:
            return
        # Before it is read: one that cannot be read is not tried again until it changes.
        self._versions[thread.key] = thread.version
        is_home = thread.key.peer == self.desk.parts.member
        try:
            watch = self._own(thread) if is_home else None if thread.opener else self._theirs(thread)
            if watch is not None:
                self.book.put(watch)
                if watch.due:
                    self._looked.pop(thread.key, None)
            else:
                self.book.remove(thread.key)
        except StorageBroken:
            self._versions.pop(thread.key)
            raise
        except LiaisonError:  # what cannot be read is not watched, and its author has no word that it is
            self.book.remove(thread.key)

    def _drop(self, key: ThreadKey) -> None:
        self.book.remove(key)
        self._versions.pop(key, None)
        self._looked.pop(key, None)
        self._again.discard(key)

    def _theirs(self, thread: Thread) -> LiveWatch | None:
        rows_of = self.desk.store.notices(thread.key)
        rows = [row for row in rows_of if row.placed.type is NoticeType.WATCH]
        newest = [row for row in rows if row.placed.side is Side.OPENER and row.envelope][-1:]
        for row in newest:
            notice = parse_notice(row.envelope)
            if isinstance(notice.body, Watch):
                return LiveWatch(
                    thread.key,
                    row.notice_id,
                    notice.body.query,
                    notice.head.purpose.value,
                    request_of(notice),
                    notice.body.until_us,
                    notice.body.revalidate_by_us,
                    thread.version,
                    due=thread.state is ThreadState.OPEN,
                    quiet=notice.body.no_tip_off,
                    watched=told_reach(rows_of),
                )
        return None

    def _own(self, thread: Thread) -> LiveWatch | None:
        watch = WATCHES.read(thread)
        if watch.to or watch.stand is not Stand.ON:
            return None
        return LiveWatch(
            thread.key,
            watch.id,
            watch.subject,
            watch.purpose.value,
            None,
            watch.until_us,
            watch.revalidate_by_us,
            thread.version,
            own=True,
            due=watch.watched is None,
            watched=watch.watched,
        )

    # ------------------------------------------------------------ rows that changed

    async def told(self) -> None:
        """Compare the rows that indexes tell of. Runs at the leader."""
        await asyncio.to_thread(self._take_in)
        for wall in self.walls:
            source = wall.source
            if not is_watched(wall) or not isinstance(source, TellingSource):
                continue
            rows = await asyncio.to_thread(source.fresh)
            # The index cannot say which rows have changed, so any may have.
            if rows is None:
                self._again |= {key for key, watch in self.book.watches.items() if takes(wall, watch.subject)}
            elif rows and self.book.watches:
                await self._compare(wall, rows)

    async def _compare(self, wall: Bulkhead, rows: Sequence[FreshRow]) -> None:
        reads_goods = self.book.reads_goods
        wanted: dict[tuple[str, str], list[Subject]] = {}
        for number, row in enumerate(rows):
            found, unsure = self.book.possible(row)
            self._again |= {watch.key for subject in unsure for watch in self.book.asking(subject)}
            if found or (reads_goods and is_goods(row)):
                wanted[row.key, row.record_type] = found
            # Other work of the loop has its turn: an index may tell of many thousands of rows at once.
            if not number % _AT_ONCE:
                await asyncio.sleep(0)
        places = list(wanted)
        for start in range(0, len(places), _AT_ONCE):
            part = places[start : start + _AT_ONCE]
            try:
                records = await read_records(self.desk.parts, wall, part)
            except Refused:  # the source cannot be read now: the index is searched once it can
                subjects = {subject for place in part for subject in wanted[place]}
                self._again |= {watch.key for subject in subjects for watch in self.book.asking(subject)}
                continue
            for place, record in zip(part, records, strict=True):
                if record is not None:
                    await self._met(wall, record, wanted[place])

    async def _met(self, wall: Bulkhead, record: SourceRecord, subjects: Iterable[Subject]) -> None:
        declared = self.book.declared(record.fields) if self.book.reads_goods else []
        for subject in dict.fromkeys((*subjects, *declared)):
            for watch in self.book.asking(subject):
                if not self._is_on(watch):
                    continue
                try:
                    met = self._seen(watch, wall, record)
                    if met is not None:
                        await self.telling.hits(watch, [met])
                except (Refused, Misconfigured):  # the others are told; this one is searched for again
                    self._again.add(watch.key)

    def _seen(self, watch: LiveWatch, wall: Bulkhead, record: SourceRecord) -> Met | None:
        if self._is_off(wall):
            self._again.add(watch.key)
            return None
        try:
            self.looker.check_allowed(watch)
        except Forbidden:  # the round of the leader tells its author
            self._again.add(watch.key)
            return None
        return self.looker.met(watch, wall, record)

    # ------------------------------------------------------------ indexes

    async def round(self) -> None:
        """Search the indexes for watches that are new or renewed, or where any row may have changed. At the leader."""
        await asyncio.to_thread(self._take_in)
        self._follow()
        for watch in self._next():
            # Before the look, which puts it back where it could not be finished.
            self._again.discard(watch.key)
            self._looks += 1
            self._looked[watch.key] = self._looks
            try:
                await self._look(watch)
            except (Refused, Misconfigured):  # a source cannot be asked now, or gives what it should not
                self._again.add(watch.key)
            await asyncio.sleep(0)

    def _next(self) -> list[LiveWatch]:
        """Return the watches of this round: a few of each member, those first that were looked at longest ago.

        One that fails at each look goes behind the others, so that it takes no turn of theirs.
        """
        waiting = [each for key, each in self.book.watches.items() if each.due or key in self._again]
        waiting.sort(key=lambda one: (self._looked.get(one.key, 0), not one.due))
        counts: Counter[MemberId] = Counter()
        found = []
        for watch in waiting:
            if counts[watch.peer] < MOST_IN_A_ROUND and self._is_on(watch):
                counts[watch.peer] += 1
                found.append(watch)
        return in_turn(found, lambda one: (one.peer,))

    def _follow(self) -> None:
        """Search for all watches anew where policy or the switches are others, or a record is free.

        For those of a member alone where it is heard again.
        """
        parts = self.desk.parts
        ours = tuple(map(self._is_off, self.walls)), frozenset(parts.suspensions.in_force)
        state = (parts.policy().hash, ours, self.freed())
        silent, was_silent = self._silent_now(), self._silent
        if state != self._state:
            self._again |= set(self.book.watches)
        elif heard := was_silent - silent:
            self._again |= {key for key, watch in self.book.watches.items() if (watch.peer, watch.purpose) in heard}
        self._state, self._silent = state, silent

    def _silent_now(self) -> frozenset[tuple[MemberId, str]]:
        """Return the counterparts and purposes whose watches stand still now."""
        pairs = {(watch.peer, watch.purpose) for watch in self.book.watches.values() if not watch.own}
        return frozenset(pair for pair in pairs if not self._hears(*pair))

    async def _look(self, watch: LiveWatch) -> None:
        try:
            self.looker.check_allowed(watch)
        except Forbidden as error:
            if self.looker.is_allowed_later(watch):  # it is night there: what comes is told in the morning
                self._again.add(watch.key)
            else:
                await self.telling.stop(watch, error.code)
            return
        taking = [wall for wall in self.walls if takes(wall, watch.subject)]
        able = [wall for wall in taking if is_watched(wall)]
        watched = [wall for wall in able if not self._is_off(wall)]
        if not able and not watch.own:
            await self.telling.stop(watch, WhyStopped.NOTHING_WATCHED)
            return
        if watched != able:
            self._again.add(watch.key)
        met: list[Met] = []
        for wall in watched:
            try:
                found = await self.looker.search(watch, wall)
            except Malformed as error:
                await self.telling.stop(watch, error.code)
                return
            met += found.met
            is_full = found.capped and len(found.met) >= WIDE  # of what its author may learn of
            if watch.due and not watch.own and (is_full or len(met) > WIDE):
                await self.telling.stop(watch, WhyStopped.TOO_WIDE, f"{len(met)} > {WIDE}")
                return
        await self.telling.hits(watch, met)
        kinds = tuple(sorted({wall.description.kind for wall in watched}))
        others = tuple(sorted({wall.description.kind for wall in taking if wall not in watched}))
        looked_us = min((_checked_us(wall) for wall in watched), default=0) or self.desk.parts.clock.now_us()
        reach = Watched(kinds, others, looked_us)
        if watch.due or not reach.is_as_far(watch.watched):
            await self.telling.reach(watch, reach)

    # ------------------------------------------------------------ what lets one stand

    def _is_on(self, watch: LiveWatch) -> bool:
        """Tell whether a watch counts now; one that does not is searched for anew once it does."""
        if not watch.is_on(self.desk.parts.clock.now_us()):
            return False
        return self.allowed(watch) if watch.own else self._hears(watch.peer, watch.purpose)

    def _hears(self, peer: MemberId, purpose: str) -> bool:
        parts = self.desk.parts
        if not parts.trust().active(peer) or not parts.heard(peer):
            return False
        return parts.suspensions.suspends(peer=peer, purpose=purpose) is None

    def _is_off(self, wall: Bulkhead) -> bool:
        description = wall.description
        return self.desk.parts.suspensions.suspends(agency=description.agency, source=description.id) is not None


def _checked_us(wall: Bulkhead) -> int:
    return wall.source.checked_us() if isinstance(wall.source, TellingSource) else 0
