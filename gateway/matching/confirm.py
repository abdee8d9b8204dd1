"""Match a record that was read from its source with the question again: what is signed is what was asked.

The key index says what a source held when it was read last. A source may since have changed a row, or give another
person's record under its key. So the fields of the record itself are compared with the question, and so are the values
by which the source finds it, where the source tells them. The asker compares what it was shown in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from gateway.matching.dates import compare_births
from gateway.matching.identifiers import (
    FURTHER_FIELDS,
    NUMBER_FIELDS,
    AskedNumber,
    asked_number,
    asked_numbers,
    held_items,
    held_number,
    held_numbers,
    members_asked,
    number_key,
)
from gateway.matching.method_reports import judge_report
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.scripts.cost import name_cost
from gateway.matching.similarity import ROMANISED
from gateway.matching.thresholds import WIDE, Thresholds
from gateway.model.forms.numbers import compact
from gateway.model.forms.vessels import MEMBERS, named_alike
from gateway.model.hit import Match, Quality, SourceRecord, Verdict
from gateway.model.query import MAX_NAMES, NumberQuery, PersonQuery, Query, QueryKind, VesselQuery
from gateway.model.values import NameForm, PartialDate

RECORD_CHANGED = "record-changed"
"""The code of a record that was found, and is read as one about another subject."""


_NAMES: Mapping[str, tuple[str, ...]] = {
    "Person": ("names",),
    "Alert": ("names",),
    "TravelDocument": ("holder_name",),
    "BorderCrossing": ("person_name",),
    "VisaResidence": ("holder_name",),
    "Seizure": ("persons",),
    "Consignment": ("consignor", "consignee", "declarant"),
}
_BIRTHS = frozenset({"Person", "Alert", "TravelDocument", "VisaResidence"})
_FURTHER_NAMES: Mapping[str, tuple[str, ...]] = {"VisaResidence": ("sponsor",)}
"""Further fields with a name, which contradict nothing."""

_NAMING = re.compile("name|text|romanised")
_BETWEEN = re.compile(r"[;/|()\n]")
_MASKS = frozenset("*•")
_WORD = re.compile(r"[^\s,;/()|]+")
_MAX_WORDS = 24
_MAX_NUMBER = 80
"""The most signs among which a number in another form is looked for."""

_MAX_NAMES = 128
_MAX_COST = 1_600
"""The cost of names of one record that are compared at most (`name_cost`); a counterpart chooses them."""

_ORDER = {quality: place for place, quality in enumerate(Quality)}


def confirm(query: Query, record: SourceRecord, thresholds: Thresholds) -> Match | None:
    """Return the match of a record, as it was read, with the question; None when it is about another subject.

    Its quality is what the record's own fields bear out: a record that does not say it is POSSIBLE at most, unless its
    type has no field for it.
    """
    said = judge(query, record.record_type, record.fields, thresholds, record.search)
    if record.search is None or not query.of_agencies:
        return _unsaid() if said is Verdict.SILENT else said if isinstance(said, Match) else None
    held = _judge_search(query, record.search, record.fields, thresholds)
    if not isinstance(held, Match):
        return None
    if said is Verdict.OTHER and not _is_one(record):
        return None
    if said is Verdict.SILENT and not _has_field(query, record.record_type):
        return held
    return weaker(held, said if isinstance(said, Match) else _unsaid(held))


def weaker(one: Match, other: Match) -> Match:
    """Return the match of less quality; of two equal ones that of the likelier name, else the first."""
    if one is other:  # two matches of one number are
        return one
    if one.quality is other.quality:
        return other if _likelier(other) > _likelier(one) else one
    return other if _ORDER[other.quality] > _ORDER[one.quality] else one


def _likelier(match: Match) -> tuple[float, bool]:
    """Return the rank of a match among those of its quality: its reason is that of the form that matched best."""
    return match.score, ROMANISED not in match.rules


def judge(
    query: Query,
    record_type: str,
    fields: Mapping[str, Any],
    thresholds: Thresholds = WIDE,
    search: Mapping[str, Any] | None = None,
    *,
    whole: bool = True,
) -> Match | Verdict:
    """Return the match of fields of a record with the question, or the verdict where there is none.

    A birth date for which the record type has no field is taken from `search`. `whole` is False for fields of which
    some may be withheld.
    """
    if isinstance(query, NumberQuery):
        return _judge_number(asked_number(query), record_type, fields, whole)
    return _JUDGES[query.kind](query, _Said(record_type, fields, thresholds, search, whole))


class _Said(NamedTuple):
    """Holds what a record says, and how likely a match must be; `whole` is False where fields may be withheld."""

    record_type: str
    fields: Mapping[str, Any]
    thresholds: Thresholds
    search: Mapping[str, Any] | None
    whole: bool


def _judge_vessel(query: VesselQuery, said: _Said) -> Match | Verdict:
    record_type, fields, thresholds, _, whole = said
    numbers = (_judge_number(asked, record_type, fields, whole) for asked in asked_numbers(query))
    found = _surest([*numbers, _judge_vessel_name(query, _vessel_names(record_type, fields), thresholds)])
    is_open = found is Verdict.OTHER and not whole and not members_asked(query) <= fields.keys()
    return Verdict.SILENT if is_open else found


def _judge_person(query: PersonQuery, of: _Said) -> Match | Verdict:
    record_type, fields, thresholds, search, whole = of
    names = list(_affordable(_names(record_type, fields)))
    source = fields if record_type in _BIRTHS else search or {}
    features = held_features({"names": names, "birth": source.get("birth")}, fields)
    if names:
        said = any(field in fields for field in _NAMES.get(record_type, ()))
        return score_person(query, features, thresholds) or _unlike(said, "names", record_type, fields, whole)
    is_other = thresholds.floor(compare_births(query.birth, features.birth)) > 1
    return Verdict.OTHER if is_other else Verdict.SILENT


_JUDGES: Mapping[QueryKind, Callable[[Any, _Said], Match | Verdict]] = {
    QueryKind.PERSON: _judge_person,
    QueryKind.VESSEL: _judge_vessel,
    QueryKind.REPORT: lambda query, said: judge_report(
        query, said.record_type, said.fields, said.search, whole=said.whole
    ),
}
"""Compares the fields of a record with a question that has more than one number, by its kind."""


def _also(held_as: str, record_type: str) -> tuple[str, ...]:
    return (_FURTHER_NAMES if held_as == "names" else FURTHER_FIELDS[held_as]).get(record_type, ())


def _unlike(is_other: bool, held_as: str, record_type: str, fields: Mapping[str, Any], whole: bool) -> Verdict:
    """Return the verdict on fields that do not match: a further field that was withheld might have matched."""
    is_open = not whole and any(field not in fields for field in _also(held_as, record_type))
    return Verdict.OTHER if is_other and not is_open else Verdict.SILENT


def _judge_search(
    query: Query, search: Mapping[str, Any], fields: Mapping[str, Any], thresholds: Thresholds
) -> Match | Verdict:
    """Return the match of the values by which the source finds a record."""
    if isinstance(query, PersonQuery):
        if not held_names(search):
            return Verdict.SILENT
        return score_person(query, held_features(search, fields), thresholds) or Verdict.OTHER
    if isinstance(query, NumberQuery):
        return _held_match(asked_number(query), search)
    if not isinstance(query, VesselQuery):  # reports are found in the node's own library
        return Verdict.SILENT
    numbers = (_held_match(asked, search) for asked in asked_numbers(query))
    return _surest([*numbers, _judge_vessel_name(query, held_names(search, "vessel_names"), thresholds)])


def _held_match(asked: AskedNumber, search: Mapping[str, Any]) -> Match | Verdict:
    matches = [asked.match(detail) for key, detail in held_numbers(search, asked.held_as) if key == asked.key]
    return _best(matches) or Verdict.OTHER


def _surest(verdicts: list[Match | Verdict]) -> Match | Verdict:
    """Return the surest match of what a query holds; without one, that it is another vessel if something says so."""
    if matches := [each for each in verdicts if isinstance(each, Match)]:
        return min(matches, key=lambda each: (_ORDER[each.quality], -each.score))
    return Verdict.OTHER if Verdict.OTHER in verdicts else Verdict.SILENT


def _unsaid(held: Match | None = None) -> Match:
    """Return the match of a record that does not say what it was found by."""
    return Match(Quality.POSSIBLE, held.score if held else 0.0, held.rules if held else ())


def _best(matches: list[Match | None]) -> Match | None:
    best: Match | None = None
    for match in matches:
        if match is not None and (best is None or match.score > best.score):
            best = match
    return best


# ---------------------------------------------------------------- persons


def held_names(search: Mapping[str, Any], held_as: str = "names") -> tuple[str, ...]:
    """Return the names of a person, or those of a vessel (`vessel_names`), by which a record is found."""
    return tuple(item if isinstance(item, str) else item["text"] for item in held_items(search.get(held_as)))


def _vessel_names(record_type: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a vessel that a record is about, or of the things that an alert is about."""
    things = (fields,) if record_type == "Vessel" else held_items(fields.get("objects"))
    names = (item.get("name") for item in things if isinstance(item, Mapping))
    return tuple(_affordable(text for name in names if name is not None for text in _texts(name, _NAMING)))


def of_vessel(match: Match) -> Match:
    """Return the match of a vessel's name without the words on a birth, which a person has and a vessel has not."""
    return Match(match.quality, match.score, tuple(rule for rule in match.rules if not rule.startswith("birth-")))


def _judge_vessel_name(query: VesselQuery, names: tuple[str, ...], thresholds: Thresholds) -> Match | Verdict:
    asked = query.named
    if asked is None or not names:
        return Verdict.SILENT
    alike = tuple(name for name in names if named_alike(query.name, name))
    match = score_person(asked, PersonFeatures(alike, None, "", ""), thresholds)
    return Verdict.OTHER if match is None else of_vessel(match)


def held_features(search: Mapping[str, Any], fields: Mapping[str, Any]) -> PersonFeatures:
    """Return the values of a record with which a query by name is compared."""
    birth = (search.get("birth") or {}).get("value", "")
    nationalities = fields.get("nationalities") or [""]
    father = next(iter(held_items(fields.get("father_name"))), "")
    return PersonFeatures(
        held_names(search),
        PartialDate(birth) if birth else None,
        fields.get("sex", ""),
        nationalities[0] if len(nationalities) == 1 else "",
        father if isinstance(father, str) else father["text"],
    )


def _names(record_type: str, fields: Mapping[str, Any]) -> Iterator[str]:
    for field in (*_NAMES.get(record_type, ()), *_also("names", record_type)):
        for item in held_items(fields.get(field)):
            for text in _texts(item, _NAMING):
                yield text
                if _BETWEEN.search(text):  # two spellings, several persons, or a remark
                    yield from (part for part in map(str.strip, _BETWEEN.split(text)) if part)


def _affordable(names: Iterator[str]) -> Iterator[str]:
    left = _MAX_COST
    for name in islice(names, _MAX_NAMES):
        left -= name_cost(name, left)
        if left < 0:
            return
        yield name


def _texts(item: Any, naming: re.Pattern[str] | None = None) -> Iterator[str]:
    """Yield the texts of an item: its members of such names, or all where there are none."""
    if isinstance(item, str):
        yield item
    elif isinstance(item, Mapping):
        texts = {name: text for name, text in item.items() if isinstance(text, str) and text}
        yield from [text for name, text in texts.items() if naming and naming.search(name)] or texts.values()


# ---------------------------------------------------------------- numbers


def _judge_number(asked: AskedNumber, record_type: str, fields: Mapping[str, Any], whole: bool) -> Match | Verdict:
    names = NUMBER_FIELDS[asked.held_as].get(record_type, ())
    if record_type == "Vessel":  # each of its fields holds one kind of number
        names = MEMBERS.get(asked.detail.partition("|")[0], ())
    held = list(_numbers(asked.held_as, names, fields))
    said = [asked.match(number.detail) for number in held if number.says(asked.key)]
    if (match := _best(said)) is not None:
        return match
    also = _numbers(asked.held_as, _also(asked.held_as, record_type), fields)
    if (match := _best([asked.match(number.detail) for number in also if number.says(asked.key)])) is not None:
        return match
    is_other = bool(said) or any(_is_number(number.text) for number in held)
    return _unlike(is_other, asked.held_as, record_type, fields, whole)


class _Number(NamedTuple):
    """A text of a record that may hold a number of one kind, with the key and the detail of all of it."""

    text: str
    held_as: str
    key: str
    detail: str

    def says(self, key: str) -> bool:
        """Tell whether the text is the number of this key, or has it among its words: `P VNM N 001234`."""
        if self.key == key:
            return True
        whole = compact(self.text)
        if key[_SHARED] not in whole:
            return False
        words = _WORD.findall(self.text)[:_MAX_WORDS]
        words = [_key(word, self.held_as) or word for word in words]
        runs = ("".join(words[first : last + 1]) for first in range(len(words)) for last in range(first, len(words)))
        short = (run for run in runs if len(run) <= _MAX_NUMBER)
        return any(run == key or _key(run, self.held_as) == key for run in short) or _stands_apart(whole, key)


_SHARED = slice(-6, -1)
"""The signs of a key that every form of its number has, without the check digit that an old form lacks."""


def _key(text: str, held_as: str) -> str:
    return held_number(text, held_as, {})[0]


def _numbers(held_as: str, names: Iterable[str], fields: Mapping[str, Any]) -> Iterator[_Number]:
    """Yield each text of these fields that may hold a number of this kind."""
    for field in names:
        for item in held_items(fields.get(field)):
            own = item if isinstance(item, Mapping) else fields
            yield from (_Number(text, held_as, *held_number(text, held_as, own)) for text in _texts(item))


def _is_number(text: str) -> bool:
    """Tell whether a text is a number at all, as a whole: no word such as `ROAD`, and nothing that is masked."""
    return any(sign.isdigit() for sign in number_key(text)) and _MASKS.isdisjoint(text)


def _stands_apart(whole: str, key: str) -> bool:
    """Tell whether the key is in the text between signs of another kind: `กข1234` before a province."""
    place = whole.find(key)
    while place >= 0:
        end = place + len(key)
        before = place == 0 or whole[place - 1].isdigit() != key[0].isdigit()
        after = end == len(whole) or whole[end].isdigit() != key[-1].isdigit()
        if before and after:
            return True
        place = whole.find(key, place + 1)
    return False


# ---------------------------------------------------------------- fields and search keys of one record


def _has_field(query: Query, record_type: str) -> bool:
    return any(record_type in (_NAMES if key == "names" else NUMBER_FIELDS.get(key, ())) for key in query.found_by)


def _is_one(record: SourceRecord) -> bool:
    """Tell whether fields that do not fit the question are still of the record that the search keys are of.

    A person may be found by a former name or number that is not a field of the record. It is the same record where it
    shares a number or a name with them.
    """
    search = record.search or {}
    vessels = held_names(search, "vessel_names")
    if _shares_number(record, search) or not set(vessels).isdisjoint(_vessel_names(record.record_type, record.fields)):
        return True
    names = list(_affordable(_names(record.record_type, record.fields)))
    held = held_features(search, record.fields)
    birth = held_features(record.fields, record.fields).birth if record.record_type in _BIRTHS else None
    if not names:
        return False
    if not set(names).isdisjoint(held.names):
        return WIDE.floor(compare_births(birth, held.birth)) <= 1
    return score_person(PersonQuery(tuple(map(NameForm, names[:MAX_NAMES])), birth), held, WIDE) is not None


def _shares_number(record: SourceRecord, search: Mapping[str, Any]) -> bool:
    for held_as, fields in NUMBER_FIELDS.items():
        keys = {key for key, _ in held_numbers(search, held_as) if key}
        names = (*fields.get(record.record_type, ()), *_also(held_as, record.record_type))
        if keys and any(number.says(key) for number in _numbers(held_as, names, record.fields) for key in keys):
            return True
    return False
