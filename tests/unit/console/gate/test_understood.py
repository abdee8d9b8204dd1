"""The one field of the gate: what each kind of text is taken for, in any script, and that nothing else can happen."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.console.gate.understood import MOST, Kind, Understood, counterparts_by_rule, read_as, understood
from gateway.errors import Malformed
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    PhoneQuery,
    ReportQuery,
    VehicleQuery,
    VesselQuery,
)
from tests.support.tables import table

TODAY = date(2026, 11, 28)

SCRIPTS = {
    "Latin": "0123456789",
    "Thai": "๐๑๒๓๔๕๖๗๘๙",
    "Lao": "໐໑໒໓໔໕໖໗໘໙",
    "Khmer": "០១២៣៤៥៦៧៨៩",
    "Burmese": "၀၁၂၃၄၅၆၇၈၉",
    "full width": "０１２３４５６７８９",
}
"""Digits that people of the region type."""

ZONE = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
"""The specimen of ICAO 9303."""

KINDS = [
    (Kind.CONTAINER, "CSQU3054383", ContainerQuery("CSQU3054383")),
    (Kind.NATIONAL_ID, "3270447102012", NationalIdQuery("3270447102012", "THA-PIN")),
    (Kind.DOCUMENT, "C4419027", DocumentQuery("C4419027")),
    (Kind.VESSEL, "IMO 9074729", VesselQuery(imo="9074729")),
]


def in_digits(text: str, digits: str) -> str:
    return text.translate(str.maketrans("0123456789", digits))


@table("digits", SCRIPTS.values(), ids=SCRIPTS)
@table(("kind", "typed", "query"), KINDS, ids=[kind for kind, _, _ in KINDS])
def test_each_kind_is_understood_in_the_digits_of_each_script(
    kind: Kind, typed: str, query: object, digits: str
) -> None:
    found = understood(in_digits(typed, digits), TODAY)
    assert (found.kind, found.queries, found.problems) == (kind, (query,), ())


def test_a_vessel_is_guessed_by_a_right_imo_number_only_and_read_as_such_when_chosen() -> None:
    assert understood("IMO 9074728", TODAY).kind is not Kind.VESSEL
    assert understood("9074729", TODAY).kind is not Kind.VESSEL
    (query,) = read_as(Kind.VESSEL, "LA-VTE 0417", TODAY).queries
    assert query == VesselQuery("LA-VTE 0417", local_reg="LA-VTE 0417")


def test_reports_are_asked_for_when_that_is_chosen_and_never_for_a_person() -> None:
    assert understood("false floor", TODAY).kind is not Kind.REPORT
    assert read_as(Kind.REPORT, "ซ่อนใต้พื้นรถ", TODAY).queries == (ReportQuery("ซ่อนใต้พื้นรถ"),)
    for text in ("081-234-5678", "---", "x" * 201):
        with pytest.raises(Malformed):
            read_as(Kind.REPORT, text, TODAY)


@table("digits", SCRIPTS.values(), ids=SCRIPTS)
def test_a_plate_is_understood_in_the_digits_of_each_script(digits: str) -> None:
    found = understood(in_digits("2กข 4471", digits), TODAY)
    (query,) = found.queries
    assert found.kind is Kind.VEHICLE
    assert isinstance(query, VehicleQuery)
    assert counterparts_by_rule(found.queries) == ("THA",)


@table("digits", SCRIPTS.values(), ids=SCRIPTS)
@table("born", ["1984-03-17", "17/03/1984", "17.3.2527", "2527-03-17"])
def test_a_name_with_a_birth_date_of_either_era(born: str, digits: str) -> None:
    for name in ("KITTI BUNMA", "กิตติ บุญมา", "គិត្តិ ប៊ុនម៉ា", "ມານົບ ທອງດີ", "မောင်မောင်", "王小明", "Trần Ngọc Lan"):
        (query,) = understood(f"{name} {in_digits(born, digits)}", TODAY).queries
        assert isinstance(query, PersonQuery)
        assert query.names[0].text == name
        assert query.birth is not None
        assert query.birth.value == "1984-03-17"


@table("sent", [ZONE, ZONE.replace("\n", ""), ZONE.replace("\n", "\r\n"), f" {ZONE.lower()}\n"])
def test_a_scanned_zone_asks_for_its_number_and_for_the_person(sent: str) -> None:
    found = understood(sent, TODAY)
    document, person = found.queries
    assert found.kind is Kind.ZONE
    assert document == DocumentQuery("L898902C3", "UTO")
    assert isinstance(person, PersonQuery)
    assert person.names[0].text == "ANNA MARIA ERIKSSON"


def test_a_zone_with_a_wrong_check_digit_is_asked_and_says_so() -> None:
    assert understood(ZONE.replace("L898902C36", "L898902C37"), TODAY).problems


@table("text", ["", "   ", "\n\t", "x" * (MOST + 1)])
def test_nothing_and_too_much_are_refused_at_the_field(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        understood(text, TODAY)
    assert caught.value.where == "asked"


def test_the_reading_that_the_officer_chose_is_taken() -> None:
    assert read_as(Kind.PERSON, "CSQU 3054383 CO", TODAY).kind is Kind.PERSON
    assert read_as(Kind.DOCUMENT, "CSQU3054383", TODAY).queries == (DocumentQuery("CSQU3054383"),)
    with pytest.raises(Malformed):
        read_as(Kind.CONTAINER, "KITTI BUNMA", TODAY)


ANYTHING = st.one_of(
    st.text(max_size=MOST + 5),
    st.text(alphabet="<P0123456789A \n-/.,;๐๑กขမ王'", max_size=MOST + 5),
    st.from_regex(r"[A-Z<]{0,3}[0-9<]{0,44}[ \n]?[A-Z0-9<]{0,44}", fullmatch=True),
)


@given(ANYTHING, st.sampled_from(["", *Kind]))
def test_any_text_is_understood_or_refused_and_nothing_else(text: str, kind: str) -> None:
    try:
        found = read_as(Kind(kind), text, TODAY) if kind else understood(text, TODAY)
    except Malformed:
        return
    assert isinstance(found, Understood)
    assert found.queries


@pytest.mark.timed
@pytest.mark.long
@table(
    "unit", ["<", "P<", "1", "1 ", "1-", "A", "A1", " ", "1984 ", "a,", "ก", "กข 1", "၁", "王", "\u0301a", "'", "A<<"]
)
def test_the_cost_grows_with_the_length_and_no_faster(unit: str) -> None:
    """Twice as long may not cost much more than twice as much: no form of text makes the reading explode."""

    def cost(length: int) -> float:
        text = f"x{unit * length}"[:length]
        best = float("inf")
        for _ in range(3):
            began = time.thread_time()
            for _ in range(5):
                with suppress(Malformed):
                    understood(text, TODAY)
            best = min(best, time.thread_time() - began)
        return best

    short, long = cost(75), cost(MOST)
    assert long < 12 * short + 0.005  # four times as long
    assert long / 5 < 0.05


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_telephone_number_with_its_calling_code_is_understood(script: str) -> None:
    typed = "".join(SCRIPTS[script][int(sign)] if sign.isdigit() else sign for sign in "+66 81-234 5678")
    said = understood(typed, TODAY)
    assert (said.kind, said.text, said.queries) == (Kind.PHONE, "+66812345678", (PhoneQuery("+66812345678"),))
    assert counterparts_by_rule(said.queries) == ("TH",)


def test_a_telephone_number_as_it_is_dialled_may_be_of_any_country_and_is_not_asked_for() -> None:
    assert understood("0812345678", TODAY).kind is Kind.DOCUMENT
    for typed in ("081 234 5678", "SOMCHAI JAIDEE", "+66 2 123 4567 ext. 12"):
        with pytest.raises(Malformed) as refused:
            read_as(Kind.PHONE, typed, TODAY)
        assert refused.value.advice
    assert understood("tel:+66-81-234-5678", TODAY).queries == (PhoneQuery("+66812345678"),)
