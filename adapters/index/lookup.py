"""From a typed query to rows of the key index, each with its match."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adapters.index.rows import KIND_OF, day_of_birth, read_features, swapped, word_and_year
from gateway.errors import Malformed
from gateway.matching.confirm import of_vessel
from gateway.matching.dates import BirthFit, window
from gateway.matching.identifiers import AskedNumber, asked_number, asked_numbers
from gateway.matching.keys import VESSEL, asked_word_keys, query_cost, query_keys, whole_keys
from gateway.matching.normal import normal_name
from gateway.matching.person import PersonFeatures, rough_score, score_person
from gateway.matching.similarity import compare_names
from gateway.matching.thresholds import USUAL, Thresholds
from gateway.model.forms.vessels import named_alike
from gateway.model.hit import Match
from gateway.model.marking import SubjectCategory
from gateway.model.query import NumberQuery, PersonQuery, QueryKind, VesselQuery
from gateway.storage.index.index_file import IndexRow
from gateway.storage.index.index_view import MIN_READ, Births, IndexView

MAX_EXACT = 256
"""The most rows that are read for one exact key."""

MAX_SCORED = 500
"""The most rows that are scored for one name; those that share most keys come first."""

MAX_BORN = 50
"""The same if the birth date rules out most rows unread: the rest share it, or nearly."""

MAX_COMPARED = 60
"""The most of these whose names are compared in full: those with the best rough score."""

_CHECK_EACH = 20

Found = tuple[str, str, int, SubjectCategory, int, Match]
"""Record type, source key, number of the class, category, last live day, match."""

_UNSPACED, _JOINED_NAMES = frozenset({"Thai", "Laoo", "Khmr", "Mymr", "Hani"}), frozenset({"Mymr", "Hani"})
_NAME_WORDS, _SAME_NAME, _SAME_ACROSS = 2, 0.93, 0.85
"""The fewest words of a name that is looked for in a text, and how alike the two must be, in one script or in two."""

_CATEGORIES = {category.value: category for category in SubjectCategory}


def identifier_candidates(view: IndexView, query: NumberQuery) -> tuple[list[Found], bool]:
    """Return rows with the query's number, except those whose issuer, scheme or province is known to be another."""
    asked = asked_number(query)
    return _fitting(asked, view.find(KIND_OF[asked.held_as], asked.key, MAX_EXACT))


def each_identifier_candidates(
    view: IndexView, queries: Sequence[NumberQuery]
) -> list[tuple[list[Found], bool] | Malformed]:
    """Return `identifier_candidates` of each query, by few look-ups; the error in the place of one without a number."""
    found: list[tuple[list[Found], bool] | Malformed] = []
    wanted = []
    for query in queries:
        try:
            wanted.append((len(found), asked_number(query)))
            found.append(([], False))
        except Malformed as error:
            found.append(error)
    looked_up = view.find_each([(KIND_OF[asked.held_as], asked.key) for _, asked in wanted], MAX_EXACT)
    for (place, asked), rows in zip(wanted, looked_up, strict=True):
        found[place] = _fitting(asked, rows)
    return found


def _fitting(asked: AskedNumber, rows: Sequence[IndexRow]) -> tuple[list[Found], bool]:
    if not rows:
        return [], False
    found: list[Found] = []
    for record_type, source_key, record_class, category, last_day, held in rows:
        match = asked.match(held)
        if match is not None:
            found.append((record_type, source_key, record_class, _CATEGORIES[category], last_day, match))
    return found, len(rows) == MAX_EXACT


MIN_COMPARED = 3
"""Comparisons that every query costs: time must not reveal one more similar row (design, section 5)."""

_FIT_COSTS = 4
"""Dummy comparisons that cost as much as reading, comparing and using a row that fits."""

_NOBODY = PersonFeatures(("MALI SINUAN", "មាលី ស៊ីណា", "มะลิ สีนวล"), None, "", "")
_NO_ROW: IndexRow = ("", "", 0, "", 0, json.dumps([_NOBODY.names, "", "", ""]))


def vessel_candidates(
    view: IndexView, query: VesselQuery, check: Callable[[], None], thresholds: Thresholds = USUAL
) -> tuple[list[Found], bool]:
    """Return rows with one of the query's numbers, then those with its name; each row once, by what is surest."""
    found: dict[tuple[str, str], Found] = {}
    is_cut = False
    numbers = asked_numbers(query)
    for asked in numbers:
        rows, cut = _fitting(asked, view.find(KIND_OF[asked.held_as], asked.key, MAX_EXACT))
        is_cut |= cut
        for row in sorted(rows, key=lambda row: -row[5].score):
            found.setdefault(row[:2], row)
    if (name := query.named) is not None and (query_keys(query.name) or not numbers):
        rows, cut = person_candidates(view, name, check, thresholds, VESSEL)
        is_cut |= cut
        for row in rows:
            found.setdefault(row[:2], (*row[:5], of_vessel(row[5])))
    return list(found.values()), is_cut


def person_candidates(
    view: IndexView, query: PersonQuery, check: Callable[[], None], thresholds: Thresholds = USUAL, kind: str = ""
) -> tuple[list[Found], bool]:
    """Return rows that share keys with a name of the query and fit it; `check` is called between names and rows.

    `kind` is what is before each key: of names of vessels `VESSEL`, of those of persons nothing.
    """
    query_cost(query)
    keys = {kind + key for key in _person_keys(query, check)}
    if not keys:
        raise Malformed("the name has nothing to search by", code="bad-query", where="query.names")
    births = window(query.birth) if query.birth else None
    near = Births(births.days, births.years) if births else None
    is_ruled_out = thresholds.floor(BirthFit.CONFLICT) > 1
    most = MAX_BORN if near and is_ruled_out else MAX_SCORED
    rows, cut = view.find_names(sorted(keys), most, near, only=is_ruled_out)
    found: list[Found] = []
    compared = 0
    for row, features in _closest(rows, query, check, thresholds, kind):
        check()
        compared += 1
        match = score_person(query, features, thresholds)
        if match is not None:
            found.append((row[0], row[1], row[2], _CATEGORIES[row[3]], row[4], match))
    for _ in range(compared, MIN_COMPARED + (0 if found else _FIT_COSTS)):
        score_person(query, _NOBODY, thresholds)
    is_last_found = len(rows) == most and bool(found) and found[-1][1] == rows[-1][1]
    return found, is_last_found or (cut and bool(found))


BY_NAME: Mapping[QueryKind, Callable[[IndexView, Any, Callable[[], None], Thresholds], tuple[list[Found], bool]]] = {
    QueryKind.PERSON: person_candidates,
    QueryKind.VESSEL: vessel_candidates,
}
"""Looks for the names of a question, by its kind."""


def is_held_name(view: IndexView, text: str) -> bool:
    """Tell whether a text is the whole name of a person in the index, in any script, however its words are joined."""
    keys = [key for key in whole_keys(text) if view.has_name(key)]
    if not keys:
        return False
    rows, _ = view.find_names(keys, MAX_SCORED)
    return any(_is_same_name(text, held) for row in rows for held in _features(row).names)


def _is_same_name(text: str, held: str) -> bool:
    """Tell whether a text says a held name; one word alone is none, but in a script without blanks between words."""
    name = normal_name(held)
    said = normal_name.__wrapped__(text)
    if name.script in _UNSPACED and name.script == said.script:
        return "".join(name.own) == "".join(said.own)
    if len(name.own) < _NAME_WORDS and name.script not in _JOINED_NAMES:
        return False
    return compare_names(said, name).score >= (_SAME_NAME if name.script == said.script else _SAME_ACROSS)


def _closest(
    rows: list[IndexRow], query: PersonQuery, check: Callable[[], None], thresholds: Thresholds, kind: str
) -> Iterator[tuple[IndexRow, PersonFeatures]]:
    """Return the rows that are worth a full comparison, in their order: of many, only those that look most alike."""
    rough: list[tuple[float, int, PersonFeatures]] = []
    for position, row in enumerate(rows):
        if not position % _CHECK_EACH:
            check()
        features = _features(row, query.names[0].text if kind == VESSEL else "")
        if score := rough_score(query, features, thresholds):
            rough.append((score, position, features))
    for _ in range(len(rows), MIN_READ):
        rough_score(query, _features(_NO_ROW), thresholds)
    if len(rough) > MAX_COMPARED:
        rough = sorted(rough, key=lambda item: (-item[0], item[1]))[:MAX_COMPARED]
    return ((rows[position], features) for _, position, features in sorted(rough, key=lambda item: item[1]))


def _person_keys(query: PersonQuery, check: Callable[[], None]) -> set[str]:
    keys: set[str] = set()
    for name in query.names:
        check()
        keys |= query_keys(name.text)
    if query.birth and keys:
        birth = query.birth.value
        keys |= {word_and_year(key, birth) for name in query.names for key in asked_word_keys(name.text)}
        if len(birth) == len("YYYY-MM-DD"):
            keys |= {day_of_birth(birth), day_of_birth(swapped(birth))}
    return keys


def _features(row: IndexRow, vessel: str = "") -> PersonFeatures:
    """Return the person of a row, or of the names that its vessel has those that may be the name `vessel`."""
    person, names = read_features(row[5])
    return (
        PersonFeatures(tuple(name for name in names if named_alike(vessel, name)), None, "", "") if vessel else person
    )
