"""Vietnamese police, as a system of the 1990s holds it: TCVN3 bytes, days as text, the letter X for struck off."""

from __future__ import annotations

from adapters.values.charsets import decoder
from gateway.demo.sources import people, words
from gateway.demo.sources.dice import Dice
from gateway.demo.sources.tables import Row, Table, filled

_decode = decoder("tcvn3")
assert _decode
# The bytes of capitals with marks are not in every font of this set: texts here have none but Đ.
_BYTES = {_decode(bytes([byte])): byte for byte in (*range(0x20, 0x7F), *range(0xA7, 0xAF), *range(0xB5, 0xFF))}


def _bytes(text: str) -> bytes:
    return bytes(_BYTES[letter] for letter in text)


def _suspect(number: int, dice: Dice) -> Row:
    who = people.vietnamese(dice)
    born = str(who.born.year) if dice.one_in(10) else f"{who.born:%d/%m/%Y}"
    return {
        "SO_TT": number,
        "HO_TEN": _bytes(" ".join(who.local)),
        "TEN_GOI_KHAC": _bytes(dice.pick(words.VIETNAMESE_GIVEN)[0]) if dice.one_in(5) else None,
        "NGAY_SINH": born,
        "GIOI": _bytes("Nữ" if who.woman else "Nam"),
        "QUOC_TICH": _bytes("Việt Nam"),
        "SO_CMND": f"0{dice.digits(11)}",
        "SO_HC": f"B{dice.digits(7)}" if dice.one_in(3) else None,
        "CHO_O": _bytes(dice.pick(words.VIETNAMESE_PROVINCES)[0]),
        "LOAI": dice.pick(("NC", "TN", "TA", "NN")),
        "NGUY_HIEM": dice.pick(("", "", "", "VK")),
        "XOA": "X" if dice.one_in(30) else "",
    }


def _vehicle(number: int, dice: Dice) -> Row:
    return {
        "SO_TT": number,
        "BIEN_SO": f"{dice.below(90) + 10}{dice.pick('ABC')}-{dice.digits(5)}",
        "TINH": _bytes(dice.pick(words.VIETNAMESE_PROVINCES)[0]),
        "NHAN_HIEU": dice.pick(("HONDA", "TOYOTA", "THACO")),
        "SO_LOAI": dice.pick(("WAVE", "VIOS", "TOWNER")),
        "MAU_SON": _bytes(dice.pick(("đỏ", "xanh", "trắng", "đen"))),
        "SO_KHUNG": f"RL{dice.digits(15)}",
        "TINH_TRANG": dice.pick(("MC", "TT", "BT")),
        "NGAY_BAO": f"{dice.day(2019, 2025):%d/%m/%Y}",
        "XOA": "",
    }


fill = filled(
    "vn.police",
    Table("DOI_TUONG", 200, _suspect, ("SO_CMND", "SO_HC")),
    Table("XE", 60, _vehicle, ("BIEN_SO",)),
)
