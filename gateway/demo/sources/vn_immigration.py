"""Vietnamese immigration: full diacritics, names in three columns, numeric codes, deletion by flag."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime

from gateway.demo import planted
from gateway.demo.sources import words
from gateway.demo.sources.dice import Dice

TRAVELLERS = 200

SCHEMA = """
CREATE TABLE DmQuocGia (Ma INTEGER PRIMARY KEY, Ten TEXT, Iso3 TEXT);
CREATE TABLE DmCuaKhau (Ma TEXT PRIMARY KEY, Ten TEXT);
CREATE TABLE HoSo (
    MaHoSo INTEGER PRIMARY KEY, Ho TEXT, ChuLot TEXT, Ten TEXT, HoTenKhongDau TEXT, NgaySinh TEXT,
    GioiTinh INTEGER, MaQuocTich INTEGER, NoiO TEXT, SoDinhDanh TEXT, DoiTuong INTEGER, CanhBao INTEGER,
    DaXoa INTEGER NOT NULL DEFAULT 0);
CREATE TABLE GiayTo (
    MaGiayTo INTEGER PRIMARY KEY, MaHoSo INTEGER, Loai INTEGER, So TEXT, MaNoiCap INTEGER, NgayCap TEXT,
    NgayHetHan TEXT, TinhTrang INTEGER, LanQuaCuoi TEXT, DaXoa INTEGER NOT NULL DEFAULT 0);
CREATE TABLE QuaLai (
    MaLuot INTEGER PRIMARY KEY, MaHoSo INTEGER, MaGiayTo INTEGER, MaCuaKhau TEXT, Huong INTEGER, Luc INTEGER,
    PhuongTien INTEGER, BienSo TEXT, KetQua INTEGER);
CREATE INDEX IxGiayToSo ON GiayTo (So);
CREATE INDEX IxQuaLaiBienSo ON QuaLai (BienSo);
"""
COUNTRIES = ((704, "Việt Nam", "VNM"), (764, "Thái Lan", "THA"), (116, "Campuchia", "KHM"), (418, "Lào", "LAO"))
CROSSINGS = (("MB", "Mộc Bài"), ("XM", "Xa Mát"), ("LB", "Lao Bảo"), ("TB", "Tịnh Biên"))
PASSPORT, BORDER_PASS = 1, 2
VALID, LOST, STOLEN, REVOKED = range(4)


def fill(database: sqlite3.Connection) -> None:
    """Write tables and rows."""
    database.executescript(SCHEMA)
    database.executemany("INSERT INTO DmQuocGia VALUES (?, ?, ?)", COUNTRIES)
    database.executemany("INSERT INTO DmCuaKhau VALUES (?, ?)", CROSSINGS)
    dice = Dice("vn.immigration")
    for number in range(1, TRAVELLERS + 1):
        _traveller(database, dice, number)
    _stolen_passport(database, TRAVELLERS + 1)


def _traveller(database: sqlite3.Connection, dice: Dice, number: int) -> None:
    family, given = dice.pick(words.VIETNAMESE_FAMILIES), dice.pick(words.VIETNAMESE_GIVEN)
    woman = dice.one_in(2)
    middle = ("Thị", "THI") if woman else dice.pick(words.VIETNAMESE_MIDDLES)
    born = dice.day(1950, 2006)
    person = (
        number,
        family[0],
        middle[0],
        given[0],
        f"{family[1]} {middle[1]} {given[1]}",
        f"{born.year}" if dice.one_in(15) else born.isoformat(),
        int(not woman),
        704,
        dice.pick(words.VIETNAMESE_PROVINCES)[0],
        f"0{dice.digits(11)}",
        dice.pick((0, 0, 0, 0, 1, 2)),
        dice.pick((0, 0, 0, 0, 0, 1)),
        int(dice.one_in(30)),
    )
    _insert(database, "HoSo", person)
    _document(database, dice, number)
    _crossing(database, dice, number)


def _document(database: sqlite3.Connection, dice: Dice, number: int) -> None:
    kind = PASSPORT if dice.below(4) else BORDER_PASS
    series = f"B{dice.digits(7)}" if kind == PASSPORT else f"TN{dice.digits(6)}"
    issued = dice.day(2017, 2025)
    expires = date(issued.year + (10 if kind == PASSPORT else 1), issued.month, min(issued.day, 28))
    status = dice.pick((VALID,) * 12 + (LOST, STOLEN, REVOKED))
    last = dice.day(2025, 2025).isoformat()
    row = (number, number, kind, series, 704, issued.isoformat(), expires.isoformat(), status, last, 0)
    _insert(database, "GiayTo", row)


def _crossing(database: sqlite3.Connection, dice: Dice, number: int) -> None:
    day = dice.day(2024, 2025)
    moment = datetime(day.year, day.month, day.day, dice.below(24), dice.below(60), tzinfo=UTC)
    plate = f"{dice.below(90) + 10}A-{dice.digits(5)}" if dice.one_in(2) else None
    row = (
        number,
        number,
        number,
        dice.pick(CROSSINGS)[0],
        dice.below(2),
        int(moment.timestamp()),
        2 if plate else 1,
        plate,
        0 if dice.below(20) else 1,
    )
    _insert(database, "QuaLai", row)


def _stolen_passport(database: sqlite3.Connection, number: int) -> None:
    holder = (number, "Trần", "Ngọc", "Lan", "TRAN NGOC LAN", "1991-05-24", 0, 704, "Tây Ninh", "072191004471", 0, 0, 0)
    _insert(database, "HoSo", holder)
    document = (
        number,
        number,
        PASSPORT,
        planted.STOLEN_PASSPORT.number,
        704,
        "2021-02-10",
        "2031-02-10",
        STOLEN,
        "2025-10-03",
        0,
    )
    _insert(database, "GiayTo", document)


def _insert(database: sqlite3.Connection, table: str, row: tuple[object, ...]) -> None:
    database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - own names
