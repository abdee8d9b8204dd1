"""Agreements: the legal basis that every question cites, as TOML documents of a national folder.

What an agreement says of a question becomes attributes, and the base policy's guards read them; all of them are
false for an agreement that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gateway.clock import to_us
from gateway.errors import Malformed, Misconfigured
from gateway.model.names import MemberId, identifier, member_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES
from policy.attributes import QuestionAttributes, qualified
from policy.bundle.toml_file import TomlFile
from policy.engine.cache import ALWAYS, FOREVER_US, Window

_LAST_DAY = date(2199, 12, 31)
_KEYS = frozenset(
    {
        "id",
        "title",
        "parties",
        "agencies",
        "record_types",
        "queries",
        "purposes",
        "offences",
        "valid_from",
        "valid_until",
        "articles",
    }
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement. `agencies` are named with their country (`th.police`); `validity` ends after its last day."""

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


@dataclass(frozen=True, slots=True)
class Covers:
    """What the cited agreement says of a question, and for how long that stays so."""

    known: bool = False
    current: bool = False
    agency: bool = False
    purpose: bool = False
    offence: bool = False
    query: bool = False
    window: Window = ALWAYS

    def as_context(self) -> dict[str, bool]:
        """The record `Covers` of the schema, each attribute under its path."""
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
        """The agreement called so, in force or not."""
        return self._by_id.get(agreement_id)

    def covers(self, question: QuestionAttributes, asker: MemberId, now_us: int) -> Covers:
        """What the agreement that `question` cites says of it; `asker` is whose officer asks."""
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

    def covers_record(self, agreement_id: str, record_type: str, owner: str) -> tuple[bool, bool]:
        """Whether the agreement covers records of this type, and of this agency of ours."""
        agreement = self._by_id.get(agreement_id)
        if agreement is None:
            return False, False
        return record_type in agreement.record_types, qualified(self._own, owner) in agreement.agencies

    def find(self, purpose: str, counterpart: MemberId, now_us: int) -> str:
        """The first id, in alphabetical order, of an agreement in force that covers both, or an empty text."""
        for name in sorted(self._by_id):
            agreement = self._by_id[name]
            if now_us in agreement.validity and purpose in agreement.purposes and self._between(agreement, counterpart):
                return name
        return ""

    def _between(self, agreement: Agreement, counterpart: MemberId) -> bool:
        return {self._own, counterpart} <= agreement.parties and self._own != counterpart

    def _uncited(self, question: QuestionAttributes, now_us: int) -> Covers:
        """Nothing is cited, so nothing is covered. Where that is because no agreement that both have covers the
        purpose, the refusal is to say so: all guards but that of the purpose hold."""
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
    """For how long it stays as it is at `now_us`: not yet, now, or no more in force."""
    if now_us < validity.since_us:
        return Window(0, validity.since_us)
    if now_us < validity.until_us:
        return validity
    return Window(validity.until_us, FOREVER_US)


def read_agreement(path: Path, data: bytes) -> Agreement:
    """The agreement in `data`, the bytes of `path`. Raises `Misconfigured` with file, line and term."""
    document = TomlFile(path, data)
    document.known_keys(_KEYS)
    parties = document.texts("parties")
    agencies = document.texts("agencies")
    agreement_id = document.value("id", str)
    try:
        identifier(agreement_id, "id")
        members = frozenset(member_id(party) for party in parties)
    except Malformed as error:
        raise Misconfigured(error.message, code="bad-policy", where=str(path), remedy=error.remedy) from error
    for agency in sorted(agencies):
        if agency.partition(".")[0] not in members or not agency.partition(".")[2]:
            raise document.wrong(f"`{agency}` is no agency of a party", agency, "such as `th.police`")
    if agreement_id != path.stem:
        raise document.wrong(f"the id `{agreement_id}` is not the file's name", agreement_id, f"call it `{path.stem}`")
    return Agreement(
        id=agreement_id,
        title=document.value("title", str),
        parties=members,
        agencies=agencies,
        record_types=document.listed("record_types", RECORD_TYPES),
        queries=document.listed("queries", [kind.value for kind in QueryKind]),
        purposes=document.listed("purposes", [purpose.value for purpose in Purpose]),
        offences=document.listed("offences", [offence.value for offence in Offence]),
        validity=_validity(document),
        articles=_articles(document),
    )


def _validity(document: TomlFile) -> Window:
    first: date = document.value("valid_from", date)
    last: date = document.value("valid_until", date)
    if last < first:
        raise document.wrong("`valid_until` is before `valid_from`", "valid_until")
    if last > _LAST_DAY:
        raise document.wrong(f"`valid_until` is after {_LAST_DAY}", "valid_until", "an agreement has an end")
    return Window(_midnight_us(first), _midnight_us(last + timedelta(days=1)))


def _midnight_us(day: date) -> int:
    return to_us(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _articles(document: TomlFile) -> dict[str, str]:
    articles = document.value("articles", dict)
    if not articles or not all(isinstance(text, str) for text in articles.values()):
        raise document.wrong("`articles` must map numbers to texts", "articles")
    return dict(articles)
