"""What is published is what is checked: JSON Schema, the quick checks and the models say the same."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from adapters.mapping.marking import MARKING_KEYS
from gateway.cli.main import run
from gateway.errors import Malformed, Misconfigured, TooLarge
from gateway.model.marking import Marking
from gateway.records.envelope import EnvelopeMarking, RecordEnvelope
from gateway.records.schema import envelope, files, index, published
from gateway.records.shapes import Compiler
from gateway.records.types import RECORD_TYPES
from gateway.records.words import WORDS
from tests.support.sealing import PERSON
from tests.support.tables import table

SCHEMAS = {name: published(kind) for name, kind in RECORD_TYPES.items()}
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}

TEXTS = st.sampled_from(["M", "RED", "1980", "1980-02-30", "1980-13", "x", "", "STOLEN", "12.5", "IN"])
PLAIN = st.one_of(TEXTS, st.booleans(), st.integers(-(2**54), 2**54), st.floats(allow_nan=False, allow_infinity=False))
KEYS = st.sampled_from(["text", "value", "number", "hs", "live", "script", "Key", "_x", "name", "estimated", "net_kg"])
VALUES = st.recursive(
    st.none() | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from([(kind.name, field) for kind in RECORD_TYPES.values() for field in kind.fields])


@pytest.mark.long
def test_every_schema_is_a_schema() -> None:
    for schema in (*SCHEMAS.values(), envelope()):
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"].endswith("2020-12/schema")
        assert schema["additionalProperties"] is False


def test_the_names_of_schemas_are_those_in_records() -> None:
    for name, schema in SCHEMAS.items():
        assert schema["$id"] == f"urn:{RECORD_TYPES[name].vct}"
        assert schema["title"] == name
        assert tuple(schema["properties"]) == RECORD_TYPES[name].fields
        assert all(field["description"] for field in schema["properties"].values())


def _no_day(value: Any) -> bool:
    return "1980-02-30" in json.dumps(value) or "1980-13" in json.dumps(value)


@given(FIELDS, VALUES)
def test_a_value_passes_the_check_when_it_passes_the_schema(field: tuple[str, str], value: Any) -> None:
    kind, name = RECORD_TYPES[field[0]], field[1]
    checked = kind.by_name[name].shape(value)
    valid = VALIDATORS[kind.name].is_valid({name: value})
    # JSON Schema cannot count the days of a month: there our own check is the stricter one.
    assert checked == valid or (valid and _no_day(value))


@given(FIELDS, st.one_of(VALUES, st.text(), st.dictionaries(st.text(), st.text())))
def test_any_value_is_taken_or_refused(field: tuple[str, str], value: Any) -> None:
    # Anything but these two errors would fail the test.
    with suppress(Malformed, TooLarge):
        assert RECORD_TYPES[field[0]].encode({field[1]: value})[0][0] == field[1]


@given(FIELDS, VALUES)
def test_what_passes_the_check_is_read_by_the_model_and_comes_back_as_it_was(
    field: tuple[str, str], value: Any
) -> None:
    kind, name = RECORD_TYPES[field[0]], field[1]
    if not kind.by_name[name].shape(value):
        return
    record = kind.model.model_validate_json(json.dumps({name: value}))
    again = record.fields()
    assert kind.encode(again) == kind.encode(kind.model.model_validate_json(json.dumps(again)).fields())


def test_a_record_of_every_form_of_value_comes_back() -> None:
    person = RECORD_TYPES["Person"].model
    assert person.read(PERSON).fields() == PERSON


def test_a_value_of_another_form_is_named_by_the_model() -> None:
    with pytest.raises(Malformed) as refusal:
        RECORD_TYPES["Vehicle"].model.read({"status": "LOST"})
    assert refusal.value.where == "Vehicle.status"
    with pytest.raises(Malformed):
        RECORD_TYPES["Person"].model.read({"birth": {"value": "1980-02-30"}})
    with pytest.raises(Malformed):
        RECORD_TYPES["Person"].model.read({"status": object()})


@pytest.mark.parametrize("word", ["minLength", "not", "oneOf"])
def test_a_word_of_schemas_that_nothing_checks_is_refused(word: str) -> None:
    with pytest.raises(Misconfigured, match=word):
        Compiler({}).shape({"type": "string", word: 1})


def test_a_report_without_the_authors_word_is_refused() -> None:
    kind = RECORD_TYPES["ModusOperandiReport"]
    whole = {"method": "false floor in a van", "no_personal_data": True}
    assert kind.check_whole(whole) == kind.encode(whole)
    for fields in ({"method": "x"}, {"method": "x", "no_personal_data": False}):
        with pytest.raises(Malformed):
            kind.check_whole(fields)
    assert kind.encode({"method": "x"}), "a part of a report is no report, and may still be shown"


ALERT = {
    "alert_class": "LOCATE",
    "names": [{"text": "SOMCHAI JAIDEE"}],
    "birth": {"value": "1980"},
    "reason": "missing",
    "action": "ask whether help is needed",
}


def test_an_alert_has_a_minimum() -> None:
    kind = RECORD_TYPES["Alert"]
    assert kind.check_whole(ALERT)
    for missing in ("alert_class", "names", "birth", "reason", "action"):
        with pytest.raises(Malformed):
            kind.check_whole({name: value for name, value in ALERT.items() if name != missing})
    thing = {**ALERT, "objects": [{"plate": "กก1234"}]}
    assert kind.check_whole({name: value for name, value in thing.items() if name not in ("names", "birth")})


@table(
    ("start", "end", "right"),
    [
        ("2026-11-24T00:00:00Z", "2026-11-26T00:00:00Z", True),
        ("2026-11-24T00:00:00Z", "2026-11-26T00:00:01Z", False),
        ("2026-11-24T00:00:00", "2026-11-25T00:00:00Z", False),
        ("today", "2026-11-25T00:00:00Z", False),
        (None, "2026-11-25T00:00:00Z", False),
    ],
)
def test_an_alert_is_hidden_for_48_hours_at_most(start: str | None, end: str, right: bool) -> None:
    hidden = {**ALERT, "hidden_until": end} | ({"visible_from": start} if start else {})
    kind = RECORD_TYPES["Alert"]
    if right:
        assert kind.check_whole(hidden)
    else:
        with pytest.raises(Malformed):
            kind.check_whole(hidden)


def test_an_envelope_needs_owner_and_end() -> None:
    whole = {
        "record_type": "Person",
        "origin_country": "kh",
        "owner_agency": "customs",
        "valid_until": "2027-01-01T00:00:00Z",
        "links": [{"type": "SAME_AS", "target": "urn:x"}],
    }
    links = RecordEnvelope.read(whole).links
    assert links
    assert links[0].type is WORDS["LinkType"]("SAME_AS")
    for name in whole.keys() - {"links"}:
        with pytest.raises(Malformed):
            RecordEnvelope.read({key: value for key, value in whole.items() if key != name})


def test_the_envelopes_marking_has_every_part_of_the_model_and_of_a_mapping() -> None:
    parts = set(EnvelopeMarking.model_fields)
    assert parts == set(Marking.__struct_fields__) == set(MARKING_KEYS)
    properties = envelope()["properties"]
    assert all(each["x-carried"] in ("claim", "home", "later") for each in properties.values())


def test_the_index_names_every_file() -> None:
    named = {kind["file"] for kind in index()["types"]} | {index()["envelope"], "index.json"}
    assert named == {name for name, _ in files()}


def test_export_writes_what_the_program_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made" / "schemas"
    assert run(["schema", "export", "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert sorted(said["files"]) == sorted(file.name for file in out.iterdir())
    assert json.loads((out / "Person.schema.json").read_text(encoding="utf-8")) == SCHEMAS["Person"]
