"""Keys of identifiers, and the match of a query by number with what a record holds.

Keys: two ways to write the same number or plate give the same key.

Native digits become ASCII, blanks, hyphens and invisible characters go, letters become upper case. Placeholders
for a missing number (`-`, `N/A`, `000000000`) give an empty key: it is not usable.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from gateway.errors import Malformed
from gateway.matching.scripts import tables
from gateway.model.hit import Match, Quality
from gateway.model.numbers import compact
from gateway.model.query import ContainerQuery, DocumentQuery, NationalIdQuery, VehicleQuery

_PROVINCE_WORDS = re.compile("^(?:จังหวัด|จ\\.|จ |ແຂວງ|ខេត្ត|រាជធានី|tỉnh |thành phố |tp\\.? ?)", re.IGNORECASE)

IdentifierQuery = DocumentQuery | NationalIdQuery | VehicleQuery | ContainerQuery

_SURE, _LIKELY = 1.0, 0.95


def _exact(rule: str, detail_rule: str) -> tuple[Match, Match]:
    """Return the matches for the number alone, and for the number with its issuer (scheme, province)."""
    return Match(Quality.EXACT_ID, _LIKELY, (rule,)), Match(Quality.EXACT_ID, _SURE, (rule, detail_rule))


_DOCUMENT = _exact("document-number", "document-issuer")
_NATIONAL_ID = _exact("national-id", "national-id-scheme")
_PLATE = _exact("plate", "plate-province")
_CONTAINER = Match(Quality.EXACT_ID, _SURE, ("container-number",))


class AskedNumber(msgspec.Struct, frozen=True):
    """What a query by number asks for: the search key of a mapping that holds it, its key, and its detail.

    The detail is the issuer, the scheme, or province and country.
    """

    held_as: str
    key: str
    detail: str
    matches: tuple[Match, Match]

    def match(self, held: str) -> Match | None:
        """Return the match with the same number of the detail `held`; None where the details differ."""
        fit = _compare_plates(self.detail, held) if self.held_as == "plates" else _compare_details(self.detail, held)
        return None if fit is None else self.matches[fit]


@lru_cache(maxsize=512)
def asked_number(query: IdentifierQuery) -> AskedNumber:
    """Return what `query` asks for. Raises `Malformed` for a number without letters or digits."""
    asked = _asked(query)
    if not asked.key:
        raise Malformed("the number has no letters or digits", code="bad-query", where="query.number")
    return asked


def _asked(query: IdentifierQuery) -> AskedNumber:
    if isinstance(query, DocumentQuery):
        return AskedNumber("documents", number_key(query.number), query.issuer.upper(), _DOCUMENT)
    if isinstance(query, VehicleQuery):
        return AskedNumber("plates", number_key(query.plate), plate_detail(query.province, query.country), _PLATE)
    if isinstance(query, NationalIdQuery):
        return AskedNumber("national_ids", number_key(query.number), query.scheme.upper(), _NATIONAL_ID)
    return AskedNumber("containers", number_key(query.number), "", (_CONTAINER, _CONTAINER))


def held_numbers(search: Mapping[str, Any], held_as: str) -> Iterator[tuple[str, str]]:
    """Yield the key and the detail of each number that a record is found by under the search key `held_as`."""
    for item in held_items(search.get(held_as)):
        if isinstance(item, str):
            yield number_key(item), plate_detail("", "") if held_as == "plates" else ""
        elif held_as == "plates":
            yield number_key(item["plate"]), plate_detail(item.get("province", ""), item.get("country", ""))
        else:
            detail = {"documents": "issuer", "national_ids": "scheme"}.get(held_as, "")
            yield number_key(item["number"]), item.get(detail, "")


def held_items(value: Any) -> list[Any]:
    """Return the items of a value that may be a list, one item, or missing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def plate_detail(province: str, country: str) -> str:
    """Return the province and country of a plate in a form that can be compared."""
    return f"{province_key(province)}|{country.casefold()}"


def _compare_details(asked: str, held: str) -> bool | None:
    """Return True if both are equal, False if one is missing, None if they differ."""
    if not asked or not held:
        return False
    return True if asked == held else None


def _compare_plates(asked: str, held: str) -> bool | None:
    """Compare as `_compare_details`; other scripts of provinces and lengths of country codes are no conflict."""
    province, _, country = asked.partition("|")
    held_province, _, held_country = held.partition("|")
    if country and len(country) == len(held_country) and country != held_country:
        return None
    if province.isascii() != held_province.isascii():
        return False
    return _compare_details(province, held_province)


@lru_cache(maxsize=16384)
def number_key(text: str) -> str:
    """Return the key of a document's, person's or container's number, or of a plate; empty when it is not usable.

    Letters of any script are kept; a plate stands without its province, a container with its check digit as written.
    """
    key = compact(text)
    return "" if _is_junk(key) else key


@lru_cache(maxsize=4096)
def province_key(province: str) -> str:
    """Return the key of a plate's province: without the word for province, blanks and case. Empty when not usable."""
    return number_key(_PROVINCE_WORDS.sub("", unicodedata.normalize("NFC", province).strip()))


def _is_junk(key: str) -> bool:
    """Tell whether a key is empty, one repeated character (`000000000`, `XXX`, `???`), or a word for "no number"."""
    if len(key) < 2:
        return True
    if len(set(key)) == 1 and (key[0] in "0X*?" or len(key) > 5):
        return True
    return not any(character.isalnum() for character in key) or key in tables.mapping("no_number")
