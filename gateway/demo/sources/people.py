"""Invented people, vehicles and containers, for the databases of all three countries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.demo.sources import words
from gateway.demo.sources.dice import Dice
from gateway.model.forms.numbers import container_check_digit, thai_pin_check_digit

PLATE_LETTERS = "กขคงจฉชซฌญ"


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
    return f"{owner_and_serial}{container_check_digit(owner_and_serial)}"


def pin(first_twelve: str) -> str:
    """Return a Thai personal identity number: twelve digits and their check digit (weights 13 to 2, modulo 11)."""
    return f"{first_twelve}{thai_pin_check_digit(first_twelve)}"


def thai_plate(dice: Dice) -> str:
    """Invent a Thai registration."""
    return f"{dice.below(9) + 1}{dice.pick(PLATE_LETTERS)}{dice.pick(PLATE_LETTERS)} {dice.digits(4)}"


def buddhist(day: date) -> str:
    """Return a day of the Buddhist era as Thai clerks write it."""
    return f"{day.day:02}/{day.month:02}/{day.year + 543}"
