"""Draw the plates of six countries, and write each with its province beside it, in it, or left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from tests.bench.identity_forms import Number, Scheme, Written, in_any_digits, serial, table

_THAI = "กขคฆงจฉชฌญฎฐฒณดตถทธนบปผพภมยรลวศษสหฬอฮ"
_LAO = "ກຂຄງຈສຊຍດຕຖທນບປຜຝພຟມຢຣລວຫອຮ"
_LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LAO_PROVINCES = ("ນະຄອນຫຼວງວຽງຈັນ", "ບໍ່ແກ້ວ", "ຫຼວງພະບາງ", "ສະຫວັນນະເຂດ")
_KHMER_PROVINCES = ("ភ្នំពេញ", "បន្ទាយមានជ័យ", "កោះកុង")
_BURMESE_REGIONS = ("YGN", "MDY", "SHN", "MON")
_GAPS = ("", " ", "-")
_CAPITAL = "กรุงเทพมหานคร"
"""Bangkok stands without the word for province."""


@cache
def _thai_provinces() -> dict[str, tuple[str, ...]]:
    """Return the ways to write each province of Thailand, its name first."""
    return {name: _ways(name, others) for name, *others in table("plate_provinces.tsv")}


def _ways(name: str, others: list[str]) -> tuple[str, ...]:
    return (name, *others) if name == _CAPITAL else (name, *others, f"จ.{name}", f"จังหวัด{name}")


def _draw_thai(dice: Random) -> Number:
    series = dice.choice(("", "1", "2", "3")) + dice.choice(_THAI) + dice.choice(_THAI)
    return Number((series,), serial(dice, 4), dice.choice(list(_thai_provinces())))


def _write_thai(dice: Random, plate: Number) -> Written:
    core, province = _core(dice, plate), dice.choice(_thai_provinces()[plate.detail])
    return dice.choice((Written(core, province), Written(f"{core} {province}"), Written(core, whole=False)))


def _draw_lao(dice: Random) -> Number:
    return Number((dice.choice(_LAO) + dice.choice(_LAO),), serial(dice, 4), dice.choice(_LAO_PROVINCES))


def _draw_khmer(dice: Random) -> Number:
    return Number((dice.choice("123") + dice.choice(_LATIN),), serial(dice, 4), dice.choice(_KHMER_PROVINCES))


def _draw_burmese(dice: Random) -> Number:
    return Number((dice.choice("123456789") + dice.choice(_LATIN),), serial(dice, 4), dice.choice(_BURMESE_REGIONS))


def _write_with_province(dice: Random, plate: Number) -> Written:
    core, province = _core(dice, plate), plate.detail
    ways = (Written(core, province), Written(f"{core} {province}"), Written(f"{province} {core}"))
    return dice.choice((*ways, Written(core, whole=False)))


def _write_burmese(dice: Random, plate: Number) -> Written:
    core, region = _core(dice, plate, ("/", " ", "-")), plate.detail
    return dice.choice((Written(core, region), Written(f"{region} {core}"), Written(core, whole=False)))


def _core(dice: Random, plate: Number, gaps: Sequence[str] = _GAPS) -> str:
    return f"{plate.area[0]}{dice.choice(gaps)}{in_any_digits(dice, plate.serial)}"


def _draw_vietnamese(dice: Random) -> Number:
    return Number((str(dice.randrange(11, 99)), dice.choice(("A", "B", "LD", "MĐ1", "C", "H1"))), serial(dice, 5))


def _write_vietnamese(dice: Random, plate: Number) -> Written:
    place, series = plate.area
    series = series.replace("Đ", dice.choice("ĐD"))
    dotted = f"{place}{series}-{plate.serial[:3]}.{plate.serial[3:]}"
    plain = (f"{place}{series}{plate.serial}", f"{place} {series.lower()} {plate.serial}")
    return Written(dice.choice((in_any_digits(dice, dotted), *plain)))


_TRADITIONAL = str.maketrans("云粤辽苏", "雲粵遼蘇")


def _draw_chinese(dice: Random) -> Number:
    letters = "".join(dice.choice("0123456789ABCDEFGHJK") for _ in range(5))
    return Number((dice.choice("云粤桂京辽苏"), dice.choice("ABCDEF")), letters)


def _write_chinese(dice: Random, plate: Number) -> Written:
    province, city = plate.area
    plain = (f"{province}{city}{plate.serial}", f"{province}{city}·{plate.serial}")
    others = (f"{province.translate(_TRADITIONAL)}{city} {plate.serial}", f"{province}{city.lower()}-{plate.serial}")
    return Written(dice.choice((*plain, *others)))


def _any_of(*provinces: str) -> Callable[[Number], Sequence[str]]:
    return lambda _: provinces


SCHEMES = (
    Scheme("THA plate", "plates", _draw_thai, _write_thai, _any_of(*_thai_provinces())),
    Scheme("LAO plate", "plates", _draw_lao, _write_with_province, _any_of(*_LAO_PROVINCES)),
    Scheme("KHM plate", "plates", _draw_khmer, _write_with_province, _any_of(*_KHMER_PROVINCES)),
    Scheme("MMR plate", "plates", _draw_burmese, _write_burmese, _any_of(*_BURMESE_REGIONS)),
    Scheme("VNM plate", "plates", _draw_vietnamese, _write_vietnamese),
    Scheme("CHN plate", "plates", _draw_chinese, _write_chinese),
)
"""The plates of each country."""
