"""Equal work: what is hidden from an asker is decided before a source is searched (design, section 5; decision 0015).

A kept decision is quick and a new one is slow. An asker who chooses a new question could see by the time of the answer
that something had to be decided. So the first time that a unit asks, all classes of records that a source has are
decided on, and the source is then searched as if those that are hidden were not there: they take no place of another
record, and cost no time. Where a search finds nothing, one decision is looked up all the same.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.errors import Unavailable
from gateway.exchange.sources.batching import SearchCall, Steps
from gateway.model.hit import SearchResult
from gateway.model.marking import Marking, SubjectCategory
from gateway.model.names import MemberId
from gateway.model.query import Query
from gateway.model.requester import Officer
from gateway.model.strictness import Strictness
from gateway.ports.sources import CLASSES_CHANGED, ClassedSource, Source, SourceDescription, View
from gateway.recent import Recent
from policy.attributes import QuestionAttributes, RecordAttributes, naming
from policy.cache import Window
from policy.engine.engine import PolicyEngine

_TRIES = 3
_MAX_KNOWN = 8_192


_Place = tuple[bytes, str, QuestionAttributes, frozenset[str], frozenset[str]]


class _Seen(msgspec.Struct, frozen=True, eq=False):
    """The part of a source that an asker sees, while `window` lasts."""

    whole: Source
    part: Source
    window: Window


class ConstantWork:
    """Remembers what each asker sees of each source. Thread-safe."""

    def __init__(self) -> None:
        self._known: Recent[_Place, _Seen] = Recent(_MAX_KNOWN)

    def seen(
        self,
        policy: PolicyEngine,
        question: QuestionAttributes,
        source: Source,
        now_us: int,
        without: frozenset[str] = frozenset(),
        held_back: frozenset[str] = frozenset(),
        *,
        anew: bool = False,
    ) -> Source:
        """Return a source as the asker of a question sees it, without some record types and the keys in `held_back`.

        It decides on each class of the source's records for a question that is new to this policy, and again `anew`. A
        source that does not tell its classes is returned itself.
        """
        description = source.describe()
        key = (policy.hash, description.id, question, without, held_back)
        known = self._known.use(question.counterpart, key)
        if known is not None and not anew and known.whole is source and now_us in known.window:
            return known.part
        if not isinstance(source, ClassedSource):
            return source
        decided = frozenset(source.classes())
        seen, window = policy.shown(question, description.agency, decided, now_us)
        view = View(frozenset(each for each in seen if each[0] not in without), decided, held_back)
        known = _Seen(source, source.within(view), window)
        self._known.put(question.counterpart, key, known)
        return known.part


def as_ours_see(source: Source, member: MemberId, officer: Officer) -> Source:
    """Return a source of our country as an officer of ours sees it: without what is withheld from that office.

    What is hidden for an operation, or from a unit of ours, is not told by looking others up, either.
    """
    if not isinstance(source, ClassedSource):
        return source
    decided = frozenset(source.classes())
    seen = (each for each in decided if not naming(each[1], member, officer.agency, officer.office).withheld)
    return source.within(View(frozenset(seen), decided))


def search_seen(see: Callable[[bool], Source], query: Query, strictness: Strictness) -> Steps[SearchResult]:
    """Search a source as its asker sees it. `see` returns that; with True, anew.

    Where records of another class came up meanwhile, these are decided on and the source is searched again. Raises
    `Unavailable` where that goes on: what was found could lack some.
    """
    for tries in range(_TRIES):
        try:
            found: SearchResult = yield SearchCall(see(tries > 0), query, strictness)
            return found
        except Unavailable as error:
            if error.code != CLASSES_CHANGED or tries == _TRIES - 1:
                raise
    raise AssertionError("the last try returns or raises")


def decoy(question: QuestionAttributes, source: SourceDescription) -> RecordAttributes:
    """Return the attributes that are decided on where a search found nothing."""
    record_type = min(source.record_types, default="")
    return RecordAttributes(question, record_type, source.agency, Marking(), SubjectCategory.UNKNOWN)
