"""Each converter does what the guide says of it, on the habits of six countries' clerks, and never guesses."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.values.cells import cleaner
from adapters.values.charsets import decoder, from_vni, mend, recode
from adapters.values.converters import CONVERTERS
from adapters.values.dates import thai_date
from adapters.values.texts import word_list
from gateway.errors import LiaisonError, Malformed, Misconfigured
from tests.support.tables import table

VIETNAMESE = ["Nguyễn Văn Đức", "TRẦN THỊ HƯỜNG", "Đặng Quốc Ỷ", "Phạm Ngọc Ánh", "Lữ Bỉnh Ễ"]


def convert(name: str, value: Any, **options: Any) -> Any:
    return CONVERTERS[name].make(options)(value)


@table("name", CONVERTERS)
def test_a_converter_keeps_the_word_of_its_example(name: str) -> None:
    cell, options, value = CONVERTERS[name].example
    assert CONVERTERS[name].make(options)(cell) == value
    assert options.keys() <= CONVERTERS[name].options.keys()


# ---------------------------------------------------------------- character sets


@table("charset", ["viscii", "tcvn3"])
@table("name", VIETNAMESE)
def test_vietnamese_bytes_of_the_nineties_are_read(charset: str, name: str) -> None:
    decode = decoder(charset)
    assert decode is not None
    letters: dict[str, int] = {}
    for byte in range(256):
        try:
            letters.setdefault(decode(bytes([byte])), byte)
        except UnicodeDecodeError:
            continue
    assert decode(bytes(letters[letter] for letter in name)) == name
    assert cleaner(charset, frozenset())(bytes(letters[letter] for letter in name)) == name


@table(
    ("written", "meant"),
    [
        ("Nguyeãn Vaên Ñöùc", "Nguyễn Văn Đức"),
        ("TRAÀN THÒ HÖÔØNG", "TRẦN THỊ HƯỜNG"),
        ("Hoaøng Tuyeát Myõ", "Hoàng Tuyết Mỹ"),
        ("Lyù", "Lý"),
        ("plain", "plain"),
    ],
)
def test_vni_is_read_and_what_it_does_not_have_is_refused(written: str, meant: str) -> None:
    assert from_vni(written) == meant
    assert recode(written, "vni") == meant
    with pytest.raises(Malformed):
        from_vni("สมชาย")


@given(st.text(alphabet="สมชายใจดีเอกกัญญา ", min_size=1))
def test_thai_that_was_read_as_cp1252_comes_back_or_is_refused(name: str) -> None:
    damaged = name.encode("cp874").decode("latin-1")
    assert recode(damaged, "tis-620") == name
    with pytest.raises(Malformed):
        recode("สม", "tis-620")


@table("encoding", ["cp1252", "latin-1"])
@table("name", ["สมชาย ใจดี", "Nguyễn Văn Đức", "សុខ ដារា", "ສົມສັກ", "မောင်", "王小明"])
def test_utf8_that_was_encoded_twice_is_mended_where_it_is_certain(encoding: str, name: str) -> None:
    try:
        damaged = name.encode().decode(encoding)
    except UnicodeDecodeError:
        damaged = name.encode().decode("latin-1")
    clean = cleaner("utf-8", frozenset(), repair=True)
    assert clean(damaged) == unicodedata.normalize("NFC", name)
    assert clean(name) == unicodedata.normalize("NFC", name)
    assert mend(mend(damaged)) == name


@table("text", ["Café", "Ã", "Â ngoài", "Élève", "naïve", "LÂ\u00a0M", "Müller", "ÃO", ""])
def test_what_somebody_may_have_typed_is_not_mended(text: str) -> None:
    assert mend(text) == text


@given(st.text(alphabet=st.characters(min_codepoint=0xA0, max_codepoint=0x24F)))
def test_mending_gives_either_the_text_or_one_that_encodes_to_it(text: str) -> None:
    made = mend(text)
    back = made
    for _ in range(2):
        if back == text:
            break
        try:
            back = back.encode().decode("cp1252")
        except UnicodeDecodeError:
            back = back.encode().decode("latin-1")
    assert made == text or back == text or mend(back) == made


def test_unknown_character_sets_are_none() -> None:
    for name in ("klingon", "idna", "punycode", "hex", "undefined", "", "utf-7", "rot13"):
        assert decoder(name) is None, name


# ---------------------------------------------------------------- dates


@table(
    ("formats", "options", "typed", "value"),
    [
        (["dd-mon-yy"], {}, "05-Jan-75", "1975-01-05"),
        (["dd mon yyyy"], {}, "5 février 1999", "1999-02-05"),
        (["dd-mon-yyyy"], {"era": "BE"}, "18-ก.ค.-2563", "2020-07-18"),
        (["dd/mm/yyyy"], {"era": "BE"}, "17/02/2480", "1938-02-17"),
        (["dd/mm/yyyy"], {"era": "BE"}, "17/04/2480", "1937-04-17"),
        (["dd/mm/yyyy"], {"era": "BE"}, "00/00/2510", "1967"),
        (["yyyymmdd"], {"era": "BE"}, "25590325", "2016-03-25"),
        (["dd/mm/yy"], {"era": "BE"}, "08/12/98", "1955-12-08"),
        (["dd/mm/yyyy"], {}, "០៥/០៦/១៩៨៧", "1987-06-05"),
        (["yyyy-mm-dd"], {}, "2020-01-31 08:30:00", "2020-01-31"),
        (["yyyy-mm-dd"], {}, "2020-01-31T08:30:00.123", "2020-01-31"),
        (["mm/dd/yyyy"], {}, "12/31/1999", "1999-12-31"),
    ],
)
def test_dates_are_read_in_many_habits(formats: list[str], options: dict[str, Any], typed: str, value: str) -> None:
    assert convert("date", typed, formats=formats, **options)["value"] == value


@table(
    "typed", ["31/02/1990", "30/02/2000", "29/02/1900", "01/13/1990", "17/01/2566", "17/01/1066", "1/1/1", "x/y/zzzz"]
)
def test_days_and_years_that_cannot_be_are_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        convert("date", typed, formats=["dd/mm/yyyy"])


def test_a_day_of_never_is_nothing_and_a_zone_is_not_passed_over() -> None:
    assert convert("date", "9999-12-31", formats=["yyyy-mm-dd"]) is None
    assert convert("date", "0000-00-00", formats=["yyyy-mm-dd"]) is None
    with pytest.raises(Malformed):
        convert("date", "2020-01-31T20:30:00Z", formats=["yyyy-mm-dd"])


def test_a_year_alone_before_1941_is_estimated_since_it_began_in_april() -> None:
    assert thai_date("00/00/2475") == {
        "value": "1932", "calendar": "BE", "original": "00/00/2475", "estimated": True,
    }  # fmt: skip
    assert "estimated" not in thai_date("00/00/2510")


@given(st.dates(date(1850, 1, 1), date(2150, 12, 31)))
def test_every_day_survives_every_way_of_writing_it(day: date) -> None:
    value = day.isoformat()
    if day.year > 1940:
        buddhist = f"{day.day:02d}/{day.month:02d}/{day.year + 543}"
        assert convert("date", buddhist, formats=["dd/mm/yyyy"], era="BE")["value"] == value
    assert convert("date", f"{day:%Y%m%d}", formats=["yyyymmdd"])["value"] == value
    assert convert("date", f"{day.day}.{day.month}.{day.year}", formats=["dd.mm.yyyy"])["value"] == value
    assert convert("date", f"{day:%d-%b-%Y}", formats=["dd-mon-yyyy"])["value"] == value
    seconds = (day - date(1970, 1, 1)).days * 86_400
    assert convert("epoch-date", seconds)["value"] == value
    assert convert("epoch-date", seconds * 1000 - 25_200_000, unit="ms", offset=7)["value"] == value
    if day >= date(1904, 1, 2):
        assert convert("excel-date", (day - date(1904, 1, 1)).days, since_1904=True)["value"] == value
    if day >= date(1900, 3, 1):
        assert convert("excel-date", (day - date(1899, 12, 30)).days)["value"] == value


def test_the_spreadsheets_day_that_never_was_is_refused() -> None:
    assert convert("excel-date", 59)["value"] == "1900-02-28"
    assert convert("excel-date", "61.75")["value"] == "1900-03-01"
    for bad in (60, 0, -5, "soon", 1e300, float("nan")):
        with pytest.raises(Malformed):
            convert("excel-date", bad)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.times(), st.integers(-12, 14))
def test_a_moment_is_the_same_in_every_zone(day: date, hour: time, offset: int) -> None:
    local = datetime.combine(day, hour.replace(microsecond=0))
    expected = (local - timedelta(hours=offset)).replace(tzinfo=UTC)
    assert convert("moment", local.isoformat(" "), offset=offset) == expected.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert convert("moment-date", expected.isoformat(), offset=offset)["value"] == local.date().isoformat()


def test_a_moment_without_a_zone_is_not_guessed() -> None:
    with pytest.raises(Malformed):
        convert("moment", "2026-11-24 08:30:00")
    assert convert("moment", "2026-11-24T08:30:00+07:00") == "2026-11-24T01:30:00Z"
    with pytest.raises(Misconfigured):
        convert("moment-date", "2026-11-24 08:30:00")
    with pytest.raises(Misconfigured):
        convert("moment", "2026-11-24 08:30:00", offset=99)


# ---------------------------------------------------------------- quantities


@table(
    ("typed", "mark", "value"),
    [
        ("1.234,5", "comma", "1234.5"),
        ("12,5", "comma", "12.5"),
        ("1 234 567,89 kg", "comma", "1234567.89"),
        ("๑๒.๕ กก.", "point", "12.5"),
        ("1,234,567", "point", "1234567"),
    ],
)
def test_quantities_are_read_in_both_habits(typed: str, mark: str, value: str) -> None:
    assert convert("decimal", typed, mark=mark) == value


@table(
    ("name", "typed", "options", "value"),
    [
        ("mass", "2,5 tấn", {"mark": "comma"}, "2500"),
        ("mass", "500 g", {}, "0.5"),
        ("mass", "250", {"unit": "GRM"}, "0.25"),
        ("mass", "3 กิโลกรัม", {}, "3"),
        ("mass", "2 piculs", {"picul": "60.5"}, "121"),
        ("mass", "1 lb", {}, "0.45359237"),
        ("volume", "1.5 m3", {}, "1500"),
        ("volume", "20 ลิตร", {}, "20"),
        ("volume", "0,5 lít", {"mark": "comma"}, "0.5"),
    ],
)
def test_units_are_brought_to_kilograms_and_litres(name: str, typed: str, options: Any, value: str) -> None:
    assert convert(name, typed, **options) == value


@table(
    ("name", "typed"),
    [
        ("mass", "2 piculs"),
        ("mass", "3 litres"),
        ("mass", "2 bags"),
        ("volume", "1 kg"),
        ("unit", "bag"),
        ("unit", "picul"),
    ],
)
def test_a_unit_of_another_kind_is_refused(name: str, typed: str) -> None:
    with pytest.raises(Malformed):
        convert(name, typed)


def test_units_have_their_codes() -> None:
    found = {word: convert("unit", word) for word in ("kg", "กก.", "tấn", "litre", "KGM", "តោន", "viên")}
    assert found == {
        "kg": "KGM", "กก.": "KGM", "tấn": "TNE", "litre": "LTR", "KGM": "KGM", "តោន": "TNE", "viên": "U2",
    }  # fmt: skip


def test_money_is_a_whole_number_of_minor_units() -> None:
    assert convert("money", "1,234.50", currency="THB") == 123450
    assert convert("money", "1.500.000 VND", currency="VND", mark="comma") == 1_500_000
    assert convert("money", 12.1, currency="USD") == 1210
    for typed, currency in (("1.005", "THB"), ("1.5", "VND"), ("x", "THB"), ("9" * 25, "THB")):
        with pytest.raises(Malformed):
            convert("money", typed, currency=currency)
    with pytest.raises(Misconfigured):
        convert("money", "1", currency="baht")


# ---------------------------------------------------------------- words


@table("word", ["-", "N/A", "n/a", "Unknown", "ไม่ทราบ", "chưa rõ", "មិនស្គាល់", "ບໍ່ຮູ້"])
def test_what_means_unknown_is_nothing(word: str) -> None:
    assert convert("junk", word) is None


def test_lists_of_junk_are_chosen() -> None:
    assert convert("junk", "FNU") == "FNU"
    assert convert("junk", "FNU", lists=["names"]) is None
    assert convert("junk", "9999-12-31", lists=["dates"]) is None
    assert convert("junk", "XXX-1", values=["xxx-1"]) is None
    assert convert("junk", 7) == 7
    with pytest.raises(Misconfigured):
        convert("junk", "x", lists=["nmaes"])


def test_yes_and_no_in_words() -> None:
    for yes in ("Y", "yes", 1, "TRUE", "có", "ใช่", "oui", "មាន"):
        assert convert("truth", yes, yes="STOLEN", no="") == "STOLEN"
    for no in ("N", "no", 0, "False", "không", "ไม่", "non", "គ្មាន"):
        assert convert("truth", no, yes="STOLEN", no="") is None
    with pytest.raises(Malformed):
        convert("truth", "maybe")


def test_every_word_of_the_lists_is_written_as_it_is_looked_up() -> None:
    for kind in ("junk-signs", "junk-words", "junk-names", "junk-dates", "truth", "unit"):
        assert word_list(kind), kind
        assert all(word == word.casefold() == word.strip() for word in word_list(kind))
    assert not any(word in word_list("junk-words") for word in ("missing", "no", "na", "0"))


@table(
    ("typed", "options", "value"),
    [
        ("081 234 5678", {"country_code": "66"}, "+66812345678"),
        ("+84 90 123 45 67", {"country_code": "66"}, "+84901234567"),
        ("00855 12 345 678", {"country_code": "66"}, "+85512345678"),
        ("(02) 123-4567", {"country_code": "+66"}, "+6621234567"),
    ],
)
def test_telephone_numbers_are_written_one_way(typed: str, options: Any, value: str) -> None:
    assert convert("phone", typed, **options) == value


@table("typed", ["812345678", "0812", "call me", "081-234-5678 ext 9", "+0812345678"])
def test_what_is_no_telephone_number_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        convert("phone", typed, country_code="66")


@table(
    ("typed", "options", "plate", "province"),
    [
        ("กข 1234 เชียงราย", {}, "กข 1234", "เชียงราย"),
        ("1กข-1234 (ตาก)", {}, "1กข-1234", "ตาก"),
        ("2A-0201 Phnom Penh", {}, "2A-0201", "Phnom Penh"),
        ("ກຂ 1234", {}, "ກຂ 1234", None),
        ("ភ្នំពេញ 2A-0201", {"province_first": True}, "2A-0201", "ភ្នំពេញ"),
        ("กข ๑๒๓๔ เชียงราย", {}, "กข 1234", "เชียงราย"),
    ],
)
def test_plates_are_parted_from_their_provinces(typed: str, options: Any, plate: str, province: str | None) -> None:
    assert convert("plate", typed, **options) == plate
    assert convert("plate", typed, part="province", **options) == province


def test_names_in_one_column() -> None:
    assert convert("name", "NGUYEN, Van An", comma=True) == {"text": "NGUYEN Van An", "script": "Latn"}
    found = convert("names", "Keo Noy a.k.a. Nang; Somchai @ ชาย", aliases=True)
    assert [each["text"] for each in found] == ["Keo Noy", "Nang", "Somchai", "ชาย"]
    assert convert("names", "Alias Smith Okada")[0]["text"] == "Alias Smith Okada"


def test_lists_out_of_databases() -> None:
    clean = cleaner("utf-8", frozenset())
    assert convert("array", clean(["a", "b c"])) == ["a", "b c"]
    assert convert("array", '{a,"b, c",NULL}') == ["a", "b, c"]
    assert convert("array", "{}") == []
    assert convert("array", "plain") == ["plain"]
    for bad in ('["a", {"b": 1}]', "[1, 2", "{a", "{{a},{b}}", "[" * 5000):
        with pytest.raises(Malformed):
            convert("array", bad)
    assert clean(UUID(int=7)) == "00000000-0000-0000-0000-000000000007"
    assert json.loads(str(clean({"a": 1}))) == {"a": 1}


def test_small_words() -> None:
    assert convert("entities", "&lt;b&gt; &amp; &#3626;") == "<b> & ส"
    assert convert("piece", "a/b", separator="/", number=3) is None
    assert convert("country", "th", scheme="alpha-2") == "THA"
    assert convert("country", 4, scheme="numeric") == "AFG"
    assert convert("country", "ZZ", scheme="alpha-2") is None
    for bad in ({"separator": "", "number": 1}, {"separator": "/", "number": 0}):
        with pytest.raises(Misconfigured):
            convert("piece", "x", **bad)


@given(
    st.sampled_from(sorted(CONVERTERS)),
    st.one_of(
        st.text(), st.integers(), st.floats(allow_nan=False), st.text(alphabet='0123456789/-.: ,๐๙{}[]"', max_size=30)
    ),
)
def test_a_converter_gives_json_or_nothing_or_our_error(name: str, value: Any) -> None:
    try:
        cell = cleaner("utf-8", frozenset())(value)
        made = None if cell is None else CONVERTERS[name].make(CONVERTERS[name].example[1])(cell)
    except LiaisonError:
        return
    json.dumps(made)
