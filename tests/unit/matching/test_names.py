"""Normal forms and keys of names: scripts, titles, placeholders, encodings (domain, section 6.1)."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from gateway.matching.keys import name_keys, query_keys, word_keys
from gateway.matching.normal import normal_name
from gateway.matching.scripts import burmese, khmer, thai
from gateway.matching.scripts.detect import detect_script
from gateway.matching.scripts.latin import skeleton, sound
from gateway.matching.similarity import compare_names
from tests.support.tables import table

SAME_PERSON = [
    ("สมชาย ใจดี", "Somchai Jaidee"),
    ("พรทิพย์ ศรีสุวรรณ", "Pornthip Srisuwan"),
    ("Weera Thongdi", "Wira Tongdee"),
    ("วงศ์สวัสดิ์ ประสิทธิ์", "Mr. Prasit Wongsawat"),
    ("Bounmy Vongsa", "Bunmi Wongsa"),
    ("ທ້າວ ຄຳຫຼ້າ ໄຊຍະວົງ", "Khamla Xayavong"),
    ("ជា សីហា", "Chea Seyha"),
    ("សុខ\u200bសុវណ្ណ", "SOVANN Sok"),
    ("Thu Htet Tun", "Thu Htat Htoon"),
    ("ေက်ာ္ဝင္း", "Kyaw Winn"),
    ("Đặng Đức Trọng", "DANG DUC TRONG"),
    ("吕丽华", "LYU LIHUA"),
    ("呂麗華", "吕丽华"),
    ("王小明", "Vương Tiểu Minh"),
    ("Tub Xyooj", "Tou Xiong"),
    ("WANG, Xiaoming", "Xiao Ming Wang"),
    ("Nguyễn Văn Hùng", "HUNG VAN NGUYEN"),
]


@table(("left", "right"), SAME_PERSON)
def test_two_spellings_of_a_name_are_alike_and_share_a_key(left: str, right: str) -> None:
    assert compare_names(normal_name(left), normal_name(right)).score >= 0.92
    assert query_keys(left) & name_keys(right)
    assert query_keys(right) & name_keys(left)


@table(
    ("left", "right"),
    [
        ("Nguyễn Văn Hùng", "Nguyễn Văn Hưng"),
        ("Phạm Minh Tuấn", "Phạm Anh Tuấn"),
        ("Tran Van Minh", "Tran Van Manh"),
        ("Prasert Suksan", "Prasit Suksan"),
        ("Thongchai Saelim", "Thongchai Saelee"),
        ("ຄຳມະນີ ສີສຸກ", "ຄຳມີ ສີສຸກ"),
        ("Aung Kyaw Win", "Kyaw Aung Win"),
        ("Heng Sopheap", "Heng Sophea"),
        ("张伟", "章伟"),
        ("FNU Somchai", "FNU Bounmy"),
    ],
)
def test_names_that_differ_are_not_alike(left: str, right: str) -> None:
    assert compare_names(normal_name(left), normal_name(right)).score < 0.92


@table(
    ("name", "script"),
    [
        ("สมชาย", "Thai"),
        ("ຄຳສຸກ", "Laoo"),
        ("សុខ", "Khmr"),
        ("ကျော်ဝင်း", "Mymr"),
        ("Trần", "Latn"),
        ("王小明", "Hani"),
        ("Иванов", "Cyrl"),
        ("صدام", "Arab"),
        ("김", "Hang"),
        ("12 -", ""),
    ],
)
def test_the_script_of_most_letters_is_detected(name: str, script: str) -> None:
    assert detect_script(name) == script


@table("name", ["", "-", "XXX", "N/A", "FNU LNU", "ไม่ทราบ", "12345", "?"])
def test_a_placeholder_has_no_keys_and_fits_nobody(name: str) -> None:
    assert not name_keys(name)
    assert not word_keys(name)
    assert compare_names(normal_name(name), normal_name(name)).score == 0


@table(
    ("name", "sex"),
    [("นายสมชาย ใจดี", "M"), ("น.ส. สุดา แก้วคำ", "F"), ("Mrs. Suda Kaewkham", "F"), ("ນາງ ຄຳມີ", "F"), ("Daw Khin", "F")],
)
def test_a_title_is_dropped_and_tells_the_sex(name: str, sex: str) -> None:
    assert normal_name(name).sex == sex
    assert normal_name(name).forms[0].words[0] not in ("mrs", "daw", "nai")


def test_a_word_that_may_be_a_title_is_also_kept() -> None:
    words = [form.words for form in normal_name("Ma Thida Win").forms]
    assert ("ma", "thida", "win") in words
    assert ("thida", "win") in words


def test_thai_syllables_are_read_with_silent_letters_and_unwritten_vowels() -> None:
    assert thai.romanise("สวัสดิ์") == "sawat"
    assert thai.romanise("จันทร์") == "chan"
    assert thai.romanise("ธรรมนูญ") == "thamnun"
    assert thai.romanise("ขนม") == "khanom"
    assert thai.romanise("ວຽງຈັນ") == "viangchan"


def test_khmer_vowels_follow_the_series_of_their_consonant() -> None:
    assert khmer.romanise("តា") == "ta"
    assert khmer.romanise("ទា") == "tea"
    assert khmer.romanise("ប៉ា") == "pha"


def test_zawgyi_text_becomes_unicode_and_unicode_stays() -> None:
    assert burmese.to_unicode("ေက်ာ္ဝင္း") == "ကျော်ဝင်း"
    assert burmese.to_unicode("ကျော်ဝင်း") == "ကျော်ဝင်း"
    assert [burmese.romanise(each) for each in burmese.syllables("အောင်မြင့်")] == ["aung", "myint"]


def test_a_skeleton_forgets_vowels_and_aspiration() -> None:
    assert skeleton(sound("phornthip")) == skeleton(sound("pontip")) == "pntp"
    assert skeleton(sound("sovanna")) == skeleton(sound("suwana"))


def test_a_name_in_a_script_without_vowels_is_compared_by_its_letters() -> None:
    fit = compare_names(normal_name("صدام حسين التكريتي"), normal_name("Saddam Hussein al-Tikriti"))
    assert fit.score > 0.8
    assert fit.rules[:2] == ("name-romanised", "name-spelled")


def test_a_prefix_that_is_part_of_a_word_stays() -> None:
    assert normal_name("นางาม ดีใจ").own[0] == "นางาม"
    assert normal_name("นางงาม ดีใจ").own[0] == "งาม"


def test_text_of_any_length_is_bounded() -> None:
    name = normal_name(" ".join(["abc"] * 60))
    assert len(name.forms[0].words) == 12


def test_words_joined_or_split_share_a_key() -> None:
    assert name_keys("Wang Xiaoming") & query_keys("Wang Xiao Ming")
    assert name_keys("LYSAN") & name_keys("Ly San")


def test_keys_are_few() -> None:
    assert len(name_keys("สมชาย ใจดี")) <= 6
    assert len(name_keys("Nguyễn Văn Hùng")) <= 8
    assert len(name_keys("Abu Bakr Muhammad Ali Hasan Al Tikriti")) <= 16
    assert len(query_keys("عبد الرزاق آخوند لا لا آخوند")) <= 300


_LETTERS = st.text(
    alphabet=st.one_of(
        st.characters(min_codepoint=0x0E01, max_codepoint=0x0E4F),
        st.characters(min_codepoint=0x0E81, max_codepoint=0x0EDD),
        st.characters(min_codepoint=0x1000, max_codepoint=0x109F),
        st.characters(min_codepoint=0x1780, max_codepoint=0x17DD),
        st.characters(min_codepoint=0x20, max_codepoint=0x24F),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x4FFF),
    ),
    max_size=30,
)


@given(st.one_of(st.text(max_size=40), _LETTERS))
def test_any_text_has_a_normal_form_and_composition_does_not_change_it(text: str) -> None:
    name = normal_name(text)
    assert all(word and word.isascii() for form in name.forms for word in form.words)
    assert name_keys(text) == name_keys(unicodedata.normalize("NFD", text))
    assert bool(name_keys(text)) == bool(word_keys(text))


@given(_LETTERS, _LETTERS)
def test_likeness_is_between_0_and_1_and_the_same_name_is_1(left: str, right: str) -> None:
    first, second = normal_name(left), normal_name(right)
    assert 0 <= compare_names(first, second).score <= 1
    assert compare_names(first, first).score == (1 if first.forms else 0)
