"""Make the pack of a month from a home: its log and its desk. The home's node may be running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.statistics.statistics import collect
from gateway.clock import SystemClock, rfc3339
from gateway.desk.acts import Act
from gateway.desk.figures.belonging import threads_of
from gateway.desk.figures.from_log import Scope, add_log, entries_of, with_peer
from gateway.desk.figures.months import Month, month_at, month_of
from gateway.desk.figures.pack import MINUTES_BY_HAND, Pack, Tables
from gateway.desk.figures.published import Publisher
from gateway.desk.figures.tally import OURS, Tally
from gateway.desk.figures.threads import ThreadCount
from gateway.desk.roles import Matter, Person, may
from gateway.errors import Malformed, Overloaded, Unknown
from gateway.host.aside import aside
from gateway.model.desk.work import WorkKind
from gateway.model.names import MemberId, identifier, member_id
from gateway.ops.homes.open_home import Evidence, open_home
from gateway.storage.desk.figure_rows import SqlFigureRows

ALL = "all"
"""The name of the pack of all counterparts, which is for the member itself."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pack that is wanted. `month` is written as `2026-11`; an empty one is the month of now."""

    peer: str
    month: str = ""
    office: str = ""
    facing: str = ""
    exact: bool = False
    minutes: int = MINUTES_BY_HAND

    def checked(self) -> Scope:
        """Return the scope. Raises `Malformed` for a name that cannot be one."""
        peer = "" if self.peer == ALL else member_id(self.peer)
        if self.facing and not self.office:
            raise Malformed("an office of theirs stands with one of ours", code="bad-office", where="facing")
        return Scope(
            peer,
            identifier(self.office, "office") if self.office else "",
            identifier(self.facing, "facing") if self.facing else "",
        )


def pack_of_home(folder: Path, wanted: Wanted, progress: Callable[[int, int], None]) -> Pack:
    """Count a month. Raises `Malformed` for a bad month or name, `Misconfigured`, `Contradicted`."""
    scope, now_us = wanted.checked(), SystemClock().now_us()
    with open_home(folder) as evidence:
        month = month_of(wanted.month, evidence.member) if wanted.month else month_at(now_us, evidence.member)
        _check_told(evidence, scope, month, now_us)
        logs = HomeLogs(evidence.store, evidence.keys, with_peer(scope))
        stats = collect(logs, month.since_us, month.until_us, progress, entries_of(scope))
        tally = Tally()
        add_log(tally, stats)
        threads = _add_threads(tally, SqlFigureRows(evidence.database, evidence.keys), scope, month)
    tables = Tables(tally, Publisher(exact=wanted.exact), own=not scope.peer)
    pack = Pack(
        evidence.member,
        scope.peer,
        scope.office,
        scope.facing,
        month,
        rfc3339(now_us // 1_000_000 * 1_000_000),
        wanted.exact,
        wanted.minutes,
        tables.all(stats.uptime.whole(month.name), wanted.minutes),
        sum(stats.sizes.values()),
        threads,
    )
    if pack.is_empty:
        _check_offices(scope, evidence.member, evidence.offices)
    return pack


def _check_told(evidence: Evidence, scope: Scope, month: Month, now_us: int) -> None:
    """Raise for figures that there cannot be: an empty pack of them would say that nothing was exchanged."""
    if month.since_us > now_us:
        raise Malformed("this month has not begun", code="bad-month", where="month", remedy="name one that has")
    _check_offices(scope, evidence.member)
    if scope.peer and scope.peer not in evidence.descriptors.keys() - {evidence.member}:
        raise Unknown(
            "`{member}` is no other member of the federation, and never was one",
            code="not-a-member",
            where="pack",
            remedy="`liaison trust show` lists them",
            member=scope.peer,
        )


def _check_offices(scope: Scope, own: MemberId, listed: Callable[[str], Collection[str]] | None = None) -> None:
    """Raise for an office of another member, and with `listed` for one that no descriptor of its member lists."""
    theirs = scope.peer or MemberId(scope.facing.partition(".")[0])
    for where, office, member in (("office", scope.office, own), ("facing", scope.facing, theirs)):
        is_of_member = office.startswith(f"{member}.") and (where == "office") == (member == own)
        if office and not (is_of_member and (listed is None or office in listed(member))):
            raise Unknown(
                "`{member}` has no office `{office}`, and never had one",
                code="unknown-office",
                where=where,
                remedy="`liaison trust show --json` lists the offices of each member",
                member=member,
                office=office,
            )


def _add_threads(tally: Tally, rows: SqlFigureRows, scope: Scope, month: Month) -> int:
    """Add what the desk shows; return how many threads were read."""
    count, read = ThreadCount(month.since_us, month.until_us, tally, threads_of(scope)), 0
    for thread in rows.threads(scope.peer, month.since_us, month.until_us):
        count.add(thread)
        read += 1
    count.close()
    for work in rows.works(WorkKind.OUTCOME, scope.peer, month.since_us, month.until_us):
        if not scope.office or work.office == scope.office:
            tally.count("outcome-asked", "answered" if work.answered else "unanswered", OURS)
    return read


class PackMaker:
    """Makes packs of a running node's home for its people, in a process of their own. One at a time for the API."""

    def __init__(self, folder: Path, now_us: Callable[[], int]) -> None:
        self._folder = folder
        self._now_us = now_us
        self._is_busy = False

    def check(self, person: Person, wanted: Wanted) -> None:
        """Raise `Forbidden` where this person may not see these figures, `Malformed` for a bad name or month."""
        scope = wanted.checked()
        if wanted.month:
            month_of(wanted.month, "")
        may(person, Act.FIGURES, Matter(agency=person.agency, office=scope.office), self._now_us())

    def make(
        self, wanted: Wanted, progress: Callable[[int, int], None], is_wanted: Callable[[], bool] = lambda: True
    ) -> Pack:
        """Return a pack. It blocks while another process counts."""
        return aside(pack_of_home, (self._folder, wanted), progress, is_wanted)

    async def once(self, person: Person, wanted: Wanted) -> Pack:
        """Return a pack for this person. Raises like `check`, and `Overloaded` while another one is made."""
        self.check(person, wanted)
        if self._is_busy:
            raise Overloaded(
                "figures are counted already: ask again when that is done",
                code="too-many-jobs",
                where="statistics",
                remedy="ask again later",
            )
        self._is_busy = True
        try:
            return await asyncio.to_thread(self.make, wanted, lambda _done, _all: None)
        finally:
            self._is_busy = False
