"""How much others may make us do: the waste that we bear of each member, and the news about each that we take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gateway.gossip.taking import Sent, Taken
from gateway.model.documents import Held, Kind
from gateway.model.names import MemberId
from gateway.throttle import Throttle
from gateway.trust.view import TrustView

_KIB = 1024
_WASTE_PER_S = 16.0
_WASTE_AT_ONCE_S = 256.0
"""KiB of documents from one member in a second that bring nothing, and the seconds of them that may come at once."""

_NOTHING = 4
_LIE = 1_024
"""KiB for which a document counts that brings nothing, and one that is not what was told, beside its own size."""

_NEWS_PER_S = 0.1
_NEWS_AT_ONCE_S = 2_560.0
"""New documents about one member in a second, and the seconds of them that may come at once."""

_NEWS_SIZE = 64 * _KIB
"""Bytes of a document for which it counts once more."""


class Waste:
    """Counts what each member sent in vain. One that sent too much is not asked for a while. For the loop."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._of: dict[MemberId, Throttle] = {}

    def bears(self, member: MemberId) -> bool:
        """Tell whether the member may be asked now."""
        now, throttle = self._monotonic(), self._of.get(member)
        return throttle is None or throttle.due(now, 0) <= now

    def count(self, member: MemberId, size: int) -> None:
        """Count documents that were honest, and brought nothing."""
        self._add(member, _NOTHING + size // _KIB)

    def lied(self, member: MemberId, size: int) -> None:
        """Count documents that are not what the member said they were, or that their signer did not sign."""
        self._add(member, _LIE + size // _KIB)

    def _add(self, member: MemberId, kib: int) -> None:
        throttle = self._of.setdefault(member, Throttle(_WASTE_PER_S, _WASTE_AT_ONCE_S))
        throttle.reserve(self._monotonic(), float("inf"), kib)


class News:
    """The new documents about each member. Of one that has too many only removals are taken for a while. For the loop.

    A member signs as many documents as it likes, and each of them is news to all: their files, logs and caches change.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._of: dict[str, Throttle] = {}

    def admitted(self, sent: Sequence[Sent], view: TrustView) -> list[Sent]:
        """Return the documents that may be taken now."""
        return [item for item in sent if not item.member or self._is_due(item.member) or _removes(item, view)]

    def may_come(self, line: Held) -> bool:
        """Tell whether a document is worth to be fetched: a status may remove a key."""
        return line.kind is not Kind.DESCRIPTOR or self._is_due(line.member)

    def count(self, taken: Iterable[Taken]) -> None:
        """Count the documents that were new."""
        for item in taken:
            if item.accepted is not None and item.changed and item.accepted.member:
                throttle = self._of.setdefault(item.accepted.member, Throttle(_NEWS_PER_S, _NEWS_AT_ONCE_S))
                throttle.reserve(self._monotonic(), float("inf"), 1 + item.size // _NEWS_SIZE)

    def _is_due(self, member: str) -> bool:
        now, throttle = self._monotonic(), self._of.get(member)
        return throttle is None or throttle.due(now, 0) <= now


def _removes(sent: Sent, view: TrustView) -> bool:
    """Tell whether a status removes a listed key that is not removed yet."""
    held, listed = view.status(sent.member), {key.key_id for key in view.keys(sent.member)}
    return bool(sent.removed & listed - frozenset(held.removed if held else ()))
