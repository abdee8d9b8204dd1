"""Cambodian police: Khmer script with Khmer digits, yes and no in words, aliases in one column."""

from __future__ import annotations

from datetime import date

from gateway.demo.sources import people, words
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.tables import Row, Table, filled

_DIGITS = str.maketrans("0123456789", "០១២៣៤៥៦៧៨៩")
MAKES = (("TOYOTA", "CAMRY"), ("HONDA", "DREAM"), ("LEXUS", "RX"))


def _written(day: date) -> str:
    return f"{day:%d/%m/%Y}".translate(_DIGITS)


def _person(number: int, dice: Dice) -> Row:
    who = people.khmer(dice)
    return {
        "person_no": number,
        "name_khmer": " ".join(who.local),
        "name_latin": " ".join(who.latin),
        "aliases": "; ".join(dice.pick(words.KHMER_GIVEN)[1] for _ in range(dice.below(3))),
        "birth": _written(who.born),
        "sex": "ស្រី" if who.woman else "ប្រុស",
        "nationality": "កម្ពុជា",
        "id_card": dice.digits(9).translate(_DIGITS),
        "province": dice.pick(words.KHMER_PROVINCES)[0],
        "class": dice.pick(("suspect", "wanted", "missing", "released")),
        "armed": dice.pick(("no", "no", "no", "yes")),
        "operation": "OP-17" if dice.one_in(40) else None,
        "deleted": "t" if dice.one_in(30) else "f",
    }


def _vehicle(number: int, dice: Dice) -> Row:
    make, model = dice.pick(MAKES)
    return {
        "vehicle_no": number,
        "plate": f"2{dice.pick('ABC')}-{dice.digits(4)}",
        "province": dice.pick(words.KHMER_PROVINCES)[0],
        "make": make,
        "model": model,
        "colour": dice.pick(("ស", "ខ្មៅ", "ក្រហម")),
        "chassis": f"JT{dice.digits(15)}",
        "stolen": dice.pick(("yes", "no")),
        "reported": _written(dice.day(2019, 2025)),
        "deleted": "f",
    }


fill = filled(
    "kh.police",
    Table("persons", 200, _person, ("id_card",)),
    Table("vehicles", 60, _vehicle, ("plate",)),
)
