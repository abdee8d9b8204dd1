"""Names of countries: each is read as its own country, however it is written, and what may be several as none."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.values import country_names
from adapters.values.converters import CONVERTERS
from adapters.values.texts import COUNTRY_SCHEMES
from gateway.errors import Misconfigured
from gateway.records.codes import alpha3, issuers, rows
from tests.support.tables import table

ENGLISH = [(code, name) for _, code, name in rows("countries") if code != "COG"]
"""All short names; `Congo` alone may be either of two."""

NAMES = [(code, name) for code, _, name in rows("country_names")]
REGION = {"THA", "LAO", "KHM", "MMR", "VNM", "CHN"}
NEIGHBOURS = {"MYS", "SGP", "IDN", "PHL", "IND", "BGD", "JPN", "KOR", "PRK", "TWN", "HKG", "RUS", "USA", "GBR", "FRA"}


WRITTEN = """
VNM Viet Nam; Vietnam; VIETNAM; Viet-nam; Việt Nam; Viêt Nam; Socialist Republic of Vietnam
VNM CHXHCN VIET NAM; nước Việt Nam; ຫວຽດນາມ; เวียดนาม; ประเทศเวียดนาม; វៀតណាម; ប្រទេស\u200bវៀតណាម; ဗီယက်နမ်; 越南
LAO Laos; Lao PDR; LAO P.D.R.; Lao People's Democratic Republic; Lào; Lao; ลาว; สปป.ลาว; ສປປ ລາວ
LAO ລາວ; ឡាវ; လာအို; 老挝; 老撾; 寮国; 寮國
MMR Burma; Myanmar; Union of Myanmar; พม่า; เมียนมา; ພະມ້າ; ມຽນມາ; ភូមា; မြန်မာ; မြန်မာနိုင်ငံ
MMR Miến Điện; Mien Dien; 缅甸; 緬甸
THA Thailand; THAI; Kingdom of Thailand; ไทย; ประเทศไทย; ໄທ; ປະເທດໄທ; ថៃ; ထိုင်း; ထိုင္း; Thái Lan
THA thai lan; 泰国; 泰國
KHM Cambodia; Kingdom of Cambodia; Kampuchea; Cam-pu-chia; campuchia; กัมพูชา; ກຳປູເຈຍ; កម្ពុជា
KHM ကမ္ဘောဒီးယား; 柬埔寨
CHN China; PRC; P.R. China; People's Republic of China; China, People's Republic of; Trung Quốc
CHN TRUNG QUOC; จีน; ຈີນ; ចិន; တရုတ်; 中国; 中國; 中華人民共和國
KOR Republic of Korea; Korea, Rep.; South Korea; Korea (South); Korea, Republic of; Hàn Quốc
KOR เกาหลีใต้; 韩国; 南韓
PRK DPRK; North Korea; Korea, Dem. People's Rep.; Democratic People's Republic of Korea
PRK Triều Tiên; 朝鲜; 北韓
GBR UK; U.K.; United Kingdom; Great Britain; Anh; อังกฤษ; 英国
USA USA; U.S.A.; US; United States; the United States of America; Hoa Kỳ; Mỹ; สหรัฐอเมริกา; 美國
CIV Côte d'Ivoire; Cote d’Ivoire; COTE D IVOIRE; Ivory Coast; Bờ Biển Ngà
COD DR Congo; DRC; Congo, Dem. Rep.; Congo, The Democratic Republic of the; Congo (Kinshasa); Zaire
COG Republic of the Congo; Congo, Rep.; Congo (Brazzaville)
KNA St. Kitts & Nevis; Saint Kitts and Nevis
TUR Türkiye; TÜRKİYE; Turkiye; Turkey
CZE Czechia; Czech Republic
RKS Kosovo
TWN Taiwan; 台湾; 臺灣; Đài Loan; Republic of China (Taiwan)
"""
"""Ways to write a country, as they are met in tables."""


def country(cell: Any, **options: Any) -> str | None:
    code: str | None = CONVERTERS["country"].make(options)(cell)
    return code


@table("scheme", COUNTRY_SCHEMES)
def test_every_english_name_gives_its_own_country_in_any_scheme(scheme: str) -> None:
    convert = CONVERTERS["country"].make({"scheme": scheme})
    assert {name: convert(name) for _, name in ENGLISH} == {name: code for code, name in ENGLISH}
    assert convert("Congo") is None


def test_every_code_gives_its_own_country_and_wins_over_a_name() -> None:
    assert all(country(code) == code for code in issuers())
    assert all(country(two, scheme="alpha-2") == three for two, three in alpha3().items())
    assert all(country(code.lower()) == code for code in issuers())
    assert country("NGA") == "NGA", "Nga is Russia in Vietnamese"


def test_no_listed_name_is_another_countrys() -> None:
    read = {name: country(name, scheme="name") for _, name in NAMES}
    assert read == {name: code or None for code, name in NAMES}


def test_beside_codes_only_what_is_written_as_a_name_and_is_a_code_is_not_known() -> None:
    unknown = {name for code, name in NAMES if code and country(name) != code}
    assert unknown == {"Nga"}
    assert [country(name) for name in ("Nga", "My", "Bi", "Ao", "Mỹ", "Bỉ", "Áo")] == [None] * 4 + ["USA", "BEL", "AUT"]
    assert [country(name, scheme="name") for name in ("Nga", "My", "BI", "ao", "Y")] == [
        "RUS",
        "USA",
        "BEL",
        "AUT",
        None,
    ]
    assert country("THA", scheme="name") is None


_DECORATED = st.tuples(
    st.sampled_from([name for name in NAMES if name[0]] + ENGLISH),
    st.sampled_from((str.upper, str.lower, str.casefold, str)),
    st.sampled_from(("NFC", "NFD", "NFKC")),
    st.sampled_from((" ", "  ", "-", " - ", "", "\u200b", "_", "/")),
    st.sampled_from(("", ".", " ", "(", ",")),
)


@given(_DECORATED)
def test_case_blanks_punctuation_and_the_form_of_marks_make_no_difference(parts: Any) -> None:
    (code, name), case, form, blank, end = parts
    words = unicodedata.normalize(form, case(name)).split(" ")
    # Words that are dropped or written out are known by the blanks beside them.
    is_joined = not blank.strip(" -_/\u200b") and blank in ("", "\u200b")
    if is_joined and {word.casefold().strip(".,()") for word in words} & {"the", "of", "and", "st", "dem", "rep"}:
        blank = " "
    assert country(end + blank.join(words) + end, scheme="name") == code


@table(("code", "names"), [line.split(" ", 1) for line in WRITTEN.strip().splitlines()])
def test_a_country_has_many_names(code: str, names: str) -> None:
    read = {name: country(name) for name in names.split("; ")}
    assert read == dict.fromkeys(read, code)


@table(
    ("one", "other"),
    [
        (("Niger", "NER"), ("Nigeria", "NGA")), (("Guinea", "GIN"), ("Guinea-Bissau", "GNB")),
        (("Equatorial Guinea", "GNQ"), ("Papua New Guinea", "PNG")),
        (("Dominica", "DMA"), ("Dominican Republic", "DOM")), (("瑞士", "CHE"), ("瑞典", "SWE")),
        (("Samoa", "WSM"), ("American Samoa", "ASM")), (("Sudan", "SDN"), ("South Sudan", "SSD")),
        (("Austria", "AUT"), ("Australia", "AUS")), (("Slovakia", "SVK"), ("Slovenia", "SVN")),
        (("尼日尔", "NER"), ("尼日利亚", "NGA")), (("ไนเจอร์", "NER"), ("ไนจีเรีย", "NGA")),
        (("Mauritania", "MRT"), ("Mauritius", "MUS")), (("Ireland", "IRL"), ("Northern Ireland", "GBR")),
    ],
)  # fmt: skip
def test_names_that_are_alike_are_not_mixed_up(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert [country(name) for name, _ in (one, other)] == [one[1], other[1]]


@table(
    "name",
    [
        "Congo", "Korea", "เกาหลี", "ประเทศเกาหลี", "ເກົາຫຼີ", "កូរ៉េ", "ကွန်ဂို", "刚果", "剛果", "Công-gô", "cong go",
        "多米尼加", "Republic of China", "Virgin Islands", "Saint Martin", "St. Martin", "Yugoslavia", "USSR",
        "Atlantis", "Thailnd", "Thailand 2", "Thailand/Laos", "Nigeri", "Bangkok", "the", "of", ".", "", "ประเทศ",
        "X" * 300, "việt" * 100,
    ],
)  # fmt: skip
def test_what_may_be_several_or_is_not_listed_is_not_known(name: str) -> None:
    assert [country(name, scheme=scheme) for scheme in COUNTRY_SCHEMES] == [None] * len(COUNTRY_SCHEMES)


@given(st.text(max_size=40))
def test_no_text_is_anything_but_a_country_or_nothing(text: str) -> None:
    assert country(text, width=12) in {None, *issuers()}


@table(
    ("cell", "width", "code"),
    [
        ("Democratic People's Republic o", 30, "PRK"), ("United Kingdom of Great Britai", 30, "GBR"),
        ("Lao People's Democr", 20, "LAO"),  # a blank stood at the end
        ("Korea, Republi", 14, "KOR"), ("Cộng hòa dân chủ nhân dân L", 27, "LAO"),
        ("Democratic Republic", 20, None), ("Islamic Republi", 15, None), ("Virgin Islands", 14, None),
        ("Democratic People's Republic", 30, None),
        ("Guinea", 12, "GIN"), ("XXXXXXXXXXXX", 12, None), ("-" * 12, 12, None),
    ],
)  # fmt: skip
def test_a_name_that_fills_its_column_is_read_where_one_countrys_alone_begin_so(
    cell: str, width: int, code: str | None
) -> None:
    assert country(cell, width=width) == code
    assert country(cell) in (None, "GIN")


def test_a_column_that_is_too_narrow_for_names_is_a_mistake() -> None:
    with pytest.raises(Misconfigured):
        country("Thailand", width=11)


def test_the_list_has_the_region_in_all_its_languages() -> None:
    held = {(code, lang) for code, lang, _ in rows("country_names")}
    assert {lang for _, lang in held} == {"en", "th", "lo", "km", "my", "vi", "zh", "fr"}
    for code in REGION | NEIGHBOURS:
        assert {lang for held_code, lang in held if held_code == code} >= {"th", "lo", "km", "my", "zh"}
    assert {code for code, _ in held} - {""} <= issuers().keys()
    assert set(alpha3().values()) <= {code for code, lang in held if lang == "th"}


def test_a_name_as_listed_costs_one_look_up() -> None:
    """What is written as the list has it, in any case of letters, needs no normal form."""
    country_names.named.cache_clear()
    convert = CONVERTERS["country"].make({})
    assert [convert(name) for name in ("THA", "Thailand", "VIET NAM", "ไทย", "South Korea")] == [
        "THA", "THA", "VNM", "THA", "KOR",
    ]  # fmt: skip
    assert country_names.named.cache_info().misses == 0
