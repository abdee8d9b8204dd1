"""What `check` says of CSV files and web answers in another character set than the mapping says."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from adapters.draft.character_sets import likely_encodings
from adapters.values.charsets import _TCVN, _VISCII, decoder
from tests.support.cli import Liaison
from tests.support.tables import table
from tests.support.web_source import Interface, serving

VIETNAMESE = ("Nguyễn Thị Bích Hằng", "Trần Văn Đức", "Lê Quốc Khánh", "Gỗ hương Đắk Lắk", "Đỗ Ngọc Yến")
CHINESE = ("西双版纳木材公司", "勐腊县边贸公司", "磨憨口岸物流", "李丽华", "昆明茶厂")
THAI = ("บริษัท แม่สาย จำกัด", "สมชาย ใจดี", "ห้างหุ้นส่วนเชียงของ", "แดง มาลี", "ศรีสุข")

MAPPING = """
[source]
id = "vn.customs.declarations"
agency = "customs"
kind = "customs declarations"

[marking]
level = "OFFICIAL"
releasable_to = ["th"]

[files.tk]
pattern = "tk-*.csv"
format = "csv"
delimiter = ";"
settle = 0

[files.posts]
pattern = "posts.csv"
format = "csv"

[[record]]
type = "Consignment"
table = "tk"
key = "SoTK"
left_out = ["declarant", "declared_lines", "packages", "permits", "procedure", "references", "route", "risk",
  "transport", "lines", "consignee"]

[record.join.post]
kind = "codes"
table = "posts"
column = "code"
to = "CuaKhau"

[record.fields]
declaration = { column = "SoTK" }
consignor = { column = "COLUMN" }
office = { column = "post.name" }
containers = [{ column = "SoCont", convert = "compact" }]

[record.search]
containers = { field = "containers" }
"""


def encoded(text: str, name: str) -> bytes:
    """Return a text in a character set that Python may not know, or knows with tones apart."""
    if name in ("tcvn3", "viscii"):
        letters = {
            letter: byte for byte, letter in sorted((_TCVN if name == "tcvn3" else _VISCII).items(), reverse=True)
        }
        return bytes(letters.get(mark) or ord(mark) for mark in unicodedata.normalize("NFC", text))
    if name == "cp1258":
        return b"".join(_with_tone(mark) for mark in unicodedata.normalize("NFC", text))
    return text.encode(name)


def _with_tone(mark: str) -> bytes:
    try:
        return mark.encode("cp1258")
    except UnicodeEncodeError:
        apart = unicodedata.normalize("NFD", mark)
        tones = "".join(each for each in apart if each in "\u0300\u0301\u0303\u0309\u0323")
        rest = unicodedata.normalize("NFC", "".join(each for each in apart if each not in tones))
        return (rest + tones).encode("cp1258")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def drop(folder: Path, name: str, rows: list[str], encoding: str) -> None:
    """Put a finished file into the folder."""
    file = folder / name
    file.write_bytes(b"\r\n".join(encoded(row, encoding) for row in [*rows, ""]))
    os.utime(file, (1_700_000_000, 1_700_000_000))


def exported(
    tmp_path: Path, names: tuple[str, ...], encoding: str, column: str = "NguoiXK", post: str = "Mong Cai"
) -> tuple[Path, str]:
    """Return a mapping, and the folder with an export in `encoding`."""
    folder = tmp_path / "drop"
    folder.mkdir()
    rows = [f"{number};{name};M;TGHU7599330" for number, name in enumerate(names)]
    drop(folder, "tk-1.csv", [f"SoTK;{column};CuaKhau;SoCont", *rows], encoding)
    drop(folder, "posts.csv", ["code,name", f"M,{post}"], encoding)
    mapping = tmp_path / "m.toml"
    mapping.write_text(MAPPING.replace("COLUMN", column), encoding="utf-8")
    return mapping, f"folder://{folder}"


def told(ran: Any) -> list[dict[str, str]]:
    return [each for each in ran.value["findings"] if "of table" in each["message"]]


@pytest.mark.long
@table(
    ("names", "stored", "column"),
    [
        (VIETNAMESE, "cp1258", "NguoiXK"),
        (VIETNAMESE, "tcvn3", "NguoiXK"),
        (VIETNAMESE, "viscii", "NguoiXK"),
        (CHINESE, "gbk", "发货人"),
        (THAI, "tis-620", "ผู้ส่งออก"),
    ],
)
def test_a_file_in_another_set_is_told_with_table_column_and_three_sets_and_is_read_in_the_first(
    liaison: Liaison, tmp_path: Path, names: tuple[str, ...], stored: str, column: str
) -> None:
    mapping, url = exported(tmp_path, names, stored, column)
    (one,) = [
        each for each in told(liaison("adapter", "check", mapping, "--url", url, "--json")) if column in each["message"]
    ]
    cells = len(names) + (not column.isascii())
    assert one["message"].startswith(f"{cells} cells of column `{column}` in `tk-1.csv` of table `tk` are bytes")
    assert mapping.read_text("utf-8").splitlines()[int(one["where"].rpartition(":")[2]) - 1].startswith("consignor")
    likely = one["remedy"].rpartition("most likely ")[2].split(", ")
    assert (len(likely), likely[0]) == (3, stored)
    text = mapping.read_text("utf-8").replace('delimiter = ";"', f'delimiter = ";"\nencoding = "{likely[0]}"')
    mapping.write_text(text, encoding="utf-8")
    good = liaison("adapter", "check", mapping, "--url", url, "--json", "--show")
    assert (good.code, told(good)) == (0, [])
    shown = {each["record"]["fields"]["consignor"] for each in good.value["records"][0]["samples"]}
    assert shown == set(names)


def test_a_code_table_in_another_set_is_told_as_well(liaison: Liaison, tmp_path: Path) -> None:
    mapping, url = exported(tmp_path, ("A", "B"), "tis-620", post="เชียงของ แม่สาย")
    (one,) = told(liaison("adapter", "check", mapping, "--url", url, "--json"))
    assert one["message"].startswith("1 cell of column `name` in `posts.csv` of table `posts`")
    assert "[files.posts]" in one["remedy"]


def test_a_file_without_a_header_shows_nothing_of_its_first_row(liaison: Liaison, tmp_path: Path) -> None:
    mapping, url = exported(tmp_path, THAI[1:], "tis-620")
    rows = [f"{number};{name};M;TGHU7599330" for number, name in enumerate(THAI)]
    drop(tmp_path / "drop", "tk-1.csv", rows, "tis-620")
    ran = liaison("adapter", "check", mapping, "--url", url)
    assert "of the header of `tk-1.csv` of table `tk` are bytes that are not utf-8" in ran.out
    assert not [name for name in THAI if name in ran.out + ran.err]


def test_one_stray_byte_of_a_file_brings_no_advice(liaison: Liaison, tmp_path: Path) -> None:
    mapping, url = exported(tmp_path, ("SOK\xa0DARA", *map(str, range(20))), "latin-1")
    (one,) = told(liaison("adapter", "check", mapping, "--url", url, "--json"))
    assert "encoding" not in one["remedy"]
    assert "damaged" in one["remedy"]


PLATES = """
[source]
id = "mm.transport.plates"
agency = "transport"
kind = "plates"

[marking]
level = "OFFICIAL"
releasable_to = ["th"]

[http.cars]
path = "/cars"
rows = "data"
item = "/cars/{key}"

[[record]]
type = "Vehicle"
table = "cars"
key = "id"
left_out = ["province", "vin", "status", "reported", "model", "colour", "country"]

[record.fields]
plate = { column = "plate" }
make = { column = "car.make" }

[record.search]
plates = { item = { plate = { field = "plate" } } }
"""


@pytest.mark.process
def test_a_web_source_in_another_set_is_told_with_table_column_and_sets_and_may_be_read(
    liaison: Liaison, tmp_path: Path
) -> None:
    cars = [
        {"id": n, "plate": f"9A-{n}999", "car": {"make": make}, "owner": "王小明"} for n, make in enumerate(CHINESE)
    ]
    interface = Interface()

    def reply(path: str, _query: object) -> Any:
        value: Any = {"data": cars} if path == "/cars" else cars[int(path.rpartition("/")[2])]
        return 200, {"Content-Type": "application/json"}, json.dumps(value, ensure_ascii=False).encode("gbk")

    interface.reply = reply
    mapping = tmp_path / "m.toml"
    mapping.write_text(PLATES, encoding="utf-8")
    with serving(interface) as url:
        ran = liaison("adapter", "check", mapping, "--url", url)
        assert ran.code == 1
        assert "`cars` answers with bytes that are not utf-8, in `make`" in ran.err
        assert "owner" not in ran.err, "an interface's own words are not told"
        likely = ran.err.rpartition("most likely ")[2].split()
        assert (len(likely), likely[0]) == (3, "gbk,")
        mapping.write_text(PLATES.replace('kind = "plates"', 'kind = "plates"\nencoding = "gbk"'), encoding="utf-8")
        good = liaison("adapter", "check", mapping, "--url", url, "--json", "--show")
    assert good.code == 0
    assert {each["record"]["fields"]["make"] for each in good.value["records"][0]["samples"]} == set(CHINESE)


@pytest.mark.parametrize("name", ["cp1258", "tcvn3", "viscii"])
def test_each_vietnamese_set_is_told_from_the_others(name: str) -> None:
    odd = [encoded(text, name) for text in VIETNAMESE]
    decode = decoder(name)
    assert decode is not None
    assert [unicodedata.normalize("NFC", decode(raw)) for raw in odd] == list(VIETNAMESE)
    assert likely_encodings(odd)[0] == name


def test_french_and_portuguese_are_not_taken_for_vietnamese() -> None:
    names = ("Müller André", "Conceição João", "Núñez", "Hélène Françoise", "René Lévêque")
    assert likely_encodings([name.encode("cp1252") for name in names])[0] == "cp1252"
