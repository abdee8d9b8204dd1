"""The annex names each field once, its places exist in declarations, and its CSV is inert."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element as Tag

import pytest
from defusedxml.ElementTree import parse

from bridges.wco.__main__ import main
from bridges.wco.annex import NEVER, elements, write_rows
from gateway.errors import Malformed, Unsupported
from gateway.records.items import GoodsLine, Party, Permit, Place, SeizedItem, Transport
from gateway.records.objects import Consignment, Seizure
from tests.support.shared import shared_path
from tests.support.tables import table

ITEMS: dict[str, Any] = {
    "lines": GoodsLine, "consignor": Party, "consignee": Party, "declarant": Party, "permits": Permit, "route": Place,
    "place": Place, "transport": Transport, "goods": SeizedItem,
}  # fmt: skip


def rows(kind: str, *records: dict[str, Any]) -> list[dict[str, str]]:
    out = io.StringIO()
    write_rows(kind, (json.dumps(one, ensure_ascii=False) for one in records), out)
    fields = [one.field for one in elements() if one.type == kind and one.id != NEVER]
    return [dict(zip(fields, row, strict=True)) for row in list(csv.reader(io.StringIO(out.getvalue())))[1:]]


@pytest.mark.parametrize("model", [Consignment, Seizure])
def test_every_field_and_member_of_a_record_stands_in_the_annex_once(model: Any) -> None:
    wanted = [
        f"{name}.{member}" if member else name
        for name in model.model_fields
        for member in (ITEMS[name].model_fields if name in ITEMS else [""])
    ]
    assert sorted(one.field for one in elements() if one.type == model.__name__) == sorted(wanted)


def paths(tag: Tag, above: str) -> Iterator[str]:
    name = tag.tag.rpartition("}")[2]
    here = "Declaration" if name == "Declaration" else f"{above}/{name}"
    yield here
    for part in tag:
        yield from paths(part, here)


def test_every_place_exists_in_published_declarations_and_every_id_has_the_form_of_one() -> None:
    found = set()
    for file in (shared_path() / "data" / "customs_wco_dec").glob("*.xml"):
        root = parse(file).getroot()
        assert root is not None
        found |= set(paths(root, ""))
    assert {one.path for one in elements() if one.path} <= found
    for one in elements():
        assert re.fullmatch(r"([DLRT]?[0-9]{3})?|-", one.id), one
        assert one.source in ("EU", "DEC", "confirm", "")
        assert not one.id or one.id == NEVER or (one.name and one.source)
        assert one.id or one.name or one.note


def test_a_consignment_is_a_row_for_each_line() -> None:
    first, second = rows(
        "Consignment",
        {
            "declaration": "TH-1",
            "consignor": "บริษัท ตัวอย่าง จำกัด",
            "consignee": {"name": "Lao Trading", "country": "LA", "bank": "9988"},
            "containers": ["MSKU1234565", {"number": "TEMU7654321"}],
            "route": ["LA", {"country": "VN", "unlocode": "VNHAN"}],
            "lines": [{"hs": "8471", "net_kg": "12.50"}, "parts"],
        },
    )
    assert (first["consignor.name"], first["consignee.name"]) == ("บริษัท ตัวอย่าง จำกัด", "Lao Trading")
    assert first["containers"] == "MSKU1234565; TEMU7654321"
    assert (first["route.country"], first["route.name"]) == ("VN", "LA")
    assert (first["lines.hs"], first["lines.net_kg"], second["lines.description"]) == ("8471", "12.50", "parts")
    assert first["declaration"] == second["declaration"]
    assert "9988" not in str(first)


def test_persons_of_a_seizure_are_never_exported() -> None:
    [row] = rows(
        "Seizure",
        {
            "reference": "S-1",
            "date": {"value": "2026-10"},
            "persons": ["Somchai"],
            "goods": [{"live": True, "net_kg": 3}],
        },
    )
    assert "Somchai" not in str(row)
    assert (row["date"], row["goods.live"], row["goods.net_kg"]) == ("2026-10", "true", "3")


@table("text", ["=HYPERLINK(1)", "+1+1", "-1+1", "@x", "\t=1", "＝1", " =1", "\u200b=1", "a\r\n=1,=2"])
def test_no_value_of_a_record_is_a_formula_or_another_cell(text: str) -> None:
    [row] = rows("Seizure", {"reference": text, "office": "x", "goods": [{"description": text}]})
    for value in (row["reference"], row["goods.description"]):
        assert value.lstrip("\t \u200b")[:1] not in set("=+-@＝")
    assert row["office"] == "x"


@table(
    "line",
    [
        "[]", "3", "{", '"x"', "[" * 5000,
        '{"names": ["Somchai"]}', '{"declaration": "1", "marking": {}}', '{"record": "eyJ", "disclosures": []}',
    ],
)  # fmt: skip
def test_other_records_and_those_that_a_node_signed_or_marked_are_refused(line: str) -> None:
    with pytest.raises(Malformed) as refused:
        write_rows("Consignment", iter(["", line]), io.StringIO())
    assert refused.value.where == "line 2"
    with pytest.raises(Unsupported):
        write_rows("Person", iter([]), io.StringIO())


def test_the_command_writes_a_file_that_spreadsheets_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "s.jsonl", tmp_path / "s.csv"
    source.write_text('{"reference": "ยึด-1"}\n', encoding="utf-8")
    assert main(["rows", "--type", "Seizure", str(source), "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "ยึด-1" in out.read_text(encoding="utf-8-sig")
    assert main(["annex"]) == 0
    assert len(list(csv.reader(io.StringIO(capsys.readouterr().out)))) == len(elements()) + 1
    assert main(["rows", "--type", "Seizure", str(tmp_path / "none")]) == 2
