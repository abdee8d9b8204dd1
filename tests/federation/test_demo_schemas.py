"""What real sources say fits the published schemas: every record of the demo's databases."""

from __future__ import annotations

from pathlib import Path

from jsonschema import Draft202012Validator

from adapters.load import Place, open_source
from gateway.clock import SystemClock
from gateway.demo.sample import SAMPLES
from gateway.demo.sources import planted
from gateway.model.query import ContainerQuery, DocumentQuery, PersonQuery, VehicleQuery
from gateway.model.values import NameForm, PartialDate
from gateway.records.schema import published
from gateway.records.types import RECORD_TYPES
from tests.support.samples import something_in
from tests.support.tables import table

CLOCK = SystemClock()
QUERIES = (
    PersonQuery((NameForm(planted.DRIVER.thai),), PartialDate(str(planted.DRIVER.birth.year))),
    DocumentQuery(planted.STOLEN_PASSPORT.number, planted.STOLEN_PASSPORT.issuer),
    VehicleQuery(planted.STOLEN_CAR_PLATE, planted.STOLEN_CAR_PROVINCE),
    ContainerQuery(planted.SEIZED_CONTAINER),
)


def test_records_of_the_demo_fit_the_published_schemas(tmp_path: Path) -> None:
    seen = set()
    for sample in SAMPLES:
        database = sample.build(tmp_path)
        source = open_source(Place(sample.mapping_file, f"sqlite:///{database}", tmp_path, CLOCK))
        try:
            for query in (*QUERIES, something_in(sample, database)):
                for hit in source.search(query, CLOCK.monotonic() + 5).candidates:
                    record = source.fetch(hit.key, hit.record_type, CLOCK.monotonic() + 5)
                    Draft202012Validator(published(RECORD_TYPES[hit.record_type])).validate(record.fields)
                    model = RECORD_TYPES[hit.record_type].model
                    assert model.read(record.fields).fields().keys() == record.fields.keys()
                    seen.add(hit.record_type)
        finally:
            source.close()
    assert seen >= {"Person", "TravelDocument", "Vehicle", "Consignment", "Seizure", "BorderCrossing"}


def test_a_record_of_another_form_does_not_fit() -> None:
    validator = Draft202012Validator(published(RECORD_TYPES["Vehicle"]))
    assert not validator.is_valid({"status": "FOUND"})
    assert not validator.is_valid({"plates": "1234"})


@table("kind", RECORD_TYPES)
def test_an_empty_record_fits_since_policy_may_keep_everything_back(kind: str) -> None:
    assert Draft202012Validator(published(RECORD_TYPES[kind])).is_valid({})
