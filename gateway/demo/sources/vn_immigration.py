"""Vietnamese immigration: full diacritics, names in three columns, numeric codes, deletion by flag."""

from __future__ import annotations

from datetime import UTC, date, datetime

from gateway.demo.sources import people, planted, words
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.tables import Row, Table, code_table, filled, rows_of

TRAVELLERS = 200
COUNTRIES = ((704, "Việt Nam", "VNM"), (764, "Thái Lan", "THA"), (116, "Campuchia", "KHM"), (418, "Lào", "LAO"))
CROSSINGS = (("MB", "Mộc Bài"), ("XM", "Xa Mát"), ("LB", "Lao Bảo"), ("TB", "Tịnh Biên"))
PASSPORT, BORDER_PASS = 1, 2
VALID, LOST, STOLEN, REVOKED = range(4)


def _traveller(number: int, dice: Dice) -> Row:
    who = people.vietnamese(dice)
    return {
        "MaHoSo": number,
        "Ho": who.local[0],
        "ChuLot": who.local[1],
        "Ten": who.local[2],
        "HoTenKhongDau": " ".join(who.latin),
        "NgaySinh": f"{who.born.year}" if dice.one_in(15) else who.born.isoformat(),
        "GioiTinh": int(not who.woman),
        "MaQuocTich": 704,
        "NoiO": dice.pick(words.VIETNAMESE_PROVINCES)[0],
        "SoDinhDanh": f"0{dice.digits(11)}",
        "DoiTuong": dice.pick((0, 0, 0, 0, 1, 2)),
        "CanhBao": dice.pick((0, 0, 0, 0, 0, 1)),
        "DaXoa": int(dice.one_in(30)),
    }


def _document(number: int, dice: Dice) -> Row:
    kind = PASSPORT if dice.below(4) else BORDER_PASS
    issued = dice.day(2017, 2025)
    return {
        "MaGiayTo": number,
        "MaHoSo": number,
        "Loai": kind,
        "So": f"B{dice.digits(7)}" if kind == PASSPORT else f"TN{dice.digits(6)}",
        "MaNoiCap": 704,
        "NgayCap": issued.isoformat(),
        "NgayHetHan": date(
            issued.year + (10 if kind == PASSPORT else 1), issued.month, min(issued.day, 28)
        ).isoformat(),
        "TinhTrang": dice.pick((VALID,) * 12 + (LOST, STOLEN, REVOKED)),
        "LanQuaCuoi": dice.day(2025, 2025).isoformat(),
        "DaXoa": 0,
    }


def _crossing(number: int, dice: Dice) -> Row:
    day = dice.day(2024, 2025)
    moment = datetime(day.year, day.month, day.day, dice.below(24), dice.below(60), tzinfo=UTC)
    plate = f"{dice.below(90) + 10}A-{dice.digits(5)}" if dice.one_in(2) else None
    return {
        "MaLuot": number,
        "MaHoSo": number,
        "MaGiayTo": number,
        "MaCuaKhau": dice.pick(CROSSINGS)[0],
        "Huong": dice.below(2),
        "Luc": int(moment.timestamp()),
        "PhuongTien": 2 if plate else 1,
        "BienSo": plate,
        "KetQua": 0 if dice.below(20) else 1,
    }


HOLDER = {
    "MaHoSo": TRAVELLERS + 1,
    "Ho": "Trần",
    "ChuLot": "Ngọc",
    "Ten": "Lan",
    "HoTenKhongDau": "TRAN NGOC LAN",
    "NgaySinh": "1991-05-24",
    "GioiTinh": 0,
    "MaQuocTich": 704,
    "NoiO": "Tây Ninh",
    "SoDinhDanh": "072191004471",
    "DoiTuong": 0,
    "CanhBao": 0,
    "DaXoa": 0,
}
STOLEN_PASSPORT = {
    "MaGiayTo": TRAVELLERS + 1,
    "MaHoSo": TRAVELLERS + 1,
    "Loai": PASSPORT,
    "So": planted.STOLEN_PASSPORT.number,
    "MaNoiCap": 704,
    "NgayCap": "2021-02-10",
    "NgayHetHan": "2031-02-10",
    "TinhTrang": STOLEN,
    "LanQuaCuoi": "2025-10-03",
    "DaXoa": 0,
}


def _boat(number: int, boat: planted.Boat, kind: str, mmsi: str = "") -> Row:
    return {
        "MaThuyen": number,
        "TenThuyen": boat.name,
        "SoDangKy": boat.local_reg,
        "Co": boat.flag,
        "MMSI": mmsi,
        "LoaiThuyen": kind,
        "DaXoa": 0,
    }


BOATS = (
    _boat(1, planted.RIVER_BOAT, "ghe máy", "574447120"),
    _boat(2, planted.Boat("Hương Giang 3", "TTH-0926", "VN"), "thuyền rồng"),
    _boat(3, planted.Boat("ນາງຟ້າ 3", "ຄມ 1182", "LA"), "sà lan"),
)

fill = filled(
    "vn.immigration",
    code_table("DmQuocGia", ("Ma", "Ten", "Iso3"), COUNTRIES),
    code_table("DmCuaKhau", ("Ma", "Ten"), CROSSINGS),
    Table("HoSo", TRAVELLERS, _traveller, planted=(HOLDER,)),
    Table("GiayTo", TRAVELLERS, _document, ("So", "MaHoSo"), (STOLEN_PASSPORT,)),
    Table("QuaLai", TRAVELLERS, _crossing, ("BienSo",)),
    rows_of("Thuyen", BOATS),
)
