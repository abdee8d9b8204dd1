"""Thai police, as an old system would hold it: cp874 bytes, Buddhist-era dates, one-letter codes."""

from __future__ import annotations

import sqlite3
from datetime import date

from gateway.demo import planted
from gateway.demo.sources import words
from gateway.demo.sources.dice import Dice

PERSONS = 200
VEHICLES = 60

SCHEMA = """
CREATE TABLE sanchat (rahat CHAR(2) PRIMARY KEY, chue VARCHAR(40), iso3 CHAR(3));
CREATE TABLE bukkhon (
    rahat INTEGER PRIMARY KEY, lek_prachachon CHAR(13), chue VARCHAR(60), sakun VARCHAR(60),
    chue_eng VARCHAR(60), sakun_eng VARCHAR(60), wan_koet CHAR(10), phet CHAR(1), rahat_sanchat CHAR(2),
    thi_yu VARCHAR(120), praphet CHAR(1), khao_tuean VARCHAR(10), patibatkan CHAR(2), sathana CHAR(1));
CREATE TABLE ekkasan (
    lamdap INTEGER PRIMARY KEY, rahat_bukkhon INTEGER, praphet CHAR(2), lek_thi VARCHAR(20), prathet CHAR(3));
CREATE TABLE rot (
    lek INTEGER PRIMARY KEY, thabian VARCHAR(20), changwat VARCHAR(40), yi_ho VARCHAR(20), run VARCHAR(20),
    si VARCHAR(20), lek_tua_thang CHAR(17), sathana CHAR(1), wan_chaeng CHAR(10), lop CHAR(1));
CREATE INDEX ix_bukkhon_pin ON bukkhon (lek_prachachon);
CREATE INDEX ix_ekkasan_lek ON ekkasan (lek_thi);
CREATE INDEX ix_rot_thabian ON rot (thabian);
"""
NATIONALITIES = (("01", "ไทย", "THA"), ("02", "ลาว", "LAO"), ("03", "กัมพูชา", "KHM"), ("04", "เวียดนาม", "VNM"))
MAKES = (("TOYOTA", "HILUX"), ("ISUZU", "D-MAX"), ("HONDA", "CITY"), ("NISSAN", "NAVARA"))
COLOURS = ("ขาว", "ดำ", "เทา", "แดง", "น้ำเงิน")
PLATE_LETTERS = "กขคงจฉชซฌญ"
VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def fill(database: sqlite3.Connection) -> None:
    """Write tables and rows."""
    database.executescript(SCHEMA)
    database.executemany("INSERT INTO sanchat VALUES (?, ?, ?)", [(c, _bytes(n), i) for c, n, i in NATIONALITIES])
    dice = Dice("th.police")
    for number in range(1, PERSONS + 1):
        _person(database, dice, number)
    for number in range(1, VEHICLES + 1):
        _vehicle(database, dice, number)
    _stolen_car(database, VEHICLES + 1)


def _bytes(text: str) -> bytes:
    return text.encode("cp874")


def _buddhist(day: date) -> str:
    return f"{day.day:02}/{day.month:02}/{day.year + 543}"


def pin(first_twelve: str) -> str:
    """A Thai personal identity number: twelve digits and their check digit (weights 13 to 2, modulo 11)."""
    total = sum(int(digit) * (13 - place) for place, digit in enumerate(first_twelve))
    return f"{first_twelve}{(11 - total % 11) % 10}"


def _person(database: sqlite3.Connection, dice: Dice, number: int) -> None:
    woman = dice.one_in(4)
    given = dice.pick(words.THAI_WOMEN if woman else words.THAI_MEN)
    family = dice.pick(words.THAI_FAMILIES)
    born = dice.day(1950, 2004)
    birth = f"{born.year + 543}" if dice.one_in(12) else _buddhist(born)
    home = f"{dice.below(200) + 1} หมู่ {dice.below(12) + 1} {dice.pick(words.THAI_PROVINCES)[0]}"
    row = (
        number,
        pin(dice.digits(12)),
        _bytes(given[0]),
        _bytes(family[0]),
        given[1].upper(),
        family[1].upper(),
        birth,
        "ญ" if woman else "ช",
        "01",
        _bytes(home),
        dice.pick("SSWKV"),
        dice.pick(("", "", "", "ARMED", "VIOLENT")),
        "",
        "9" if dice.one_in(25) else "1",
    )
    _insert(database, "bukkhon", tuple(_bytes(v) if v in ("ช", "ญ") else v for v in row))
    if dice.one_in(2):
        _insert(database, "ekkasan", (number, number, "PP", f"AB{dice.digits(7)}", "THA"))


def _vehicle(database: sqlite3.Connection, dice: Dice, number: int) -> None:
    plate = f"{dice.below(9) + 1}{dice.pick(PLATE_LETTERS)}{dice.pick(PLATE_LETTERS)} {dice.digits(4)}"
    make, model = dice.pick(MAKES)
    row = (
        number,
        _bytes(plate),
        _bytes(dice.pick(words.THAI_PROVINCES)[0]),
        make,
        model,
        _bytes(dice.pick(COLOURS)),
        "".join(dice.pick(VIN_LETTERS) for _ in range(17)),
        dice.pick("NNNHT"),
        _buddhist(dice.day(2019, 2025)),
        "1" if dice.one_in(20) else "0",
    )
    _insert(database, "rot", row)


def _stolen_car(database: sqlite3.Connection, number: int) -> None:
    plate, province = _bytes(planted.STOLEN_CAR_PLATE), _bytes(planted.STOLEN_CAR_PROVINCE)
    row = (number, plate, province, "TOYOTA", "HILUX", _bytes("ขาว"), "MR0FB8CD1P0004471", "H", "02/11/2568", "0")
    _insert(database, "rot", row)


def _insert(database: sqlite3.Connection, table: str, row: tuple[object, ...]) -> None:
    database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - own names
