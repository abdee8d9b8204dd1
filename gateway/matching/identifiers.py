"""Keys of identifiers, and the match of a query by number with what a record holds.

Keys: two ways to write the same number or plate give the same key.

Native digits become ASCII, blanks, hyphens and invisible characters go, letters become upper case. A number of a
scheme that has several forms gets one: a registration card of Myanmar is written in Latin letters, a Chinese number has
18 signs, a plate stands without its province. Placeholders for a missing number (`-`, `N/A`, `000000000`) give an empty
key: it is not usable.

What tells two numbers of one key apart is the detail: issuer, scheme, province and country, and the Burmese letters of
a township where its Latin syllables are those of another one, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from gateway.errors import Malformed
from gateway.matching.scripts import tables
from gateway.model.forms.nrc import read_card
from gateway.model.forms.numbers import chinese_full_number, compact
from gateway.model.forms.phones import phone_form
from gateway.model.forms.plates import province_form, split_plate
from gateway.model.forms.vessels import MARK, MEMBERS, numbers_of, vessel_form
from gateway.model.hit import Match, Quality
from gateway.model.query import Number, NumberQuery, Question, VesselQuery

_SURE, _LIKELY = 1.0, 0.95
_SEPARATORS = str.maketrans("", "", "/._")


class AskedNumber(msgspec.Struct, frozen=True):
    """What a query by number asks for: the search key of a mapping that holds it, its key, and its detail.

    The detail is the issuer, the scheme, province and country, or of a vessel the kind of the number and the flag.
    """

    held_as: str
    key: str
    detail: str
    matches: tuple[Match, Match]

    def match(self, held: str) -> Match | None:
        """Return the match with the same number of the detail `held`; None where the details differ."""
        fit = _WAYS[self.held_as].compare(self.detail, held)
        return None if fit is None else self.matches[fit]

    @property
    def subject(self) -> str:
        """The number with what it is unique only with; what an asker may leave out is not in it."""
        part = _WAYS[self.held_as].part
        return self.key if part is None else f"{self.key} {part(self.detail)}".rstrip()


@lru_cache(maxsize=512)
def numbers_in(query: Question) -> tuple[AskedNumber, ...]:
    """Return the numbers that `query` asks for, without those that have no letters or digits."""
    return tuple(asked for number in query.numbers if (asked := _asked(number)).key)


def asked_numbers(query: Question) -> tuple[AskedNumber, ...]:
    """Return the numbers that `query` asks for; nothing for one by name alone, or by words.

    Raises `Malformed` where it asks for numbers and for no name, and none has letters or digits.
    """
    numbers = numbers_in(query)
    if not numbers and query.numbers and query.named is None:
        where = "query.number" if isinstance(query, NumberQuery) else "query"
        raise Malformed("the number has no letters or digits", code="bad-query", where=where)
    return numbers


@lru_cache(maxsize=512)
def asked_number(query: NumberQuery) -> AskedNumber:
    """Return what a query by one number asks for. Raises `Malformed` for a number without letters or digits."""
    return asked_numbers(query)[0]


def members_asked(query: VesselQuery) -> set[str]:
    """Return the members of a record that may say whether it is the vessel that a query asks for."""
    kinds = {each.detail.partition("|")[0] for each in asked_numbers(query)}
    return {member for kind in kinds for member in MEMBERS[kind]} | ({"name"} if query.name else set())


def _vessel(text: str, kind: str, flag: str) -> tuple[str, str]:
    """Return the key of a vessel's number, and its detail: its kind, empty where it is not known, and the flag."""
    key = vessel_form(text)
    return "" if _is_junk(key) else key, f"{kind}|{flag.upper()}"


def _phone(text: str, country: str) -> tuple[str, str]:
    """Return the key of a telephone number, which is its national number, and its calling code."""
    code, number = phone_form(text, country)
    return "" if _is_junk(number) else number, code


def _asked(number: Number) -> AskedNumber:
    way = _WAYS[number.held_as]
    return AskedNumber(number.held_as, *way.read(number.text, number.item, number.sort), way.matches)


def held_number(text: str, held_as: str, item: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and the detail of a number under the search key `held_as`; `item` has its further members."""
    return _WAYS[held_as].read(text, item, "")


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name, "")
    return value if isinstance(value, str) else ""


def _with_issuer(number: str, issuer: str) -> tuple[str, str]:
    key, letters = _key_and_letters(number)
    return key, f"{issuer.upper()}|{letters}" if letters else issuer.upper()


def held_numbers(search: Mapping[str, Any], held_as: str) -> Iterator[tuple[str, str]]:
    """Yield the key and the detail of each number that a record is found by under the search key `held_as`."""
    for item in held_items(search.get(held_as)):
        if isinstance(item, str):
            yield held_number(item, held_as, {})
        elif held_as == "vessels":
            yield from (_vessel(text, kind, _text(item, "flag")) for kind, text in numbers_of(item))
        else:
            yield held_number(item[_WAYS[held_as].member], held_as, item)


def held_items(value: Any) -> list[Any]:
    """Return the items of a value that may be a list, one item, or missing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@lru_cache(maxsize=16384)
def plate_number(text: str, province: str = "", country: str = "") -> tuple[str, str]:
    """Return the key of a plate and its detail: province and country, each of them empty where it is not known.

    The province is in `province` or, where that is empty, with the plate in `text`.
    """
    number, stood_with = split_plate(text)
    key = "" if _is_junk(number) else number
    return key, f"{province_key(province or stood_with)}|{country.casefold()}"


def _compare_details(asked: str, held: str) -> bool | None:
    """Return True if both are equal, False if one is missing, None if they differ."""
    if asked == held and "|" not in asked:
        return bool(asked)
    asked, _, asked_letters = asked.partition("|")
    held, _, held_letters = held.partition("|")
    if asked_letters and held_letters and asked_letters != held_letters:
        return None
    return _compare(asked, held)


def _compare(asked: str, held: str) -> bool | None:
    """Compare two issuers, schemes or provinces; `CCCD` is the scheme `VNM-CCCD` without its country."""
    if not asked or not held:
        return False
    return True if asked == held or asked.endswith(f"-{held}") or held.endswith(f"-{asked}") else None


def _compare_plates(asked: str, held: str) -> bool | None:
    """Compare as `_compare_details`; other scripts, or a short code beside a name, are no conflict."""
    province, _, country = asked.partition("|")
    held_province, _, held_country = held.partition("|")
    if country and len(country) == len(held_country) and country != held_country:
        return None
    is_code, is_held_code = len(province) <= _CODE, len(held_province) <= _CODE
    if province.isascii() != held_province.isascii() or (province.isascii() and is_code != is_held_code):
        return False
    return _compare(province, held_province)


def _compare_vessels(asked: str, held: str) -> bool | None:
    """Compare as `_compare_details`: a mark counts under its flag, while IMO number and MMSI name the ship itself."""
    kind, _, flag = asked.partition("|")
    held_kind, _, held_flag = held.partition("|")
    if held_kind and kind != held_kind:
        return None
    if kind != MARK:
        return True
    if not flag or len(flag) != len(held_flag):
        return False
    return True if flag == held_flag else None


_CODE = 3
"""The most letters of a code that stands for a province: `YGN` is Yangon."""


def number_key(text: str) -> str:
    """Return the key of a document's, person's or container's number; empty when it is not usable.

    Letters of any script are kept; a container stands with its check digit as written.
    """
    return _key_and_letters(text)[0]


def case_key(text: str) -> str:
    """Return the key of a case number: countries part its year and its counter with different signs."""
    return number_key(text.translate(_SEPARATORS))


@lru_cache(maxsize=16384)
def _key_and_letters(text: str) -> tuple[str, str]:
    """Return the key of a number and, of a card of Myanmar, the Burmese letters of its township, if one is certain."""
    key = compact(text)
    if _is_junk(key):
        return "", ""
    card = read_card(key)
    return (card.key, card.letters) if card else (chinese_full_number(key), "")


@lru_cache(maxsize=4096)
def province_key(province: str) -> str:
    """Return the key of a plate's province: without the word for province, blanks and case. Empty when not usable."""
    key = province_form(province)
    return "" if _is_junk(key) else key


def _is_junk(key: str) -> bool:
    """Tell whether a key is empty, one repeated character (`000000000`, `XXX`, `???`), or a word for "no number"."""
    if len(key) < 2:
        return True
    if len(set(key)) == 1 and (key[0] in "0X*?" or len(key) > 5):
        return True
    return not any(character.isalnum() for character in key) or key in tables.mapping("no_number")


# ---------------------------------------------------------------- how numbers are read, by their search key


class _Way(NamedTuple):
    """How numbers under one search key are read and compared, and where records say them.

    `read` makes key and detail of a text, its item and, for a vessel, the sort of number. `fields` are those of each
    record type that say whom or what it is about. `compare` tells whether two details are equal (True), leave it open
    (False) or differ (None). `part` returns the part of a detail without which the number is not unique, if there is
    one; `member` is the member of an item that holds the number. `also` are further fields that may say it: agencies
    search them together, and they contradict nothing.
    """

    matches: tuple[Match, Match]
    read: Callable[[str, Mapping[str, Any], str], tuple[str, str]]
    fields: Mapping[str, tuple[str, ...]]
    compare: Callable[[str, str], bool | None] = _compare_details
    member: str = "number"
    part: Callable[[str], str] | None = None
    also: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def _exact(rule: str, detail_rule: str) -> tuple[Match, Match]:
    """Return the matches for the number alone, and for the number with its issuer (scheme, province)."""
    return Match(Quality.EXACT_ID, _LIKELY, (rule,)), Match(Quality.EXACT_ID, _SURE, (rule, detail_rule))


def _alone(score: float, rule: str) -> tuple[Match, Match]:
    return (Match(Quality.EXACT_ID, score, (rule,)),) * 2


_WAYS: Mapping[str, _Way] = {
    "documents": _Way(
        _exact("document-number", "document-issuer"),
        lambda text, item, _: _with_issuer(text, _text(item, "issuer")),
        {
            "Person": ("documents",),
            "Alert": ("identifiers", "objects"),
            "TravelDocument": ("number",),
            "BorderCrossing": ("document",),
            "VisaResidence": ("document",),
            "Seizure": ("persons",),
        },
        also={"Person": ("national_ids",), "VisaResidence": ("number",)},
    ),
    "national_ids": _Way(
        _exact("national-id", "national-id-scheme"),
        lambda text, item, _: _with_issuer(text, _text(item, "scheme")),
        {"Person": ("national_ids",), "Alert": ("identifiers",), "Seizure": ("persons",)},
        also={"Person": ("documents",)},
    ),
    "plates": _Way(
        _exact("plate", "plate-province"),
        lambda text, item, _: plate_number(text, _text(item, "province"), _text(item, "country")),
        {
            "Vehicle": ("plate",),
            "BorderCrossing": ("vehicle",),
            "Seizure": ("vehicles",),
            "Alert": ("objects",),
            "Consignment": ("transport",),
        },
        compare=_compare_plates,
        member="plate",
        part=lambda detail: detail.partition("|")[0],
        also={"Vehicle": ("vin",)},
    ),
    "containers": _Way(
        _alone(_SURE, "container-number"),
        lambda text, _item, _: (number_key(text), ""),
        {"Consignment": ("containers",), "Seizure": ("containers",), "Alert": ("objects",)},
    ),
    "cases": _Way(
        _alone(_LIKELY, "case-number"),
        lambda text, _item, _: (case_key(text), ""),
        {"CaseReference": ("case_number",)},
    ),
    "phones": _Way(
        _exact("phone-number", "phone-country"),
        lambda text, item, _: _phone(text, _text(item, "country")),
        {"Person": ("phones",)},
    ),
    "vessels": _Way(
        _exact("vessel-number", "vessel-flag"),
        lambda text, item, sort: _vessel(text, sort, _text(item, "flag")),
        {"Vessel": tuple(name for names in MEMBERS.values() for name in names), "Alert": ("objects",)},
        compare=_compare_vessels,
    ),
}

NUMBER_FIELDS = MappingProxyType({key: way.fields for key, way in _WAYS.items()})
"""The fields of each record type that say whom or what it is about, by the search key of mappings."""

FURTHER_FIELDS = MappingProxyType({key: way.also for key, way in _WAYS.items()})
"""Further fields that may say it, by the search key of mappings."""

NUMBERED = tuple(_WAYS)
"""The search keys of mappings under which numbers are held."""
