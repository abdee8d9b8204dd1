"""Cambodian customs: Khmer script, dates as integers (19840317, 19840000), rows valid from and to a day."""

from __future__ import annotations

import sqlite3
from datetime import date

from gateway.demo import planted
from gateway.demo.sources import words
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.th_police import pin as thai_pin

PARTIES = 200
DECLARATIONS = 200
SEIZURES = 40
FOREVER = 99991231

SCHEMA = """
CREATE TABLE party (
    pid INTEGER PRIMARY KEY, nm_kh TEXT, nm_en TEXT, dob INTEGER, sx INTEGER, nat TEXT, nid TEXT, ppt TEXT,
    ppt_iss TEXT, addr TEXT, rsk TEXT, typ TEXT, ops TEXT, dt_from INTEGER, dt_to INTEGER);
CREATE TABLE decl (
    did INTEGER PRIMARY KEY, dno TEXT, off TEXT, cnor TEXT, cnee TEXT, tmod TEXT, rte TEXT, rsk TEXT,
    hs TEXT, gds TEXT, kg REAL, ctn TEXT, dt INTEGER, dt_to INTEGER);
CREATE TABLE seiz (
    sid INTEGER PRIMARY KEY, sno TEXT, dt INTEGER, off TEXT, gds TEXT, qty TEXT, uom TEXT, who TEXT, ctn TEXT,
    plt TEXT, dt_to INTEGER);
CREATE INDEX ix_decl_ctn ON decl (ctn);
CREATE INDEX ix_seiz_ctn ON seiz (ctn);
CREATE INDEX ix_party_ppt ON party (ppt);
"""
OFFICES = ("KHPPT", "KHBVT", "KHSHV", "KHPNH")
ROUTES = ("THLCH>KHSHV", "THSKO>KHPPT", "VNSGN>KHPNH", "CNSHA>KHSHV")
_LETTER_VALUES = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", [n for n in range(10, 39) if n % 11], strict=True))


def fill(database: sqlite3.Connection) -> None:
    """Write tables and rows."""
    database.executescript(SCHEMA)
    dice = Dice("kh.customs")
    for number in range(1, PARTIES + 1):
        _party(database, dice, number)
    _planted(database, PARTIES + 1, planted.DRIVER, typ="D", ops="")
    _planted(database, PARTIES + 2, planted.HIDDEN, typ="S", ops="TH")
    for number in range(1, DECLARATIONS + 1):
        _declaration(database, dice, number)
    for number in range(1, SEIZURES + 1):
        _seizure(database, dice, number)
    _seized_container(database)


def container(owner_and_serial: str) -> str:
    """A container number: four letters, six digits, and their check digit (ISO 6346)."""
    total = sum(
        (_LETTER_VALUES[character] if character in _LETTER_VALUES else int(character)) * 2**place
        for place, character in enumerate(owner_and_serial)
    )
    return f"{owner_and_serial}{total % 11 % 10}"


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _party(database: sqlite3.Connection, dice: Dice, number: int) -> None:
    family, given = dice.pick(words.KHMER_FAMILIES), dice.pick(words.KHMER_GIVEN)
    born = dice.day(1950, 2002)
    row = (
        number,
        f"{family[0]} {given[0]}",
        f"{family[1]} {given[1]}",
        born.year * 10_000 if dice.one_in(8) else _number(born),
        1 + dice.one_in(3),
        "KHM",
        dice.digits(9),
        f"N0{dice.digits(7)}",
        "KHM",
        dice.pick(words.KHMER_PROVINCES)[0],
        dice.pick(("G", "G", "G", "Y", "R")),
        dice.pick("DDOS"),
        "",
        20100101,
        20230630 if dice.one_in(25) else FOREVER,
    )
    _insert(database, "party", row)


def _planted(database: sqlite3.Connection, number: int, person: planted.Person, typ: str, ops: str) -> None:
    row = (
        number,
        person.khmer,
        person.latin,
        _number(person.birth),
        1,
        "THA",
        thai_pin(f"3270{44710000 + number}"),
        f"AC{4471000 + number}",
        "THA",
        "បន្ទាយមានជ័យ",
        "R",
        typ,
        ops,
        20190101,
        FOREVER,
    )
    _insert(database, "party", row)


def _declaration(database: sqlite3.Connection, dice: Dice, number: int) -> None:
    code, goods = dice.pick(words.GOODS)
    day = dice.day(2023, 2025)
    row = (
        number,
        f"C{day.year}-{number:05}",
        dice.pick(OFFICES),
        dice.pick(words.FIRMS)[1],
        dice.pick(words.FIRMS)[0],
        dice.pick(("ROAD", "SEA", "RIVER")),
        dice.pick(ROUTES),
        dice.pick("GGGYR"),
        code,
        goods,
        float(dice.below(200_000)) / 10,
        container(f"{dice.pick(('LSNU', 'MKGU', 'TLSU'))}{dice.digits(6)}") if dice.below(4) else None,
        _number(day),
        FOREVER,
    )
    _insert(database, "decl", row)


def _seizure(database: sqlite3.Connection, dice: Dice, number: int) -> None:
    day = dice.day(2022, 2025)
    plate = f"2{dice.pick('ABC')}-{dice.digits(4)}"
    row = (
        number,
        f"SZ-{day.year}-{number:04}",
        _number(day),
        dice.pick(OFFICES),
        dice.pick(words.GOODS)[1],
        f"{dice.below(9000) / 10}",
        dice.pick(("KGM", "TNE", "NAR")),
        dice.pick(words.KHMER_FAMILIES)[1] + " " + dice.pick(words.KHMER_GIVEN)[1],
        container(f"MKGU{dice.digits(6)}") if dice.one_in(2) else None,
        plate,
        FOREVER,
    )
    _insert(database, "seiz", row)


def _seized_container(database: sqlite3.Connection) -> None:
    number = planted.SEIZED_CONTAINER
    firms = (words.FIRMS[1][1], words.FIRMS[2][0])
    declared = (
        DECLARATIONS + 1,
        "C2025-90447",
        "KHSHV",
        *firms,
        "SEA",
        "THLCH>KHSHV",
        "R",
        "440349",
        "tropical logs",
        21840.0,
        number,
        20250912,
        FOREVER,
    )
    _insert(database, "decl", declared)
    seized = (
        SEIZURES + 1,
        "SZ-2025-0447",
        20250914,
        "KHSHV",
        "tropical logs",
        "21840",
        "KGM",
        "",
        number,
        "",
        FOREVER,
    )
    _insert(database, "seiz", seized)


def _insert(database: sqlite3.Connection, table: str, row: tuple[object, ...]) -> None:
    database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - own names
