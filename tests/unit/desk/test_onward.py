"""Onward use is never wider than the marking that the owner gave."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.clock import from_us
from gateway.desk.onward_rules import Verdict, read_release, rule
from gateway.errors import Forbidden
from gateway.model.desk.consent import OnwardUse, Place, Use
from gateway.model.marking import Caveat, Level, Onward, ReleaseMarking, UseCode
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from tests.support.policies import NOW_US
from tests.support.tables import table

TH, VN = MemberId("th"), MemberId("vn")
HOLDER = Place(TH, "police", "th.blo.mae-sot")
COLLEAGUE = HOLDER
OFFICE = Place(TH, "police", "th.blo.aranyaprathet")
CUSTOMS = Place(TH, "customs", "th.blo.mae-sot")
ABROAD = Place(VN, "police", "th.blo.mae-sot")
SOMEWHERE = Place(TH, "", "")
LATER = from_us(NOW_US) + timedelta(hours=5)

GIVEN = ReleaseMarking(
    level=Level.OFFICIAL,
    use=frozenset({UseCode.LAW_ENFORCEMENT}),
    caveats=frozenset(),
    onward=Onward.SAME_COUNTRY,
    purposes=frozenset({"INVESTIGATION"}),
    not_after=LATER,
)

markings = st.builds(
    ReleaseMarking,
    level=st.sampled_from(Level),
    use=st.frozensets(st.sampled_from(UseCode)),
    caveats=st.frozensets(st.sampled_from(Caveat)),
    onward=st.sampled_from(Onward),
    purposes=st.frozensets(st.sampled_from([purpose.value for purpose in Purpose]), max_size=4),
    not_after=st.sampled_from([from_us(NOW_US - 1_000_000), from_us(NOW_US), LATER]),
    delete_after_use=st.booleans(),
)
places = st.builds(
    Place,
    st.sampled_from([TH, VN]),
    st.sampled_from(["", "police", "customs"]),
    st.sampled_from(["", "th.blo.mae-sot", "th.blo.aranyaprathet"]),
)
uses = st.builds(OnwardUse, places, st.sampled_from(Purpose), st.sampled_from(Use))


def verdict(
    marking: ReleaseMarking, to: Place, use: Use = Use.PASS_ON, purpose: Purpose = Purpose.INVESTIGATION
) -> str:
    found = rule(marking, HOLDER, OnwardUse(to, purpose, use), NOW_US)
    return found.code or found.verdict.value


REACHES = {"colleague": COLLEAGUE, "office": OFFICE, "customs": CUSTOMS, "somewhere": SOMEWHERE, "abroad": ABROAD}
OUTSIDE, ASK = "outside-marking", "consent-needed"


@table(
    ("onward", "expected"),
    [
        (Onward.NONE, [OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE]),
        (Onward.SAME_UNIT, ["allowed", OUTSIDE, OUTSIDE, OUTSIDE, OUTSIDE]),
        (Onward.SAME_AGENCY, ["allowed", "allowed", OUTSIDE, OUTSIDE, OUTSIDE]),
        (Onward.SAME_COUNTRY, ["allowed", "allowed", "allowed", "allowed", OUTSIDE]),
        (Onward.ASK, ["allowed", ASK, ASK, ASK, ASK]),
    ],
)
def test_how_far_each_onward_rule_reaches(onward: Onward, expected: list[str]) -> None:
    marking = replace(GIVEN, onward=onward)
    assert [verdict(marking, to) for to in REACHES.values()] == expected


@table("onward", [Onward.SAME_UNIT, Onward.SAME_AGENCY, Onward.SAME_COUNTRY, Onward.ASK])
def test_u2_needs_consent_whatever_onward_says(onward: Onward) -> None:
    marking = replace(GIVEN, onward=onward, use=frozenset({UseCode.NOT_ONWARD}))
    assert verdict(marking, COLLEAGUE) == ASK
    assert verdict(replace(marking, onward=Onward.NONE), COLLEAGUE) == OUTSIDE


def test_u1_is_no_evidence_without_consent_and_no_bar_to_action() -> None:
    marking = replace(GIVEN, use=frozenset({UseCode.NOT_EVIDENCE}))
    assert verdict(marking, HOLDER, Use.EVIDENCE) == ASK
    assert verdict(marking, HOLDER, Use.ACTION) == "allowed"
    assert verdict(GIVEN, HOLDER, Use.EVIDENCE) == "allowed"


@pytest.mark.parametrize("use", [Use.ACTION, Use.EVIDENCE])
def test_u3_tells_the_officer_to_contact_the_owner_first(use: Use) -> None:
    lead = replace(GIVEN, use=frozenset({UseCode.LEAD_ONLY}))
    found = rule(lead, HOLDER, OnwardUse(HOLDER, Purpose.INVESTIGATION, use), NOW_US)
    assert (found.verdict, found.code) == (Verdict.REFUSED, "lead-only")
    assert "contact the owner" in found.remedy


def test_another_purpose_needs_consent_and_names_it() -> None:
    found = rule(GIVEN, HOLDER, OnwardUse(HOLDER, Purpose.CUSTOMS_CONTROL, Use.ACTION), NOW_US)
    assert found.needs == ("purposes",)


def test_evidence_that_goes_elsewhere_is_passed_on_as_well() -> None:
    assert verdict(replace(GIVEN, onward=Onward.SAME_UNIT), CUSTOMS, Use.EVIDENCE) == OUTSIDE


def test_what_was_for_a_single_use_is_not_passed_on() -> None:
    once = replace(GIVEN, delete_after_use=True)
    assert verdict(once, COLLEAGUE) == "single-use"
    assert verdict(once, HOLDER, Use.ACTION) == "allowed"


@given(markings, places, uses)
def test_after_its_time_nothing_is_allowed(marking: ReleaseMarking, holder: Place, wanted: OnwardUse) -> None:
    now_us = max(NOW_US, int(marking.not_after.timestamp() * 1_000_000))
    assert rule(marking, holder, wanted, now_us).code == "record-expired"


@given(markings, places, uses)
def test_every_result_has_what_it_needs(marking: ReleaseMarking, holder: Place, wanted: OnwardUse) -> None:
    found = rule(marking, holder, wanted, NOW_US)
    assert bool(found.needs) == (found.verdict is Verdict.CONSENT)
    assert bool(found.code) == bool(found.text) == (found.verdict is not Verdict.ALLOWED)


@given(markings, places, uses)
def test_what_is_allowed_lies_within_every_part_of_the_marking(
    marking: ReleaseMarking, holder: Place, wanted: OnwardUse
) -> None:
    if rule(marking, holder, wanted, NOW_US).verdict is not Verdict.ALLOWED:
        return
    to, moves = wanted.to, wanted.use is Use.PASS_ON or wanted.to != holder
    unit = bool(to.agency and to.office) and to == holder
    agency = bool(to.agency) and (to.member, to.agency) == (holder.member, holder.agency)
    assert wanted.purpose.value in marking.purposes
    assert wanted.use is not Use.EVIDENCE or UseCode.NOT_EVIDENCE not in marking.use
    assert wanted.use is Use.PASS_ON or UseCode.LEAD_ONLY not in marking.use
    if moves:
        assert UseCode.NOT_ONWARD not in marking.use
        assert not marking.delete_after_use
        assert {
            Onward.NONE: False,
            Onward.SAME_UNIT: unit,
            Onward.ASK: unit,
            Onward.SAME_AGENCY: agency,
            Onward.SAME_COUNTRY: to.member == holder.member,
        }[marking.onward]


@given(markings, places, uses, st.sampled_from(UseCode), st.data())
def test_a_stricter_marking_never_allows_more(
    marking: ReleaseMarking, holder: Place, wanted: OnwardUse, code: UseCode, data: st.DataObject
) -> None:
    width = [Onward.NONE, Onward.ASK, Onward.SAME_UNIT, Onward.SAME_AGENCY, Onward.SAME_COUNTRY]
    narrower = data.draw(st.sampled_from(width[: width.index(marking.onward) + 1]))
    stricter = replace(
        marking, use=marking.use | {code}, onward=narrower, purposes=frozenset(sorted(marking.purposes)[:1])
    )
    if rule(stricter, holder, wanted, NOW_US).verdict is Verdict.ALLOWED:
        assert rule(marking, holder, wanted, NOW_US).verdict is Verdict.ALLOWED


@given(markings)
def test_a_marking_is_read_back_from_what_a_record_carries(marking: ReleaseMarking) -> None:
    assert read_release(marking.as_json()) == marking


@table(
    "change",
    [
        {"onward": "EVERYBODY"},
        {"use": ["U9"]},
        {"caveats": ["NEW"]},
        {"level": "SECRET"},
        {"not_after": "soon"},
        {"use": None},
    ],
)
def test_an_unknown_value_of_a_marking_denies(change: dict[str, object]) -> None:
    with pytest.raises(Forbidden):
        read_release({**GIVEN.as_json(), **change})
