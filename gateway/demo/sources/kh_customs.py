"""Cambodian customs: Khmer script, dates as integers (19840317, 19840000), rows valid from and to a day."""

from __future__ import annotations

from datetime import date

from gateway.demo.sources import people, planted, words
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.tables import Row, Table, filled, rows_of

PARTIES, DECLARATIONS, SEIZURES = 200, 200, 40
FOREVER = 99991231
OFFICES = ("KHPPT", "KHBVT", "KHSHV", "KHPNH")
ROUTES = ("THLCH>KHSHV", "THSKO>KHPPT", "VNSGN>KHPNH", "CNSHA>KHSHV")


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _party(number: int, dice: Dice) -> Row:
    who = people.khmer(dice)
    return {
        "pid": number,
        "nm_kh": " ".join(who.local),
        "nm_en": " ".join(who.latin),
        "dob": who.born.year * 10_000 if dice.one_in(8) else _number(who.born),
        "sx": 1 + who.woman,
        "nat": "KHM",
        "nid": dice.digits(9),
        "ppt": f"N0{dice.digits(7)}",
        "ppt_iss": "KHM",
        "addr": dice.pick(words.KHMER_PROVINCES)[0],
        "rsk": dice.pick(("G", "G", "G", "Y", "R")),
        "typ": dice.pick("DDOS"),
        "ops": "",
        "dt_from": 20100101,
        "dt_to": 20230630 if dice.one_in(25) else FOREVER,
    }


def known_party(number: int, person: planted.Person, typ: str, ops: str) -> Row:
    """Return the row of a person from Thailand; `ops` hides it from a country, or from all."""
    return {
        "pid": number,
        "nm_kh": person.khmer,
        "nm_en": person.latin,
        "dob": _number(person.birth),
        "sx": 1,
        "nat": "THA",
        "nid": people.pin(f"3270{44710000 + number}"),
        "ppt": f"AC{4471000 + number}",
        "ppt_iss": "THA",
        "addr": "បន្ទាយមានជ័យ",
        "rsk": "R",
        "typ": typ,
        "ops": ops,
        "dt_from": 20190101,
        "dt_to": FOREVER,
    }


def _declaration(number: int, dice: Dice) -> Row:
    code, goods = dice.pick(words.GOODS)
    day = dice.day(2023, 2025)
    return {
        "did": number,
        "dno": f"C{day.year}-{number:05}",
        "off": dice.pick(OFFICES),
        "cnor": dice.pick(words.FIRMS)[1],
        "cnee": dice.pick(words.FIRMS)[0],
        "tmod": dice.pick(("ROAD", "SEA", "RIVER")),
        "rte": dice.pick(ROUTES),
        "rsk": dice.pick("GGGYR"),
        "hs": code,
        "gds": goods,
        "kg": float(dice.below(200_000)) / 10,
        "ctn": people.container(f"{dice.pick(('LSNU', 'MKGU', 'TLSU'))}{dice.digits(6)}") if dice.below(4) else None,
        "dt": _number(day),
        "dt_to": FOREVER,
    }


def _seizure(number: int, dice: Dice) -> Row:
    day = dice.day(2022, 2025)
    return {
        "sid": number,
        "sno": f"SZ-{day.year}-{number:04}",
        "dt": _number(day),
        "off": dice.pick(OFFICES),
        "gds": dice.pick(words.GOODS)[1],
        "qty": f"{dice.below(9000) / 10}",
        "uom": dice.pick(("KGM", "TNE", "NAR")),
        "who": " ".join(people.khmer(dice).latin),
        "ctn": people.container(f"MKGU{dice.digits(6)}") if dice.one_in(2) else None,
        "plt": f"2{dice.pick('ABC')}-{dice.digits(4)}",
        "dt_to": FOREVER,
    }


DECLARED_LOGS = {
    "did": DECLARATIONS + 1,
    "dno": "C2025-90447",
    "off": "KHSHV",
    "cnor": words.FIRMS[1][1],
    "cnee": words.FIRMS[2][0],
    "tmod": "SEA",
    "rte": "THLCH>KHSHV",
    "rsk": "R",
    "hs": "440349",
    "gds": "tropical logs",
    "kg": 21840.0,
    "ctn": planted.SEIZED_CONTAINER,
    "dt": 20250912,
    "dt_to": FOREVER,
}
SEIZED_LOGS = {
    "sid": SEIZURES + 1,
    "sno": "SZ-2025-0447",
    "dt": 20250914,
    "off": "KHSHV",
    "gds": "tropical logs",
    "qty": "21840",
    "uom": "KGM",
    "who": "",
    "ctn": planted.SEIZED_CONTAINER,
    "plt": "",
    "dt_to": FOREVER,
}
KNOWN = (
    known_party(PARTIES + 1, planted.DRIVER, typ="D", ops=""),
    known_party(PARTIES + 2, planted.HIDDEN, typ="S", ops="TH"),
)


def _boat(number: int, boat: planted.Boat, latin: str, kind: str, standing: str) -> Row:
    return {
        "bid": number,
        "bnm": boat.name,
        "bnm_en": latin,
        "reg": boat.local_reg,
        "flg": boat.flag,
        "btyp": kind,
        "sts": standing,
        "dt_to": FOREVER,
    }


BOATS = (
    _boat(1, planted.LAO_BOAT, "DAO KHONG 5", "BARGE", "SZ"),
    _boat(2, planted.Boat("ទន្លេសាប 8", "KP-B 0447", "KH"), "TONLE SAP 8", "TRAWLER", ""),
)

fill = filled(
    "kh.customs",
    Table("party", PARTIES, _party, ("ppt",), KNOWN),
    Table("decl", DECLARATIONS, _declaration, ("ctn",), (DECLARED_LOGS,)),
    Table("seiz", SEIZURES, _seizure, ("ctn",), (SEIZED_LOGS,)),
    rows_of("boat", BOATS),
)
