"""Drop folders: each format is read where it lies, only whole files count, and a row is right or left out."""

from __future__ import annotations

import hashlib
import os
from array import array
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.check.conformance import Expectation, check_adapter
from adapters.files.folder import folder_of
from adapters.files.settings import tables_of
from adapters.files.source import FilesSource, Repeated, _hash
from adapters.http.settings import tables_of as web_tables_of
from adapters.mapping.file import read_mapping
from gateway.clock import ManualClock, SystemClock
from gateway.errors import LiaisonError, Misconfigured, TimedOut, Unavailable, Unknown
from gateway.model.query import DocumentQuery, PersonQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.drop_folder import (
    HEADER,
    LONG_AGO,
    NOON,
    PERSONS,
    DropFolder,
    as_csv,
    as_jsonl,
    as_xml,
    drop_folder,
    fill,
    mapping,
    write_xlsx,
)
from tests.support.shared import PROJECT
from tests.support.tables import table

KINDS = ("csv", "xlsx", "jsonl", "xml")


@pytest.fixture
def folder(tmp_path: Path) -> DropFolder:
    return drop_folder(tmp_path)


def fields(folder: DropFolder, source: Any, key: str) -> dict[str, Any]:
    return dict(source.fetch(key, "Person", folder.clock.monotonic() + 3).fields)


# ---------------------------------------------------------------- all formats


@pytest.mark.long
@table("kind", KINDS)
def test_each_format_keeps_the_contract(tmp_path: Path, kind: str) -> None:
    folder = drop_folder(tmp_path, SystemClock())
    fill(folder, kind)
    source = folder.open(mapping(kind))
    expectation = Expectation(
        found=[
            DocumentQuery("AA1234567"),
            PersonQuery((NameForm("Somsri Mankhong"),), PartialDate("1975-11-05")),
            PersonQuery((NameForm("สมชาย ใจดี"),), PartialDate("1962-01-17")),
        ],
        not_found=[DocumentQuery("ZZ0000001")],
    )
    assert check_adapter(source, folder.clock, expectation) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_format_gives_the_same_records_and_formulas_stay_texts(folder: DropFolder, kind: str) -> None:
    fill(folder, kind)
    source = folder.open(mapping(kind))
    assert source.left_out == {"Person": {}}
    assert fields(folder, source, "1") == {
        "names": [{"text": "สมชาย ใจดี", "script": "Thai"}],
        "birth": {"value": "1962-01-17", "calendar": "GREG"},
        "nationalities": ["THA"],
        "documents": [{"number": "AA1234567"}],
    }
    third = fields(folder, source, "3")
    assert third["names"][0]["text"] == "=HYPERLINK(A1)"
    assert third["documents"] == [{"number": "+CC000001"}]


@pytest.mark.parametrize("kind", KINDS)
def test_a_replaced_file_is_read_as_it_is_now(folder: DropFolder, kind: str) -> None:
    path = fill(folder, kind)
    source = folder.open(mapping(kind))
    path.unlink()
    with pytest.raises(Unavailable):
        source.fetch("1", "Person", folder.clock.monotonic() + 3)
    moved = (PERSONS[1], ("1", "สมชาย ใจดี", "17/01/1962", "NEW000001", "2"))
    fill(folder, kind, moved, "persons-2")
    assert fields(folder, source, "1")["documents"] == [{"number": "NEW000001"}]
    with pytest.raises(Unknown):
        source.fetch("3", "Person", folder.clock.monotonic() + 3)
    assert source.refresh()
    assert folder.keys(source, "NEW000001") == ["1"]
    assert folder.keys(source, "CC000001") == []
    assert not source.refresh()


def test_a_row_that_now_stands_where_another_stood_is_never_taken_for_it(folder: DropFolder) -> None:
    path = fill(folder, "csv")
    source = folder.open(mapping("csv"))
    swapped = ("2", "ABCDEFGHIJ", "17/01/1962", "AA1234567", "1")
    folder.put(path.name, as_csv([swapped, *PERSONS[2:]]))
    with pytest.raises(Unknown):
        source.fetch("1", "Person", folder.clock.monotonic() + 3)
    assert fields(folder, source, "2")["names"][0]["text"] == "ABCDEFGHIJ"


def test_looking_for_a_moved_row_ends_at_the_deadline(folder: DropFolder) -> None:
    path = fill(folder, "csv")
    source = folder.open(mapping("csv"))
    os.utime(path, (LONG_AGO, LONG_AGO + 1))
    with pytest.raises(TimedOut):
        source.fetch("1", "Person", folder.clock.monotonic())


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_occurs_twice_is_left_out_unless_the_last_file_counts(folder: DropFolder, kind: str) -> None:
    fill(folder, kind, PERSONS, "persons-1")
    later = ("1", "สมชาย ใจดี", "17/01/1962", "NEW000001", "2")
    fill(folder, kind, [later], "persons-2")
    refusing = folder.open(mapping(kind))
    assert refusing.left_out["Person"] == {"a key that occurs more than once": 2}
    assert folder.keys(refusing, "AA1234567") == folder.keys(refusing, "NEW000001") == []
    lasting = folder.open(mapping(kind, 'duplicates = "last"'))
    assert lasting.left_out["Person"] == {}
    assert folder.keys(lasting, "AA1234567") == []
    assert folder.keys(lasting, "NEW000001") == ["1"]
    assert fields(folder, lasting, "1")["documents"] == [{"number": "NEW000001"}]


@given(st.lists(st.sampled_from("abcdef"), max_size=30))
def test_repeated_keys_are_exactly_those_that_occur_more_than_once(keys: list[str]) -> None:
    repeated = Repeated(array("Q", [_hash(key) for key in keys]), array("Q", range(len(keys))))
    for key in "abcdefg":
        last = len(keys) - 1 - keys[::-1].index(key) if keys.count(key) > 1 else None
        assert repeated.get(key) == last


# ---------------------------------------------------------------- whole files only


def test_names_of_unfinished_files_do_not_count(folder: DropFolder) -> None:
    for name in ("persons.csv.part", "persons.tmp", ".persons.csv", "persons.csv~", "persons.csv.filepart"):
        folder.put(name, as_csv())
    folder.put("persons-0.csv", as_csv(PERSONS[1:2]))
    source = folder.open(mapping("csv", "").replace('pattern = "persons*"', 'pattern = "*"'))
    assert folder.keys(source, "AA1234567") == []
    (folder.path / "persons.tmp").rename(folder.path / "persons.csv")
    assert source.refresh()
    assert folder.keys(source, "AA1234567") == ["1"]


def test_a_file_counts_when_it_has_stood_still_for_a_while(folder: DropFolder) -> None:
    now = NOON.timestamp()
    folder.put("persons-fresh.csv", as_csv(PERSONS[:1]), now - 4)
    folder.put("persons-old.csv", as_csv(PERSONS[1:2]), now - 6)
    source = folder.open(mapping("csv"))
    assert (folder.keys(source, "AA1234567"), folder.keys(source, "BB7654321")) == ([], ["2"])
    assert isinstance(folder.clock, ManualClock)
    folder.clock.advance(timedelta(seconds=2))
    assert source.refresh()
    assert folder.keys(source, "AA1234567") == ["1"]


def test_a_file_of_a_clock_that_is_ahead_counts_when_two_looks_see_the_same(folder: DropFolder) -> None:
    folder.put("persons-0.csv", as_csv(()))
    path = folder.put("persons.csv", as_csv(), NOON.timestamp() + 9_000)
    source = folder.open(mapping("csv"))
    assert isinstance(folder.clock, ManualClock)
    assert folder.keys(source, "AA1234567") == []
    folder.clock.advance(timedelta(seconds=4))
    assert not source.refresh()
    folder.put(path.name, as_csv() + b"4,\n", NOON.timestamp() + 9_000)
    folder.clock.advance(timedelta(seconds=4))
    assert not source.refresh()
    folder.clock.advance(timedelta(seconds=6))
    assert source.refresh()
    assert folder.keys(source, "AA1234567") == ["1"]


def test_a_companion_can_say_that_a_file_is_whole(folder: DropFolder) -> None:
    folder.put("persons.csv", as_csv(), NOON.timestamp())
    folder.put("persons-0.csv", as_csv(()))
    folder.put("persons-0.csv.done", b"")
    source = folder.open(mapping("csv", 'complete = "done"'))
    assert folder.keys(source, "AA1234567") == []
    folder.put("persons.csv.done", b"")
    assert source.refresh()
    assert folder.keys(source, "AA1234567") == ["1"]


def test_a_checksum_must_fit(folder: DropFolder) -> None:
    folder.put("persons-0.csv", as_csv(()))
    folder.put("persons-0.csv.sha256", hashlib.sha256(as_csv(())).hexdigest().encode())
    folder.put("persons.csv", as_csv()[:-9], NOON.timestamp())
    folder.put("persons.csv.sha256", f"{hashlib.sha256(as_csv()).hexdigest()}  persons.csv\n".encode())
    source = folder.open(mapping("csv", 'complete = "sha256"'))
    assert source.left_out["Person"] == {"`persons.csv`: not the bytes that its .sha256 says": 1}
    folder.put("persons.csv", as_csv(), NOON.timestamp())
    assert source.refresh()
    assert folder.keys(source, "AA1234567") == ["1"]


ENDED = {
    "csv": ('end = "#END {rows}"', as_csv() + b"#END 3\r\n", b"#END 3\r\n"),
    "jsonl": ("end = '{\"rows\": {rows}}'", as_jsonl() + b'{"rows": 3}\n', b'{"rows": 3}\n'),
}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.long
def test_a_settled_file_whose_last_row_was_cut_is_not_whole(folder: DropFolder, kind: str) -> None:
    whole = as_csv() if kind == "csv" else as_jsonl()
    path = folder.put(f"persons.{kind}", whole)
    source = folder.open(mapping(kind))
    for upto in range(len(whole)):
        folder.put(path.name, whole[:upto])
        ends = whole[:upto].endswith(b"\n") or (kind == "jsonl" and whole[upto : upto + 1] == b"\n")
        assert bool(source.health()) is not ends, whole[:upto]
        if not ends:
            with pytest.raises(Unavailable):
                source.refresh()
            with pytest.raises(Unavailable, match="the last look at the source failed"):
                folder.keys(source, "AA1234567")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_file_with_an_end_is_whole_with_exactly_that_end(folder: DropFolder, kind: str) -> None:
    settings, whole, end = ENDED[kind]
    path = folder.put(f"persons.{kind}", whole)
    source = folder.open(mapping(kind, settings))
    assert source.left_out["Person"] == {}
    assert folder.keys(source, "BB7654321") == ["2"]
    assert fields(folder, source, "2")["documents"] == [{"number": "BB 7654321"}]
    first = whole.index(b"\n") + 1
    wrong = [whole[:upto] for upto in range(len(whole) - len(end) + end.index(b"3") + 1)]
    wrong += [whole[:first] + whole[whole.index(b"\n", first) + 1 :], whole + whole[:first], end]
    for content in wrong:
        folder.put(path.name, content)
        assert "is not whole" in source.health(), content
    for content in (whole.rstrip(), whole + b"\n\r\n"):
        folder.put(path.name, content)
        assert not source.health(), content
        source.refresh()
        assert source.left_out["Person"] == {}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "tis-620", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_end_is_read_in_the_encoding_of_the_file(folder: DropFolder, encoding: str) -> None:
    text = as_csv().decode() + "จบ 3\r\n"
    folder.put("persons.csv", text.encode(encoding))
    source = folder.open(mapping("csv", f'encoding = "{encoding}"\nend = "จบ {{rows}}"'))
    assert source.left_out["Person"] == {}
    folder.put("persons.csv", text.replace("จบ 3", "จบ 4").encode(encoding))
    assert "is not whole" in source.health()


def test_rows_are_counted_as_they_are_read(folder: DropFolder) -> None:
    rows = ['4,"two\r\nlines",1,2,1\r\n', "\r\n", '5,"a"b,1,2,1\r\n', "6,too,few\r\n"]
    folder.put("persons.csv", as_csv() + "".join(rows).encode() + b"#END 6\r\n")
    source = folder.open(mapping("csv", 'end = "#END {rows}"'))
    assert sum(source.left_out["Person"].values()) == 3
    assert folder.keys(source, "AA1234567") == ["1"]


def test_a_file_in_utf_16_is_not_only_called_cut_off(folder: DropFolder) -> None:
    """As a spreadsheet's "Unicode text" is."""
    folder.put("persons.csv", ("\ufeff" + as_csv().decode()).encode("utf-16-le"))
    with pytest.raises(Unavailable) as caught:
        folder.open(mapping("csv"))
    assert "UTF-16" in caught.value.remedy
    folder.put("persons.csv", as_csv()[:-3])
    with pytest.raises(Unavailable) as caught:
        folder.open(mapping("csv"))
    assert "UTF-16" not in caught.value.remedy


def test_an_end_without_a_number_says_that_nothing_was_cut(folder: DropFolder) -> None:
    folder.put("persons.csv", as_csv() + b"EOF")
    source = folder.open(mapping("csv", 'end = "EOF"'))
    assert folder.keys(source, "AA1234567") == ["1"]
    folder.put("persons.csv", as_csv() + b"EOF\nEO")
    assert "is not whole" in source.health()


def test_while_one_file_is_cut_none_is_searched(folder: DropFolder) -> None:
    folder.put("persons-1.csv", as_csv(PERSONS[:1]) + b"#END 1\n")
    folder.put("persons-2.csv", as_csv(PERSONS[1:]) + b"#END 2\n")
    source = folder.open(mapping("csv", 'end = "#END {rows}"'))
    folder.put("persons-1.csv", as_csv(()) + b"#END 0\n")
    folder.put("persons-2.csv", as_csv(PERSONS[1:2]))
    with pytest.raises(Unavailable, match=r"`persons-2.csv`: cut off: .*; put the whole file in its place"):
        source.refresh()
    for number in ("AA1234567", "BB7654321"):
        with pytest.raises(Unavailable, match="the last look at the source failed"):
            folder.keys(source, number)
    (folder.path / "persons-2.csv").unlink()
    assert source.refresh()
    assert (folder.keys(source, "AA1234567"), folder.keys(source, "BB7654321")) == ([], [])


def test_a_companion_vouches_for_a_last_row_without_an_end_of_line(folder: DropFolder) -> None:
    folder.put("persons.csv", as_csv().rstrip())
    folder.put("persons.csv.done", b"")
    assert folder.open(mapping("csv", 'complete = "done"')).left_out["Person"] == {}
    with pytest.raises(Unavailable, match="is not whole"):
        folder.open(mapping("csv", 'complete = "done"\nend = "EOF"'))


def test_links_and_what_is_no_file_are_refused(folder: DropFolder, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_bytes(as_csv())
    (folder.path / "persons-link.csv").symlink_to(outside)
    os.mkfifo(folder.path / "persons-pipe.csv")
    (folder.path / "persons-folder.csv").mkdir()
    folder.put("persons-0.csv", as_csv(()))
    source = folder.open(mapping("csv"))
    assert folder.keys(source, "AA1234567") == []
    assert source.left_out["Person"] == {
        "`persons-folder.csv`: no regular file": 1,
        "`persons-link.csv`: a link, which is not followed": 1,
        "`persons-pipe.csv`: no regular file": 1,
    }


def test_a_file_that_becomes_a_link_is_not_followed(folder: DropFolder, tmp_path: Path) -> None:
    path = fill(folder, "csv")
    source = folder.open(mapping("csv"))
    path.rename(tmp_path / "elsewhere.csv")
    path.symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(Unavailable):
        source.fetch("1", "Person", folder.clock.monotonic() + 3)


def test_a_folder_that_is_gone_is_unavailable_and_says_no_path(folder: DropFolder) -> None:
    fill(folder, "csv")
    source = folder.open(mapping("csv"))
    (folder.path / "persons.csv").unlink()
    folder.path.rmdir()
    assert source.health() == "the folder cannot be read"
    with pytest.raises(Unavailable) as caught:
        source.fetch("1", "Person", folder.clock.monotonic() + 3)
    assert str(folder.path) not in str(caught.value)


# ---------------------------------------------------------------- CSV


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("tis-620", "cp874"),
        ("cp874", "cp874"),
        ("utf-8", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_csv_in_the_encodings_of_agencies(folder: DropFolder, encoding: str, written: str) -> None:
    rows = [*PERSONS, ("4", '"บรรทัด\nสอง ""ก"""', "05/11/1975", "DD1", "2"), ("5", "ਊ ก", "05/11/1975", "DD2", "2")]
    rows = rows if written.startswith("utf") else rows[:4]
    folder.put("persons.csv", as_csv(rows, written, ";"))
    source = folder.open(mapping("csv", f'encoding = "{encoding}"\ndelimiter = ";"'))
    assert source.left_out == {"Person": {}}
    for row in rows[:3]:
        assert fields(folder, source, row[0])["names"][0]["text"] == row[1]
    assert fields(folder, source, "4")["names"][0]["text"] == 'บรรทัด สอง "ก"'
    if len(rows) > 4:
        assert fields(folder, source, "5")["names"][0]["text"] == "ਊ ก"


def test_big5_letters_that_look_like_delimiters_in_bytes_are_letters(folder: DropFolder) -> None:
    row = ("1", "育功|許功蓋", "17/01/1962", "AA1", "1")
    header = "ID,N,BORN,DOC,NAT\n"
    folder.put("persons.csv", (header + ",".join(row) + "\n").encode("big5"))
    source = folder.open(mapping("csv", 'encoding = "big5"').replace("ชื่อ", "N"))
    assert fields(folder, source, "1")["names"][0]["text"] == row[1]


def test_rows_that_are_not_whole_are_left_out_with_their_reason(folder: DropFolder) -> None:
    lines = [
        ",".join(HEADER),
        "1,สมชาย ใจดี,17/01/1962,AA1,1",
        "2,few cells",
        "3,one,too,many,cells,x",
        '4,"quoted"and,17/01/1962,AA4,1',
        "",
        ",no key,17/01/1962,AA5,1",
        '6,"5"" pipe",17/01/1962,AA6,1',
        "7,31 February,31/02/1990,AA7,1",
        '8,never "closed,17/01/1962,AA8,1',
        '9,"never closed,17/01/1962,AA9,1',
        "10,inside or a row,17/01/1962,AA10,1",
    ]
    folder.put("persons.csv", "\n".join([*lines, ""]).encode())
    source = folder.open(mapping("csv"))
    reasons = source.left_out["Person"]
    assert reasons["a row with another number of cells than its header"] == 2
    assert reasons["a row that is not CSV"] == 1
    assert reasons["a row without a key"] == 1
    assert reasons["`persons.csv`: quotes that do not close; the rest of the file is left out"] == 1
    for number, keys in (("AA1", ["1"]), ("AA6", ["6"]), ("AA8", ["8"]), ("AA10", [])):
        assert folder.keys(source, number) == keys


def test_bytes_of_another_encoding_cost_their_row_only(folder: DropFolder) -> None:
    thai = as_csv(PERSONS[:1], "cp874").split(b"\r\n")[1]
    folder.put("persons.csv", as_csv(PERSONS[1:]) + thai + b"\r\n")
    source = folder.open(mapping("csv"))
    assert source.left_out["Person"] == {"bytes that are not utf-8, in `ชื่อ`": 1}
    assert folder.keys(source, "BB7654321") == ["2"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"\n\n", "no header"),
        (b"\xff\xff,\n1,2\n", "bytes that are not utf-8"),
        (b"ID,ID\n1,2\n", "a header that names a column twice"),
        (b"x" * 300_000 + b"\n", "a row that is too long, or quotes that do not close"),
        (b"ID,OTHER\n1,2\n", "no column of the name that the mapping says"),
    ],
)
def test_a_file_with_a_bad_header_is_left_out_beside_a_good_one(
    folder: DropFolder, content: bytes, reason: str
) -> None:
    fill(folder, "csv")
    folder.put("persons-bad.csv", content)
    source = folder.open(mapping("csv"))
    assert source.left_out["Person"] == {f"`persons-bad.csv`: {reason}": 1}
    assert folder.keys(source, "AA1234567") == ["1"]


# ---------------------------------------------------------------- XLSX


def test_dates_leading_zeros_and_numbers_of_a_workbook(folder: DropFolder) -> None:
    rows = [
        (1, "A B", date(1962, 1, 17), "0012", 1),
        (2, "C D", datetime.fromisoformat("1975-11-05"), 812, 2),
        (3, "E F", None, 12_345_678_901_234, True),
    ]

    def change(sheet: Any) -> None:
        sheet.cell(4, 5).number_format = "0000000"

    write_xlsx(folder.path / "persons.xlsx", rows, change)
    os.utime(folder.path / "persons.xlsx", (LONG_AGO, LONG_AGO))
    source = folder.open(mapping("xlsx"))
    assert source.left_out == {"Person": {}}
    assert fields(folder, source, "1")["birth"]["value"] == "1962-01-17"
    assert [fields(folder, source, key)["documents"][0]["number"] for key in "123"] == [
        "0012",
        "0000812",
        "12345678901234",
    ]
    assert fields(folder, source, "3")["nationalities"] == ["THA"]


def test_errors_formulas_without_values_and_lost_digits_cost_their_row(folder: DropFolder) -> None:
    rows = [(n, "A B", date(1962, 1, 17), f"X{n}", 1) for n in range(1, 5)]

    def change(sheet: Any) -> None:
        sheet.cell(3, 5).value, sheet.cell(3, 5).data_type = "#REF!", "e"
        sheet.cell(4, 5).value = "=1+1"
        sheet.cell(5, 5).value = 1_234_567_890_123_456

    write_xlsx(folder.path / "persons.xlsx", rows, change)
    os.utime(folder.path / "persons.xlsx", (LONG_AGO, LONG_AGO))
    source = folder.open(mapping("xlsx"))
    (reason,) = source.left_out["Person"]
    assert (source.left_out["Person"][reason], "an error, a formula" in reason) == (3, True)
    assert fields(folder, source, "4")["documents"] == [{"number": "X4"}]


# ---------------------------------------------------------------- JSON Lines and XML


def test_lines_that_are_not_strict_json_are_left_out(folder: DropFolder) -> None:
    bad = b'{"ID": 9, "ID": 10}\n{"ID": NaN}\n[1]\n"x"\n\xff\n{"ID": 11\n' + b'{"a":' * 50 + b"1" + b"}" * 50 + b"\n\n"
    long = b'{"ID": 12, "x": "' + b"y" * 300_000 + b'"}\n'
    folder.put("persons.jsonl", b"\xef\xbb\xbf" + as_jsonl(PERSONS[:1]) + bad + long + as_jsonl(PERSONS[1:]).rstrip())
    source = folder.open(mapping("jsonl"))
    assert source.left_out["Person"] == {
        "a line that is not strict JSON": 5,
        "a line that is no JSON object": 2,
        "a line that is too long": 1,
    }
    assert [fields(folder, source, key)["documents"][0]["number"] for key in "12"] == ["AA1234567", "BB 7654321"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (as_xml()[:-3], "this is not XML"),
        (
            as_xml().replace(b"<ID>1</ID>", b"<ID>1</ID><ID>2</ID>"),
            "an element that occurs twice and is not `repeated`",
        ),
        (as_xml().replace(b"<Born>", b"between<Born>"), "text between elements"),
        (b"<Other/>", "no rows where the mapping says"),
        (b"<Persons><Person>text</Person></Persons>", "no rows where the mapping says"),
    ],
)
def test_an_xml_file_that_is_not_as_mapped_is_left_out_whole(folder: DropFolder, content: bytes, reason: str) -> None:
    folder.put("persons-1.xml", content)
    fill(folder, "xml", PERSONS[:1], "persons-2")
    source = folder.open(mapping("xml"))
    assert source.left_out["Person"] == {f"`persons-1.xml`: {reason}": 1}
    assert folder.keys(source, "BB7654321") == []


# ---------------------------------------------------------------- code tables and the mapping


def test_a_code_table_comes_from_a_file_of_its_own(folder: DropFolder) -> None:
    fill(folder, "csv")
    folder.put("nations.csv", b"CODE,ISO\n1,THA\n2,LAO\n")
    text = mapping("csv", '[files.nations]\npattern = "nations.csv"\nformat = "csv"').replace(
        'column = "NAT", convert = "code", codes = "nation"', 'column = "nation.ISO", convert = "country"'
    )
    text = text.replace(
        "[record.fields]",
        '[record.join.nation]\nkind = "codes"\ntable = "nations"\ncolumn = "CODE"\nto = "NAT"\n\n[record.fields]',
    )
    source = folder.open(text)
    assert fields(folder, source, "2")["nationalities"] == ["LAO"]
    folder.put("nations.csv", b"CODE,ISO\n1,THA\n2,LAO\n2,VNM\n")
    with pytest.raises(LiaisonError):
        folder.open(text)
    folder.put("nations.csv", b"CODE,ISO\n1,THA\n2,LAO\n")
    with pytest.raises(Misconfigured, match="did you mean `ISO`"):
        folder.open(text.replace("nation.ISO", "nation.ISOO"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('key = "ID"', 'key = "IDD"', "unknown column `IDD` in table `persons`"),
        ('column = "BORN"', 'column = "BORNE"', "did you mean `BORN`"),
        ('format = "csv"', 'format = "cvs"', "cvs"),
        ('format = "csv"', 'format = "csv"\ndelimitor = ";"', "did you mean `delimiter`"),
        ('format = "csv"', 'format = "csv"\ndelimiter = ";;"', "one ASCII character"),
        ('format = "csv"', 'format = "csv"\nencoding = "utf-7"', "not an encoding of files"),
        ('format = "csv"', 'format = "csv"\nencoding = "rot13"', "not an encoding of files"),
        ('format = "csv"', 'format = "csv"\nencoding = "cp037"', "not an encoding of files"),
        ('format = "csv"', 'format = "csv"\nsettle = -1', "`settle` is from"),
        ('format = "csv"', 'format = "csv"\nend = " "', "`end` is a line that holds anything"),
        ('format = "csv"', 'format = "csv"\nend = "{rows} {rows}"', "`end` is a line that holds anything"),
        ('format = "csv"', 'format = "xlsx"\nend = "x"', "shows by itself where it ends"),
        ('format = "csv"', 'format = "xml"', "needs `rows`"),
        ('pattern = "persons*"', 'pattern = "../*"', "not a pattern of file names"),
        ('table = "persons"', 'table = "person"', "did you mean `persons`"),
        ("[files.persons]", "[http.persons]", "which files are a table"),
    ],
)
def test_a_bad_mapping_is_misconfigured_with_its_line(folder: DropFolder, old: str, new: str, message: str) -> None:
    fill(folder, "csv")
    assert old in mapping("csv")
    with pytest.raises(Misconfigured) as caught:
        folder.open(mapping("csv").replace(old, new, 1))
    assert message in str(caught.value)
    assert "drop.toml" in caught.value.where


@pytest.mark.parametrize("url", ["folder://host/path", "folder:relative", "folder:///a?b", "folder:///a#b"])
def test_an_address_that_is_no_folder_is_misconfigured(folder: DropFolder, url: str) -> None:
    with pytest.raises(Misconfigured):
        folder_of(url)


def test_a_folder_name_with_blanks_and_thai_letters_is_found() -> None:
    assert folder_of("folder:///srv/%E0%B8%81%20b") == Path("/srv/ก b")


def test_an_empty_folder_is_no_source_without_records_but_one_that_cannot_be_asked(folder: DropFolder) -> None:
    with pytest.raises(Unavailable, match="no whole file of `persons`"):
        folder.open(mapping("csv"))


@pytest.mark.parametrize("half_written", [False, True])
def test_an_emptied_folder_keeps_its_index_and_is_not_searched(folder: DropFolder, half_written: bool) -> None:
    path = fill(folder, "csv")
    source = folder.open(mapping("csv"))
    path.unlink()
    if half_written:
        folder.put("persons.csv", as_csv()[:60], NOON.timestamp())
    with pytest.raises(Unavailable):
        source.refresh()
    for opened in (source, folder.open(mapping("csv"))):
        assert "no whole file" in opened.health()
        with pytest.raises(Unavailable, match="the last look at the source failed"):
            folder.keys(opened, "AA1234567")
        with pytest.raises(Unavailable):
            opened.fetch("1", "Person", folder.clock.monotonic() + 3)


@pytest.mark.parametrize("guide", ["files", "http"])
def test_the_mapping_of_each_guide_is_one(guide: str) -> None:
    text = (PROJECT / "docs" / "guides" / f"{guide}.md").read_text(encoding="utf-8")
    example = next(part for part in text.split("```")[1::2] if "[[record]]" in part).removeprefix("toml\n")
    made = read_mapping(f"{guide}.md", example.encode())
    tables = tables_of(made) if guide == "files" else web_tables_of(made)
    assert set(tables) == set(made.places[guide].data)


def test_nothing_is_taken_from_a_file_after_it_has_changed(folder: DropFolder) -> None:
    rows = [(str(n), "A B", "01/01/1980", f"X{n}", "1") for n in range(2_000)]
    path = folder.put("persons.csv", as_csv(rows))
    source = FilesSource(read_mapping("m.toml", mapping("csv").encode()), folder.path, folder.clock)
    scanned = source.scan("Person")
    before = [next(scanned)[0] for _ in range(300)]
    with path.open("r+b") as file:
        file.write(as_csv([(str(n), "E F", "01/01/1980", f"X{n}", "1") for n in range(2_000)]))
    after = list(scanned)
    assert all(before)
    assert sum(rows is not None for rows, _, _ in after) < 300
    assert after[-1][2] == "`persons.csv`: a file that changed while it was read"
