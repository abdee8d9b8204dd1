"""Registration plates of six countries, with letters of their own scripts.

Digits of any script become ASCII, blanks and hyphens go, letters stay in their script. Local letters after the
number are the province (a Thai plate is unique only with it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gateway.model.forms.numbers import compact
from gateway.records.identifiers.reading import Reading, bounded, refuse

_THAI, _LAO, _KHMER, _BURMESE = "ก-ฮ", "ກ-ຮ", "ក-អ", "က-အ"
_CHINESE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使"
_WORDS = re.compile("^(?:จังหวัด|ແຂວງ|ខេត្ត)")

_FORMS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "THA": re.compile(rf"(?P<series>\d?[{_THAI}]{{1,3}}|\d{{2}})(?P<number>\d{{1,4}})(?P<province>\D*)"),
        "LAO": re.compile(rf"(?P<series>[{_LAO}]{{2}})(?P<number>\d{{4}})(?P<province>\D*)"),
        "KHM": re.compile(rf"(?P<series>\d?(?:[A-Z]{{1,2}}|[{_KHMER}]{{1,2}}))(?P<number>\d{{4}})(?P<province>\D*)"),
        "MMR": re.compile(rf"(?P<province>[A-Z]{{3}})?(?P<series>\d?(?:[A-Z]{{1,2}}|[{_BURMESE}]))(?P<number>\d{{4}})"),
        "VNM": re.compile(r"(?P<province>\d{2})(?P<series>[A-ZĐ]{1,2}(?:\d(?=\d{5}))?)(?P<number>\d{4,5})"),
        "CHN": re.compile(
            rf"(?P<province>[{_CHINESE}])(?P<series>[A-Z])(?P<number>[A-Z0-9]{{4,6}}[A-Z0-9挂学警港澳]?)"
        ),
    }
)
COUNTRIES = tuple(_FORMS)
"""Countries whose plates can be read, ISO 3166-1 alpha-3."""

_SCRIPTS = (("Thai", "\u0e00", "\u0e7f"), ("Laoo", "\u0e80", "\u0eff"), ("Mymr", "\u1000", "\u109f"),
            ("Khmr", "\u1780", "\u17ff"), ("Hani", "\u4e00", "\u9fff"))  # fmt: skip
_BY_SCRIPT = {"Thai": "THA", "Laoo": "LAO", "Mymr": "MMR", "Khmr": "KHM", "Hani": "CHN"}


def read_plate(text: str, country: str = "") -> Reading:
    """Return the plate in `text`; an empty `country` (alpha-3) is guessed from the script.

    A plate of another form than its country's is still a plate, so that is a problem and not an error. Raises
    `Malformed` for a text without a letter or digit, or a country whose plates are not described here.
    """
    normal = compact(bounded(text, "plate", 80))
    if not any(sign.isalnum() for sign in normal):
        refuse("plate", "neither letters nor digits", "the plate as it is painted")
    if country and country not in _FORMS:
        refuse("plate", "plates of this country are not described", f"one of {', '.join(COUNTRIES)}")
    script = _script(normal)
    for each in (country,) if country else _candidates(script):
        if match := _FORMS[each].fullmatch(normal):
            return _reading(normal, script, each, match)
    expected = f"the plates of {country}" if country else "the plates of any country here"
    parts = {"script": script, "country": country}
    return Reading("plate", normal, parts, (f"it has not the form of {expected}",))


def _candidates(script: str) -> tuple[str, ...]:
    native = _BY_SCRIPT.get(script)
    return (native,) if native else ("VNM", "MMR", "KHM", "THA")


def _reading(normal: str, script: str, country: str, match: re.Match[str]) -> Reading:
    parts = {"script": script, "country": country, **match.groupdict("")}
    parts["province"] = _WORDS.sub("", parts["province"])
    alone = country == "THA" and not parts["province"]
    remarks = ("a Thai plate is unique only with its province",) if alone else ()
    return Reading("plate", normal, parts, remarks=remarks)


def _script(normal: str) -> str:
    for sign in normal:
        for name, first, last in _SCRIPTS:
            if first <= sign <= last:
                return name
    return "Latn" if any(sign.isalpha() for sign in normal) else ""
