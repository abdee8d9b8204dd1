"""What a newcomer met when he connected a system: each time the commands must say what is wrong, where, and why."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from adapters.values.cells import cleaner
from gateway.errors import Malformed
from gateway.views.lines.key_indexes import built_lines
from tests.support.cli import Liaison
from tests.support.small_source import MAPPING, SmallSource, small_source
from tests.support.tables import table

SIMPLE = """
[source]
id = "th.prison.x"
agency = "prison"
kind = "x"
encoding = "{encoding}"

[marking]
releasable_to = ["kh"]

[[record]]
type = "Person"
table = "p"
key = "id"
category = "CONVICTED"
live = [{{ column = "gone", empty = true }}]
left_out = ["addresses", "warnings", "national_ids", "sex", "nationalities", "documents", "status"]

[record.fields]
names = [{{ column = "name", convert = "name" }}]
birth = {{ column = "born", {birth} }}

[record.search]
names = {{ field = "names" }}
birth = {{ field = "birth" }}
"""


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def source(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path)


def simple(
    folder: Path,
    rows: list[tuple[object, ...]],
    birth: str = 'convert = "date", formats = ["yyyy-mm-dd"]',
    encoding: str = "utf-8",
) -> tuple[Path, str]:
    """A mapping of one table of id, name, born and gone, and the address of its database."""
    mapping, database = folder / "m.toml", folder / "p.sqlite"
    mapping.write_text(SIMPLE.format(birth=birth, encoding=encoding), encoding="utf-8")
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE p (id INTEGER, name BLOB, born TEXT, gone TEXT)")
        connection.executemany("INSERT INTO p VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return mapping, f"sqlite:///{database}"


def errors(ran: object) -> list[str]:
    return [each["message"] for each in ran.value["findings"] if each["severity"] == "error"]  # type: ignore[attr-defined]


def line_of(text: str, path: Path) -> int:
    return next(number for number, row in enumerate(path.read_text("utf-8").splitlines(), 1) if text in row)


@pytest.mark.long
def test_a_key_that_is_not_its_own_is_wrong_at_its_line(liaison: Liaison, tmp_path: Path) -> None:
    rows = [(number // 2, f"SOK {'ABCDEFGHIJ'[number]}X", "1980-01-02", None) for number in range(10)]
    mapping, url = simple(tmp_path, list(rows))
    ran = liaison("adapter", "check", mapping, "--url", url, "--json")
    assert ran.code == 1
    told = next(each for each in ran.value["findings"] if "another row has the same key" in each["message"])
    assert (told["severity"], told["where"]) == ("error", f"{mapping}:{line_of('key =', mapping)}")
    assert told["message"].startswith("5 rows are left out")
    assert ran.value["records"][0]["valid"] == 5


@table("text", ["ສາວ ວາສາ", "ບຸນມີ", "สมชาย", "ลาว", "Nguyễn Văn", "Phú", "សុខ ដារា"])
def test_utf_8_bytes_are_read_as_utf_8_whatever_the_encoding(text: str) -> None:
    assert cleaner("tis-620", frozenset())(text.encode()) == text


@table("text", ["สมชาย ใจดี", "รถ", "เทพ", "แดง", "โทน", "สมชาย", "SOK รถ"])
def test_bytes_of_the_mapping_s_encoding_stay_what_they_are(text: str) -> None:
    assert cleaner("tis-620", frozenset())(text.encode("tis-620")) == text


def test_bytes_that_may_be_either_are_left_out() -> None:
    with pytest.raises(Malformed, match="bytes that are not tis-620"):
        cleaner("tis-620", frozenset())("เบญ".encode("tis-620"))


@pytest.mark.long
@table("name", ["OR", "A", "ID", "SCRIPT ALERT", "Á"])
def test_people_and_keys_that_look_strange_break_no_contract(liaison: Liaison, tmp_path: Path, name: str) -> None:
    rows = [(0, name, "1980-01-02", None), (-1, "SOK DARA", "1980-01-02", None), (7, "KEO NOY", "1980-01-02", None)]
    mapping, url = simple(tmp_path, list(rows))
    ran = liaison("adapter", "check", mapping, "--url", url, "--json")
    assert errors(ran) == []
    assert ran.code == 0


@pytest.mark.parametrize(
    ("word", "advice"), [("vm", "did you mean `vn`?"), ("xx.police", "did you mean"), ("kg.x", ""), ("zz", "")]
)
def test_a_code_of_no_country_is_wrong_at_its_line(
    liaison: Liaison, source: SmallSource, word: str, advice: str
) -> None:
    text = MAPPING.replace('releasable_to = ["vn", "kh"]', f'releasable_to = ["kh"]\nwithhold_from = ["{word}"]')
    source.mapping.write_text(text, encoding="utf-8")
    ran = liaison("adapter", "check", source.mapping, "--json")
    if word == "kg.x":
        assert ran.code == 0, "Kyrgyzstan"
        return
    assert errors(ran) == [f"`{word[:2]}` is no country's code"]
    assert ran.value["findings"][0]["where"] == f"{source.mapping}:{line_of('withhold_from', source.mapping)}"
    assert advice in ran.value["findings"][0]["remedy"]


def test_a_birth_in_the_future_is_unreadable(liaison: Liaison, tmp_path: Path) -> None:
    rows = [(1, "SOK DARA", "15 มี.ค. 38", None), (2, "KEO NOY", "15 มี.ค. 20", None)]
    mapping, url = simple(tmp_path, list(rows), 'convert = "date", formats = ["dd mon yy"]')
    ran = liaison("adapter", "check", mapping, "--url", url, "--json")
    assert ran.value["records"][0]["left_out"] == {
        "Person.birth: not a date that has been: it lies in the future": 1,
    }
    told = next(each for each in ran.value["findings"] if "future" in each["message"])
    assert told["severity"] == "error", "the other one may be of 1977"
    assert 'era = "BE"' in told["remedy"]


def test_a_birth_in_the_future_can_be_spared(liaison: Liaison, tmp_path: Path) -> None:
    birth = 'convert = "date", formats = ["dd mon yy"], unreadable = "field"'
    mapping, url = simple(tmp_path, [(1, "SOK DARA", "15 มี.ค. 38", None)], birth)
    record = liaison("adapter", "check", mapping, "--url", url, "--json").value["records"][0]
    assert record["valid"] == 1
    assert record["values_left_out"] == {"birth: not a date that has been: it lies in the future": 1}


@pytest.mark.long
def test_rows_that_fail_are_shown_masked_with_their_column(liaison: Liaison, source: SmallSource) -> None:
    hidden = liaison("adapter", "check", source.mapping, "--url", source.url)
    assert "born = xxxxxxxxx" in hidden.out
    assert "born = yesterday" not in hidden.out
    assert "born = yesterday" in liaison("adapter", "check", source.mapping, "--url", source.url, "--show").out


def test_bytes_that_cannot_be_read_name_their_column_and_deleted_rows_do_not_count(
    liaison: Liaison, tmp_path: Path
) -> None:
    rows = [(1, b"\xff\xfe", "1980-01-02", None), (2, b"\xff\xfe", "1980-01-02", "x"), (3, "SOK", "1980-01-02", None)]
    mapping, url = simple(tmp_path, list(rows))
    record = liaison("adapter", "check", mapping, "--url", url, "--json").value["records"][0]
    assert (record["rows"], record["live"], record["valid"]) == (3, 2, 1)
    assert record["left_out"] == {"bytes that are not utf-8, in `name`": 1}


def test_a_mistake_in_the_file_does_not_ask_for_the_address_again(liaison: Liaison, source: SmallSource) -> None:
    source.mapping.write_text(MAPPING.replace('"thai-date"', '"thai-dat"'), encoding="utf-8")
    ran = liaison("adapter", "check", source.mapping, "--url", source.url)
    assert "give --url" not in ran.out
    assert "the source was not looked at" in ran.out


@pytest.mark.parametrize("command", ["check", "sample", "init"])
def test_an_empty_address_is_a_mistake_of_usage(liaison: Liaison, source: SmallSource, command: str) -> None:
    ran = liaison("adapter", command, *([source.mapping] if command != "init" else []), "--url", "")
    assert ran.code == 2


@pytest.mark.long
@pytest.mark.parametrize("command", ["check", "init"])
def test_what_stands_in_the_way_of_a_source_is_told(
    liaison: Liaison, source: SmallSource, tmp_path: Path, command: str
) -> None:
    rubbish = tmp_path / "rubbish.sqlite"
    rubbish.write_bytes(b"no database" * 100)
    for url, told in (
        (f"sqlite:///{tmp_path}/none.sqlite", f"there is no file `{tmp_path}/none.sqlite`"),
        (f"sqlite:///{rubbish}", "its file is there, but is not of SQLite, locked or damaged"),
        (f"sqlite:///{tmp_path}", f"`{tmp_path}` is a folder"),
        ("postgresql://u:secret@127.0.0.1:1/x", "nothing listens at `127.0.0.1` port 1"),
    ):
        ran = liaison("adapter", command, *([source.mapping] if command != "init" else []), "--url", url)
        assert ran.code != 0
        assert told in ran.err, ran.err
        assert "secret" not in ran.err + ran.out


def test_tables_that_look_like_nothing_are_told_with_a_skeleton_that_works(liaison: Liaison, tmp_path: Path) -> None:
    database = tmp_path / "odd.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE zq (k INTEGER PRIMARY KEY, w TEXT, d TEXT)")
        connection.execute("INSERT INTO zq VALUES (1, 'SOMSRI Jaidee', '01/02/2530')")
    connection.close()
    draft = liaison("adapter", "init", "--url", f"sqlite:///{database}").out
    assert "#   w  TEXT  XXXXXX Xxxxxx" in draft
    assert 'd  TEXT  99/99/9999  (reads as convert = "thai-date")' in draft
    assert "SOMSRI" not in draft
    text = "\n".join(line.removeprefix("#     ") for line in draft.splitlines()).replace("COLUMN", "w")
    for word in ("id", "agency", "kind"):
        text = text.replace(f'{word} = "TODO"', f'{word} = "{"th.x.y" if word == "id" else "x"}"')
    mapping = tmp_path / "m.toml"
    mapping.write_text(text, encoding="utf-8")
    assert errors(liaison("adapter", "check", mapping, "--url", f"sqlite:///{database}", "--json")) == []


@pytest.mark.parametrize(("left", "warns"), [(103, True), (1, False)])
def test_a_share_that_is_left_out_of_an_index_is_said_aloud(left: int, warns: bool) -> None:
    reasons = {"another row has the same key": left, "Person, the value alone: birth: not a date": 90}
    built = {"source": "th.x.y", "state": "ready", "rows": 154, "keys": 300, "bytes": 1, "sealed": False}
    lines = built_lines(built | {"seconds": 1.0, "left_out": {"Person": reasons}})
    assert any(f"warning: {left} rows" in line[0] for line in lines) is warns


def test_a_sample_says_that_its_row_does_not_count(liaison: Liaison, tmp_path: Path) -> None:
    rows = [(1, "SOK DARA", "1980-01-02", None), (2, "KEO NOY", "1980-01-02", "x")]
    mapping, url = simple(tmp_path, list(rows))
    assert "does not count" not in liaison("adapter", "sample", mapping, "--url", url, "--key", "1").out
    assert "does not count" in liaison("adapter", "sample", mapping, "--url", url, "--key", "2").out
    assert liaison("adapter", "sample", mapping, "--url", url, "--key", "2", "--json").value["live"] is False
    ran = liaison("adapter", "sample", mapping, "--url", url, "--key", "3")
    assert ran.code == 1
    assert "there is no row `3` of `Person`" in ran.err
    assert "--key takes the value of `id`" in ran.err


def test_text_without_quotation_marks_and_a_port_that_is_no_number_have_a_remedy(
    liaison: Liaison, tmp_path: Path
) -> None:
    mapping, url = simple(tmp_path, [(1, "SOK DARA", "1980-01-02", None)])
    mapping.write_text(mapping.read_text().replace('table = "p"', "table = p"))
    assert "quotation marks" in liaison("adapter", "check", mapping, "--url", url).out
    ran = liaison("adapter", "init", "--url", "postgresql://127.0.0.1:x/agency")
    assert ran.code == 1
    assert "the port is a number" in ran.err


THAI = ("สมชาย ใจดี", "รถ", "แดง ศรีสุข")
MARKED = ("André Muller", "João Conceição", "KEO NOY")


def say_script(mapping: Path, script: str) -> None:
    text = mapping.read_text("utf-8").replace('convert = "name" }', f'convert = "name", {script} }}')
    mapping.write_text(text, "utf-8")


@table(
    ("names", "meant", "read_as", "script", "told"),
    [
        (THAI, "tis-620", "cp1252", 'script = "Thai"', "3 of 3 cells of `name` beyond ASCII are not Thai"),
        (THAI, "tis-620", "latin-1", 'lang = "th"', "as tis-620 0 would not be"),
        (THAI, "utf-8", "", 'script = "Thai"', "as utf-8 1 would not be"),
        (THAI, "tis-620", "", 'script = "Thai"', "as tis-620 0 would not be"),
        (MARKED, "cp1252", "tis-620", 'script = "Latn"', "2 of 2 cells of `name` beyond ASCII are not Latn"),
    ],
    ids=["cp1252", "latin-1", "text of UTF-8", "text of TIS-620", "Thai"],
)
@pytest.mark.long
def test_a_wrong_8_bit_set_is_told_with_the_set_that_fits(
    liaison: Liaison, tmp_path: Path, names: tuple[str, ...], meant: str, read_as: str, script: str, told: str
) -> None:
    """Without `read_as` the texts were decoded wrongly before they were stored."""
    cells = [name.encode(meant) if read_as else name.encode(meant).decode("cp1252", "ignore") for name in names]
    rows: list[tuple[object, ...]] = [(1 + number, cell, "1980-01-02", None) for number, cell in enumerate(cells)]
    mapping, url = simple(tmp_path, rows, encoding=read_as or "utf-8")
    say_script(mapping, script)
    value = liaison("adapter", "check", mapping, "--url", url, "--json").value
    finding = next(each for each in value["findings"] if "beyond ASCII" in each["message"])
    assert told in finding["message"]
    assert finding["severity"] == "note"
    assert finding["where"] == f"{mapping}:{line_of('names = [', mapping)}"
    assert meant in finding["remedy"]
    shown = liaison("adapter", "check", mapping, "--url", url, "--show", "--json").value
    other = next(each for each in shown["findings"] if "beyond ASCII" in each["message"])
    assert finding["rows"][0]["row"].keys() == {"name"}
    for masked, plain in zip(finding["rows"], other["rows"], strict=True):
        left = set(masked["row"]["name"]) & set(plain["row"]["name"])
        assert left <= set(" "), "masked without --show, also what is no letter as it was read"


@pytest.mark.long
@table(
    ("names", "encoding", "script"),
    [
        (THAI, "tis-620", 'script = "Thai"'),
        (("KEO NOY", "SOK DARA", "สมชาย"), "tis-620", 'lang = "th"'),
        (MARKED, "cp1252", 'script = "Latn"'),
        (("Nguyễn Văn Đỗ", "Ôn Á Ỷ"), "utf-8", 'lang = "vi"'),
    ],
    ids=["Thai", "mostly Latin letters", "letters with marks", "Vietnamese"],
)
def test_names_in_their_script_are_not_told_of(
    liaison: Liaison, tmp_path: Path, names: tuple[str, ...], encoding: str, script: str
) -> None:
    rows: list[tuple[object, ...]] = [
        (1 + n, name.encode(encoding), "1980-01-02", None) for n, name in enumerate(names)
    ]
    mapping, url = simple(tmp_path, rows, encoding=encoding)
    say_script(mapping, script)
    findings = liaison("adapter", "check", mapping, "--url", url, "--json").value["findings"]
    assert not [each for each in findings if "beyond ASCII" in each["message"]]
