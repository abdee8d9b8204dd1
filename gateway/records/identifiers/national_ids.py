"""National identity numbers: THA-PIN (Thailand), CHN-RIC (China, GB 11643), VNM-CCCD (Viet Nam), MMR-NRC (Myanmar)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from gateway.errors import Malformed
from gateway.model.forms.nrc import read_card, township_name
from gateway.model.forms.numbers import chinese_check_character, chinese_full_number, compact, thai_pin_check_digit
from gateway.model.values import PartialDate
from gateway.records import codes
from gateway.records.identifiers.reading import Reading, bounded, refuse

_KIND = "national-id"
_RIC_FORM = re.compile(r"\d{15}|\d{17}[\dX]", re.ASCII)
_PIN_CLASS = MappingProxyType(
    {
        "1": "Thai, birth registered in time",
        "2": "Thai, birth registered late",
        "3": "Thai or foreigner in the registers of 1984",
        "4": "Thai or foreigner who moved before the registers of 1984 were complete",
        "5": "Thai, entered later or restored",
        "6": "foreigner with temporary stay, or who entered unlawfully",
        "7": "child of a person of class 6, born in Thailand",
        "8": "foreigner with lasting stay, or naturalised",
        "0": "person without Thai nationality who was never registered",
    }
)

_STATES = (
    "Kachin", "Kayah", "Kayin", "Chin", "Sagaing", "Tanintharyi", "Bago", "Magway", "Mandalay or Nay Pyi Taw", "Mon",
    "Rakhine", "Yangon", "Shan", "Ayeyarwady",
)  # fmt: skip
_CARD_CLASS = MappingProxyType(
    {
        "N": "citizen",
        "E": "associate citizen",
        "P": "naturalised citizen",
        "T": "member of a religious order",
        "Y": "holder of a temporary card",
        "S": "holder of another card (စ)",
    }
)


def read_national_id(text: str, scheme: str, today: date) -> Reading:
    """Return the reading of `text` as a number of `scheme`; without one, of the scheme with numbers of this form.

    Raises `Malformed` when it is not such a number.
    """
    normal = compact(bounded(text, _KIND))
    if not scheme:
        scheme = (
            "MMR-NRC"
            if read_card(normal)
            else {13: "THA-PIN", 18: "CHN-RIC", 15: "CHN-RIC", 12: "VNM-CCCD"}.get(len(normal), "")
        )
    reader = _READERS.get(scheme)
    if reader is None:
        known = ", ".join(_READERS)
        refuse(_KIND, "no scheme has numbers of this form" if not scheme else "the scheme is not known", known)
    return reader(normal, today)


def _read_pin(normal: str, today: date) -> Reading:
    del today
    if not (len(normal) == 13 and normal.isascii() and normal.isdecimal()):
        refuse(_KIND, "not thirteen digits", "such as `1-2345-67890-12-1`")
    expected = str(thai_pin_check_digit(normal[:12]))
    problems = []
    if normal[0] not in _PIN_CLASS:
        problems.append("no Thai number begins with 9")
    if normal[12] != expected:
        problems.append(f"the last digit is {normal[12]}, but the twelve before it call for {expected}")
    parts = {
        "scheme": "THA-PIN",
        "shown": f"{normal[0]}-{normal[1:5]}-{normal[5:10]}-{normal[10:12]}-{normal[12]}",
        "class": _PIN_CLASS.get(normal[0], ""),
        "office": normal[1:5],
        "expected": expected,
    }
    return Reading("THA-PIN", normal, parts, tuple(problems))


def _read_ric(normal: str, today: date) -> Reading:
    if not _RIC_FORM.fullmatch(normal):
        refuse(_KIND, "not 17 digits with a digit or X, nor 15 digits", "such as `11010519491231002X`")
    old = len(normal) == 15
    body = f"{normal[:6]}19{normal[6:]}" if old else normal[:17]
    expected = chinese_check_character(body)
    problems, remarks = [], []
    full = chinese_full_number(normal)
    if full != normal:
        problems.append(f"the old form of 15 digits, out of use since 2013; today it would be {full}")
    elif old:
        problems.append("the old form of 15 digits, of a person who may have been born before 1900")
    elif normal[17] != expected:
        problems.append(f"the last sign is {normal[17]}, but the 17 before it call for {expected}")
    birth, wrong = _birth(body[6:14], today)
    problems += wrong
    if body[:2] not in codes.chinese_provinces():
        problems.append(f"no province has the code {body[:2]}")
    if body[14:17] == "000":
        remarks.append("the serial number 000 is not given out")
    parts: dict[str, Any] = {
        "scheme": "CHN-RIC",
        "province": codes.chinese_provinces().get(body[:2], ""),
        "region": body[:6],
        "birth": birth,
        "sex": "M" if int(body[16]) % 2 else "F",
        "expected": expected,
    }
    return Reading("CHN-RIC", full, parts, tuple(problems), tuple(remarks))


def _read_cccd(normal: str, today: date) -> Reading:
    if not (len(normal) == 12 and normal.isascii() and normal.isdecimal()):
        refuse(_KIND, "not twelve digits", "such as `001085012345`")
    century, female = divmod(int(normal[3]), 2)
    year = 1900 + 100 * century + int(normal[4:6])
    problems = [f"the year of birth {year} is still to come"] if year > today.year else []
    parts = {
        "scheme": "VNM-CCCD",
        "province": normal[:3],
        "birth": str(year),
        "sex": "F" if female else "M",
    }
    return Reading("VNM-CCCD", normal, parts, tuple(problems), ("the number has no check digit",))


def _read_nrc(normal: str, today: date) -> Reading:
    del today
    card = read_card(normal)
    if card is None:
        refuse(_KIND, "not the number of a registration card of Myanmar", "such as `12/LAMATA(N)123456`")
    township = township_name(card)
    parts = {
        "scheme": "MMR-NRC",
        "shown": f"{card.state}/{card.syllables}({card.kind}){card.serial}",
        "state": _STATES[card.state - 1],
        "township": township,
        "letters": card.letters,
        "class": _CARD_CLASS[card.kind],
    }
    remarks = () if township else (f"the list of townships has no {card.syllables} in {card.state}, or several",)
    return Reading("MMR-NRC", card.key, parts, remarks=remarks)


def _birth(digits: str, today: date) -> tuple[str, list[str]]:
    text = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
    try:
        first, _ = PartialDate(text).interval()
    except Malformed:
        return "", [f"the date of birth {text} is no day of the calendar"]
    return text, [f"the date of birth {text} is still to come"] if first > today else []


_READERS: Mapping[str, Callable[[str, date], Reading]] = MappingProxyType(
    {"THA-PIN": _read_pin, "CHN-RIC": _read_ric, "VNM-CCCD": _read_cccd, "MMR-NRC": _read_nrc}
)
SCHEMES = tuple(_READERS)
"""The schemes that can be read."""
