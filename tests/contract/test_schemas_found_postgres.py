"""A found schema on a real PostgreSQL, with its own types: UUID, arrays of texts, JSON, booleans, dates and times."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from adapters.check.check import check_mapping, sample_record
from adapters.draft.draft import draft_of
from adapters.sql.survey import survey
from gateway.clock import SystemClock
from tests.support.databases import Server, server

MAPPING = Path(__file__).resolve().parents[1] / "support" / "mappings" / "png_police.toml"
DATABASE = "png_police"
TABLES = (
    "CREATE TABLE criminals (id UUID PRIMARY KEY, criminal_number VARCHAR, first_name VARCHAR, last_name VARCHAR,"
    " middle_name VARCHAR, aliases TEXT[], gender VARCHAR, date_of_birth DATE, place_of_birth VARCHAR,"
    " nationality VARCHAR, id_numbers JSON, current_address TEXT, previous_addresses TEXT[], phone_numbers TEXT[],"
    " threat_level VARCHAR, armed_dangerous BOOLEAN, outstanding_warrants TEXT[], international_alerts BOOLEAN,"
    " status VARCHAR, updated_at TIMESTAMP)",
    "CREATE TABLE vehicles (id UUID PRIMARY KEY, registration_number VARCHAR, vin VARCHAR, vehicle_type VARCHAR,"
    " make VARCHAR, model VARCHAR, color VARCHAR, status VARCHAR, stolen_date DATE, updated_at TIMESTAMP)",
    "CREATE TABLE evidence (id UUID PRIMARY KEY, evidence_number VARCHAR, category VARCHAR, description TEXT,"
    " date_collected TIMESTAMP, seal_number VARCHAR, weight_grams FLOAT, quantity INTEGER, updated_at TIMESTAMP)",
    "CREATE TABLE incidents (id UUID PRIMARY KEY, incident_number VARCHAR, province VARCHAR, district VARCHAR,"
    " status VARCHAR, updated_at TIMESTAMP)",
    "INSERT INTO criminals SELECT gen_random_uuid(), 'C' || n, 'Given' || n, 'Family' || n, NULL,"
    " ARRAY['Alias ' || n, 'Nick, \"' || n || '\"'], 'male', DATE '1980-01-01' + n, 'Lae', 'Lao PDR', '{\"a\": 1}',"
    " 'House ' || n, ARRAY['Old house'], ARRAY['020 5551 234'], NULL, n % 2 = 0, NULL, n = 1, 'active', now()"
    " FROM generate_series(1, 40) AS n",
    "INSERT INTO vehicles SELECT gen_random_uuid(), 'AB-' || n, 'VIN' || n, 'car', 'TOYOTA', 'HILUX', 'white',"
    " 'stolen', DATE '2024-02-29', now() FROM generate_series(1, 20) AS n",
    "INSERT INTO evidence SELECT gen_random_uuid(), 'E' || n, 'narcotic', 'pills', now(), 'S' || n, 1500.5, n, now()"
    " FROM generate_series(1, 20) AS n",
    "INSERT INTO incidents SELECT gen_random_uuid(), 'I' || n, 'Bokeo', 'Houayxay', 'open', now()"
    " FROM generate_series(1, 20) AS n",
)


@pytest.fixture(scope="module")
def postgres() -> Server:
    made = server("postgresql")
    made.fresh_database(DATABASE)
    made.execute(DATABASE, TABLES)
    return made


def test_the_mapping_reads_the_servers_own_types(postgres: Server) -> None:
    report = check_mapping(MAPPING, postgres.url(DATABASE), None, 100, SystemClock())
    assert [finding for finding in report.findings if finding.severity == "error"] == []
    assert {each.type: (each.valid, each.rows) for each in report.types} == {
        "Person": (40, 40), "Vehicle": (20, 20), "Seizure": (20, 20), "CaseReference": (20, 20),
    }  # fmt: skip
    person = next(each for each in report.types if each.type == "Person").built[0].record
    first, alias, nick = (name["text"] for name in person.fields["names"])
    assert (first[:5], alias[:5], nick[:7]) == ("Given", "Alias", 'Nick, "')
    assert person.fields["phones"] == ["+856205551234"]
    seizure = next(each for each in report.types if each.type == "Seizure").built[0].record
    assert seizure.fields["goods"][0]["gross_kg"] == "1.5005"


def test_a_draft_of_it_loads(postgres: Server, tmp_path: Path) -> None:
    draft = draft_of(survey(postgres.url(DATABASE), None, 100))
    assert set(draft.records) >= {"Person", "Vehicle", "Seizure"}
    assert tomllib.loads(draft.text)
    path = tmp_path / "draft.toml"
    text = draft.text.replace('id = "TODO"', 'id = "la.police.x"').replace('agency = "TODO"', 'agency = "police"')
    path.write_text(text.replace('kind = "TODO"', 'kind = "x"'), encoding="utf-8")
    report = check_mapping(path, postgres.url(DATABASE), None, 100, SystemClock())
    assert report.has_database
    assert min(each.share for each in report.types) == 1.0, report.findings


def test_one_record_is_read_by_its_uuid(postgres: Server) -> None:
    _, sample = sample_record(MAPPING, postgres.url(DATABASE), None, SystemClock(), "Vehicle")
    name, again = sample_record(MAPPING, postgres.url(DATABASE), None, SystemClock(), "Vehicle", sample.key)
    assert name == "Vehicle"
    assert again.record == sample.record
