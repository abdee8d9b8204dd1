"""Chinese places and clans: other readings of a character, kinds of places, surnames as the south spells them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.matching.keys import name_keys, query_keys
from gateway.matching.normal import normal_name
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.scripts import han
from gateway.matching.similarity import compare_names
from gateway.model.hit import Quality
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.tables import table


def alike(left: str, right: str) -> float:
    return compare_names(normal_name(left), normal_name(right)).score


@table(
    ("written", "spelled"),
    [
        ("浚县", "Xun Xian"),
        ("詹圩", "Zhanxu"),
        ("乐亭县", "Leting"),
        ("乐亭县", "Laoting"),
        ("大埔", "Dabu"),
        ("呈贡区", "Chenggong"),
        ("德宏傣族景颇族自治州", "Dehong"),
        ("双江拉祜族佤族布朗族傣族自治县", "Shuangjiang"),
        ("榆林", "Yulinshi"),
        ("定海", "Dinghaicun"),
        ("紫阳县", "Ziyang Chengguanzhen"),
        ("黑水", "Heishui"),
    ],
)
def test_a_place_is_found_by_another_reading_or_without_its_kind(written: str, spelled: str) -> None:
    assert query_keys(written) & name_keys(spelled)
    assert alike(written, spelled) > 0.95


def test_the_exact_reading_comes_before_letters_that_fit_as_well() -> None:
    assert alike("黑水", "Heishui") > alike("黑水", "Heshui")


def test_a_kind_alone_is_no_name_without_one() -> None:
    assert han.without_kind("临沂市") == "临沂"
    assert han.without_kind("循化撒拉族自治县") == "循化"
    assert han.without_kind("沂县") == ""
    assert han.without_kind("张伟") == ""


@given(st.text("县镇市区满族自治州城关乐石洞浚", max_size=12))
def test_what_is_left_of_a_place_is_its_beginning_and_never_a_single_character(name: str) -> None:
    bare = han.without_kind(name)
    assert name.startswith(bare)
    assert len(bare) != 1
    assert query_keys(name) >= name_keys(name)


def _found(asked: str, held: str, birth: str = "1980-01-05") -> Quality | None:
    query = PersonQuery((NameForm(asked),), PartialDate(birth) if birth else None)
    match = score_person(query, PersonFeatures((held,), PartialDate("1980-01-05")))
    return match.quality if match else None


def test_a_southern_surname_is_the_pinyin_one_where_all_else_agrees() -> None:
    assert _found("Tan Wei Ming", "Chen Weiming") is Quality.POSSIBLE
    assert _found("Tan Wei Ming", "Chen Xiaojun") is None
    assert _found("Tan Wei Ming", "Lin Weiming") is not Quality.STRONG
    assert _found("Tan Wei Ming", "Chen Weiming", "") is None
    assert alike("Tan Wei Ming", "Chen Weiming") == alike("Chen Weiming", "Tan Wei Ming")


@table(
    ("written", "spelled", "other"),
    [
        ("聂荣", "Nyainrong", "Narong"),
        ("琼结", "Qonggyai", "Kyinzhi"),
        ("申扎", "Xainza", "Xun Xian"),
        ("巴青", "Baqên", "Baying"),
        ("迪庆", "Dêqên", "Daping"),
        ("和硕", "Hoxud", "Heshi"),
    ],
)
def test_the_romanisation_of_another_people_comes_before_pinyin_that_is_only_near(
    written: str, spelled: str, other: str
) -> None:
    assert alike(written, spelled) > alike(written, other)
