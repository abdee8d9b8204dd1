"""Read the marks of what carries goods and people: containers, plates and ships.

A freight container has owner code, category, serial number and check digit (ISO 6346). Registration plates are those of
six countries, with letters of their own scripts. A ship has the IMO ship identification number (IMO resolution
A.1117(30)) and the MMSI (ITU-R M.585).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gateway.model.forms.numbers import compact, container_check_digit, imo_check_digit
from gateway.records.identifiers.reading import Reading, bounded, refuse

# ------------------------------------------------------------ freight containers


_FORM = re.compile(r"([A-Z]{3})([A-Z])(\d{6})(\d?)", re.ASCII)
_CATEGORIES = {"U": "freight container", "J": "detachable equipment", "Z": "trailer or chassis"}


def read_container(text: str) -> Reading:
    """Return the number in `text`, blanks and hyphens ignored. Raises `Malformed` for another form."""
    normal = compact(bounded(text, "container"))
    match = _FORM.fullmatch(normal)
    if match is None:
        refuse("container", "not four letters with six or seven digits", "such as `CSQU 305438-3`")
    owner, category, serial, given = match.groups()
    expected = str(container_check_digit(owner + category + serial))
    problems = []
    if category not in _CATEGORIES:
        problems.append(f"the fourth letter is `{category}`; it is U for a container, J or Z for its equipment")
    if not given:
        problems.append(f"the check digit is missing; it is {expected}")
    elif given != expected:
        problems.append(f"the check digit is {given}, but the number before it calls for {expected}")
    parts = {"owner": owner, "category": _CATEGORIES.get(category, ""), "serial": serial, "check_digit": given}
    return Reading("container", normal, parts | {"expected": expected}, tuple(problems))


# ------------------------------------------------------------ registration plates
# Digits of any script become ASCII, blanks and hyphens go, letters stay in their script. Local letters after the number
# are the province (a Thai plate is unique only with it).


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
_COUNTRIES = tuple(_FORMS)
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
        refuse("plate", "plates of this country are not described", f"one of {', '.join(_COUNTRIES)}")
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


# ------------------------------------------------------------ ships


_IMO = re.compile(r"(?:IMO)?(?:NO)?(\d{7})", re.ASCII)
_MMSI = re.compile(r"(?:MMSI)?([2-7]\d{8})", re.ASCII)


def read_imo(text: str) -> Reading:
    """Return the seven digits in `text`, with or without `IMO` before them. Raises `Malformed` for another number."""
    match = _IMO.fullmatch(compact(bounded(text, "imo")))
    if match is None:
        refuse("imo", "not seven digits", "such as `IMO 9074729`")
    digits = match[1]
    expected = str(imo_check_digit(digits[:6]))
    problems = []
    if digits[6] != expected:
        problems.append(f"the last digit is {digits[6]}, but the six before it call for {expected}")
    if len(set(digits)) == 1:
        problems.append("one digit only, repeated: filled in by somebody who had no number")
    return Reading("imo", digits, {"number": digits, "expected": expected}, tuple(problems))


def read_mmsi(text: str) -> Reading:
    """Return the nine digits of a ship station; there is no check digit, so only the form is checked."""
    match = _MMSI.fullmatch(compact(bounded(text, "mmsi")))
    if match is None:
        refuse("mmsi", "not nine digits that begin with 2 to 7", "such as `574001230`")
    return Reading("mmsi", match[1], {"country_digits": match[1][:3]})
