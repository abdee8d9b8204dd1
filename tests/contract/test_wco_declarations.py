"""WCO customs declarations in XML become Consignment records, exact against the values that were counted by hand."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import pytest

from adapters.base import Adapter
from adapters.check.conformance import Expectation, check_adapter
from adapters.load import Place, open_source
from gateway.clock import SystemClock
from gateway.model.query import ContainerQuery
from tests.support.shared import PROJECT, shared_path

CLOCK = SystemClock()
MAPPING = PROJECT / "adapters" / "mappings" / "wco_declaration.toml"


def truth() -> list[dict[str, Any]]:
    lines = (shared_path() / "data" / "customs_wco_dec" / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    folder = tmp_path_factory.mktemp("declarations")
    for path in (shared_path() / "data" / "customs_wco_dec").glob("*.xml"):
        shutil.copyfile(path, folder / path.name)
        os.utime(folder / path.name, (1e9, 1e9))
    index = tmp_path_factory.mktemp("index")
    return open_source(Place(MAPPING, folder.as_uri().replace("file:", "folder:"), index, CLOCK))


def fields_of(source: Adapter, reference: str) -> dict[str, Any]:
    return dict(source.fetch(reference, "Consignment", CLOCK.monotonic() + 3).fields)


def as_in_truth(file: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A record's fields in the form of `truth.jsonl`."""
    lines = fields.get("lines", [])
    return {
        "file": file,
        "type_code": fields.get("procedure"),
        "functional_reference": fields["declaration"],
        "declared_items": int(fields["declared_lines"]) if "declared_lines" in fields else None,
        "items": len(lines),
        "containers": fields.get("containers", []),
        "classifications": " ".join(line.get("classifications", "") for line in lines).split(),
        "origin": " ".join(line.get("origin", "") for line in lines).split(),
        "total_packages": fields.get("packages"),
        "consignee": [fields["consignee"]["name"]] if "consignee" in fields else [],
    }


def test_every_declaration_is_read_and_every_value_is_as_counted(source: Adapter) -> None:
    expected = truth()
    assert expected
    assert source.left_out == {"Consignment": {}}
    for declaration in expected:
        fields = fields_of(source, declaration["functional_reference"])
        assert as_in_truth(declaration["file"], fields) == declaration


def test_the_declarations_keep_the_contract_and_are_found_by_container(source: Adapter) -> None:
    containers = [ContainerQuery(number) for each in truth() for number in each["containers"]]
    assert check_adapter(source, CLOCK, Expectation(containers, [ContainerQuery("TGHU1234567")])) == []
