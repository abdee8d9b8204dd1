"""The mapping language on schemas that no one here designed: four of agencies elsewhere, filled with invented rows.

The draft that `liaison adapter init` writes is measured on the three agency databases against mappings by hand.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from adapters.check.check import check_mapping
from adapters.database_tables import Table
from adapters.draft.draft import draft_of
from adapters.mapping.file import load_mapping, read_mapping
from adapters.mapping.rows import refs_of
from adapters.sql.survey import survey
from gateway.clock import SystemClock
from tests.support import tables
from tests.support.shared import PROJECT, shared_path

MAPPINGS = Path(__file__).resolve().parents[1] / "support" / "mappings"
FOUND = ("airport_customs_offences", "png_police", "us_booking_staging", "us_state_warrants")
AGENCIES = ("th_police", "vn_immigration", "kh_customs")
ROWS = 120


def found_database(name: str, folder: Path) -> Path:
    """The schema with invented rows; each table's first column is its key, as in the system that it was found in."""
    shared = shared_path() / "data" / "schemas_found"
    path = folder / f"{name}.sqlite"
    command = [sys.executable, str(shared / "make_sqlite.py"), str(shared / f"{name}.json"), str(path)]
    subprocess.run([*command, "--rows", str(ROWS)], check=True, capture_output=True, timeout=60)
    tables = json.loads((shared / f"{name}.json").read_text(encoding="utf-8"))["tables"]
    database = sqlite3.connect(path)
    for table, columns in tables.items():
        database.execute(f'CREATE UNIQUE INDEX "key of {table}" ON "{table}" ("{columns[0][0]}")')
    database.commit()
    database.close()
    return path


@tables.table("name", FOUND)
def test_a_mapping_of_a_found_schema_is_clean(name: str, tmp_path: Path) -> None:
    database = found_database(name, tmp_path)
    report = check_mapping(MAPPINGS / f"{name}.toml", f"sqlite:///{database}", None, ROWS, SystemClock())
    assert [finding.message for finding in report.findings if finding.severity == "error"] == []
    assert report.is_good
    assert all(each.valid for each in report.types)
    # An alert without a name or birth date is none, and its rows are rightly left out; all others are read.
    assert all(each.share >= (0.9 if each.type == "Alert" else 1.0) for each in report.types), report.findings
    assert report.speed is not None
    assert report.speed.searches


@pytest.mark.parametrize("name", AGENCIES)
def test_the_mapping_of_an_agency_database_is_clean(name: str) -> None:
    database = shared_path() / "data" / "agencies" / "built" / f"{name}.sqlite"
    path = PROJECT / "adapters" / "mappings" / f"{name}.toml"
    report = check_mapping(path, f"sqlite:///{database}", None, ROWS, SystemClock())
    assert [finding for finding in report.findings if finding.severity == "error"] == []
    assert all(each.share == 1.0 and each.valid for each in report.types)
    assert all(not each.codes for each in report.types)


def tables_of(name: str) -> list[Table]:
    database = shared_path() / "data" / "agencies" / "built" / f"{name}.sqlite"
    return survey(f"sqlite:///{database}", None, 500)


def filled(draft: str) -> bytes:
    """The draft as a person leaves it who answers the questions about the source and nothing else."""
    answers = {
        'id = "TODO"': 'id = "th.police.draft"',
        'agency = "TODO"': 'agency = "police"',
        'kind = "TODO"': 'kind = "x"',
    }
    for todo, answer in answers.items():
        assert todo in draft
        draft = draft.replace(todo, answer)
    return draft.encode()


@tables.table("name", [*AGENCIES, *FOUND])
def test_a_draft_is_toml_that_names_only_what_the_database_has(name: str, tmp_path: Path) -> None:
    tables = tables_of(name) if name in AGENCIES else survey(f"sqlite:///{found_database(name, tmp_path)}", None, 100)
    draft = draft_of(tables)
    assert tomllib.loads(draft.text)
    assert draft.todo
    if not draft.records:
        assert name == "us_booking_staging", "only bookings without names look like nothing"
        return
    mapping = read_mapping("draft.toml", filled(draft.text))
    columns = {table.name: {column.name for column in table.columns} for table in tables}
    for record in mapping.records.values():
        joined = {"": record.table} | {join.name: join.table for join in record.joins}
        assert record.key in columns[record.table]
        assert all(ref.column in columns[joined[ref.join]] for ref in refs_of(record))


def named_columns(path_or_text: bytes, record_type: str) -> dict[str, set[str]]:
    """For each field of a record type, the columns that its value is made of."""
    mapping = read_mapping("mapping.toml", path_or_text)
    record = mapping.records[record_type]
    made: dict[str, set[str]] = {}
    for name, value in record.fields.items():
        pending, columns = [value], set()
        while pending:
            for part in pending.pop().parts:
                columns |= {ref.column for ref in part.refs}
                pending += (part.item or {}).values()
        made[name] = columns
    return made


@pytest.mark.parametrize(("name", "least"), [("th_police", 0.75), ("vn_immigration", 0.7), ("kh_customs", 0.7)])
def test_a_draft_gets_most_fields_of_a_person_as_a_person_would_map_them(name: str, least: float) -> None:
    by_hand = named_columns((PROJECT / "adapters" / "mappings" / f"{name}.toml").read_bytes(), "Person")
    by_draft = named_columns(filled(draft_of(tables_of(name)).text), "Person")
    right = [field for field, columns in by_hand.items() if by_draft.get(field) == columns]
    assert len(right) >= least * len(by_hand), (sorted(set(by_hand) - set(right)), by_draft)


@pytest.mark.parametrize("name", AGENCIES)
def test_a_draft_reads_most_rows_at_once(name: str, tmp_path: Path) -> None:
    path = tmp_path / "draft.toml"
    path.write_bytes(filled(draft_of(tables_of(name)).text))
    database = shared_path() / "data" / "agencies" / "built" / f"{name}.sqlite"
    report = check_mapping(path, f"sqlite:///{database}", None, 300, SystemClock())
    assert min(each.share for each in report.types) >= 0.9
    assert load_mapping(path).marking.releasable_to == frozenset(), "nothing leaves until a person says so"
