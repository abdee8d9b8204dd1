"""The algebra of markings: joining takes the strictest of each part, and never widens anything
(domain, section 3.1)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.errors import Misconfigured
from gateway.model.marking import Caveat, Level, Marking, Onward, Tlp, UseCode, tlp
from policy.attributes import RecordAttributes
from policy.engine.engine import PolicyEngine
from tests.support.policies import NATIONAL, NOW_US, VN, covered_records, markings
from tests.support.tables import table

ENGINE = PolicyEngine.load(NATIONAL / "vn", VN)
MEMBERS = frozenset({"th", "vn", "kh"})


@given(markings, markings)
def test_rule_1_joining_does_not_depend_on_the_order(one: Marking, other: Marking) -> None:
    assert one.join(other) == other.join(one)


@given(markings, markings, markings)
def test_rule_1_joining_does_not_depend_on_the_grouping(one: Marking, two: Marking, three: Marking) -> None:
    assert one.join(two).join(three) == one.join(two.join(three))


@given(markings)
def test_rule_1_joining_with_itself_changes_nothing(marking: Marking) -> None:
    assert marking.join(marking) == marking
    assert marking.is_within(marking)


@given(markings, markings)
def test_rule_2_a_join_is_within_both(one: Marking, other: Marking) -> None:
    joined = one.join(other)
    assert joined.is_within(one)
    assert joined.is_within(other)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(covered_records, markings)
def test_rule_3_a_joined_marking_releases_no_more(record: RecordAttributes, other: Marking) -> None:
    before = ENGINE.release(record, NOW_US)
    after = ENGINE.release(replace(record, marking=record.marking.join(other)), NOW_US)
    assert after.fields <= before.fields
    assert after.hide >= before.hide


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(covered_records, st.sampled_from(Caveat))
def test_a_caveat_more_never_widens_a_release(record: RecordAttributes, caveat: Caveat) -> None:
    marking = replace(record.marking, caveats=record.marking.caveats | {caveat})
    assert ENGINE.release(replace(record, marking=marking), NOW_US).fields <= ENGINE.release(record, NOW_US).fields


@given(markings)
def test_a_marking_survives_its_json(marking: Marking) -> None:
    assert Marking.from_json(json.loads(json.dumps(marking.as_json()))) == marking


@table(
    "change",
    [
        {"level": "SECRET"},
        {"use": ["U9"]},
        {"use": "U0"},
        {"caveats": ["ORCON"]},
        {"onward": "ANYBODY"},
        {"evaluation": "Z9"},
        {"evaluation": None},
        {"purposes": ["CURIOSITY"]},
        {"offences": ["HERESY"]},
        {"keep_hours": -1},
        {"keep_hours": True},
        {"more": 1},
        {"releasable_to": [1]},
    ],
)
def test_rule_9_an_unknown_value_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Misconfigured):
        Marking.from_json(Marking().as_json() | change)


@table("part", ["level", "use", "caveats", "releasable_to", "withhold_from", "onward", "evaluation"])
def test_rule_9_a_part_that_is_missing_is_refused(part: str) -> None:
    kept = Marking().as_json()
    del kept[part]
    with pytest.raises(Misconfigured):
        Marking.from_json(kept)


@table(
    ("names", "level", "label"),
    [
        ({"th.blo.chiang-khong"}, Level.OFFICIAL, Tlp.RED),
        (set(), Level.OPEN, Tlp.RED),
        ({"th.police"}, Level.OFFICIAL, Tlp.AMBER_STRICT),
        ({"th"}, Level.OFFICIAL, Tlp.AMBER),
        ({"th", "vn"}, Level.OPEN, Tlp.AMBER),
        ({"th", "vn", "kh"}, Level.OFFICIAL, Tlp.GREEN),
        ({"th", "vn", "kh"}, Level.OPEN, Tlp.CLEAR),
    ],
)
def test_rule_8_the_label_is_derived(names: set[str], level: Level, label: Tlp) -> None:
    assert tlp(Marking(level=level, releasable_to=frozenset(names)), MEMBERS) is label


def test_a_country_and_one_of_its_agencies_join_to_the_agency() -> None:
    country, agency = Marking(releasable_to=frozenset({"th", "vn"})), Marking(releasable_to=frozenset({"th.police"}))
    assert country.join(agency).releasable_to == {"th.police"}


def test_the_strictest_of_each_part_wins() -> None:
    one = Marking(use=frozenset({UseCode.NOT_EVIDENCE}), onward=Onward.SAME_COUNTRY, evaluation="A4", keep_hours=48)
    other = Marking(level=Level.RESTRICTED, onward=Onward.SAME_UNIT, evaluation="B1", delete_after_use=True)
    joined = one.join(other)
    assert (joined.level, joined.onward, joined.evaluation) == (Level.RESTRICTED, Onward.SAME_UNIT, "B4")
    assert joined.use == {UseCode.NOT_EVIDENCE, UseCode.NOT_ONWARD}
    assert (joined.keep_hours, joined.delete_after_use) == (48, True)
