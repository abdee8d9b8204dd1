"""Hostile files in a drop folder cost themselves and nothing else (CASE-K8; bad input)."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.base import Adapter
from adapters.files.delimited import DelimitedReader
from adapters.files.elements import MAX_FILE, parse
from adapters.files.settings import tables_of
from adapters.files.sheet import MAX_ROWS
from adapters.files.source import FilesSource
from adapters.mapping.file import read_mapping
from gateway.clock import ManualClock
from gateway.errors import LiaisonError, Malformed
from gateway.records.types import RECORD_TYPES
from tests.support.drop_folder import (
    LONG_AGO,
    NOON,
    DropFolder,
    as_csv,
    as_jsonl,
    as_xml,
    drop_folder,
    fill,
    mapping,
    write_xlsx,
)
from tests.support.growth import bounded
from tests.support.load import effort

SECRET = "TOP-SECRET-CONTENT"


@pytest.fixture
def folder(tmp_path: Path) -> DropFolder:
    return drop_folder(tmp_path)


def opened(folder: DropFolder, kind: str, content: bytes) -> Adapter:
    """A source with one good file and a hostile one beside it; the good one must be found."""
    good = ("9", "Somsak Dee", "01/01/1980", "GOOD00001", "1")
    fill(folder, kind, [good], "persons-good")
    folder.put(f"persons-bad.{kind}", content)
    source = folder.open(mapping(kind))
    assert folder.keys(source, "GOOD00001") == ["9"]
    return source


def refused(folder: DropFolder, kind: str, content: bytes) -> str:
    """The reason why a hostile file is left out."""
    ((place, count),) = opened(folder, kind, content).left_out["Person"].items()
    assert count == 1
    return place.partition(": ")[2]


# ---------------------------------------------------------------- XML


def laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY l0 "ha">{entities}]><Persons><Person><ID>&l9;</ID></Person></Persons>'.encode()


DOCTYPES = {
    "billion laughs": laughs(),
    "quadratic": b'<!DOCTYPE x [<!ENTITY a "'
    + b"a" * 50_000
    + b'">]><Persons><Person><ID>'
    + b"&a;" * 9_000
    + b"</ID>",
    "external file": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Persons>&a;</Persons>',
    "external address": b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><Persons/>',
    "parameter entity": b'<!DOCTYPE x [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><Persons/>',
    "plain": b"<!DOCTYPE Persons><Persons><Person><ID>1</ID></Person></Persons>",
    "utf-16": "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE x [<!ENTITY a 'b'>]><x/>".encode("utf-16"),
}


@pytest.mark.parametrize("content", DOCTYPES.values(), ids=DOCTYPES.keys())
def test_k8_document_types_and_entities_are_refused(folder: DropFolder, content: bytes) -> None:
    assert refused(folder, "xml", content) == "XML with a document type or entities"


SHAPES = {
    "deep": b"<a>" * 100_000,
    "many attributes": b"<Persons " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b"/>",
    "many elements": b"<Persons>" + b"<Person/>" * 250_000 + b"</Persons>",
    "large": b"<Persons>" + b" " * MAX_FILE + b"</Persons>",
    "long text": b"<Persons><Person><ID>" + b"1" * 100_000 + b"</ID></Person></Persons>",
    "many texts": b"<Persons><Person>" + b"<Name>x</Name>" * 100_000 + b"</Person></Persons>",
    "encoding": b"<?xml version='1.0' encoding='rot13'?><Persons/>",
    "zlib": b"<?xml version='1.0' encoding='zlib'?><Persons/>",
    "nothing": b"",
    "NULs": b"\0" * 1_000,
}


@pytest.mark.timed
@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES.keys())
def test_k8_xml_beyond_the_limits_is_refused_in_little_time(folder: DropFolder, content: bytes) -> None:
    with effort() as spent:
        assert refused(folder, "xml", content)
    assert spent.seconds < 10


# ---------------------------------------------------------------- XLSX


def rewritten(folder: DropFolder, change: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A good workbook with some parts replaced; a name's end is enough."""
    write_xlsx(folder.root / "good.xlsx")
    out = io.BytesIO()
    with zipfile.ZipFile(folder.root / "good.xlsx") as old, zipfile.ZipFile(out, "w", compression) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, next((part for end, part in change.items() if name.endswith(end)), content))
    return out.getvalue()


def sheet(cells: bytes) -> bytes:
    """Both sheets of a workbook with these rows."""
    return (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        + cells
        + b"</sheetData></worksheet>"
    )


def cell(place: str) -> bytes:
    digits = "".join(filter(str.isdigit, place))
    return f'<row r="{digits}"><c r="{place}"><v>1</v></c></row>'.encode()


SHEETS = {
    "the largest rectangle": cell("A1") + cell("XFD1048576"),
    "many rows": cell("A1") + cell(f"A{MAX_ROWS + 1}"),
    "a number that wraps around": cell("A1") + cell("A99999999999"),
    "letters that wrap around": cell("A1") + cell("ZZZZZZZ1"),
    "no places": b"<row>" + b"<c><v>1</v></c>" * 50_000 + b"</row>" + b"<row/>" * 50_000,
    "a place in a text": b'<row><c><v>r="A1"</v></c></row>' * 2,
    "two places": b'<row r="1"><c r="A1" x-r="XFD1048576"><v>1</v></c></row>',
    "no string of that number": b'<row r="1"><c r="A1" t="s"><v>99999999</v></c></row>',
    "a number that is none": b'<row r="1"><c r="A1" t="n"><v>abc</v></c></row>',
    "row nought": b'<row r="0"><c r="A0"><v>1</v></c></row>',
    "entities": b'<!DOCTYPE x [<!ENTITY a "b">]><row r="1"><c r="A1"><v>&a;</v></c></row>',
    "half": b'<row r="1"><c r="A1"><v>1',
}


@pytest.mark.timed
@pytest.mark.parametrize("cells", SHEETS.values(), ids=SHEETS.keys())
def test_k8_a_sheet_that_lies_about_its_places_is_refused(folder: DropFolder, cells: bytes) -> None:
    content = rewritten(folder, {"sheet1.xml": sheet(cells), "sheet2.xml": sheet(cells)})
    with effort() as spent:
        assert refused(folder, "xlsx", content)
    assert spent.seconds < 10


def declaring(folder: DropFolder, size: int) -> bytes:
    """A workbook whose directory says another size of one of its parts."""
    content = bytearray(rewritten(folder, {"sheet2.xml": sheet(b" " * 1_000_000)}))
    at = content.rfind(b"PK\x01\x02", 0, content.rfind(b"sheet2.xml"))
    content[at + 24 : at + 28] = size.to_bytes(4, "little")
    return bytes(content)


def test_k8_a_zip_bomb_is_refused_by_its_declared_sizes(folder: DropFolder) -> None:
    assert "unpacks to more than" in refused(folder, "xlsx", declaring(folder, 300 << 20))


@pytest.mark.parametrize("size", [100, 5_000_000])
def test_k8_a_part_that_has_another_size_than_it_says_is_refused(folder: DropFolder, size: int) -> None:
    assert "workbook" in refused(folder, "xlsx", declaring(folder, size))


PACKAGES = {
    "no zip": b"PK\x03\x04rubbish" * 100,
    "nothing": b"",
    "an empty zip": b"PK\x05\x06" + b"\0" * 18,
    "old excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2_000,
    "large": b"PK\x03\x04" + b"\0" * (33 << 20),
}


@pytest.mark.parametrize("content", PACKAGES.values(), ids=PACKAGES.keys())
def test_what_is_no_workbook_is_refused(folder: DropFolder, content: bytes) -> None:
    assert refused(folder, "xlsx", content)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "styles.xml"])
def test_k8_entities_in_the_small_parts_of_a_workbook_are_refused(folder: DropFolder, part: str) -> None:
    evil = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><workbook/>'
    assert refused(folder, "xlsx", rewritten(folder, {part: evil}))


# ---------------------------------------------------------------- CSV and what values mean


@pytest.mark.parametrize("value", ["=1+1", "+66812345678", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1+1"])
def test_k8_spreadsheet_formulas_are_texts_and_stay_as_they_are(folder: DropFolder, value: str) -> None:
    fill(folder, "csv", [("1", "A B", "01/01/1980", value, "1")])
    record = folder.open(mapping("csv")).fetch("1", "Person", folder.clock.monotonic() + 3)
    assert record.fields["documents"] == [{"number": value.strip()}]


def test_a_quote_that_opens_cannot_pass_rows_off_as_others(folder: DropFolder) -> None:
    """What is between quotes is never a row, wherever a reader would begin again."""
    row = '1,"A B\r\n2,Forged Name,01/01/1980,FORGED001,1\r\n'
    source = opened(folder, "csv", ("ID,ชื่อ,BORN,DOC,NAT\r\n" + row).encode())
    assert folder.keys(source, "FORGED001") == []


def test_very_many_bad_files_do_not_make_a_list_without_end(folder: DropFolder) -> None:
    for number in range(200):
        folder.put(f"persons-{number:03d}.csv", b"")
    folder.put("persons-\x1b[31m.csv", b"")
    folder.put("persons.csv", as_csv())
    reasons = folder.open(mapping("csv")).left_out["Person"]
    assert len(reasons) <= 52
    assert sum(reasons.values()) == 201
    assert all(reason.isprintable() for reason in reasons)


def test_no_content_of_a_file_comes_out_in_reasons_or_errors(folder: DropFolder) -> None:
    for kind, content in {
        "csv": as_csv([(SECRET, SECRET, SECRET, SECRET)]) + f'1,"{SECRET}"x,2\n'.encode(),
        "jsonl": f'{{"{SECRET}": 1, "{SECRET}": 2}}\n'.encode(),
        "xml": f"<{SECRET}><{SECRET}/><{SECRET}/></{SECRET}>".encode(),
    }.items():
        other = drop_folder(_made(folder.root / kind))
        assert SECRET not in str(opened(other, kind, content).left_out)


def _made(path: Path) -> Path:
    path.mkdir()
    return path


# ---------------------------------------------------------------- anything at all

CLOCK = ManualClock(NOON)
_GOOD = {"csv": as_csv(), "jsonl": as_jsonl(), "xml": as_xml()}


def everything_from(root: Path, kind: str, content: bytes, settings_text: str = "") -> None:
    """Every row is a reason, or makes a record that fits its type and is read again as the same."""
    path = root / f"persons.{kind}"
    path.write_bytes(content)
    os.utime(path, (LONG_AGO, LONG_AGO))
    source = FilesSource(read_mapping("m.toml", mapping(kind, settings_text).encode()), root, CLOCK)
    for rows, links, reason in source.scan("Person"):
        assert (rows is None) == bool(reason)
        if rows is None:
            continue
        key = str(rows[0][0])
        again = source.read("Person", key, links, CLOCK.monotonic() + 3)
        assert again[0] == rows[0]
        record = source.builders["Person"].record(rows)
        RECORD_TYPES["Person"].encode(record.fields)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def mutated(kind: str) -> st.SearchStrategy[bytes]:
    """A good file with pieces cut out, doubled and replaced, or any bytes."""
    good = _GOOD[kind]
    cuts = st.tuples(st.integers(0, len(good)), st.integers(0, len(good)), st.binary(max_size=12))
    spliced = st.lists(cuts, max_size=3).map(lambda edits: _spliced(good, edits))
    signs = st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"1", b"\xe0", b"\xff", b"=", b"<", b">"]))
    return spliced | st.binary(max_size=200) | signs.map(lambda parts: good + b"".join(parts))


def _spliced(good: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for start, end, piece in edits:
        good = good[:start] + piece + good[end:]
    return good


@pytest.mark.parametrize("encoding", ["utf-8", "tis-620", "utf-16", "big5"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=mutated("csv"))
@example(content=as_csv(encoding="utf-16"))
@example(content=b'ID,N\n1,"')
@bounded(seconds=2)
def test_any_bytes_as_csv_give_rows_or_reasons(root: Path, encoding: str, content: bytes) -> None:
    try:
        everything_from(root, "csv", content, f'encoding = "{encoding}"')
    except LiaisonError:
        return


@pytest.mark.parametrize("kind", ["jsonl", "xml"])
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@bounded(seconds=2)
def test_any_bytes_as_documents_give_rows_or_reasons(root: Path, kind: str, data: st.DataObject) -> None:
    try:
        everything_from(root, kind, data.draw(mutated(kind)))
    except LiaisonError:
        return


_EDITS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400), st.binary(max_size=20)), max_size=3)
_PARTS = st.sampled_from(["sheet2.xml", "styles.xml", "xl/workbook.xml", "sharedStrings.xml", ""])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=_EDITS, at=_PARTS)
@bounded(seconds=5)
def test_any_bytes_as_workbooks_give_rows_or_reasons(root: Path, edits: list[tuple[int, int, bytes]], at: str) -> None:
    whole = rewritten(DropFolder(root, CLOCK), {})
    if at:
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            name = next((name for name in archive.namelist() if name.endswith(at)), "xl/workbook.xml")
            whole = rewritten(DropFolder(root, CLOCK), {name: _spliced(archive.read(name), edits)})
    else:
        whole = _spliced(whole, edits)
    try:
        everything_from(root, "xlsx", whole)
    except LiaisonError:
        return


@settings(max_examples=150)
@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f"<a>{text}</a>".encode()))
@bounded(seconds=1)
def test_any_bytes_as_xml_parse_or_are_malformed(content: bytes) -> None:
    try:
        assert len(parse(io.BytesIO(content), frozenset())) == 1
    except Malformed:
        return


_LETTERS = st.text(st.characters(exclude_categories=("Cs", "Co", "Cn", "Cc")), max_size=8)


@settings(max_examples=100)
@given(
    cells=st.lists(st.lists(_LETTERS, min_size=2, max_size=2), max_size=6),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
@bounded(seconds=1)
def test_what_a_csv_writer_writes_is_read_back_and_read_again_from_its_place(
    cells: list[list[str]], encoding: str
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["ID", "ชื่อ"], *cells])
    table = tables_of(read_mapping("m.toml", mapping("csv", f'encoding = "{encoding}"').encode()))["persons"]
    reader = DelimitedReader(table)
    file = io.BytesIO(text.getvalue().encode(encoding))
    found = list(reader.scan(file, ["ชื่อ", "ID"]))
    assert [[each.document["ID"], each.document["ชื่อ"]] for each in found] == cells
    for each in found:
        assert reader.one(file, ["ชื่อ", "ID"], each.place) == each.document
