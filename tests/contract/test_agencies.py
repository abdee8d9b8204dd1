"""The three agency databases: identifiers find exactly the planted rows, names at least what a plain score finds."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.base import Adapter
from adapters.check.check import check_mapping
from adapters.check.conformance import Expectation, check_adapter
from adapters.load import Place, open_source
from gateway.clock import SystemClock
from gateway.errors import LiaisonError
from gateway.matching.confirm import confirm, held_names, judge
from gateway.matching.identifiers import held_items
from gateway.matching.thresholds import USUAL
from gateway.model.hit import Quality, SourceRecord, Verdict
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    Query,
    QueryKind,
    VehicleQuery,
)
from gateway.model.values import NameForm, PartialDate
from tests.support.shared import PROJECT, shared_path

CLOCK = SystemClock()
DATABASES = {"TH": "th_police", "VN": "vn_immigration", "KH": "kh_customs"}
RECORD_OF = {
    "TB_PERSON": "Person",
    "nguoi": "Person",
    "per_tab": "Person",
    "TB_VEH": "Vehicle",
    "xuat_nhap_canh": "BorderCrossing",
    "sad_itm": "Consignment",
    "sez_tab": "Seizure",
}
PLANTED_KIND = {
    "document": "crosser",
    "vehicle": "vehicle",
    "container": "container",
    "person": "crosser",
    "person_local": "crosser",
}

Row = tuple[str, str, str]
"""Agency, record type, source key."""


@dataclass
class World:
    sources: dict[str, Adapter]
    planted: dict[tuple[str, str], set[Row]]
    keys_of: dict[Row, set[str]]
    queries: list[dict[str, str]]

    def rows(self, query: Query) -> set[Row]:
        return {
            (agency, candidate.record_type, candidate.key)
            for agency, source in self.sources.items()
            for candidate in source.search(query, CLOCK.monotonic() + 3).candidates
        }

    def of_kind(self, kind: str) -> list[dict[str, str]]:
        return [query for query in self.queries if query["kind"] == kind]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = shared_path() / "data" / "agencies" / "built"
    index = tmp_path_factory.mktemp("index")
    sources = {
        agency: open_source(
            Place(PROJECT / "adapters" / "mappings" / f"{name}.toml", f"sqlite:///{built / name}.sqlite", index, CLOCK)
        )
        for agency, name in DATABASES.items()
    }
    planted: dict[tuple[str, str], set[Row]] = defaultdict(set)
    keys_of: dict[Row, set[str]] = defaultdict(set)
    for truth in _read(built / "truth.csv"):
        row = (truth["agency"], RECORD_OF[truth["table"]], truth["pk"].partition("/")[0])
        planted[truth["key"], truth["kind"]].add(row)
        keys_of[row].add(truth["key"])
    yield World(sources, planted, keys_of, _read(built / "queries.csv"))
    for source in sources.values():
        source.close()


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def query_of(row: dict[str, str]) -> Query:
    if row["name"]:
        return PersonQuery((NameForm(row["name"]),), PartialDate(row["birth"]) if row["birth"] else None)
    if row["kind"].startswith("document"):
        return DocumentQuery(row["identifier"])
    return VehicleQuery(row["identifier"]) if row["kind"] == "vehicle" else ContainerQuery(row["identifier"])


@pytest.mark.parametrize("kind", ["document", "vehicle", "container"])
def test_identifiers_find_every_planted_row_and_no_other(world: World, kind: str) -> None:
    rows = world.of_kind(kind)
    assert rows
    for row in rows:
        found = world.rows(query_of(row))
        expected = world.planted[row["expect_key"], PLANTED_KIND[kind]]
        assert expected <= found, row
        others = {each for each in found - expected if row["expect_key"] not in world.keys_of.get(each, ())}
        assert _foreign(world, others, row["identifier"]) == set(), row


def _foreign(world: World, rows: set[Row], number: str) -> set[Row]:
    """Rows that are not the document itself, under the number that was asked for."""
    wanted = "".join(number.split()).upper()
    foreign = set()
    for agency, record_type, key in rows:
        record = world.sources[agency].fetch(key, record_type, CLOCK.monotonic() + 3)
        is_same = "".join(str(record.fields.get("number", "")).split()).upper() == wanted
        if record_type != "TravelDocument" or not is_same:
            foreign.add((agency, record_type, key))
    return foreign


def test_documents_that_are_nowhere_find_nothing(world: World) -> None:
    rows = world.of_kind("document_absent")
    assert rows
    assert all(world.rows(query_of(row)) == set() for row in rows)


@pytest.mark.parametrize(("kind", "least"), [("person", 0.98), ("person_local", 0.69)])
def test_names_find_at_least_what_a_plain_score_finds(world: World, kind: str, least: float) -> None:
    rows = world.of_kind(kind)
    assert rows
    hit = [bool(world.rows(query_of(row)) & world.planted[row["expect_key"], "crosser"]) for row in rows]
    assert sum(hit) / len(hit) >= least


@pytest.mark.parametrize("agency", DATABASES)
def test_no_record_that_is_found_is_lost_or_doubted_when_it_is_matched_with_the_question_again(
    world: World, agency: str
) -> None:
    source, matched = world.sources[agency], 0
    for record_type, key in sorted((row[1], row[2]) for row in world.keys_of if row[0] == agency)[::5]:
        try:
            asked = source.fetch(key, record_type, CLOCK.monotonic() + 3)
        except LiaisonError:
            continue  # the row is cancelled
        for query in _queries_that_find(asked):
            for found in source.search(query, CLOCK.monotonic() + 3).candidates:
                record = source.fetch(found.key, found.record_type, CLOCK.monotonic() + 3)
                match = confirm(query, record, USUAL)
                assert match is not None, (query, record)
                assert match.quality is found.match.quality, (query, record)
                if match.quality is not Quality.POSSIBLE:  # else a name that only the search key has
                    assert judge(query, record.record_type, record.fields) is not Verdict.OTHER, (query, record)
                matched += 1
    assert matched > 20


def _queries_that_find(record: SourceRecord) -> Iterator[Query]:
    search = record.search or {}
    for key, kind in (("documents", DocumentQuery), ("national_ids", NationalIdQuery), ("containers", ContainerQuery)):
        for item in held_items(search.get(key)):
            number = item if isinstance(item, str) else item["number"]
            if len(number) <= 40:  # some cells hold several, which no question can hold
                yield kind(number)
    for item in held_items(search.get("plates")):
        yield VehicleQuery(item if isinstance(item, str) else item["plate"])
    birth = (search.get("birth") or {}).get("value", "")
    for name in held_names(search):
        yield PersonQuery((NameForm(name),), PartialDate(birth) if birth else None)


@pytest.mark.parametrize("agency", DATABASES)
def test_the_agency_sources_keep_the_contract(world: World, agency: str) -> None:
    source = world.sources[agency]
    kinds = source.describe().queries
    found, absent = [], []
    for row in world.queries:
        query = query_of(row)
        if query.kind not in kinds or query.kind is QueryKind.PERSON:
            continue
        expected = world.planted[row["expect_key"], PLANTED_KIND.get(row["kind"], "")]
        if row["kind"] == "document_absent":
            absent.append(query)
        elif any(planted[0] == agency for planted in expected):
            found.append(query)
    assert found
    assert check_adapter(source, CLOCK, Expectation(found[:20], absent[:20])) == []


@pytest.mark.parametrize("agency", DATABASES)
def test_every_row_of_the_agency_databases_can_be_read_as_mapped(world: World, agency: str) -> None:
    assert all(not reasons for reasons in world.sources[agency].left_out.values())


@pytest.mark.parametrize("agency", DATABASES)
def test_every_cell_with_a_country_is_read_as_mapped(agency: str) -> None:
    """Cells hold codes, names in English, and two names that the column was too narrow for."""
    name = DATABASES[agency]
    url = f"sqlite:///{shared_path() / 'data' / 'agencies' / 'built' / name}.sqlite"
    report = check_mapping(PROJECT / "adapters" / "mappings" / f"{name}.toml", url, None, 10_000, CLOCK)
    assert report.is_good
    assert [(each.type, dict(each.countries), dict(each.codes)) for each in report.types if each.rows] == [
        (each.type, {}, {}) for each in report.types
    ]


@pytest.mark.parametrize(
    ("agency", "table", "key", "column"),
    [("TH", "TB_DOC", "DOC_SEQ", "ISS_CTRY"), ("VN", "giay_to", "id", "noi_cap")],
)
def test_documents_have_the_country_that_is_written_by_name(
    world: World, agency: str, table: str, key: str, column: str
) -> None:
    import sqlite3

    path = shared_path() / "data" / "agencies" / "built" / f"{DATABASES[agency]}.sqlite"
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = database.execute(
        f"SELECT {key}, {column} FROM {table} WHERE {column} IN ('Burma', 'Korea, North', 'Hong Kong')"
    )
    meant = {"Burma": "MMR", "Korea, North": "PRK", "Hong Kong": "HKG"}
    found = {str(row): meant[name] for row, name in rows}
    database.close()
    assert len(set(found.values())) == 3
    source = world.sources[agency]
    issuers = {}
    for number in found:
        try:
            record = source.fetch(number, "TravelDocument", CLOCK.monotonic() + 3)
        except LiaisonError:
            continue  # the person's row is cancelled
        issuers[number] = record.fields["issuer"]
    assert len(issuers) > len(found) / 2
    assert issuers == {number: found[number] for number in issuers}


def test_cancelled_rows_are_not_found(world: World) -> None:
    import sqlite3

    path = shared_path() / "data" / "agencies" / "built" / "th_police.sqlite"
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    sql = "SELECT DOC_NO FROM TB_DOC d JOIN TB_PERSON p USING (PSN_NO) WHERE p.REC_STAT <> '1'"
    numbers = [number for (number,) in database.execute(sql)]
    database.close()
    assert numbers
    thai = world.sources["TH"]
    assert not any(thai.search(DocumentQuery(n), CLOCK.monotonic() + 3).candidates for n in numbers)


def test_thai_text_and_dates_come_out_readable(world: World) -> None:
    record = world.sources["TH"].fetch("1", "Person", CLOCK.monotonic() + 3)
    assert record.fields["names"][0] == {"text": "ขันติ จิ้วจันทร์", "script": "Thai", "lang": "th"}
    assert record.fields["birth"] == {"value": "1962-01-17", "calendar": "BE", "original": "17/01/2505"}
