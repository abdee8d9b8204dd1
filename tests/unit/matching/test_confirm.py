"""A record that was read is matched with the question again: by its own fields, and by what its source finds it by."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.matching.confirm import confirm, judge
from gateway.matching.thresholds import USUAL, WIDE
from gateway.model.hit import Quality, SourceRecord, Verdict
from gateway.model.marking import Marking
from gateway.model.query import ContainerQuery, DocumentQuery, NationalIdQuery, PersonQuery, Query, VehicleQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.exchange import PASSPORT
from tests.support.load import effort
from tests.support.tables import table


def record(record_type: str, fields: dict[str, Any], search: dict[str, Any] | None = None) -> SourceRecord:
    return SourceRecord("vn.x", "1", record_type, "vn.x", fields, Marking(), search=search)


def name(text: str) -> dict[str, str]:
    return {"text": text}


def about(text: str, birth: str = "") -> PersonQuery:
    return PersonQuery((NameForm(text),), PartialDate(birth) if birth else None)


AN = {"names": [name("NGUYEN VAN AN")], "birth": {"value": "1985-07-14"}, "sex": "M"}
BINH = {"names": [name("TRAN THI BINH")], "birth": {"value": "1991-02-03"}, "sex": "F"}
ASKED = about("Nguyễn Văn An", "1985-07-14")

FITTING: list[tuple[Query, SourceRecord, Quality]] = [
    (ASKED, record("Person", AN), Quality.STRONG),
    (ASKED, record("Person", AN, AN), Quality.STRONG),
    (ASKED, record("Person", {"names": AN["names"]}, AN), Quality.POSSIBLE),
    (ASKED, record("BorderCrossing", {"person_name": "NGUYEN VAN AN"}, AN), Quality.STRONG),
    (ASKED, record("CaseReference", {"case_number": "7"}, AN), Quality.STRONG),
    (ASKED, record("CaseReference", {"case_number": "7"}), Quality.POSSIBLE),
    (ASKED, record("Seizure", {"persons": ["x", {"name": "NGUYEN VAN AN", "role": "driver"}]}), Quality.POSSIBLE),
    (about("Nguyen Van An"), record("Person", BINH, {**BINH, "names": ["TRAN THI BINH", "NGUYEN VAN AN"]}),
     Quality.POSSIBLE),
    (DocumentQuery("B1112223", "VNM"), record("TravelDocument", {"number": "B 1112223", "issuer": "VNM"}),
     Quality.EXACT_ID),
    (DocumentQuery("B1112223"), record("BorderCrossing", {"document": "P VNM B 111 2223"}), Quality.EXACT_ID),
    (DocumentQuery("B1112223"), record("BorderCrossing", {"document": {"number": "B1112223"}}), Quality.EXACT_ID),
    (NationalIdQuery("1-1012-00345-67-1"), record("Person", {"national_ids": [{"number": "1101200345671"}]}),
     Quality.EXACT_ID),
    (VehicleQuery("กข 1234", "เชียงใหม่"), record("Vehicle", {"plate": "กข-1234", "province": "เชียงใหม่"}),
     Quality.EXACT_ID),
    (VehicleQuery("กข1234"), record("Seizure", {"vehicles": ["กข1234เชียงใหม่"]}), Quality.EXACT_ID),
    (ContainerQuery("CSQU3054383"), record("Consignment", {"containers": ["CSQU 305438 3"]}), Quality.EXACT_ID),
    # A number in one form of its scheme bears out the question in another.
    (NationalIdQuery("12/LaMaTa(N)123456", "MMR-NRC"),
     record("Person", {"national_ids": [{"number": "၁၂/လမတ(နိုင်)၁၂၃၄၅၆", "scheme": "MMR-NRC"}]}), Quality.EXACT_ID),
    (NationalIdQuery("12/LaMaTa(N)123456"),
     record("Seizure", {"persons": ["ဦးအောင် ၁၂/လမတ(နိုင်)၁၂၃၄၅၆"]}), Quality.EXACT_ID),
    (NationalIdQuery("110105491231002"), record("Person", {"national_ids": [{"number": "11010519491231002x"}]}),
     Quality.EXACT_ID),
    (NationalIdQuery("11010519491231002X"), record("Seizure", {"persons": ["王小明 110105491231002"]}),
     Quality.EXACT_ID),
    (VehicleQuery("กข 1234 เชียงใหม่"), record("Vehicle", {"plate": "กข-1234", "province": "ชม"}), Quality.EXACT_ID),
    # Agencies search documents and identity numbers together, and a vehicle by its frame, too.
    (DocumentQuery("210602197107153012", "CHN"),
     record("Person", {"documents": [{"number": "E09598913", "issuer": "CHN"}],
                       "national_ids": [{"number": "210602197107153012", "issuer": "CHN"}]}), Quality.EXACT_ID),
    (NationalIdQuery("B1112223"), record("Person", {"documents": [{"number": "B1112223"}]}), Quality.EXACT_ID),
    (VehicleQuery("RL123456789012345"), record("Vehicle", {"plate": "29A-12345", "vin": "RL123456789012345"}),
     Quality.EXACT_ID),
    (DocumentQuery("V777"), record("VisaResidence", {"number": "V777", "document": "B1112223"}), Quality.EXACT_ID),
    # What is no number, or no name of a person, contradicts nothing.
    (VehicleQuery("29A12345"), record("Consignment", {"transport": {"mode": "3"}}, {"plates": ["29A-12345"]}),
     Quality.POSSIBLE),
    (VehicleQuery("29A12345"), record("BorderCrossing", {"vehicle": {"type": "lorry"}}, {"plates": ["29A-12345"]}),
     Quality.POSSIBLE),
    (DocumentQuery("B1112223"), record("Seizure", {"persons": ["NGUYEN VAN AN"]}, {"documents": ["B1112223"]}),
     Quality.POSSIBLE),
    (DocumentQuery("B1112223"), record("TravelDocument", {"number": "B111****"}, {"documents": ["B1112223"]}),
     Quality.POSSIBLE),
    (ASKED, record("Vessel", {"name": "SAO MAI"}, AN), Quality.STRONG),
    (ASKED, record("VisaResidence", {"sponsor": "ABC Company"}, AN), Quality.POSSIBLE),
    (ASKED, record("Seizure", {"persons": ["TRAN THI BINH; NGUYEN VAN AN (driver)"]}, AN), Quality.STRONG),
    # A person of whom only the source knows the former name or number: both sides share a number.
    (ASKED, record("Person", {"names": [name("LE MAI")], "national_ids": [{"number": "079085001234"}]},
                   {**AN, "national_ids": ["079085001234"]}), Quality.POSSIBLE),
    (DocumentQuery("C7654321"),
     record("TravelDocument", {"number": "B1112223"}, {"documents": ["B1112223", "C7654321"]}), Quality.POSSIBLE),
]  # fmt: skip

CHANGED: list[tuple[Query, SourceRecord]] = [
    (ASKED, record("Person", BINH)),
    (ASKED, record("Person", BINH, AN)),
    (ASKED, record("Person", AN, BINH)),
    (ASKED, record("Person", {**AN, "birth": {"value": "1991-02-03"}}, AN)),
    (ASKED, record("TravelDocument", {"holder_name": "TRAN THI BINH", "number": "B1112223"}, AN)),
    (ASKED, record("CaseReference", {"case_number": "7"}, BINH)),
    (ASKED, record("CaseReference", {"case_number": "7"}, {})),
    (DocumentQuery("B1112223", "VNM"), record("TravelDocument", {"number": "B1112224", "issuer": "VNM"})),
    (DocumentQuery("B1112223", "VNM"), record("TravelDocument", {"number": "B1112223", "issuer": "KHM"})),
    (DocumentQuery("B1112223"), record("BorderCrossing", {"document": "P VNM B11122234"})),
    (DocumentQuery("1112223"), record("BorderCrossing", {"document": "P VNM B91112223"})),
    (NationalIdQuery("1101200345671"), record("Person", {"national_ids": [{"number": "1101200345680"}]})),
    (NationalIdQuery("13/မစတ(N)123456"), record("Person", {"national_ids": [{"number": "13/မဆတ(N)123456"}]})),
    (NationalIdQuery("12/LaMaTa(N)123456"), record("Person", {"national_ids": [{"number": "၁၂/လမတ(ဧည့်)၁၂၃၄၅၆"}]})),
    (VehicleQuery("กข 1234 ตาก"), record("Vehicle", {"plate": "กข 1234", "province": "ตราด"})),
    (VehicleQuery("กข 1234", "ตาก"), record("Vehicle", {"plate": "กข 1234", "province": "ตราด"})),
    (VehicleQuery("กข 123"), record("Seizure", {"vehicles": ["กข1234 ตาก"]})),
    (ContainerQuery("CSQU3054383"), record("Seizure", {"containers": ["CSQU3054384"]})),
]


@table(("query", "found", "quality"), FITTING)
def test_a_record_about_the_subject_keeps_the_quality_that_it_bears_out(
    query: Query, found: SourceRecord, quality: Quality
) -> None:
    match = confirm(query, found, USUAL)
    assert match is not None
    assert match.quality is quality
    assert judge(query, found.record_type, found.fields) is not Verdict.OTHER or found.search is not None


@table(("query", "found"), CHANGED)
def test_a_record_about_another_subject_is_none(query: Query, found: SourceRecord) -> None:
    assert confirm(query, found, USUAL) is None


def test_the_strictness_of_the_purpose_holds_for_the_record_too() -> None:
    found = record("Person", {**AN, "names": [name("NGUYEN VIN UN")]})
    assert confirm(ASKED, found, USUAL) is None
    assert confirm(ASKED, found, WIDE) is not None


@pytest.mark.parametrize("fields", [{}, {"sex": "M"}, {"nationalities": ["VNM"]}])
def test_what_a_record_leaves_open_is_no_contradiction(fields: dict[str, Any]) -> None:
    assert judge(ASKED, "Person", fields) is Verdict.SILENT
    assert judge(PASSPORT, "Person", fields) is Verdict.SILENT
    assert judge(ASKED, "Person", {"birth": {"value": "1999-01-02"}}) is Verdict.OTHER


def test_what_is_withheld_might_have_fitted() -> None:
    asked, fields = DocumentQuery("210602197107153012"), {"documents": [{"number": "E09598913"}]}
    assert judge(asked, "Person", fields) is Verdict.OTHER
    assert judge(asked, "Person", fields, whole=False) is Verdict.SILENT
    assert judge(asked, "Person", {**fields, "national_ids": []}, whole=False) is Verdict.OTHER
    assert judge(asked, "TravelDocument", {"number": "E09598913"}, whole=False) is Verdict.OTHER


@pytest.mark.timed
@pytest.mark.parametrize(
    "texts", [[chr(0x4E00 + place) * 200 for place in range(64)], ["a;" * 2_000] * 64, ["1;" * 2_000] * 64]
)
def test_a_record_with_many_names_that_cost_much_takes_a_bounded_time(texts: list[str]) -> None:
    fields = {"names": [name(text) for text in texts]}
    with effort() as spent:
        judge(ASKED, "Person", fields)
    assert spent.seconds < 1.0


def test_the_reason_is_that_of_the_form_that_fits_best() -> None:
    fields = {"names": [name("SOK VANNA")], "birth": {"value": "1985-03-12"}}
    search = {"names": ["សុខ វណ្ណា"], "birth": {"value": "1985-03-12"}}
    match = confirm(about("Sok Vanna", "1985-03-12"), record("Person", fields, search), USUAL)
    assert match is not None
    assert match.rules == ("name-exact", "birth-same-day")
