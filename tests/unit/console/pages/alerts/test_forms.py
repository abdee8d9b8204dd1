"""The forms of alerts: records by template, lengths of time, outcomes, and places on the map."""

from __future__ import annotations

import pytest

from gateway.console.frame.forms import Form
from gateway.console.pages.alerts.filling import Sent
from gateway.console.pages.alerts.kinds import COUNTRIES, KINDS, LABELS, NAMES, Kind, record_of
from gateway.console.pages.alerts.lasting import hidden_lengths, lasting, lengths
from gateway.console.pages.alerts.outcome import read_outcome
from gateway.console.pages.alerts.places import OfficeCount, crossing_of, map_of, office_name, table_of
from gateway.desk.alerts.checks import check_fields
from gateway.errors import Malformed
from gateway.language.countries import REGION, countries, language_of_country
from gateway.language.languages import Language
from gateway.language.terms import ACTIONS
from gateway.model.desk.notices import OutcomeCode
from gateway.ops.console.outline import read_outline
from gateway.records.types import record_type
from tests.support.tables import table

FILLED = {
    "name": "ทองดี",
    "birth": "2527",
    "plate": "กข 1234",
    "vessel_name": "Sea Gull",
    "container": "MSKU1203456",
}


@table("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_each_template_makes_a_record_that_is_an_alert(kind: Kind) -> None:
    fields = record_of(kind, FILLED) | {"alert_class": kind.actions[0], "reason": "sought"}
    record_type("Alert").encode(check_fields(fields))
    assert ACTIONS.keys() >= set(kind.actions)
    assert LABELS.keys() >= {*kind.fields, *kind.more, *COUNTRIES}
    assert kind.name in NAMES


def test_a_template_takes_no_field_of_another_and_reads_a_buddhist_birth_date() -> None:
    fields = record_of(KINDS["child"], FILLED)
    assert fields["birth"] == {"value": "1984"}
    assert fields["objects"] == [{"kind": "vehicle", "plate": "กข 1234"}]
    assert record_of(KINDS["boat"], FILLED)["objects"] == [{"kind": "vessel", "name": "Sea Gull"}]
    with pytest.raises(Malformed):
        record_of(KINDS["child"], {"name": "x", "birth": "soon"})


@pytest.mark.parametrize("fields", [{"names": [{"text": "x"}]}, {}, {"objects": ["x"], "reason": " "}])
def test_an_alert_about_nobody_or_without_a_reason_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(Malformed) as refused:
        check_fields({"reason": "sought", "alert_class": "ARREST"} | fields)
    assert refused.value.where in ("fields.names", "fields.reason")


def test_a_form_keeps_only_fields_of_templates() -> None:
    sent = Sent.of(Form("A" * 22, {"name": (" x ",), "until_us": ("1",), "to": ("la", "vn")}))
    assert sent.values == {"name": ("x",), "to": ("la", "vn")}
    assert (sent.one("name"), sent.one("plate"), sent.all("to")) == ("x", "", ("la", "vn"))


def test_lengths_are_those_of_the_lists_only() -> None:
    for option in (*lengths(Language.EN), *hidden_lengths(Language.EN, "")[1:]):
        assert lasting(option.value, "lasts") > 0
    for text in ("", "7", "72.0", "-6", "٧٢"):
        with pytest.raises(Malformed):
            lasting(text, "lasts")


def test_an_outcome_takes_digits_of_any_script_and_no_other_number() -> None:
    form = {"outcome": ("SEIZED",), "substance": ("meth",), "grams": ("๑,๒๐๐",), "persons": ("",)}
    outcome = read_outcome(Form("A" * 22, form))
    assert (outcome.code, outcome.grams, outcome.persons) == (OutcomeCode.SEIZED, 1200, 0)
    for name, text in (("grams", "-1"), ("grams", "1e9"), ("persons", "99999999999"), ("outcome", "WON")):
        with pytest.raises(Malformed):
            read_outcome(Form("A" * 22, form | {name: (text,)}))


def test_offices_stand_at_their_side_of_a_crossing_point() -> None:
    thai, khmer = crossing_of("th.blo.aranyaprathet"), crossing_of("kh.blo.poipet")
    assert thai is not None
    assert khmer is not None
    assert (thai[0], thai[1], khmer[1]) == (khmer[0], 0, 1)
    assert office_name("kh.blo.poipet") == "Poipet (kh.blo.poipet)"
    assert crossing_of("kh.blo.aranyaprathet") is None
    assert office_name("th.national") == "th.national"


def test_the_map_says_what_its_table_says_and_the_table_has_offices_without_a_place() -> None:
    counts = [OfficeCount("th.national", 3, 1), OfficeCount("kh.blo.poipet", 2, 0), OfficeCount("vn.blo.moc-bai")]
    drawn = map_of(read_outline(), counts, Language.EN)
    assert {spot.tone for spot in drawn.spots} == {"warn", "quiet"}
    assert any("2 alerts in force" in spot.title for spot in drawn.spots)
    assert "not authoritative" in drawn.note
    assert len(table_of(counts, Language.EN).rows) == 3


def test_every_member_country_reads_its_own_language_and_countries_begin_with_the_region() -> None:
    assert {language_of_country(code) for code in REGION} == set(Language) - {Language.EN}
    assert language_of_country("fr") is Language.EN
    for language in Language:
        assert set(list(countries(language))[:6]) == {"THA", "LAO", "KHM", "MMR", "VNM", "CHN"}
