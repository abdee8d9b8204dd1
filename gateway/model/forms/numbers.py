"""Numbers that people write in many ways: one compact form, and the check digits of public standards."""

from __future__ import annotations

import re
import unicodedata

_DROPPED = re.compile(
    r"[\s\-‐-―−_./\\,:;'\"()\[\]<>·・、。၊။។\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+"
)
_OLD_RIC = re.compile(r"[1-8]\d{5}\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}", re.ASCII)
_OLD_RIC_SIGNS = 15
_CENTENARIANS = "996"
"""From this serial number on, an old Chinese number was given to persons who were born before 1900."""

_LETTER_VALUES = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (n for n in range(10, 39) if n % 11), strict=True))
_RIC_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def ascii_digits(text: str) -> str:
    """Return `text` in NFKC, its decimal digits of any script (Thai, Lao, Khmer, Burmese, full width) as ASCII."""
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text))
    return "".join(_ascii_digit(character) for character in folded)


def compact(text: str) -> str:
    """Return `text` without blanks, punctuation and invisible characters, digits ASCII, letters upper case, in NFC."""
    # The sign for a number (№) is no letter of it, but NFKC would write it with two.
    return unicodedata.normalize("NFC", _DROPPED.sub("", ascii_digits(text.replace("№", ""))).upper())


def container_check_digit(owner_and_serial: str) -> int:
    """Return the check digit of four letters and six digits (ISO 6346, annex A)."""
    values = (_LETTER_VALUES[sign] if sign.isalpha() else int(sign) for sign in owner_and_serial)
    return sum(value << place for place, value in enumerate(values)) % 11 % 10


def thai_pin_check_digit(digits: str) -> int:
    """Return the check digit of the first twelve digits of a Thai identity number (modulus 11)."""
    return (11 - sum(int(digit) * (13 - place) for place, digit in enumerate(digits[:12])) % 11) % 10


def chinese_check_character(digits: str) -> str:
    """Return the check character of the first 17 digits of a Chinese identity number (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, _RIC_WEIGHTS, strict=True))
    return "10X98765432"[total % 11]


def chinese_full_number(number: str) -> str:
    """Return the 18 signs of a Chinese identity number of 15 digits (GB 11643-1999); any other text as it is.

    Serial numbers of persons who were born before 1900 are left as they are: they do not say which century.
    """
    if len(number) != _OLD_RIC_SIGNS or not _OLD_RIC.fullmatch(number) or number[12:] >= _CENTENARIANS:
        return number
    body = f"{number[:6]}19{number[6:]}"
    return body + chinese_check_character(body)


def imo_check_digit(digits: str) -> int:
    """Return the check digit of the first six digits of an IMO ship number (resolution A.1117)."""
    return sum(int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1), strict=True)) % 10


def mrz_check_digit(characters: str) -> int:
    """Return the check digit of `A-Z0-9<` (ICAO Doc 9303-3, 4.9): weights 7, 3, 1; `<` counts as 0."""
    return sum(_mrz_value(sign) * (7, 3, 1)[place % 3] for place, sign in enumerate(characters)) % 10


def _mrz_value(sign: str) -> int:
    return 0 if sign == "<" else int(sign, 36)


def _ascii_digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
