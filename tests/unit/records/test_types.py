from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed, TooLarge
from gateway.records.types import BY_VCT, DIGESTS, MAX_FIELD, RECORD_TYPES, record_type
from tests.support.sealing import PERSON
from tests.support.tables import table

PERSON_TYPE = RECORD_TYPES["Person"]


FIRST_SIX = ("Person", "TravelDocument", "Vehicle", "Consignment", "Seizure", "BorderCrossing")
LATER = ("Vessel", "VisaResidence", "Alert", "CaseReference", "ModusOperandiReport")


def test_every_type_has_a_fixed_number_of_digests_that_all_its_fields_fit_in() -> None:
    assert tuple(RECORD_TYPES) == FIRST_SIX + LATER
    for kind in RECORD_TYPES.values():
        assert kind.digests in DIGESTS
        assert kind.digests >= len(kind.fields)
        assert BY_VCT[kind.vct] is kind
    assert {name for name, kind in RECORD_TYPES.items() if kind.digests > 12} == {"Person", "Consignment", "Alert"}


def test_the_first_six_types_keep_their_nine_main_fields() -> None:
    for name in FIRST_SIX:
        kind = RECORD_TYPES[name]
        assert len(kind.main) == 9
        assert kind.main == kind.fields[:9]


def test_an_officer_is_told_of_the_main_fields_and_of_what_is_shown_beyond_them() -> None:
    assert PERSON_TYPE.total(["names", "birth"]) == 9
    assert PERSON_TYPE.total(["names", "father_name"]) == 10


def test_every_field_says_what_it_means() -> None:
    for kind in RECORD_TYPES.values():
        assert tuple(kind.by_name) == kind.fields
        assert all(field.doc and field.form for field in kind.by_name.values())


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(Malformed) as refusal:
        record_type("Persons")
    assert refusal.value.code == "unknown-record-type"


def test_fields_come_in_the_order_of_the_type() -> None:
    shuffled = dict(reversed(PERSON.items()))
    assert [name for name, _ in PERSON_TYPE.encode(shuffled)] == list(PERSON_TYPE.main)


def test_a_field_that_is_not_of_the_type_is_named() -> None:
    with pytest.raises(Malformed) as refusal:
        PERSON_TYPE.encode({"sex": "M", "plate": "X"})
    assert "plate" in refusal.value.message


@table(
    ("name", "value"),
    [
        ("sex", 1),
        ("sex", None),
        ("sex", ["M"]),
        ("names", "SOMCHAI"),
        ("names", [{"script": "Latn"}]),
        ("names", [{"text": "X", "shown": "Y"}]),
        ("names", [{"text": 7}]),
        ("names", [{"text": "X"}] * 65),
        ("birth", "1980"),
        ("birth", {"value": "1980-13"}),
        ("birth", {"value": "1980", "estimated": "yes"}),
        ("birth", {"calendar": "BE"}),
        ("national_ids", [{"scheme": "THA-PIN"}]),
        ("nationalities", [["THA"]]),
        ("addresses", [{"street": {"name": "X"}}]),
        ("addresses", [{"_sd": "X"}]),
        ("addresses", [{"...": "X"}]),
        ("addresses", [{7: "X"}]),
        ("status", {"a": float("nan")}),
    ],
)
def test_a_value_of_another_form_is_refused_with_the_field_named(name: str, value: object) -> None:
    with pytest.raises(Malformed) as refusal:
        PERSON_TYPE.encode({name: value})
    assert refusal.value.where == name


@table("value", [float("nan"), float("inf"), 2**53, True])
def test_numbers_that_readers_disagree_about_are_refused(value: object) -> None:
    with pytest.raises(Malformed):
        RECORD_TYPES["Seizure"].encode({"quantity": value})


@table("value", [12, 12.5, "12.500", -1, 2**53 - 1])
def test_numbers_that_all_readers_keep_are_taken(value: object) -> None:
    assert RECORD_TYPES["Seizure"].encode({"quantity": value})


@table("mark", ["\0", "\n", "\x1b", "\x7f", "\x85", "\ud800", "\ue000"])
def test_control_characters_are_refused_wherever_they_stand(mark: str) -> None:
    for fields in ({"status": f"a{mark}b"}, {"names": [{"text": f"a{mark}b"}]}, {"addresses": [{"street": mark}]}):
        with pytest.raises(Malformed) as refusal:
            PERSON_TYPE.encode(fields)
        assert refusal.value.code == "bad-text"


def test_joiners_quotes_and_backslashes_stay_as_they_are() -> None:
    """CASE-B13: a Khmer name with a zero-width space is a name."""
    text = 'សុខ\u200bវិចិត្រ "a\\b"'
    assert PERSON_TYPE.encode({"status": text})


def test_a_field_over_four_kib_is_refused() -> None:
    assert PERSON_TYPE.encode({"status": "x" * 4094})
    for text in ("x" * 4095, "ก" * 1365):
        with pytest.raises(TooLarge) as refusal:
            PERSON_TYPE.encode({"status": text})
        assert refusal.value.where == "status"


def test_a_record_over_twelve_kib_is_refused() -> None:
    full = {name: [{"text": "x" * 4000}] for name in ("names",)}
    lists = {name: ["x" * 4000] for name in ("nationalities", "warnings")}
    assert PERSON_TYPE.encode(full | lists)
    with pytest.raises(TooLarge) as refusal:
        PERSON_TYPE.encode(full | lists | {"status": "x" * 400})
    assert refusal.value.code == "record-too-large"


@given(st.text(max_size=1100))
def test_a_text_is_written_as_json_or_refused(text: str) -> None:
    """The short way for plain text gives what JSON says of it, and lets nothing through that the long one refuses."""
    field = PERSON_TYPE.by_name["status"]
    try:
        encoded = field.encode(text)
    except (Malformed, TooLarge):
        assert not text.isprintable() or not field.shape(text) or len(text.encode()) > MAX_FIELD - 2
    else:
        assert encoded == json.dumps(text, ensure_ascii=False)
        assert not any(unicodedata.category(mark) in ("Cc", "Cs", "Co") for mark in text)
