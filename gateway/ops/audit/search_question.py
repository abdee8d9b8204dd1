"""Check the options of `liaison audit find` and turn them into a question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.audit.search.question import Group, Question
from gateway.audit.search.terms import Field, born_terms, name_terms, number_terms, term
from gateway.clock import rfc3339, to_us
from gateway.errors import Malformed, Misused
from gateway.model.desk.notices import TAKEN, NoticeType
from gateway.model.exchange import Outcome
from gateway.model.names import exchange_id as check_exchange_id
from gateway.model.purpose import Purpose
from gateway.ops.audit.nearest import unlisted
from gateway.ports.entries.events import EVENTS
from gateway.ports.journal import LogName

_LOGS = (LogName.EXCHANGE, LogName.OPERATIONS)
_BORN = re.compile(r"(?:1[89]|20)\d\d(?:-\d\d(?:-\d\d)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Search:
    """The options of a search; empty ones do not count."""

    officer: str = ""
    case: str = ""
    agreement: str = ""
    purpose: str = ""
    outcome: str = ""
    refused: str = ""
    record: str = ""
    notice: str = ""
    thread: str = ""
    names: tuple[str, ...] = ()
    born: str = ""
    numbers: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    exchange_id: str = ""
    log: str = ""
    since_us: int = 0
    until_us: int = 0

    def check(self) -> None:
        """Raise `Misused` for a value that no entry can have, naming the known ones, and for an empty search."""
        known = {
            "--kind": [event.kind for event in EVENTS.values() if event.log in _LOGS and self.log in ("", event.log)],
            "--outcome": [*map(str, Outcome), TAKEN],
            "--purpose": [str(item) for item in Purpose],
            "--notice": [str(item) for item in NoticeType],
        }
        given = (
            ("--kind", self.kinds),
            ("--outcome", (self.outcome,)),
            ("--purpose", (self.purpose,)),
            ("--notice", (self.notice,)),
        )
        for option, values in given:
            for value in values:
                if value and value not in known[option]:
                    raise unlisted(option, value, "not known", known[option])
        for option, value in (("--exchange", self.exchange_id), ("--thread", self.thread)):
            try:
                if value:
                    check_exchange_id(value)
            except Malformed as error:
                raise Misused(f"{option} `{value}`: {error.message}") from error
        if self.born and not (self.names and _BORN.fullmatch(self.born)):
            raise Misused("--born is a year or a date (1984, 1984-02-01) beside a --name")
        if any(not number_terms(number) for number in self.numbers):
            raise Misused("--number has no digit or letter")
        if not self.question().private and not (self.peers or self.kinds or self.exchange_id):
            raise Misused("say what to look for: --officer, --agreement, --refused, --exchange, --kind …")

    @property
    def needs_mandate(self) -> bool:
        """Return whether the search is about persons: at a home only an auditor with a mandate may make it."""
        return bool(self.record or self.names or self.numbers)

    def question(self) -> Question:
        """Return the question: for a person by each name, with the year of birth if given, or by each number."""
        groups = tuple(self._groups())
        subjects = tuple(self._subjects())
        alternatives = tuple((*groups, *subject) for subject in subjects) or ((groups,) if groups else ())
        return Question(
            alternatives=alternatives,
            log=self.log,
            kinds=frozenset(self.kinds),
            peers=frozenset(self.peers),
            exchange_id=self.exchange_id,
            since_us=self.since_us,
            until_us=self.until_us,
        )

    def _groups(self) -> Iterator[Group]:
        for field, value in (
            (Field.OFFICER, self.officer),
            (Field.CASE, self.case),
            (Field.AGREEMENT, self.agreement),
            (Field.PURPOSE, self.purpose),
            (Field.OUTCOME, self.outcome),
            (Field.REFUSED, self.refused),
            (Field.RECORD, self.record),
            (Field.NOTICE, self.notice),
            (Field.THREAD, self.thread),
        ):
            if value:
                yield frozenset((term(field, value),))

    def _subjects(self) -> Iterator[tuple[Group, ...]]:
        born = (born_terms(self.born[:4]),) if self.born else ()
        for name in self.names:
            yield name_terms(name), *born
        for number in self.numbers:
            yield (number_terms(number),)

    def as_value(self) -> dict[str, Any]:
        """Return the given options as JSON."""
        named = {name: getattr(self, name) for name in self.__slots__ if not name.endswith("_us")}
        times = (("since", self.since_us), ("until", self.until_us))
        value = {name: list(item) if isinstance(item, tuple) else item for name, item in named.items() if item}
        return value | {name: rfc3339(time_us) for name, time_us in times if time_us}


def search_of(value: Mapping[str, Any]) -> Search:
    """Return the search that an entry announces. Raises `Malformed` for options that this version does not know."""
    options: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in value.items()}
    for name in ("since", "until"):
        if name in options:
            options[f"{name}_us"] = to_us(datetime.fromisoformat(str(options.pop(name))))
    if unknown := options.keys() - set(Search.__slots__):
        raise Malformed("the search `{name}` is not known", code="bad-search", where="detail", name=min(unknown))
    return Search(**options)
