"""The demo's databases: the same in every run, read through their mappings, with the people that the demo asks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.base import Adapter
from adapters.check.conformance import CHECKS, Expectation
from adapters.load import Place, open_source
from gateway.clock import SystemClock
from gateway.demo.command import run
from gateway.demo.federation import MEMBERS
from gateway.demo.sample import SAMPLES, SampleSource
from gateway.demo.sources import planted
from gateway.model.hit import Candidate, SourceRecord
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    PhoneQuery,
    Query,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.values import NameForm, PartialDate
from gateway.records.types import RECORD_TYPES
from tests.support.samples import something_in
from tests.support.tables import table

CLOCK = SystemClock()
TH, VN, KH = "th.police.records", "vn.immigration.border", "kh.customs.declarations"

PASSPORT = DocumentQuery(planted.STOLEN_PASSPORT.number, planted.STOLEN_PASSPORT.issuer)
CAR = VehicleQuery(planted.STOLEN_CAR_PLATE, planted.STOLEN_CAR_PROVINCE)
CONTAINER = ContainerQuery(planted.SEIZED_CONTAINER)


def by_name(person: planted.Person, form: str = "thai") -> PersonQuery:
    return PersonQuery((NameForm(getattr(person, form)),), PartialDate(str(person.birth.year)))


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sample")
    return {sample.id: sample.build(folder) for sample in SAMPLES}


@pytest.fixture(scope="module")
def sources(databases: dict[str, Path]) -> Iterator[dict[str, Adapter]]:
    opened = {}
    for sample in SAMPLES:
        database = databases[sample.id]
        place = Place(sample.mapping_file, f"sqlite:///{database}", database.parent, CLOCK)
        opened[sample.id] = open_source(place)
    yield opened
    for source in opened.values():
        source.close()


def found(source: Adapter, query: Query) -> list[Candidate]:
    return list(source.search(query, CLOCK.monotonic() + 5).candidates)


def fetched(source: Adapter, candidate: Candidate) -> SourceRecord:
    return source.fetch(candidate.key, candidate.record_type, CLOCK.monotonic() + 5)


def test_the_databases_are_the_same_in_every_run(tmp_path: Path) -> None:
    for sample in SAMPLES:
        dumps = []
        for name in ("one", "two"):
            with closing(sqlite3.connect(sample.build(tmp_path / name))) as database:
                database.text_factory = bytes
                tables = [
                    row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
                ]
                dumps.append({table: database.execute(f"SELECT * FROM {table}").fetchall() for table in tables})
        assert dumps[0] == dumps[1]
        assert max(len(rows) for rows in dumps[0].values()) >= 200


def test_each_member_has_police_customs_and_immigration() -> None:
    assert [sample.id.rpartition(".")[0] for sample in SAMPLES] == [
        f"{member}.{agency}" for member in MEMBERS for agency in ("police", "customs", "immigration")
    ]


def test_every_row_can_be_read(sources: dict[str, Adapter]) -> None:
    people = {"Person", "Vehicle"}
    goods = {"Person", "Consignment", "Seizure"}
    journeys = {"Person", "TravelDocument", "BorderCrossing"}
    types = {"police": people, "customs": goods, "immigration": journeys}
    boats = {source: {"Vessel"} for source in (TH, VN, KH)}
    assert {name: source.left_out for name, source in sources.items()} == {
        sample.id: {kind: {} for kind in types[sample.agency] | boats.get(sample.id, set())} for sample in SAMPLES
    }


@pytest.mark.timeout(300)  # nine commands, one after the other
@table("sample", SAMPLES, ids=lambda sample: sample.id)
def test_the_mapping_passes_the_check_on_its_own_rows(sample: SampleSource, tmp_path: Path) -> None:
    ran = run("adapter", "check", sample.mapping_file, "--url", f"sqlite:///{sample.build(tmp_path)}")
    assert ran.code == 0, ran.said


@table("check", CHECKS)
@table("sample", SAMPLES, ids=lambda sample: sample.id)
def test_the_sources_keep_the_adapter_contract(
    check: object, sample: SampleSource, sources: dict[str, Adapter], databases: dict[str, Path]
) -> None:
    scenes: dict[str, list[Query]] = {TH: [CAR], VN: [PASSPORT], KH: [by_name(planted.DRIVER), CONTAINER]}
    planted_here = scenes.get(sample.id, [])
    absent = [query for query in (by_name(planted.NOBODY), CAR, PASSPORT, CONTAINER) if query not in planted_here]
    assert callable(check)
    expectation = Expectation([*planted_here, something_in(sample, databases[sample.id])], absent)
    assert list(check(sources[sample.id], CLOCK, expectation)) == []


@pytest.mark.parametrize("person", [planted.DRIVER, planted.HIDDEN])
def test_the_people_of_the_scenes_are_in_one_database_only(person: planted.Person, sources: dict[str, Adapter]) -> None:
    assert [name for name, source in sources.items() if found(source, by_name(person))] == [KH]


@pytest.mark.parametrize(
    ("source", "boat", "latin"),
    [
        (TH, planted.SOUGHT_BOAT, "Bunchuai 9"),
        (VN, planted.RIVER_BOAT, "SONG HAU 15"),
        (KH, planted.LAO_BOAT, "Dao Khong 5"),
    ],
)
def test_a_boat_is_found_by_its_name_in_both_scripts_and_by_its_registration(
    source: str, boat: planted.Boat, latin: str, sources: dict[str, Adapter]
) -> None:
    by_number = VesselQuery(local_reg=boat.local_reg.replace("-", " "), flag=boat.flag)
    for query in (VesselQuery(boat.name), VesselQuery(latin), by_number):
        here = {name: found(adapter, query) for name, adapter in sources.items()}
        assert [name for name, candidates in here.items() if candidates] == [source], query
        assert fetched(sources[source], here[source][0]).fields["local_reg"] == boat.local_reg
    assert not found(sources[source], VesselQuery(local_reg=boat.local_reg, flag="MM"))


def test_a_telephone_leads_to_its_person_as_dialled_and_with_its_calling_code(
    sources: dict[str, Adapter],
) -> None:
    for query in (PhoneQuery(planted.KNOWN_PHONE, "TH"), PhoneQuery("+66 81 447 1042"), PhoneQuery("๐๘๑๔๔๗๑๐๔๒")):
        here = {name: found(adapter, query) for name, adapter in sources.items()}
        assert [name for name, candidates in here.items() if candidates] == [TH], query
        assert fetched(sources[TH], here[TH][0]).fields["phones"] == ["+66814471042"]
    assert not found(sources[TH], PhoneQuery(planted.KNOWN_PHONE, "LA"))


@table("form", ["thai", "khmer", "latin"])
@table("person", [planted.DRIVER, planted.HIDDEN])
def test_a_person_is_found_in_each_script(person: planted.Person, form: str, sources: dict[str, Adapter]) -> None:
    (candidate,) = found(sources[KH], by_name(person, form))
    names = {name["text"] for name in fetched(sources[KH], candidate).fields["names"]}
    assert names == {person.khmer, person.latin}


def test_the_driver_has_every_field_so_that_four_of_nine_can_be_released(sources: dict[str, Adapter]) -> None:
    (candidate,) = found(sources[KH], by_name(planted.DRIVER))
    assert fetched(sources[KH], candidate).fields.keys() == set(RECORD_TYPES["Person"].main)


def test_the_hidden_person_is_withheld_from_thailand_and_not_from_viet_nam(sources: dict[str, Adapter]) -> None:
    (candidate,) = found(sources[KH], by_name(planted.HIDDEN))
    assert candidate.marking.hidden_from("th")
    assert not candidate.marking.hidden_from("vn")


def test_the_passport_is_stolen(sources: dict[str, Adapter]) -> None:
    (candidate,) = [hit for hit in found(sources[VN], PASSPORT) if hit.record_type == "TravelDocument"]
    record = fetched(sources[VN], candidate)
    assert record.fields["status"] == "STOLEN"
    assert record.fields.keys() == set(RECORD_TYPES["TravelDocument"].main)


def test_a_container_is_found_in_its_declaration_and_its_seizure(sources: dict[str, Adapter]) -> None:
    assert {hit.record_type for hit in found(sources[KH], CONTAINER)} == {"Consignment", "Seizure"}


def test_a_national_id_is_found(sources: dict[str, Adapter]) -> None:
    (candidate,) = found(sources[KH], by_name(planted.DRIVER))
    number = fetched(sources[KH], candidate).fields["national_ids"][0]["number"]
    assert [hit.key for hit in found(sources[KH], NationalIdQuery(number))] == [candidate.key]
