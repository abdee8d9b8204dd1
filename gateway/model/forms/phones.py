"""One form of telephone numbers: calling code and national number (E.164), however they are written.

People write a number with `+` and its calling code, or as it is dialled at home (`081-234 5678`). Both have the same
national number; the calling code tells it from that of another country.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gateway.errors import Malformed
from gateway.model.forms.numbers import ascii_digits, compact

CALLING: Mapping[str, str] = MappingProxyType(
    {
        "TH": "66", "LA": "856", "KH": "855", "MM": "95", "VN": "84", "CN": "86",
        "HK": "852", "MO": "853", "TW": "886", "MY": "60", "SG": "65", "ID": "62", "PH": "63", "BN": "673", "TL": "670",
        "IN": "91", "BD": "880", "NP": "977", "LK": "94", "PK": "92", "JP": "81", "KR": "82", "AU": "61", "NZ": "64",
        "GB": "44", "FR": "33", "DE": "49", "AE": "971",
    }
)  # fmt: skip
"""The calling code of each country (ISO 3166-1 alpha-2) whose numbers may be asked for as they are dialled there."""

_COUNTRIES = {code: country for country, code in CALLING.items()}
_LONGEST: Mapping[str, int] = {"66": 9, "855": 9, "856": 10, "95": 10, "84": 10, "86": 11}
"""The most figures of a national number, by calling code; a longer one begins with that."""

_LONGEST_ELSEWHERE = 11

_MOST = 15
PHONE = r"^(?:\+[1-9](?:[ -]?[0-9]){7,13}|0[1-9](?:[ -]?[0-9]){5,10})$"
"""How a number is written for other programs: what is written so is taken, without `+` together with its country."""

# `001` and `007` are dialled before the calling code in Thailand and Cambodia: `001 856` is Laos, not North America.
_ABROAD = re.compile(r"(?:TEL)?(?:\+|00(?![17]))(?P<number>[1-9]\d{6,14})", re.ASCII)
_AT_HOME = re.compile(r"0?(?P<number>[1-9]\d{5,13})", re.ASCII)
_OF_TWO = re.compile("20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
"""Calling codes of two figures (ITU-T E.164, annex); those that begin with 1 or 7 have one, all others three."""


def phone_form(text: str, country: str = "") -> tuple[str, str]:
    """Return the calling code and the national number of a text, which may be one of this country.

    The code is empty where neither says it, and both are empty for a text that is not a telephone number.
    """
    number = compact(ascii_digits(text).replace("(0)", ""))  # dialled at home only
    if found := _ABROAD.fullmatch(number):
        digits = found["number"]
        size = 1 if digits[0] in "17" else 2 if _OF_TWO.match(digits) else 3
        code, number = digits[:size], digits[size:]
        return code, number.removeprefix("0") if code in _COUNTRIES else number
    if not (found := _AT_HOME.fullmatch(number)):
        return "", ""
    code, number = CALLING.get(country.upper(), ""), found["number"]
    if code and len(number) > _LONGEST.get(code, _LONGEST_ELSEWHERE):
        number = number.removeprefix(code)
    return (code, number) if len(code) + len(number) <= _MOST else ("", "")


def e164(text: str, country: str = "") -> str:
    """Return a number as `+66812345678`; empty where its calling code is not known, or where it is not a number."""
    code, number = phone_form(text, country)
    return f"+{code}{number}" if code else ""


def country_of(text: str) -> str:
    """Return the country (alpha-2) whose calling code a number has; empty where it has none of those that are known."""
    return _COUNTRIES.get(phone_form(text)[0], "")


def check_phone(number: str, country: str) -> None:
    """Raise `Malformed` for a number that cannot be read, and for a country whose calling code is not known."""
    if not e164(number, country) or (country and country not in CALLING):
        raise Malformed(
            "this is no telephone number, or the calling code of its country is not known",
            code="bad-query",
            where="query.number",
            remedy="with `+` and the calling code, such as `+66 81 234 5678`, or as it is dialled, with its country; "
            "without an extension",
        )
