"""Know of each counterpart its last word, the time that it signed, and whether it has told us what we lost."""

from __future__ import annotations

from collections.abc import Callable

from gateway.clock import Clock
from gateway.errors import Suspended
from gateway.exchange.parts import Parts
from gateway.model.exchange import Outcome
from gateway.model.members import LastWord, SignedTime
from gateway.model.names import MemberId
from gateway.model.search import Line
from gateway.ports.documents import DocumentStore

_MAX_TEXT = 200

_EVERY_S = 1.0
"""Seconds between two statements of a member whose time is noted: each exchange has one, and must not pay for it."""

_FRESH_US = 60_000_000
"""A statement tells its time better than a cosignature, which has whole seconds, for so long."""

_NONE_US = 2_000_000
"""A cosignature that is behind by less is as old as its way and its whole seconds make it."""


class Counterparts:
    """Memory of one process. `compare` takes each signed time, too."""

    def __init__(self, clock: Clock, compare: Callable[[int], None]) -> None:
        self._clock = clock
        self._compare = compare
        self._said: dict[MemberId, LastWord] = {}
        self._signed: dict[MemberId, SignedTime] = {}
        self._noted_s: dict[MemberId, float] = {}

    def answered(self, line: Line, asked_us: int) -> None:
        """Note the line of a counterpart that was asked then.

        One without a verified answer says nothing of what they think of us.
        """
        if line.exchange_id and line.entry_index is not None:
            code, text = (line.refusal.code, line.refusal.text[:_MAX_TEXT]) if line.refusal else ("", "")
            # All that this question could find is switched off: the exchange as a whole is not.
            outcome = Outcome.NOT_SEARCHED if line.outcome is Outcome.SUSPENDED and line.missing else line.outcome
            now_us = self._clock.now_us()
            self._said[line.member] = LastWord(outcome, code, text, now_us, max(0, now_us - asked_us))

    def signed(self, member: MemberId, signed_us: int) -> None:
        """Note the time in a statement that a member has signed just now; of many in a second, that of one."""
        self._compare(signed_us)
        passed_s = self._clock.monotonic()
        if passed_s - self._noted_s.get(member, -_EVERY_S) >= _EVERY_S:
            self._noted_s[member], now_us = passed_s, self._clock.now_us()
            self._signed[member] = SignedTime(signed_us - now_us, now_us)

    def cosigned(self, member: MemberId, time_us: int) -> None:
        """Note the time, in whole seconds, of a cosignature that a member has made just now."""
        self._compare(time_us)
        now_us, known = self._clock.now_us(), self._signed.get(member)
        if known is None or now_us - known.time_us > _FRESH_US:
            behind = now_us - time_us
            self._signed[member] = SignedTime(0 if 0 <= behind < _NONE_US else -behind, now_us)

    def said(self, member: MemberId) -> LastWord | None:
        """Return the last answer of a member since this process began; None without one."""
        return self._said.get(member)

    def signed_us(self, member: MemberId) -> int:
        """Return when a member signed something last, as this process knows; 0 where it does not."""
        told = self._signed.get(member)
        return told.time_us if told is not None else 0

    def clock_of(self, member: MemberId) -> SignedTime | None:
        """Return the time that a member signed last; None without one."""
        return self._signed.get(member)


# ------------------------------------------------------------ who has told us what we lost


_KIND = "heard-since-restore"


class Heard:
    """The members that were heard since our exchange log began its present number (`begun_us`), because entries were
    lost. Without a loss all of them count as heard.
    """

    def __init__(self, documents: DocumentStore, begun_us: int) -> None:
        self._documents = documents
        self._mark = str(begun_us).encode()
        self._members: set[MemberId] = set()
        self.is_restored = begun_us > 0

    def __call__(self, member: MemberId) -> bool:
        """Tell whether a member was heard."""
        if not self.is_restored or member in self._members:
            return True
        if self._documents.get(_KIND, member) != self._mark:
            return False
        self._members.add(member)
        return True

    def note(self, member: MemberId) -> None:
        """Note that a member has told us all."""
        self._documents.put(_KIND, member, self._mark)
        self._members.add(member)


def check_heard(parts: Parts, member: MemberId) -> None:
    """Raise `Suspended` while our restored database may lack notices that we exchanged with a member."""
    if not parts.heard(member):
        raise Suspended(
            "our database was restored, and `{member}` has not told us yet what it lost",
            code="restoring",
            where="desk",
            remedy="wait until its node is in reach",
            member=member,
        )
