"""Agreements: the legal basis that every question cites, as TOML documents of a national folder.

The statements of an agreement about a question become attributes, and the base policy's guards read them; all of them
are false for an unknown agreement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from gateway.clock import to_us
from gateway.config.toml import TomlTable
from gateway.errors import Malformed, Misconfigured
from gateway.model.names import MemberId, identifier, member_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QUERIES, QueryKind
from gateway.records.types import RECORD_TYPES
from policy.attributes import DeskAttributes, QuestionAttributes, qualified
from policy.bundle.desk import Asked, Clock, read_clocks
from policy.cache import ALWAYS, FOREVER_US, Window

_LAST_DAY = date(2199, 12, 31)
_KEYS = (
    "id", "title", "parties", "agencies", "record_types", "queries", "purposes", "offences", "valid_from",
    "valid_until", "articles",
)  # fmt: skip


_ABOUT: Mapping[str, str] = MappingProxyType({kind: each.about for kind, each in QUERIES.items()})


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement. `agencies` are named with their country (`th.police`); `validity` ends after its last day.

    `clocks` are times of the desk that it shortens.
    """

    id: str
    title: str
    parties: frozenset[str]
    agencies: frozenset[str]
    record_types: frozenset[str]
    queries: frozenset[str]
    purposes: frozenset[str]
    offences: frozenset[str]
    validity: Window
    articles: Mapping[str, str]
    clocks: Mapping[Asked, Clock] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Covers:
    """The cited agreement's coverage of a question, and the time for which it stays so."""

    known: bool = False
    current: bool = False
    agency: bool = False
    purpose: bool = False
    offence: bool = False
    query: bool = False
    window: Window = ALWAYS

    def as_context(self) -> dict[str, bool]:
        """Return the record `Covers` of the schema, each attribute under its path."""
        return {
            "covers.known": self.known,
            "covers.current": self.current,
            "covers.agency": self.agency,
            "covers.purpose": self.purpose,
            "covers.offence": self.offence,
            "covers.query": self.query,
        }


class Agreements:
    """The agreements of one member, by id."""

    def __init__(self, own: MemberId, agreements: Iterable[Agreement]) -> None:
        self._own = own
        self._by_id = {agreement.id: agreement for agreement in agreements}

    def __iter__(self) -> Iterator[Agreement]:
        return iter(self._by_id.values())

    def get(self, agreement_id: str) -> Agreement | None:
        """Return the agreement with this id, in force or not."""
        return self._by_id.get(agreement_id)

    def covers(self, question: QuestionAttributes, asker: MemberId, now_us: int) -> Covers:
        """Return the cited agreement's coverage of `question`; `asker` is the member whose officer asks."""
        agreement = self._by_id.get(question.agreement)
        if agreement is None:
            return Covers() if question.agreement else self._uncited(question, now_us)
        return Covers(
            known=True,
            current=now_us in agreement.validity,
            agency=self._between(agreement, question.counterpart)
            and qualified(asker, question.agency) in agreement.agencies,
            purpose=question.purpose in agreement.purposes,
            offence=question.offence in agreement.offences,
            query=question.query in agreement.queries,
            window=_unchanged(agreement.validity, now_us),
        )

    def covers_notice(self, notice: DeskAttributes, author: MemberId, now_us: int) -> Covers:
        """Return the cited agreement's coverage of a notice; it says nothing of a kind of query."""
        return self.covers(notice.as_question(), author, now_us)

    def covers_record(self, agreement_id: str, record_type: str, owner: str) -> tuple[bool, bool]:
        """Tell whether the agreement covers records of this type, and records of this agency of ours."""
        agreement = self._by_id.get(agreement_id)
        if agreement is None:
            return False, False
        return record_type in agreement.record_types, qualified(self._own, owner) in agreement.agencies

    def find(self, purpose: str, counterpart: MemberId, now_us: int) -> str:
        """Return the first id, in alphabetical order, of an agreement in force that covers both, or an empty text."""
        for name in sorted(self._by_id):
            agreement = self._by_id[name]
            if now_us in agreement.validity and purpose in agreement.purposes and self._between(agreement, counterpart):
                return name
        return ""

    def choose(self, question: QuestionAttributes, owners: Collection[str], now_us: int) -> str:
        """Return the id of the agreement to cite in a question of ours, or an empty text if none covers its purpose.

        `owners` are the agencies of the counterpart, within their country, whose records may answer. First comes the
        agreement that covers most of the question, then one that names an owner and the type of record that is asked
        for, then the one that names most owners, then the one with most record types, then the first by its id.
        """
        agency = qualified(self._own, question.agency)
        asked = {qualified(question.counterpart, owner) for owner in owners}

        def rank(one: Agreement) -> tuple[int, bool, int, int, str]:
            covered = (agency in one.agencies) + (question.offence in one.offences) + (question.query in one.queries)
            named = len(asked & one.agencies)
            releases = named > 0 and _ABOUT.get(question.query) in one.record_types
            return -covered, not releases, -named, -len(one.record_types), one.id

        fitting = [
            one
            for one in self._by_id.values()
            if now_us in one.validity and question.purpose in one.purposes and self._between(one, question.counterpart)
        ]
        return min(map(rank, fitting))[-1] if fitting else ""

    def _between(self, agreement: Agreement, counterpart: MemberId) -> bool:
        return {self._own, counterpart} <= agreement.parties and self._own != counterpart

    def _uncited(self, question: QuestionAttributes, now_us: int) -> Covers:
        """Return the coverage of a question that cites no agreement: nothing is covered.

        If that is because no common agreement covers the purpose, the refusal must say so: all guards hold except the
        purpose's.
        """
        shared = [one for one in self._by_id.values() if self._between(one, question.counterpart)]
        spans = [_unchanged(one.validity, now_us) for one in shared]
        window = Window(
            max((s.since_us for s in spans), default=0), min((s.until_us for s in spans), default=FOREVER_US)
        )
        in_force = [one for one in shared if now_us in one.validity]
        if not in_force or any(question.purpose in one.purposes for one in in_force):
            return Covers(window=window)
        return Covers(True, True, True, False, True, True, window)


def _unchanged(validity: Window, now_us: int) -> Window:
    """Return the time for which the validity stays as it is at `now_us`: not yet, now, or no more in force."""
    if now_us < validity.since_us:
        return Window(0, validity.since_us)
    if now_us < validity.until_us:
        return validity
    return Window(validity.until_us, FOREVER_US)


def read_agreement(document: TomlTable) -> Agreement:
    """Return the agreement in a document. Raises `Misconfigured` with file, line and term."""
    document.only(*_KEYS, "clock")
    parties = document.some("parties")
    agencies = document.some("agencies")
    agreement_id = document.text("id")
    try:
        identifier(agreement_id, "id")
        members = frozenset(member_id(party) for party in parties)
    except Malformed as error:
        raise Misconfigured(error.message, code="bad-policy", where=document.file, remedy=error.remedy) from error
    for agency in sorted(agencies):
        if agency.partition(".")[0] not in members or not agency.partition(".")[2]:
            document.fail(f"`{agency}` is no agency of a party", "agencies", agency, "such as `th.police`")
    name = Path(document.file).stem
    if agreement_id != name:
        document.fail(f"the id `{agreement_id}` is not the file's name", "id", remedy=f"call it `{name}`")
    return Agreement(
        id=agreement_id,
        title=document.text("title"),
        parties=members,
        agencies=agencies,
        record_types=document.some("record_types", RECORD_TYPES),
        queries=document.some("queries", list(QueryKind)),
        purposes=document.some("purposes", list(Purpose)),
        offences=document.some("offences", list(Offence)),
        validity=_validity(document),
        articles=_articles(document),
        clocks=read_clocks(document),
    )


def _validity(document: TomlTable) -> Window:
    first: date = document.get("valid_from", date)
    last: date = document.get("valid_until", date)
    if last < first:
        document.fail("`valid_until` is before `valid_from`", "valid_until")
    if last > _LAST_DAY:
        document.fail(f"`valid_until` is after {_LAST_DAY}", "valid_until", remedy="an agreement has an end")
    return Window(_midnight_us(first), _midnight_us(last + timedelta(days=1)))


def _midnight_us(day: date) -> int:
    return to_us(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _articles(document: TomlTable) -> dict[str, str]:
    articles = document.get("articles", dict)
    if not articles or not all(isinstance(text, str) for text in articles.values()):
        document.fail("`articles` must map numbers to texts", "articles")
    return dict(articles)
