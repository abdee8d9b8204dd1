"""An auditor's question to a log, and the test whether an entry fits it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gateway.audit.entries.entry import Entry
from gateway.audit.reading.opened import Opened
from gateway.audit.search.terms import ALL_FIELDS, Field, Resolve, terms_of

Group = frozenset[str]
"""Terms of which an entry must have one."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question. An entry fits when its public part does, and it has a term of each group of one alternative.

    Without alternatives the public part decides alone. `log` is `exchange`, `operations` or empty for both; times are
    microseconds since 1970, `until_us` is excluded and 0 where there is no end; empty `kinds` and `peers` are all.
    """

    alternatives: tuple[tuple[Group, ...], ...] = ()
    log: str = ""
    kinds: frozenset[str] = frozenset()
    peers: frozenset[str] = frozenset()
    exchange_id: str = ""
    since_us: int = 0
    until_us: int = 0

    @property
    def private(self) -> bool:
        """True where content has to be opened to find the entries that fit."""
        return any(self.alternatives)

    @property
    def fields(self) -> frozenset[Field]:
        """The fields that content is compared by."""
        terms = (term for groups in self.alternatives for group in groups for term in group)
        return frozenset(Field(term.partition("=")[0]) for term in terms)

    def of_log(self, name: str) -> bool:
        """Tell whether the log `name` (`exchange/1`) is to be searched."""
        return self.log in ("", name.partition("/")[0])

    def public_fits(self, entry: Entry) -> bool:
        """Tell whether the public part of an entry fits."""
        return (
            entry.time_us >= self.since_us
            and (not self.until_us or entry.time_us < self.until_us)
            and (not self.kinds or entry.kind in self.kinds)
            and (not self.peers or entry.peer in self.peers)
            and self.exchange_id in ("", entry.exchange_id)
        )

    def terms_fit(self, found: Collection[str]) -> bool:
        """Tell whether an entry with these terms fits, as far as terms decide."""
        if not self.private:
            return True
        return any(all(not group.isdisjoint(found) for group in groups) for groups in self.alternatives)


def terms_of_opened(opened: Opened, resolve: Resolve | None, wanted: Collection[Field] = ALL_FIELDS) -> frozenset[str]:
    """Return the terms of an opened entry, of `wanted` fields at least; none for a closed one."""
    if opened.private is None:
        return frozenset()
    return terms_of(opened.entry, opened.private, opened.request, opened.answer, resolve, wanted)


def fits(question: Question, opened: Opened, resolve: Resolve | None) -> bool:
    """Tell whether an entry fits by its own content, whatever an index says of it."""
    if not question.public_fits(opened.entry):
        return False
    return not question.private or question.terms_fit(terms_of_opened(opened, resolve, question.fields))
