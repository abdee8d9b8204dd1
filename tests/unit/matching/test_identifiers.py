"""Identifiers: one key for all ways to write the same number, and none for any other text."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.matching.identifiers import (
    asked_number,
    held_numbers,
    number_key,
    plate_number,
    province_key,
)
from gateway.model.forms.nrc import read_card, townships
from gateway.model.forms.numbers import chinese_check_character
from gateway.model.query import DocumentQuery, NationalIdQuery, NumberQuery, VehicleQuery
from tests.support.tables import table


@table(
    ("left", "right"),
    [
        ("N12345678", "n 1234 5678"),
        ("AA1234567", "AA-1234567"),
        ("AA1234567", "ＡＡ１２３４５６７"),
        ("AA1234567", "AA\u200b1234567"),
        ("AA1234567", "\u2066AA1234567\u2069"),
        ("AA1234567", "\u061cAA1234567"),
        ("AA1234567", "AA๑๒๓๔๕๖๗"),
        ("AA1234567", "AA១២៣៤៥៦៧"),
        ("AA1234567", "AA၁၂၃၄၅၆၇"),
        ("AA1234567", "AA໑໒໓໔໕໖໗"),
    ],
)
def test_a_document_number_has_one_key_however_it_is_written(left: str, right: str) -> None:
    assert number_key(left) == number_key(right) != ""


@table(
    "junk",
    [
        "",
        " ",
        "-",
        "--",
        "N/A",
        "NA",
        "n.a.",
        "000000000",
        "0000000000000",
        "XXX",
        "xx",
        "???",
        "ไม่ทราบ",
        "ไม่มี",
        "None",
    ],
)
def test_what_clerks_type_for_no_number_gives_no_key(junk: str) -> None:
    assert number_key(junk) == ""


def test_a_thai_plate_keeps_its_letters_and_loses_blanks() -> None:
    assert number_key("1กข 1234") == number_key("๑กข-๑๒๓๔") == "1กข1234"
    assert number_key("กข 1234") != number_key("1กข 1234")


def test_a_province_loses_the_word_for_province() -> None:
    assert province_key("จังหวัดเชียงราย") == province_key(" เชียงราย") == province_key("จ.เชียงราย") == "เชียงราย"
    assert province_key("ไม่ระบุ") == ""


def test_a_container_number_has_one_key() -> None:
    assert number_key("CSQU 305438-3") == "CSQU3054383"


@given(st.text(max_size=40))
def test_a_key_is_its_own_key(text: str) -> None:
    key = number_key(text)
    assert number_key(key) in (key, "")
    assert not any(character.isspace() for character in key)


# ---------------------------------------------------------------- one form for each scheme

FIGURES = ("0123456789", "၀၁၂၃၄၅၆၇၈၉", "๐๑๒๓๔๕๖๗๘๙", "០១២៣៤៥៦៧៨៩", "໐໑໒໓໔໕໖໗໘໙", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９")
PLACES = sorted((state, letters) for (state, _), every in townships().items() for letters in every)
figures = st.sampled_from(FIGURES).map(lambda signs: str.maketrans(FIGURES[0], signs))


def found(asked: NumberQuery, search: dict[str, Any], held_as: str) -> bool:
    number = asked_number(asked)
    return any(key == number.key and number.match(detail) for key, detail in held_numbers(search, held_as))


def card_found(asked: str, held: str, scheme: str = "MMR-NRC") -> bool:
    item = {"number": held, "scheme": scheme}
    return found(NationalIdQuery(asked, "MMR-NRC"), {"national_ids": [item]}, "national_ids")


@table(
    "written",
    [
        "12/LAMATA(N)123456",
        "12/LaMaTa(Naing)123456",
        "12 / lamata (n) 123456",
        "12-LaMaTa-N-123456",
        "၁၂/လမတ(နိုင်)၁၂၃၄၅၆",
        "၁၂ / လမတ (နိုင်) ၁၂၃၄၅၆",
        "၁၂/လမတ（နိုင်）123456",
        "၁၂/လမတ(ႏိုင္)၁၂၃၄၅၆",
        "၁၂/လမတ(N)၁၂၃၄၅၆",
    ],
)
def test_a_card_of_myanmar_is_found_however_it_is_written(written: str) -> None:
    assert card_found("12/LAMATA(N)123456", written)
    assert card_found(written, "12/LAMATA(N)123456")
    assert card_found(written, "၁၂/လမတ(နိုင်)၁၂၃၄၅၆")


def test_a_scheme_is_the_same_in_small_letters_and_without_its_country() -> None:
    for scheme in ("NRC", "mmr-nrc", "MMR-NRC", ""):
        assert card_found("12/LAMATA(N)123456", "၁၂/လမတ(နိုင်)၁၂၃၄၅၆", scheme)
    assert not card_found("12/LAMATA(N)123456", "12/LAMATA(N)123456", "THA-PIN")


@table(
    ("latin", "burmese"),
    [
        ("12/BATAHTA(N)000123", "၁၂/ဗတထ(နိုင်)၀၀၀၁၂၃"),
        ("12/BATAHTA(N)000123", "၁၂/ဘတထ(နိုင်)၀၀၀၁၂၃"),
        ("12/THATAPA(N)000123", "၁၂/ထတပ(နိုင်)၀၀၀၁၂၃"),
        ("1/PHAKANA(N)000123", "၁/ဖကန(နိုင်)၀၀၀၁၂၃"),
        ("1/HPAKANA(N)000123", "၁/ဖကန(နိုင်)၀၀၀၁၂၃"),
        ("5/KALAWA(P)000123", "၅/ကလ၀(ပြု)ဝဝဝ၁၂၃"),
        ("9/TATAU(E)000123", "၉/တတဥ(ဧည့်)၀၀၀၁၂၃"),
    ],
)
def test_spellings_of_a_township_meet(latin: str, burmese: str) -> None:
    assert card_found(latin, burmese)
    assert card_found(burmese, latin)


@table(
    ("left", "right"),
    [
        ("12/LAMATA(N)123456", "12/LAMATA(E)123456"),
        ("12/LAMATA(N)123456", "13/LAMATA(N)123456"),
        ("12/LAMATA(N)123456", "12/LAMANA(N)123456"),
        ("12/LAMATA(N)123456", "12/LAMATA(N)123465"),
        ("၁၃/မစတ(နိုင်)၁၂၃၄၅၆", "၁၃/မဆတ(နိုင်)၁၂၃၄၅၆"),
        ("၁၃/မယန(နိုင်)၁၂၃၄၅၆", "၁၃/မရန(နိုင်)၁၂၃၄၅၆"),
        ("၁၂/စစစ(နိုင်)၁၂၃၄၅၆", "၁၂/ဆဆဆ(နိုင်)၁၂၃၄၅၆"),
    ],
)
def test_two_cards_never_become_one(left: str, right: str) -> None:
    assert not card_found(left, right)
    assert not card_found(right, left)


def test_syllables_of_two_townships_find_both() -> None:
    for burmese in ("၁၃/မစတ(နိုင်)၁၂၃၄၅၆", "၁၃/မဆတ(နိုင်)၁၂၃၄၅၆"):
        assert card_found("13/MASATA(N)123456", burmese)
        assert card_found(burmese, "13/MASATA(N)123456")


@given(
    st.sampled_from(PLACES),
    st.sampled_from([("N", "နိုင်"), ("E", "ဧည့်"), ("P", "ပြု"), ("T", "သာသနာ"), ("Y", "ယာယီ"), ("S", "စ")]),
    st.integers(1, 999_999),
    figures,
)
def test_every_township_has_one_key_in_both_scripts(
    place: tuple[int, str], kind: tuple[str, str], serial: int, signs: dict[int, int]
) -> None:
    state, letters = place
    burmese = f"{state}/{letters}({kind[1]}){serial:06d}".translate(signs)
    card = read_card(number_key(burmese))
    assert card is not None
    latin = f"{state}/{card.syllables.title()}({kind[0]}){serial:06d}"
    assert number_key(latin) == number_key(burmese) == card.key
    assert card_found(latin, burmese)
    assert card_found(burmese, latin)
    assert not card_found(burmese, f"{state}/{letters}({kind[1]}){serial % 999_999 + 1:06d}")


cards = st.builds(
    lambda place, kind, serial: f"{place[0]}/{place[1]}({kind}){serial:06d}",
    st.sampled_from(PLACES),
    st.sampled_from(["နိုင်", "ဧည့်", "ပြု"]),
    st.integers(0, 3),
)


@given(cards, cards)
def test_cards_that_differ_in_anything_stay_apart(one: str, other: str) -> None:
    assert card_found(one, other) == (one == other)


@given(
    st.sampled_from(["110105", "532801", "450103", "530102"]),
    st.dates(date(1930, 1, 1), date(1999, 12, 31)),
    st.integers(1, 995),
    figures,
)
def test_an_old_chinese_number_is_found_by_the_new_one(
    region: str, born: date, serial: int, signs: dict[int, int]
) -> None:
    body = f"{region}{born:%Y%m%d}{serial:03d}"
    new, old = body + chinese_check_character(body), f"{region}{born:%y%m%d}{serial:03d}"
    for asked, held in ((new, old.translate(signs)), (old, new.lower()), (old.translate(signs), old)):
        search = {"national_ids": [{"number": held, "scheme": "CHN-RIC"}]}
        assert found(NationalIdQuery(asked, "CHN-RIC"), search, "national_ids")
        assert found(DocumentQuery(asked), {"documents": [{"number": held}]}, "documents")


def test_an_old_chinese_number_that_does_not_tell_its_century_stays_as_it_is() -> None:
    assert number_key("110105991231996") == "110105991231996"
    assert number_key("110105991331001") == "110105991331001"


@table(
    ("asked", "held"),
    [
        (("กข 1234", ""), ("กข๑๒๓๔ เชียงราย", "")),
        (("กข 1234 เชียงราย", ""), ("กข-1234", "จังหวัดเชียงราย")),
        (("กข 1234", "กทม."), ("กข 1234", "กรุงเทพมหานคร")),
        (("กข 1234 กรุงเทพฯ", ""), ("กข1234 กทม", "")),
        (("1กข 1234 จ.ตาก", ""), ("1กข1234", "ตก")),
        (("ກຂ 1234", ""), ("ກຂ໑໒໓໔ ນະຄອນຫຼວງວຽງຈັນ", "")),
        (("ນະຄອນຫຼວງວຽງຈັນ ກຂ 1234", ""), ("ກຂ 1234", "ນະຄອນຫຼວງວຽງຈັນ")),
        (("2A-1234", "ភ្នំពេញ"), ("ភ្នំពេញ ២A១២៣៤", "")),
        (("PHNOM PENH 2A-1234", ""), ("2A 1234", "ភ្នំពេញ")),
        (("YGN 5K/1234", ""), ("5K-၁၂၃၄", "Yangon")),
        (("29LĐ-123.45", ""), ("29LD12345", "")),
        (("粵Z·1234港", ""), ("粤Z1234港", "")),
        (("云Ａ１２３４５", ""), ("雲A·12345", "")),
    ],
)
def test_a_plate_is_found_with_its_province_apart_or_beside_it(asked: tuple[str, str], held: tuple[str, str]) -> None:
    for one, other in ((asked, held), (held, asked)):
        search = {"plates": [{"plate": other[0], "province": other[1]}]}
        assert found(VehicleQuery(one[0], one[1]), search, "plates")


@table(
    ("asked", "held"),
    [
        ("กข 1234 เชียงราย", "กข 1234 เชียงใหม่"),
        ("กข 1234 กทม", "กข 1234 ตาก"),
        ("1กข 1234", "กข 1234"),
        ("京A12345", "津A12345"),
        ("29A-12345", "30A-12345"),
        ("粤ABC123", "粤BBC123"),
    ],
)
def test_two_plates_never_become_one(asked: str, held: str) -> None:
    assert not found(VehicleQuery(asked), {"plates": [{"plate": held}]}, "plates")
    assert not found(VehicleQuery(held), {"plates": [{"plate": asked}]}, "plates")


@table("written", ["AA1234567<", "№ AA1234567", "ａａ１２３４５６７", "[AA 1234567]", "AA\\1234567"])
def test_signs_around_a_number_do_not_count(written: str) -> None:
    assert number_key(written) == "AA1234567"


@given(st.text(max_size=40))
def test_the_key_of_a_plate_is_its_own_key(text: str) -> None:
    key, _ = plate_number(text)
    again, _ = plate_number(key)
    assert not key or again == key or key.startswith(again)
