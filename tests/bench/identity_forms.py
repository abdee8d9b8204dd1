"""Draw identity and document numbers, and write each in one of the forms that people use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from types import MappingProxyType

from gateway.model.forms.numbers import chinese_check_character, thai_pin_check_digit

_DIGITS = tuple(
    str.maketrans("0123456789", native)
    for native in ("๐๑๒๓๔๕๖๗๘๙", "០១២៣៤៥៦៧៨៩", "໐໑໒໓໔໕໖໗໘໙", "၀၁၂၃၄၅၆၇၈၉", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９")
)
"""The digits of Thai, Khmer, Lao, Burmese and Arabic script, and of full width."""

_BURMESE = _DIGITS[3]
_NATIVE = 0.6
"""The part of numbers that are not in ASCII digits."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number: where it was given out, its serial, and the detail that a short form leaves out.

    The detail of a plate is its province; that of a card of Myanmar is the Burmese letters of its township.
    """

    area: tuple[str, ...]
    serial: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A number as somebody writes it, the province if it is apart, and whether the detail is in it."""

    text: str
    province: str = ""
    whole: bool = True


def _no_details(_: Number) -> Sequence[str]:
    return ("",)


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of number: how to draw one, how to write one, and which details may stand with it."""

    name: str
    held_as: str
    draw: Callable[[Random], Number]
    write: Callable[[Random, Number], Written]
    details: Callable[[Number], Sequence[str]] = _no_details


def table(name: str) -> list[list[str]]:
    """Return the rows of a table of `gateway.model.forms`."""
    text = resources.files("gateway.model.forms").joinpath(name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def in_any_digits(dice: Random, text: str) -> str:
    """Return `text` in the digits of a script."""
    return text.translate(dice.choice(_DIGITS)) if dice.random() < _NATIVE else text


def serial(dice: Random, digits: int) -> str:
    """Return a number of so many digits that is not zero."""
    return f"{dice.randrange(1, 10**digits):0{digits}d}"


_KINDS: Mapping[str, tuple[str, tuple[str, ...], int]] = MappingProxyType(
    {
        "N": ("နိုင်", ("N", "n", "NAING", "Naing"), 80),
        "E": ("ဧည့်", ("E",), 5),
        "P": ("ပြု", ("P",), 5),
        "T": ("သာသနာ", ("T",), 3),
        "Y": ("ယာယီ", ("Y",), 3),
        "S": ("စ", ("S",), 4),
    }
)
"""The kinds of cards of Myanmar in Burmese and in Latin letters, and how many of a hundred numbers have them."""

_SYLLABLE = re.compile(r"[B-DF-HJ-NP-TV-Z]*[AEIOU]+(?:H(?![AEIOU]))?")


_ONE_SOUND = (("HSA", "SA"), ("RA", "YA"))
"""Syllables of different letters that people spell alike."""

_ALIKE = 0.2
"""The part of cards whose township has the Latin syllables of another one."""


@cache
def _latin() -> Mapping[tuple[str, str], str]:
    """Return the Latin spelling of townships by state and Burmese letters."""
    return MappingProxyType({(state, letters): latin for state, letters, latin, _ in table("nrc_townships.tsv")})


@cache
def _townships() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return the Burmese letters of townships by state and sound."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for (state, letters), latin in _latin().items():
        for spelled, said in _ONE_SOUND:
            latin = latin.replace(spelled, said)
        found[state, latin] = (*found.get((state, latin), ()), letters)
    return MappingProxyType(found)


@cache
def _alike() -> tuple[tuple[str, str], ...]:
    return tuple(place for place, letters in _townships().items() if len(letters) > 1)


def _draw_card(dice: Random) -> Number:
    state, said = dice.choice(_alike() if dice.random() < _ALIKE else tuple(_townships()))
    kind = dice.choices(list(_KINDS), [weight for *_, weight in _KINDS.values()])[0]
    return Number((state, said, kind), serial(dice, 6), dice.choice(_townships()[state, said]))


def _card_details(card: Number) -> Sequence[str]:
    state, said, _ = card.area
    return _townships()[state, said]


def _write_card(dice: Random, card: Number) -> Written:
    state, _, kind = card.area
    burmese, latins, _ = _KINDS[kind]
    slash = dice.choice(("/", "/", " / ", "/ "))
    if dice.random() < 0.5:
        opening, closing = dice.choice((("(", ")"), (" (", ") ")))
        number = state if dice.random() < 0.9 else state.zfill(2)
        township = _cased(dice, _latin()[state, card.detail])
        return Written(f"{number}{slash}{township}{opening}{dice.choice(latins)}{closing}{card.serial}", whole=False)
    opening, closing = dice.choice((("(", ")"), (" (", ") "), ("（", "）")))
    letters = card.detail.replace("ဝ", dice.choice("၀ဝ"))
    digits = card.serial if dice.random() < 0.2 else card.serial.translate(_BURMESE)
    return Written(f"{state.translate(_BURMESE)}{slash}{letters}{opening}{burmese}{closing}{digits}")


def _cased(dice: Random, latin: str) -> str:
    camel = "".join(syllable.capitalize() for syllable in _SYLLABLE.findall(latin))
    return dice.choice((camel, camel, latin, latin.lower()))


_CHINESE_PROVINCES = ("11", "12", "13", "31", "32", "33", "44", "45", "46", "51", "52", "53", "54", "65")


def _draw_chinese(dice: Random) -> Number:
    region = f"{dice.choice(_CHINESE_PROVINCES)}{dice.randrange(1, 30):02d}{dice.randrange(1, 30):02d}"
    born = f"19{dice.randrange(30, 99):02d}{dice.randrange(1, 13):02d}{dice.randrange(1, 29):02d}"
    return Number((region, born), f"{dice.randrange(1, 900):03d}")


def _write_chinese(dice: Random, number: Number) -> Written:
    region, born = number.area
    if dice.random() < 0.5:
        return Written(in_any_digits(dice, f"{region}{born[2:]}{number.serial}"))
    end = number.serial + chinese_check_character(f"{region}{born}{number.serial}")
    full = dice.choice((f"{region}{born}{end}", f"{region}{born}{end.lower()}", f"{region} {born} {end}"))
    return Written(in_any_digits(dice, full))


def _draw_thai(dice: Random) -> Number:
    return Number((dice.choice("12345678"), serial(dice, 4)), serial(dice, 7))


def _write_thai(dice: Random, number: Number) -> Written:
    digits = "".join((*number.area, number.serial))
    parts = (digits[0], digits[1:5], digits[5:10], digits[10:], str(thai_pin_check_digit(digits)))
    return Written(in_any_digits(dice, dice.choice(("", "-", " ")).join(parts)))


def _draw_vietnamese(dice: Random) -> Number:
    return Number(
        (f"{dice.randrange(1, 97):03d}", str(dice.randrange(4)), f"{dice.randrange(100):02d}"), serial(dice, 6)
    )


def _write_vietnamese(dice: Random, number: Number) -> Written:
    digits = "".join((*number.area, number.serial))
    threes = (digits[:3], digits[3:6], digits[6:9], digits[9:])
    return Written(in_any_digits(dice, dice.choice((digits, " ".join(threes), ".".join((*threes[:2], digits[6:]))))))


def _draw_document(dice: Random) -> Number:
    return Number((dice.choice(("AA", "B", "MA", "N", "E")),), str(dice.randrange(10**6, 10**7)))


def _write_document(dice: Random, number: Number) -> Written:
    plain = f"{number.area[0]}{number.serial}"
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in plain)
    parted = (f"{plain[:2]} {plain[2:]}", f"{plain[:-4]}-{plain[-4:]}")
    return Written(dice.choice((in_any_digits(dice, plain), wide, plain.lower(), *parted, f"№ {plain}", f"{plain}<")))


SCHEMES = (
    Scheme("MMR-NRC", "national_ids", _draw_card, _write_card, _card_details),
    Scheme("CHN-RIC", "national_ids", _draw_chinese, _write_chinese),
    Scheme("THA-PIN", "national_ids", _draw_thai, _write_thai),
    Scheme("VNM-CCCD", "national_ids", _draw_vietnamese, _write_vietnamese),
    Scheme("document", "documents", _draw_document, _write_document),
)
"""The schemes of identity numbers, and travel documents."""
