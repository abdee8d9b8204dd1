"""A place that is listed under the name of its county or of its county's seat."""

from __future__ import annotations

from gateway.matching.keys import name_keys, query_keys
from gateway.matching.normal import normal_name
from gateway.matching.person import PersonFeatures, rough_score, score_person
from gateway.matching.scripts import tables
from gateway.matching.similarity import OTHER_NAME, compare_names
from gateway.matching.thresholds import RANKED
from gateway.model.hit import Quality
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.tables import table

LISTED_UNDER = [
    ("临泽县", "Shahe"),
    ("臨澤", "Shahe"),
    ("循化撒拉族自治县", "Jishi"),
    ("盂县", "Xiushui"),
    ("Huyện Bố Trạch", "Hoan Lao"),
    ("Ngô Mây", "Phu Cat"),
    ("Đức Hòa", "Hậu Nghĩa"),
    ("Đức Hoà", "Hau Nghia"),
]


@table(("asked", "held"), LISTED_UNDER)
def test_a_place_is_found_under_the_name_of_its_seat_or_county(asked: str, held: str) -> None:
    assert query_keys(asked) & name_keys(held)
    fit = compare_names(normal_name(asked), normal_name(held))
    assert OTHER_NAME in fit.rules
    assert 0.8 < fit.score <= 0.9


def test_its_own_name_comes_first() -> None:
    own = compare_names(normal_name("临泽县"), normal_name("Linze"))
    assert OTHER_NAME not in own.rules
    assert own.score > compare_names(normal_name("临泽县"), normal_name("Shahe")).score


@table(("asked", "held"), [("临泽县", "Shahu"), ("Bo Trach", "Hoan Lao"), ("新城", "Lelong"), ("张伟", "Shahe")])
def test_what_is_only_near_or_could_be_many_has_no_other_name(asked: str, held: str) -> None:
    assert OTHER_NAME not in compare_names(normal_name(asked), normal_name(held)).rules


def test_it_is_never_strong_and_is_not_passed_over_at_a_glance() -> None:
    birth = PartialDate("1985-03-02")
    query = PersonQuery((NameForm("临泽"),), birth)
    features = PersonFeatures(("Shahe",), birth)
    match = score_person(query, features, RANKED)
    assert match is not None
    assert match.quality is Quality.POSSIBLE
    assert rough_score(query, features, RANKED) > 0.9


def test_a_row_stores_no_keys_of_another_name() -> None:
    assert not name_keys("临泽") & name_keys("Shahe")
    assert len(query_keys("临泽")) < 64


def test_no_place_of_the_table_is_its_own_other_name() -> None:
    pairs = tables.rows("place_seats", 2)
    assert all(place != seat for place, seat in pairs)
    assert len(set(pairs)) == len(pairs)
