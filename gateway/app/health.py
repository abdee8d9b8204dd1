"""The health of a node: it lives while its loop turns, and is ready while it can keep what it answers.

A node that says it is ready gets questions. So it is not ready when one of these does not hold, and each that does not
is said with its code:

1. the database is there, and commits reach the disk within two seconds;
2. there is room on the disks beyond their reserve, and there are descriptors;
3. its own time is to be trusted, its own status is in its time, and its own documents removed no key that it needs;
4. its rounds run, it is not about to stop, and not everything is switched off.

Time in which this process stood still itself blames no disk and no server. Nothing here waits: the commits are made by
the round `commits`, and the disks are looked at by those who commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gateway.app.resources import Resources
from gateway.app.rounds import WATCH_S
from gateway.clock import check_time
from gateway.errors import LiaisonError, StorageAway, StorageBroken, Suspended, Unavailable
from gateway.host import descriptors
from gateway.host.failures import what_was_met
from gateway.loop import apart
from gateway.pauses import OWN
from gateway.storage.database.absence import UNREACHED
from gateway.telemetry import Logger, LogLine
from gateway.trust.standing import check_own_standing

COMMIT_S = 2.0
"""A commit that takes longer does not reach the disk."""

_IDLE_S = COMMIT_S + 2 * WATCH_S
"""With commits of a round each second, nothing was committed for so long only when commits are not made."""


class Health:
    """Finds why the node is not ready.

    `suspended` returns why everything is switched off, or None. `runs` tells whether the rounds run.
    """

    def __init__(self, resources: Resources, suspended: Callable[[], str | None], runs: Callable[[], bool]) -> None:
        self._resources = resources
        self._suspended = suspended
        self._runs = runs
        self._codes: list[str] = []
        self._met = ""
        self._log = Logger(component="node", member=resources.member)

    def problems(self) -> list[LiaisonError]:
        """Return each reason why the node is not ready; none when it is."""
        found: list[LiaisonError] = []
        for check in (self._commits, self._room, self._time, self._work):
            try:
                found.extend(check())
            except LiaisonError as error:
                found.append(error)
        return found

    def look(self) -> list[LiaisonError]:
        """Return all problems, and write a log line when they changed."""
        problems = self.problems()
        codes = [problem.code for problem in problems]
        if codes != self._codes:
            self._codes = codes
            for problem in problems:
                self._log.warning(LogLine.NODE_NOT_READY, code=problem.code)
            if not problems:
                self._log.info(LogLine.NODE_READY)
        met = self._resources.database.absence.met()
        if met is not None and met.message != self._met:
            self._log.warning(LogLine.STORAGE_AWAITED, met, state=what_was_met(met))
        self._met = "" if met is None else met.message
        return problems

    def report(self) -> dict[str, Any]:
        """Return the health for our own systems, which have shown their certificate."""
        problems = [
            {"code": problem.code, "where": problem.where, "problem": problem.message, "remedy": problem.remedy}
            for problem in self.look()
        ]
        return {
            "status": "not-ready" if problems else "ok",
            "member": self._resources.member,
            "sources": {wall.description.id: wall.state for wall in self._resources.walls},
            "problems": problems,
        }

    async def probe(self) -> None:
        """Commit without a change where nothing else does, however much work waits. Raises `StorageBroken`."""
        if self._resources.database.idle_s() >= WATCH_S / 2:
            await apart(self._resources.database.probe)

    def _commits(self) -> Iterator[LiaisonError]:  # 1
        database = self._resources.database
        if away_s := database.absence.away_s():
            met = database.absence.met()
            yield StorageAway(
                "the database has been away for {away:.0f} s, and the node waits for it: {met}",
                where="storage",
                remedy="{advice}; the node goes on by itself",
                advice=UNREACHED,
                away=away_s,
                met="it is looked for" if met is None else met.message,
            )
            return
        waited = OWN.ran_s(database.hangs_s())
        if waited > COMMIT_S or OWN.over(database.idle_s(), _IDLE_S):
            yield StorageBroken(
                "no commit has reached the disk for {waited:.0f} s",
                code="commits-hang",
                where="storage",
                remedy="look at the disk, or at the database's server: it neither takes the commit nor refuses it",
                waited=max(waited, database.idle_s()),
            )

    def _room(self) -> Iterator[LiaisonError]:  # 2
        yield from (room.refusal() for room in self._resources.reserve.rooms if room.is_low)
        free = descriptors.free()
        if free < descriptors.SCARCE:
            yield Unavailable(
                "{free} descriptors are left of {limit}",
                code="no-descriptors",
                where="process",
                remedy="raise the limit of open files (`ulimit -n`, LimitNOFILE= of a systemd unit)",
                free=free,
                limit=descriptors.limit(),
            )

    def _time(self) -> Iterator[LiaisonError]:  # 3
        check_time(self._resources.clock)
        view, member, now_us = self._resources.trust.view, self._resources.member, self._resources.clock.now_us()
        view.freshness(member, now_us)
        check_own_standing(view, member, now_us)
        # Makes this a generator as the others are: its problems are raised and not yielded.
        yield from ()

    def _work(self) -> Iterator[LiaisonError]:  # 4
        if not self._runs():
            yield Unavailable("the rounds do not run", code="no-rounds", remedy="start the node again")
        reason = self._suspended()
        if reason is not None:
            yield Suspended(
                "everything is switched off: {reason}", remedy="`liaison resume` switches on again", reason=reason
            )
