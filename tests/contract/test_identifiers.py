"""Identifiers against public specimens and labelled cases."""

from __future__ import annotations

import csv
import json
from datetime import date

from gateway.errors import Malformed
from gateway.records.identifiers.conveyances import read_container
from gateway.records.identifiers.mrz import read_mrz
from gateway.records.identifiers.reading import Reading
from tests.support.shared import shared_path

TODAY = date(2026, 11, 24)


def mrz(lines: list[str]) -> Reading | None:
    try:
        return read_mrz("\n".join(lines), TODAY)
    except Malformed:
        return None


def test_every_machine_readable_zone_is_judged_as_its_label_says() -> None:
    lines = (shared_path() / "data/mrz/mrz.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    assert len(cases) > 150
    wrong = [
        case["id"] for case in cases if ((found := mrz(case["lines"])) is not None and found.valid) != case["valid"]
    ]
    assert wrong == []


def test_the_fields_of_every_right_zone_are_read() -> None:
    for line in (shared_path() / "data/mrz/mrz.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        found = mrz(case["lines"])
        if not case["valid"] or case["kind"].startswith("corrupted"):
            continue
        assert found is not None
        assert found.parts["format"] == case["format"]
        assert found.parts["checks"] == case["checks"], case["id"]
        said = case["fields"]
        got = found.parts
        assert (got["surname"], got["given"]) == (said["surname"], said["given"])
        assert (got["doc_code"], got["issuer"], got["nationality"]) == (
            said["code"],
            said["state"],
            said["nationality"],
        )
        assert got["number"] == said["document_number"]
        assert got["birth"].replace("-", "")[2:] == said["birth"]
        assert got["expiry"].replace("-", "")[2:] == said["expiry"]


def test_every_container_number_is_judged_as_its_label_says() -> None:
    with (shared_path() / "data/containers/container_numbers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [
        row["number"] for row in rows if read_container(row["number"]).valid != (row["check_digit_ok"] == "Y")
    ] == []
