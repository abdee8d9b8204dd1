"""Thai police, as an old system would hold it: cp874 bytes, Buddhist-era dates, one-letter codes."""

from __future__ import annotations

from gateway.demo.sources import people, planted, words
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.tables import Row, Table, code_table, filled, rows_of

PERSONS, VEHICLES = 200, 60
WITH_KNOWN_PHONE = 28
MAKES = (("TOYOTA", "HILUX"), ("ISUZU", "D-MAX"), ("HONDA", "CITY"), ("NISSAN", "NAVARA"))
COLOURS = ("ขาว", "ดำ", "เทา", "แดง", "น้ำเงิน")
VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def _bytes(text: str) -> bytes:
    return text.encode("cp874")


NATIONALITIES = (("01", _bytes("ไทย"), "THA"), ("02", _bytes("ลาว"), "LAO"), ("03", _bytes("กัมพูชา"), "KHM"))


def _person(number: int, dice: Dice) -> Row:
    who = people.thai(dice)
    home = f"{dice.below(200) + 1} หมู่ {dice.below(12) + 1} {dice.pick(words.THAI_PROVINCES)[0]}"
    return {
        "rahat": number,
        "lek_prachachon": people.pin(dice.digits(12)),
        "chue": _bytes(who.local[0]),
        "sakun": _bytes(who.local[1]),
        "chue_eng": who.latin[0].upper(),
        "sakun_eng": who.latin[1].upper(),
        "wan_koet": f"{who.born.year + 543}" if dice.one_in(12) else people.buddhist(who.born),
        "phet": _bytes("ญ" if who.woman else "ช"),
        "rahat_sanchat": "01",
        "thi_yu": _bytes(home),
        "praphet": dice.pick("SSWKV"),
        "khao_tuean": dice.pick(("", "", "", "ARMED", "VIOLENT")),
        "patibatkan": "",
        "sathana": "9" if dice.one_in(25) else "1",
        "thorasap": planted.KNOWN_PHONE if number == WITH_KNOWN_PHONE else _phone(number),
    }


def _phone(number: int) -> str:
    """Invent the telephone of every second person."""
    return "-" if number % 2 else f"08{number % 10}-{number * 7919 % 1000:03d} {number * 104_729 % 10_000:04d}"


def _document(number: int, dice: Dice) -> Row:
    """Invent the passport of every other person."""
    return {
        "lamdap": number,
        "rahat_bukkhon": 2 * number,
        "praphet": "PP",
        "lek_thi": f"AB{dice.digits(7)}",
        "prathet": "THA",
    }


def _vehicle(number: int, dice: Dice) -> Row:
    make, model = dice.pick(MAKES)
    return {
        "lek": number,
        "thabian": _bytes(people.thai_plate(dice)),
        "changwat": _bytes(dice.pick(words.THAI_PROVINCES)[0]),
        "yi_ho": make,
        "run": model,
        "si": _bytes(dice.pick(COLOURS)),
        "lek_tua_thang": "".join(dice.pick(VIN_LETTERS) for _ in range(17)),
        "sathana": dice.pick("NNNHT"),
        "wan_chaeng": people.buddhist(dice.day(2019, 2025)),
        "lop": "1" if dice.one_in(20) else "0",
    }


STOLEN_CAR = {
    "lek": VEHICLES + 1,
    "thabian": _bytes(planted.STOLEN_CAR_PLATE),
    "changwat": _bytes(planted.STOLEN_CAR_PROVINCE),
    "yi_ho": "TOYOTA",
    "run": "HILUX",
    "si": _bytes("ขาว"),
    "lek_tua_thang": "MR0FB8CD1P0004471",
    "sathana": "H",
    "wan_chaeng": "02/11/2568",
    "lop": "0",
}


def _boat(number: int, boat: planted.Boat, marks: str, kind: str, standing: str) -> Row:
    return {
        "lek": number,
        "chue_ruea": _bytes(boat.name),
        "thabian_ruea": _bytes(boat.local_reg),
        "khangruea": _bytes(marks),
        "thong": boat.flag,
        "chanit": _bytes(kind),
        "sathana": standing,
        "wan_chaeng": "14/01/2569",
        "lop": "0",
    }


BOATS = (
    _boat(1, planted.SOUGHT_BOAT, "NAGA 4", "เรือหางยาว", "T"),
    _boat(2, planted.Boat("ศรีเชียงแสน 12", "ชร-ก 1182", "TH"), "-", "เรือบรรทุก", "N"),
    _boat(3, planted.Boat("ดาวนครพนม", "นพ-ข 0926", "TH"), "ดาว 3", "เรือหางยาว", "H"),
)

fill = filled(
    "th.police",
    code_table("sanchat", ("rahat", "chue", "iso3"), NATIONALITIES),
    Table("bukkhon", PERSONS, _person, ("lek_prachachon",)),
    Table("ekkasan", PERSONS // 2, _document, ("lek_thi", "rahat_bukkhon")),
    Table("rot", VEHICLES, _vehicle, ("thabian",), (STOLEN_CAR,)),
    rows_of("ruea", BOATS),
)
