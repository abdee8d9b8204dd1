"""Invented people, vehicles and containers, for the databases of all three countries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.demo.sources import words
from gateway.demo.sources.dice import Dice

PLATE_LETTERS = "กขคงจฉชซฌญ"
_LETTER_VALUES = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", [n for n in range(10, 39) if n % 11], strict=True))


@dataclass(frozen=True, slots=True)
class Invented:
    """A person: parts of the name in the order in which the country writes them, in its script and in Latin letters."""

    local: tuple[str, ...]
    latin: tuple[str, ...]
    woman: bool
    born: date


def thai(dice: Dice) -> Invented:
    """Invent a person with a Thai name: given name, family name."""
    woman = dice.one_in(4)
    given = dice.pick(words.THAI_WOMEN if woman else words.THAI_MEN)
    family = dice.pick(words.THAI_FAMILIES)
    return Invented((given[0], family[0]), (given[1], family[1]), woman, dice.day(1950, 2004))


def vietnamese(dice: Dice) -> Invented:
    """Invent a person with a Vietnamese name: family name, middle name, given name."""
    family, given = dice.pick(words.VIETNAMESE_FAMILIES), dice.pick(words.VIETNAMESE_GIVEN)
    woman = dice.one_in(2)
    middle = ("Thị", "THI") if woman else dice.pick(words.VIETNAMESE_MIDDLES)
    return Invented((family[0], middle[0], given[0]), (family[1], middle[1], given[1]), woman, dice.day(1950, 2006))


def khmer(dice: Dice) -> Invented:
    """Invent a person with a Khmer name: family name, given name."""
    family, given = dice.pick(words.KHMER_FAMILIES), dice.pick(words.KHMER_GIVEN)
    return Invented((family[0], given[0]), (family[1], given[1]), dice.one_in(3), dice.day(1950, 2002))


def container(owner_and_serial: str) -> str:
    """Return a container number: four letters, six digits, and their check digit (ISO 6346)."""
    total = sum(
        (_LETTER_VALUES[character] if character in _LETTER_VALUES else int(character)) * 2**place
        for place, character in enumerate(owner_and_serial)
    )
    return f"{owner_and_serial}{total % 11 % 10}"


def pin(first_twelve: str) -> str:
    """Return a Thai personal identity number: twelve digits and their check digit (weights 13 to 2, modulo 11)."""
    total = sum(int(digit) * (13 - place) for place, digit in enumerate(first_twelve))
    return f"{first_twelve}{(11 - total % 11) % 10}"


def thai_plate(dice: Dice) -> str:
    """Invent a Thai registration."""
    return f"{dice.below(9) + 1}{dice.pick(PLATE_LETTERS)}{dice.pick(PLATE_LETTERS)} {dice.digits(4)}"


def buddhist(day: date) -> str:
    """Return a day of the Buddhist era as Thai clerks write it."""
    return f"{day.day:02}/{day.month:02}/{day.year + 543}"
