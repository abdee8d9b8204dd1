"""Vietnamese customs: the newest of the nine systems; camel case, milliseconds since 1970, commas before fractions."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.demo.sources import people, words
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.tables import Row, Table, filled

OFFICES = ("45BA Mộc Bài", "45BB Xa Mát", "02CI Cát Lái")


def _milliseconds(dice: Dice, first_year: int, last_year: int) -> int:
    day = dice.day(first_year, last_year)
    return int(datetime(day.year, day.month, day.day, 3, tzinfo=UTC).timestamp()) * 1000


def _declarant(number: int, dice: Dice) -> Row:
    who = people.vietnamese(dice)
    return {
        "idNguoi": number,
        "hoTen": " ".join(who.local),
        "hoTenLatin": " ".join(who.latin),
        "ngaySinh": who.born.isoformat(),
        "gioiTinh": int(not who.woman),
        "quocTich": "VN",
        "soCccd": f"0{dice.digits(11)}",
        "soHoChieu": f"B{dice.digits(7)}",
        "diaChi": dice.pick(words.VIETNAMESE_PROVINCES)[0],
        "vaiTro": dice.pick(("CHU_HANG", "LAI_XE", "KHAI_THUE")),
        "trangThai": "HUY" if dice.one_in(30) else "HIEU_LUC",
    }


def _declaration(number: int, dice: Dice) -> Row:
    code, goods = dice.pick(words.GOODS)
    return {
        "soToKhai": 103_000_000_000 + number,
        "chiCuc": dice.pick(OFFICES),
        "nguoiGui": dice.pick(words.FIRMS)[1],
        "nguoiNhan": " ".join(people.vietnamese(dice).local),
        "maHs": code,
        "tenHang": goods,
        "trongLuong": f"{dice.below(90) + 1}.{dice.digits(3)},5 kg",
        "soContainer": people.container(f"{dice.pick(('VNLU', 'TLSU'))}{dice.digits(6)}") if dice.below(4) else None,
        "phuongThuc": dice.pick(("ROAD", "SEA", "RIVER")),
        "tuyen": dice.pick(("KHBVT;VNSGN", "CNSHA;VNHPH", "VNSGN;KHPNH")),
        "luong": dice.pick((1, 1, 1, 2, 3)),
        "trangThai": "HIEU_LUC",
    }


def _seizure(number: int, dice: Dice) -> Row:
    return {
        "idVuViec": number,
        "soBienBan": f"BB-{number:04}/HQTN",
        "thoiGian": _milliseconds(dice, 2022, 2025),
        "chiCuc": dice.pick(OFFICES),
        "tangVat": dice.pick(words.GOODS)[1],
        "soLuong": f"{dice.below(900) + 1},25 kg",
        "doiTuong": " ".join(people.vietnamese(dice).local),
        "bienSo": f"{dice.below(90) + 10}C-{dice.digits(5)}" if dice.one_in(2) else None,
        "soContainer": people.container(f"VNLU{dice.digits(6)}") if dice.one_in(3) else None,
    }


fill = filled(
    "vn.customs",
    Table("NguoiKhai", 200, _declarant, ("soCccd", "soHoChieu")),
    Table("ToKhai", 200, _declaration, ("soContainer",)),
    Table("VuBatGiu", 40, _seizure, ("soContainer", "bienSo")),
)
