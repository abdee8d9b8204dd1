"""Drafts of databases whose column names say little: what the values, tables of codes and tables of attributes say."""

from __future__ import annotations

import random
import re
import sqlite3
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.database_tables import Column, Table
from adapters.draft.draft import draft_of
from adapters.draft.guess_column import look_at, meaning_of
from adapters.draft.value_forms import meaning_by_values
from adapters.mapping.file import load_mapping, read_mapping
from gateway.errors import Misconfigured
from gateway.model.forms.numbers import chinese_check_character, thai_pin_check_digit
from tests.support import tables
from tests.support.cli import Liaison
from tests.support.shared import shared_path
from tests.unit.adapters.draft.test_guess import any_table

CHANCE = random.Random(20_261_127)


def pins(count: int) -> list[str]:
    bodies = [f"{CHANCE.randrange(1, 9)}{CHANCE.randrange(10**11):011d}" for _ in range(count)]
    return [body + str(thai_pin_check_digit(body)) for body in bodies]


def chinese_numbers(count: int) -> list[str]:
    bodies = [f"530102{1950 + n % 50}{n % 12 + 1:02d}{n % 28 + 1:02d}{n % 900 + 1:03d}" for n in range(count)]
    return [body + chinese_check_character(body) for body in bodies]


def column(name: str, values: list[Any]) -> Column:
    return Column(name, "TEXT", tuple(values))


def table(name: str, *columns: Column) -> Table:
    return Table(
        name, columns, (columns[0].name,), frozenset({columns[0].name}), {}, len(columns[0].values), is_whole=True
    )


MEANT: dict[str, list[list[Any]]] = {
    "national_id": [
        pins(12),
        chinese_numbers(12),
        [f"12/LAMANA(N){n:06d}" for n in range(100_000, 100_012)],
        [f"001{n % 2}{60 + n}{n:06d}" for n in range(12)],
    ],
    "document_number": [[f"AA{n:07d}" for n in range(12)]],
    "birth": [
        [f"{n + 1:02d}.{n % 12 + 1:02d}.{1950 + 3 * n}" for n in range(12)],
        [f"{n + 1:02d}/{n % 12 + 1:02d}/{2493 + 3 * n}" for n in range(12)],
        [f"19{50 + 3 * n}{n % 12 + 1:02d}{n + 1:02d}" for n in range(12)],
        [f"{n + 1:02d}-{('Jan', 'Feb', 'Mar')[n % 3]}-{1950 + 3 * n}" for n in range(12)],
    ],
    "expires": [[f"{2030 + n % 4}-0{n % 9 + 1}-11" for n in range(12)]],
    "sex": [["M", "F", "M", "F"], ["ชาย", "หญิง", "ชาย"], ["男", "女"], ["ប្រុស", "ស្រី"]],
    "nationality": [["THA", "LAO", "KHM", "VNM"], ["Thailand", "Viet Nam", "Cambodia", "Laos"]],
    "plate": [["1กข 1234", "ฮต 99", "กก 8888"], ["29A-123.45", "51F-678.90", "30E-111.22"]],
    "container": [["CSQU3054383", "MSKU0000007", "TGHU1234567"]],
    "": [["12", "13", "14"], ["a", "b", "c"], ["2026-01-01", "2026-01-02", "2026-01-03"], ["x"] * 4, [], [None, None]],
}


@tables.table(("meaning", "values"), [(meaning, values) for meaning, each in MEANT.items() for values in each])
def test_values_alone_say_what_a_column_holds(meaning: str, values: list[Any]) -> None:
    made = column("c7", values)
    if meaning == "container":
        made = column("c7", ["CSQU3054383", "CSQU3054383", "TGHU7599330", "MSCU6639870"])
    assert meaning_by_values(look_at(made, ""), made) == meaning


@tables.table(
    ("name", "meaning"),
    [
        ("xm", "name"), ("XB", "sex"), ("csrq", "birth"), ("sfzh", "national_id"), ("gj", "nationality"),
        ("hzhm", "document_number"), ("xingming", "name"), ("ChuShengRiQi", "birth"), ("cphm", "plate"),
        ("amyi", "name"), ("a_mee", "name"), ("mwe_nay", "birth"), ("mway_nay", "birth"),
        ("hmat_pon_tin", "national_id"),
        ("nrc_no", "national_id"), ("leik_sa", "address"), ("aba_amyi", "father_name"), ("kya_ma", "sex"),
        ("su_lae_nam_sakoun", "name"), ("van_keut", "birth"), ("lek_bat", "national_id"), ("san_xat", "nationality"),
        ("chhmoh", "name"), ("kotanam", "surname"), ("thngai_kaet", "birth"), ("atta_sanhan", "national_id"),
        ("sonhcheat", "nationality"), ("nam_sakun", "surname"), ("wankerd", "birth"), ("thabian_rot", "plate"),
        ("hoten", "name"), ("ngaysinh", "birth"), ("gioitinh", "sex"), ("sohochieu", "document_number"),
        ("socccd", "national_id"), ("HoVaTen", "name"), ("quoctich", "nationality"), ("DIACHI", "address"),
        ("AddressStreetName", "address"), ("company_name", "other"), ("vessel_name", "transport"),
        ("user_name", "officer"), ("street_name", "address"), ("drug_name", "goods"), ("brand_name", "make"),
    ],
)  # fmt: skip
def test_names_in_initials_and_in_latin_letters_of_the_region(name: str, meaning: str) -> None:
    assert meaning_of(name) == meaning


def ugly() -> list[Table]:
    count = 24
    given, family = ["Somchai", "Malee", "Noy", "Kham"], ["Wongsa", "Saetang", "Keo", "Vongsa", "Phomma", "Ouch"]
    people = table(
        "t01",
        column("f1", list(range(count))),
        column("f2", [f"{given[n % 4]} {family[n % 6]}{'abcd'[n // 6]}" for n in range(count)]),
        column("f3", list(pins(count))),
        column("f4", [f"{n % 28 + 1:02d}.{n % 12 + 1:02d}.{1950 + n}" for n in range(count)]),
        column("f5", ["MF"[n % 2] for n in range(count)]),
        column("f6", [f"K{n % 3 + 1}" for n in range(count)]),
        column("AddressStreetName", [f"{family[n % 6]} {given[n % 4]}" for n in range(count)]),
    )
    return [people, table("c7", column("k", ["K1", "K2", "K3"]), column("v", ["THA", "LAO", "KHM"]))]


def test_a_table_whose_names_say_nothing_is_drafted_from_its_values() -> None:
    (record,) = tomllib.loads(draft_of(ugly()).text)["record"]
    fields = record["fields"]
    assert fields["names"] == [{"column": "f2", "convert": "name"}]
    assert fields["birth"] == {"column": "f4", "convert": "date", "formats": ["dd.mm.yyyy"]}
    assert fields["national_ids"] == [
        {"item": {"number": {"column": "f3"}, "scheme": {"value": "THA-PIN"}, "issuer": {"value": "THA"}}}
    ]
    assert fields["sex"]["column"] == "f5"
    assert fields["nationalities"] == [{"column": "f6.v", "convert": "country"}]
    assert record["join"]["f6"]["table"] == "c7"
    assert "By its values alone: f2" in draft_of(ugly()).text


def attributes(parent: bool) -> list[Table]:
    rows = [
        (n, key, value)
        for n in range(12)
        for key, value in (
            ("FULL_NAME", f"SOK {'ABCDEFGHIJKL'[n]}RA"), ("DOB", f"19{50 + n}-03-12"), ("SEX", "MF"[n % 2]),
            ("EYES", "brown"),
        )
    ]  # fmt: skip
    held = tuple(column(name, [row[place] for row in rows]) for place, name in enumerate(("subj_id", "attr", "val")))
    own = Table("subj_attr", held, ("subj_id", "attr"), frozenset({"subj_id"}), {}, len(rows), is_whole=True)
    subjects = table("subj", column("subj_id", list(range(12))), column("made", ["2026-01-01"] * 12))
    return [subjects, own] if parent else [own]


def test_a_table_of_attributes_becomes_fields_of_the_record_that_it_belongs_to() -> None:
    (record,) = tomllib.loads(draft_of(attributes(parent=True)).text)["record"]
    assert record["table"] == "subj"
    assert record["fields"]["birth"]["from"] == "its_dob"
    assert record["join"]["its_dob"]["where"] == [{"column": "attr", "in": ["DOB"]}]
    assert {"names", "birth", "sex"} <= record["fields"].keys()


def test_a_table_of_attributes_without_its_record_is_shown_as_a_view(tmp_path: Path) -> None:
    text = draft_of(attributes(parent=False)).text
    lines = [line.removeprefix("#").strip() for line in text.splitlines()]
    begin = next(place for place, line in enumerate(lines) if line.startswith("CREATE VIEW"))
    end = next(place for place, line in enumerate(lines) if "GROUP BY" in line)
    with sqlite3.connect(tmp_path / "v.sqlite") as database:
        database.execute("CREATE TABLE subj_attr (subj_id, attr, val)")
        database.execute("INSERT INTO subj_attr VALUES (1, 'DOB', '1980-01-02')")
        database.execute("\n".join(lines[begin : end + 1]))
        assert database.execute('SELECT subj_id, "DOB" FROM subj_attr_wide').fetchall() == [(1, "1980-01-02")]
    database.close()


def test_the_states_of_a_history_are_no_attributes() -> None:
    states = [(n // 2, ("ACTIVE", "CANCELLED")[n % 2], f"2026-01-0{n % 9 + 1}") for n in range(12)]
    held = tuple(column(name, [row[place] for row in states]) for place, name in enumerate(("person", "st", "at")))
    assert "CREATE VIEW" not in draft_of([table("alr", *held)]).text


def test_a_key_of_several_columns_becomes_one_column_or_a_view() -> None:
    names = [f"SOK {'ABCDEFGHIJKL'[n]}RA" for n in range(12)]
    births = [f"19{50 + n}-03-12" for n in range(12)]
    parts = (column("a", [n // 3 for n in range(12)]), column("b", [n % 3 for n in range(12)]))
    said = (column("full_name", names[:6] * 2), column("dob", births[:6] * 2))
    composite = Table("people", (*parts, *said), ("a", "b"), frozenset({"a"}), {}, 12, is_whole=True)
    assert "no column alone tells rows apart: a view makes one of a, b" in draft_of([composite]).text
    numbered = Table("people", (*parts, column("no", list(range(12))), *said), (), frozenset(), {}, 12, is_whole=True)
    assert tomllib.loads(draft_of([numbered]).text)["record"][0]["key"] == "no"


def test_a_table_with_rows_goes_before_an_empty_one() -> None:
    empty = table("z_people", column("id", []), column("full_name", []), column("dob", []), column("sex", []))
    held = table(
        "people", column("id", [1, 2]), column("full_name", ["SOK DARA", "KEO NOY"]), column("dob", ["1980-01-02"] * 2)
    )
    assert tomllib.loads(draft_of([empty, held]).text)["record"][0]["table"] == "people"


def test_a_table_whose_name_is_no_text_is_left_out() -> None:
    broken = table("people\udcff", column("id", [1, 2]), column("full_name", ["SOK DARA", "KEO NOY"]))
    assert read_mapping("draft.toml", draft_of([broken]).text.encode(), is_draft=True).records == {}


def unmarked(text: str) -> list[str]:
    """Return the lines of a draft that suppose something and do not say TODO."""
    found, section = [], ""
    for line in text.splitlines():
        if header := re.match(r"\[+([^\]]+)\]", line):
            section = header[1].split(".")[1] if "." in header[1] else header[1]
        is_guess = (section == "fields" and " = " in line) or line.startswith(("[record.join", "[codes", "    {"))
        is_guess = is_guess or (line.startswith('"') and " = " in line)
        if is_guess and not line.startswith("#") and "TODO" not in line and "means that nothing" not in line:
            found.append(line)
    return [line for line in found if not re.match(r"(kind|table|column|to|key|where) = ", line)]


@pytest.mark.parametrize("agency", ["kh_customs", "th_police", "vn_immigration"])
@pytest.mark.long
def test_a_draft_of_an_agency_says_todo_at_every_guess_and_check_takes_it(
    agency: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    liaison = Liaison(capsys)
    url = f"sqlite:///{shared_path() / 'data' / 'agencies' / 'built' / f'{agency}.sqlite'}"
    text = liaison("adapter", "init", "--url", url).out
    assert unmarked(text) == []
    draft = tmp_path / "draft.toml"
    draft.write_text(text, encoding="utf-8")
    alone = liaison("adapter", "check", draft, "--json")
    assert (alone.code, alone.value["draft"]) == (0, True)
    assert [each for each in alone.value["findings"] if each["severity"] == "error"] == []
    assert liaison("adapter", "check", draft, "--url", url, "--json").code == 0
    with pytest.raises(Misconfigured):
        load_mapping(draft)


@given(st.lists(any_table(), max_size=4, unique_by=lambda made: made.name))
def test_a_draft_of_any_database_is_one_that_check_takes(tables: list[Table]) -> None:
    text = draft_of(tables).text
    assert unmarked(text) == []
    read_mapping("draft.toml", text.encode(), is_draft=True)
