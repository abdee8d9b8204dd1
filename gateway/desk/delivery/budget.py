"""Hold each counterpart to what it may make us keep: bytes, work put before our people, and what it has open, by kind.

The table stands in policy (`policy.bundle.limits`). It is asked before a notice has any effect. So a member that floods
us fills no disk and no list of others, and what it says of another kind is taken all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gateway.clock import DAY_US, HOUR_US
from gateway.desk.fold import kind_opened_by
from gateway.errors import LiaisonError, Stale, TooLarge
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Ask, Change, Notice, NoticeType, Service, Status, StatusCode, Urgency
from gateway.model.desk.threads import ThreadKind, ThreadState
from gateway.model.names import MemberId
from gateway.ports.desk import DeskStore, Thread
from gateway.ports.quotas import QuotaPlace
from policy.bundle.limits import KEPT, KIB, REFUSED, TOLD, WORD, Share

CODES = ("budget-kept", "budget-told", "budget-open")
"""The codes of refusals: beyond a day's bytes, beyond a day's work for our people, beyond what may be open at once."""

ENTRY_BYTES = 6 * KIB
"""The room of an entry with our receipt and its rows, beside the notice itself, which is kept twice."""

_PART = 8
_STANDING = (ThreadState.NEW, ThreadState.OPEN, ThreadState.ANSWERED, ThreadState.BACK, ThreadState.PAUSED)
_OPEN: Mapping[ThreadKind, tuple[ThreadState, ...]] = {ThreadKind.SERVICE: (ThreadState.NEW, ThreadState.OPEN)}
"""The states in which a thread counts as open, where it is fewer: a word that was acknowledged waits for nobody."""

_CONFIRMS = frozenset({StatusCode.ERASED, StatusCode.OBJECTED, StatusCode.NOT_HELD, StatusCode.ONWARD})
_URGENT = frozenset({Urgency.FLASH, Urgency.URGENT})


def needs_no_agreement(notice: Notice) -> bool:
    """Tell whether a notice is a change, the confirmation of one, or a word of a node itself."""
    return isinstance(notice.body, Service) or protects(notice)


def protects(notice: Notice) -> bool:
    """Tell whether a notice is a change or the confirmation of one: it is never lost, and waits at its author."""
    body = notice.body
    return isinstance(body, Change) or (isinstance(body, Status) and body.code in _CONFIRMS)


class Over(NamedTuple):
    """The member that is over its budget of a day (since 1970), in a kind, by the code of its refusals."""

    member: MemberId
    kind: str
    code: str
    day: int


@dataclass(slots=True)
class _Left:
    """How many more are taken under a limit before the next count."""

    most: int
    left: int


class KeepingBudget:
    """Asks the table for each notice of a counterpart, in the pen's worker.

    What is open is not counted at each new item: an eighth of the free room is taken without a count.
    """

    def __init__(self, parts: Parts, store: DeskStore) -> None:
        self._parts = parts
        self._store = store
        self._left: dict[tuple[MemberId, NoticeType, str], _Left] = {}
        self._over: dict[Over, bool] = {}
        self._lock = threading.Lock()

    def check_open(self, notice: Notice) -> None:
        """Use up room for one more open item of the kind; raise where there is none."""
        most = self._share(notice.sender, notice.type).open
        if most is None:
            return
        urgency = notice.head.urgency if isinstance(notice.body, Ask) else None
        place = (notice.sender, notice.type, urgency or "")
        left = self._left.get(place)
        if left is not None and left.most == most and left.left > 0:
            left.left -= 1
            return
        if urgency is not None:
            standing = self._store.asks_waiting(notice.sender, urgency, most)
        else:
            kind = kind_opened_by(notice)
            standing = self._store.count_theirs(kind, _OPEN.get(kind, _STANDING), notice.sender, most)
        if standing >= most:
            raise self._over_budget(notice, "budget-open", "{count} of this kind stand open here", most)
        self._left[place] = _Left(most, (most - standing) // _PART)

    def charge(self, notice: Notice, size: int, works: int) -> None:
        """Count what a notice of `size` bytes makes us keep, and the work that it puts before our people.

        Raises `TooLarge` beyond the day's share, which ends the delivery; and `Stale` for what is never lost.
        """
        share = self._share(notice.sender, notice.type)
        if works and not self._spend(TOLD, notice.sender, notice.type, works, share.told):
            told = "{count} items of work of this kind are the most in a day"
            raise self._over_budget(notice, "budget-told", told, share.told)
        if not self._keep(notice.sender, notice.type, 2 * size):
            raise self._over_budget(notice, "budget-kept", "{count} MiB of this kind are the most in a day", share.mib)

    def keeps_refused(self, peer: MemberId, size: int) -> bool:
        """Count the entry of a notice that is not taken; tell whether its bytes, `size` of them, are kept as well.

        Raises `Stale` where the day has no room for the entry: that one notice waits, and no other of its author.
        """
        if size and self._keep(peer, REFUSED, size):
            return True
        if self._keep(peer, REFUSED, 0):
            return False
        raise Stale("nothing more is written today of what is refused", code="budget-refused", where=peer)

    def hears(self, notice: Notice, thread: Thread | None) -> bool:
        """Tell whether a word of a suspended member about its node, or one in its thread, is the urgent one that is
        heard in this hour."""
        is_word = isinstance(notice.body, Service) or (thread is not None and thread.kind is ThreadKind.SERVICE)
        if not is_word or notice.head.urgency not in _URGENT:
            return False
        hour = self._parts.clock.now_us() // HOUR_US % 24
        return self._spend(WORD, notice.sender, f"{hour:02}", 1, 1)

    def over(self) -> list[Over]:
        """Return who is over its budget of today and was not told of yet."""
        with self._lock:
            today = self._parts.clock.now_us() // DAY_US
            self._over = {each: is_told for each, is_told in self._over.items() if each.day >= today}
            return [each for each, is_told in self._over.items() if not is_told]

    def told(self, over: Over) -> None:
        """Take in that our people are told of one."""
        with self._lock:
            self._over[over] = True

    def _share(self, peer: MemberId, kind: str) -> Share:
        return self._parts.policy().quotas.budget.share(peer, kind)

    def _keep(self, peer: MemberId, kind: str, size: int) -> bool:
        return self._spend(KEPT, peer, kind, (size + ENTRY_BYTES) // KIB, self._share(peer, kind).mib * KIB)

    def _spend(self, direction: str, peer: MemberId, kind: str, amount: int, most: int) -> bool:
        return self._parts.quotas.spend(
            QuotaPlace(direction, peer, str(kind)), amount, most, self._parts.clock.now_us()
        )

    def _over_budget(self, notice: Notice, code: str, message: str, count: int) -> LiaisonError:
        over = Over(notice.sender, notice.type.value, code, self._parts.clock.now_us() // DAY_US)
        with self._lock:
            self._over.setdefault(over, False)
        refusal = Stale if protects(notice) else TooLarge
        return refusal(message, code=code, where=notice.type.value, count=count)
