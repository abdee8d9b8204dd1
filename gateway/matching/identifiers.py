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
from typing import Any

import msgspec

from gateway.errors import Malformed
from gateway.matching.scripts import tables
from gateway.model.forms.nrc import read_card
from gateway.model.forms.numbers import chinese_full_number, compact
from gateway.model.forms.plates import province_form, split_plate
from gateway.model.forms.vessels import IMO, MARK, MEMBERS, MMSI, numbers_of, vessel_form
from gateway.model.hit import Match, Quality
from gateway.model.query import CaseQuery, ContainerQuery, DocumentQuery, NationalIdQuery, VehicleQuery, VesselQuery

IdentifierQuery = DocumentQuery | NationalIdQuery | VehicleQuery | ContainerQuery | CaseQuery

_SURE, _LIKELY = 1.0, 0.95


def _exact(rule: str, detail_rule: str) -> tuple[Match, Match]:
    """Return the matches for the number alone, and for the number with its issuer (scheme, province)."""
    return Match(Quality.EXACT_ID, _LIKELY, (rule,)), Match(Quality.EXACT_ID, _SURE, (rule, detail_rule))


_DOCUMENT = _exact("document-number", "document-issuer")
_NATIONAL_ID = _exact("national-id", "national-id-scheme")
_PLATE = _exact("plate", "plate-province")
_CONTAINER = Match(Quality.EXACT_ID, _SURE, ("container-number",))
_VESSEL = _exact("vessel-number", "vessel-flag")
_CASE = Match(Quality.EXACT_ID, _LIKELY, ("case-number",))
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
        fit = _COMPARE.get(self.held_as, _compare_details)(self.detail, held)
        return None if fit is None else self.matches[fit]


@lru_cache(maxsize=512)
def asked_number(query: IdentifierQuery) -> AskedNumber:
    """Return what `query` asks for. Raises `Malformed` for a number without letters or digits."""
    asked = _asked(query)
    if not asked.key:
        raise Malformed("the number has no letters or digits", code="bad-query", where="query.number")
    return asked


@lru_cache(maxsize=512)
def vessel_numbers(query: VesselQuery) -> tuple[AskedNumber, ...]:
    """Return the numbers that a query for a vessel asks for; nothing for one by name alone.

    Raises `Malformed` where there is neither a name nor a number with letters or digits.
    """
    asked = ((IMO, query.imo), (MMSI, query.mmsi), (MARK, query.call_sign), (MARK, query.local_reg))
    found = [AskedNumber("vessels", *_vessel(text, kind, query.flag), _VESSEL) for kind, text in asked]
    numbers = tuple(each for each in found if each.key)
    if not numbers and not query.name:
        raise Malformed("the number has no letters or digits", code="bad-query", where="query")
    return numbers


def members_asked(query: VesselQuery) -> set[str]:
    """Return the members of a record that may say whether it is the vessel that a query asks for."""
    kinds = {each.detail.partition("|")[0] for each in vessel_numbers(query)}
    return {member for kind in kinds for member in MEMBERS[kind]} | ({"name"} if query.name else set())


def _vessel(text: str, kind: str, flag: str) -> tuple[str, str]:
    """Return the key of a vessel's number, and its detail: its kind, empty where it is not known, and the flag."""
    key = vessel_form(text)
    return "" if _is_junk(key) else key, f"{kind}|{flag.upper()}"


def _asked(query: IdentifierQuery) -> AskedNumber:
    if isinstance(query, DocumentQuery):
        return AskedNumber("documents", *_with_issuer(query.number, query.issuer.upper()), _DOCUMENT)
    if isinstance(query, VehicleQuery):
        return AskedNumber("plates", *plate_number(query.plate, query.province, query.country), _PLATE)
    if isinstance(query, NationalIdQuery):
        return AskedNumber("national_ids", *_with_issuer(query.number, query.scheme.upper()), _NATIONAL_ID)
    if isinstance(query, CaseQuery):
        return AskedNumber("cases", case_key(query.number), "", (_CASE, _CASE))
    return AskedNumber("containers", number_key(query.number), "", (_CONTAINER, _CONTAINER))


_ISSUERS = {"documents": "issuer", "national_ids": "scheme"}
"""The member of an item that tells two equal numbers apart, by search key."""


def held_number(text: str, held_as: str, item: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key and the detail of a number under the search key `held_as`; `item` has its further members."""
    if held_as == "plates":
        return plate_number(text, _text(item, "province"), _text(item, "country"))
    if held_as == "cases":
        return case_key(text), ""
    if held_as == "vessels":
        return _vessel(text, "", _text(item, "flag"))
    if held_as in _ISSUERS:
        return _with_issuer(text, _text(item, _ISSUERS[held_as]).upper())
    return number_key(text), ""


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name, "")
    return value if isinstance(value, str) else ""


def _with_issuer(number: str, issuer: str) -> tuple[str, str]:
    key, letters = _key_and_letters(number)
    return key, f"{issuer}|{letters}" if letters else issuer


def held_numbers(search: Mapping[str, Any], held_as: str) -> Iterator[tuple[str, str]]:
    """Yield the key and the detail of each number that a record is found by under the search key `held_as`."""
    for item in held_items(search.get(held_as)):
        if isinstance(item, str):
            yield held_number(item, held_as, {})
        elif held_as == "vessels":
            yield from (_vessel(text, kind, _text(item, "flag")) for kind, text in numbers_of(item))
        else:
            yield held_number(item["plate" if held_as == "plates" else "number"], held_as, item)


def held_items(value: Any) -> list[Any]:
    """Return the items of a value that may be a list, one item, or missing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@lru_cache(maxsize=16384)
def plate_number(text: str, province: str = "", country: str = "") -> tuple[str, str]:
    """Return the key of a plate and its detail: province and country, each of them empty where it is not known.

    The province stands in `province` or, where that is empty, with the plate in `text`.
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


_COMPARE: Mapping[str, Callable[[str, str], bool | None]] = {"plates": _compare_plates, "vessels": _compare_vessels}

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
