"""`liaison adapter init`, `check` and `sample`: what an administrator sees, and what is never shown unasked."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from adapters.masking import mask
from tests.support.cli import Liaison
from tests.support.drop_folder import drop_folder, fill, mapping
from tests.support.small_source import MAPPING, SmallSource, small_source
from tests.support.tables import table


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def source(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path)


def line_of(text: str, mapping: str) -> int:
    return next(number for number, row in enumerate(mapping.splitlines(), 1) if text in row)


# ---------------------------------------------------------------- check


def test_a_mapping_alone_is_checked_without_a_database(liaison: Liaison, source: SmallSource) -> None:
    ran = liaison("adapter", "check", source.mapping, "--json")
    assert ran.code == 0
    assert ran.value["database"] is False
    assert ran.value["good"] is True
    assert ran.value["mapped"]["Vehicle"] == {
        "table": "cars", "fields": ["plate", "province", "status"], "search": ["plates"],
    }  # fmt: skip
    assert "no database was looked at" in liaison("adapter", "check", source.mapping).out


def test_a_mistake_in_the_file_is_told_with_its_line_and_the_nearest_word(
    liaison: Liaison, source: SmallSource
) -> None:
    text = MAPPING.replace('convert = "thai-date"', 'convert = "thai-dat"')
    source.mapping.write_text(text, encoding="utf-8")
    ran = liaison("adapter", "check", source.mapping, "--json")
    assert ran.code == 1
    assert ran.value["findings"] == [
        {
            "severity": "error",
            "message": "unknown converter `thai-dat`",
            "where": f"{source.mapping}:{line_of('thai-dat', text)}",
            "remedy": "did you mean `thai-date`?",
        }
    ]


def test_a_mapping_that_an_editor_of_windows_saved_is_the_same_mapping(liaison: Liaison, source: SmallSource) -> None:
    source.mapping.write_bytes(b"\xef\xbb\xbf" + MAPPING.replace("\n", "\r\n").encode())
    assert liaison("adapter", "check", source.mapping, "--json").value["good"] is True
    source.mapping.write_bytes(b"\xef\xbb\xbf" + MAPPING.replace("latin", "latn").encode())
    ran = liaison("adapter", "check", source.mapping, "--url", source.url, "--json")
    told = next(each for each in ran.value["findings"] if "latn" in each["message"])
    assert told["where"] == f"{source.mapping}:{line_of('latin', MAPPING)}"


def test_a_file_that_is_not_there_is_a_mistake_of_usage(liaison: Liaison, tmp_path: Path) -> None:
    assert liaison("adapter", "check", tmp_path / "none.toml").code == 2


def test_every_misspelt_column_is_told_at_once(liaison: Liaison, source: SmallSource) -> None:
    text = (
        MAPPING.replace('"latin"', '"latn"').replace('column = "born"', 'column = "borne"').replace('"cars"', '"carz"')
    )
    source.mapping.write_text(text, encoding="utf-8")
    ran = liaison("adapter", "check", source.mapping, "--url", source.url, "--json")
    assert ran.code == 1
    errors = {each["message"]: each for each in ran.value["findings"] if each["severity"] == "error"}
    assert {
        "unknown column `latn` in table `persons`",
        "unknown column `borne` in table `persons`",
        "unknown table `carz`",
    } <= errors.keys()
    told = errors["unknown column `borne` in table `persons`"]
    assert told["where"] == f"{source.mapping}:{line_of('borne', text)}"
    assert told["remedy"] == "did you mean `born`?"


@pytest.mark.long
def test_rows_reasons_and_speed_are_told(liaison: Liaison, source: SmallSource) -> None:
    ran = liaison("adapter", "check", source.mapping, "--url", source.url, "--json")
    person, vehicle = ran.value["records"]
    assert (person["rows"], person["live"], person["valid"]) == (5, 4, 3)
    assert person["left_out"] == {"Person.birth: not a date of the Buddhist era": 1}
    assert vehicle["share"] == 1.0
    assert ran.code == 1, "three of four is too few"
    wheres = {each["message"]: each["where"] for each in ran.value["findings"]}
    reason = "1 row is left out: Person.birth: not a date of the Buddhist era"
    assert wheres[reason] == f"{source.mapping}:{line_of('thai-date', MAPPING)}"
    speed = ran.value["speed"]
    assert speed["rows_per_s"] > 0
    assert speed["found"] == speed["searches"] == 6


def test_codes_without_a_meaning_are_counted(liaison: Liaison, source: SmallSource) -> None:
    source.execute("UPDATE persons SET sex = '7' WHERE id IN (1, 2)", "UPDATE persons SET sex = '8' WHERE id = 4")
    ran = liaison("adapter", "check", source.mapping, "--url", source.url, "--json", "--show")
    found = [
        (each["field"], each["column"], each["code"], each["count"])
        for each in ran.value["records"][0]["unknown_codes"]
    ]
    assert sorted(found) == [("sex", "sex", "7", 2), ("sex", "sex", "8", 1)]
    assert any(
        "3 cells of `sex` have a code without a meaning: `7`, `8`" in each["message"] for each in ran.value["findings"]
    )


@pytest.mark.long
def test_a_long_code_may_be_a_name_and_is_masked(liaison: Liaison, source: SmallSource) -> None:
    source.execute("UPDATE persons SET sex = 'SOMSRI' WHERE id = 1")
    hidden = liaison("adapter", "check", source.mapping, "--url", source.url, "--json")
    assert "SOMSRI" not in hidden.out
    assert hidden.value["records"][0]["unknown_codes"][0]["code"] == "XXXXXX"


@pytest.mark.long
def test_codes_that_a_table_of_the_database_does_not_have_are_told_with_its_line(
    liaison: Liaison, source: SmallSource
) -> None:
    source.execute("UPDATE cars SET state = 'Q' WHERE id = 3")
    ran = liaison("adapter", "check", source.mapping, "--url", source.url, "--json")
    told = next(each for each in ran.value["findings"] if "`states`" in each["message"])
    assert told["message"] == "1 cells of `state` are in no row of `states`, so that they have no meaning: `Q`"
    line = line_of('table = "states"', MAPPING) + 1
    assert told["where"] == f"{source.mapping}:{line}"
    assert ran.value["records"][1]["unknown_codes"] == [{"field": "state", "column": "state", "code": "Q", "count": 1}]


@pytest.mark.long
def test_what_is_no_country_is_told(liaison: Liaison, source: SmallSource) -> None:
    source.execute("UPDATE persons SET nat = '04' WHERE id = 1", "UPDATE papers SET issuer = 'Oz' WHERE id = 3")
    text = MAPPING.replace('{ column = "issuer" }', '{ column = "issuer", convert = "country" }')
    source.mapping.write_text(text, encoding="utf-8")
    ran = liaison("adapter", "check", source.mapping, "--url", source.url, "--json")
    told = [each["message"] for each in ran.value["findings"]]
    assert "1 cells of `nat` are no code or name of one country, and left out: `04`" in told
    assert "1 cells of `issuer` are no code or name of one country, and left out: `Oz`" in told


def test_a_column_with_a_dot_in_its_name_stands_in_quotes(liaison: Liaison, source: SmallSource) -> None:
    source.execute(
        'ALTER TABLE persons RENAME COLUMN latin TO "name.latin"',
        'ALTER TABLE papers RENAME COLUMN number TO "papers.no"',
    )
    bare = MAPPING.replace('"latin"', '"name.latin"').replace('"number"', '"papers.no"')
    source.mapping.write_text(bare, encoding="utf-8")
    ran = liaison("adapter", "check", source.mapping, "--url", source.url, "--json")
    (told,) = ran.value["findings"]
    assert told["message"] == "unknown join `name`"
    assert told["remedy"].endswith("""stands in quotes: '"name.latin"'""")
    right = bare.replace('"name.latin"', """'"name.latin"'""").replace('"papers.no"', """'papers."papers.no"'""")
    source.mapping.write_text(right, encoding="utf-8")
    ran = liaison("adapter", "sample", source.mapping, "--url", source.url, "--key", "1", "--show", "--json")
    assert ran.value["record"]["fields"]["names"][1]["text"] == "SOMCHAI JAIDEE"
    assert ran.value["record"]["fields"]["documents"][0]["number"] == "AA 1234567"
    source.mapping.write_text(right.replace("name.latin", "name.latn"), encoding="utf-8")
    ran = liaison("adapter", "check", source.mapping, "--url", source.url, "--json")
    told = next(each for each in ran.value["findings"] if each["severity"] == "error")
    assert (told["message"], told["remedy"]) == (
        "unknown column `name.latn` in table `persons`", "did you mean `name.latin`?"
    )  # fmt: skip
    assert told["where"] == f"{source.mapping}:{line_of('name.latn', source.mapping.read_text(encoding='utf-8'))}"


def test_a_draft_names_columns_with_a_dot_so_that_they_are_read(liaison: Liaison, source: SmallSource) -> None:
    source.execute(
        "DROP TABLE papers", "DROP TABLE cars",
        "ALTER TABLE persons RENAME COLUMN born TO \"birth.date\"",
        "ALTER TABLE persons RENAME COLUMN name TO 'full \"name\"'",
    )  # fmt: skip
    draft = liaison("adapter", "init", "--url", source.url).out
    (person,) = tomllib.loads(draft)["record"]
    assert person["fields"]["birth"]["column"] == '"birth.date"'
    assert [each["column"] for each in person["fields"]["names"]] == ['full "name"']
    unused = next(row for row in draft.splitlines() if "nothing uses" in row)
    assert "birth.date" not in unused
    assert "full" not in unused


def test_a_type_that_does_not_fit_is_an_error_with_its_line(liaison: Liaison, source: SmallSource) -> None:
    text = MAPPING.replace('convert = "thai-date"', 'convert = "epoch-date"')
    source.mapping.write_text(text, encoding="utf-8")
    ran = liaison("adapter", "check", source.mapping, "--url", source.url, "--json")
    told = next(each for each in ran.value["findings"] if "seconds since 1970" in each["message"])
    assert told["severity"] == "error"
    assert told["where"] == f"{source.mapping}:{line_of('epoch-date', text)}"


def test_a_value_that_the_field_cannot_hold_is_found_before_any_row(liaison: Liaison, source: SmallSource) -> None:
    for old, new, problem in (
        ('2 = "F"', '2 = "W"', "`sex` cannot be `W`"),
        ('convert = "code", codes = "sex"', 'convert = "name"', "`sex` cannot be an object with text, script"),
        ('convert = "thai-date"', 'convert = "thai-date", otherwise = "x"', "`birth` cannot be `x`"),
    ):
        source.mapping.write_text(MAPPING.replace(old, new), encoding="utf-8")
        ran = liaison("adapter", "check", source.mapping, "--json")
        assert [each["message"] for each in ran.value["findings"] if each["severity"] == "error"] == [problem]


@pytest.mark.long
def test_the_url_in_the_mapping_is_used_when_none_is_given(liaison: Liaison, source: SmallSource) -> None:
    text = MAPPING.replace('kind = "police records"', f'kind = "police records"\nurl = "{source.url}"')
    source.mapping.write_text(text, encoding="utf-8")
    assert liaison("adapter", "check", source.mapping, "--json").value["database"] is True


def test_a_database_that_is_not_there_is_told_in_words(liaison: Liaison, source: SmallSource, tmp_path: Path) -> None:
    ran = liaison("adapter", "check", source.mapping, "--url", f"sqlite:///{tmp_path}/none.sqlite", "--json")
    assert ran.code == 1
    assert ran.value["error"]["code"] == "source-unavailable"
    assert liaison("adapter", "check", source.mapping, "--url", "gopher://x").code == 1


@pytest.mark.long
def test_a_check_leaves_no_index_behind_and_writes_nothing(liaison: Liaison, source: SmallSource) -> None:
    before = source.database.read_bytes()
    liaison("adapter", "check", source.mapping, "--url", source.url)
    assert sorted(path.name for path in source.folder.iterdir()) == ["agency.sqlite", "mapping.toml"]
    assert source.database.read_bytes() == before


def test_a_drop_folder_is_checked_like_a_database(liaison: Liaison, tmp_path: Path) -> None:
    folder = drop_folder(tmp_path)
    fill(folder, "csv")
    path = tmp_path / "drop.toml"
    path.write_text(mapping("csv"), encoding="utf-8")
    url = folder.path.as_uri().replace("file:", "folder:")
    ran = liaison("adapter", "check", path, "--url", url, "--json")
    assert ran.value["records"][0]["valid"] >= 3
    assert ran.value["speed"]["found"] >= 3
    assert liaison("adapter", "sample", path, "--url", url, "--key", "1", "--show", "--json").value["record"]


# ---------------------------------------------------------------- masking

SECRETS = ("สมชาย", "ใจดี", "SOMCHAI", "NGUYEN", "AA 1234567", "2505", "B1112223", "กข 1234")


@pytest.mark.long
@pytest.mark.parametrize("as_json", [True, False])
def test_values_of_rows_are_masked_unless_they_are_asked_for(
    liaison: Liaison, source: SmallSource, as_json: bool
) -> None:
    command: list[str | Path] = [
        "adapter",
        "check",
        source.mapping,
        "--url",
        source.url,
        *(["--json"] if as_json else []),
    ]
    hidden, shown = liaison(*command), liaison(*command, "--show")
    assert not [secret for secret in SECRETS if secret in hidden.out]
    assert [secret for secret in SECRETS if secret in shown.out] == list(SECRETS)


@table(
    ("value", "masked"),
    [
        ("SOMCHAI Jaidee-9", "XXXXXXX Xxxxxx-9"),
        ("17/01/2505", "99/99/9999"),
        ("กข 1234 ตาก", "กก 9999 กกก"),
        ("๑๒", "๙๙"),
        ("王小明", "字字字"),
        ("Đặng", "Xxxx"),
        (1234, "9999"),
        (None, None),
        (True, True),
        ({"text": "Ab", "script": "Latn"}, {"text": "Xx", "script": "Latn"}),
        (["a", 1.5], ["x", "9.9"]),
    ],
)
def test_a_mask_keeps_shape_script_and_length(value: object, masked: object) -> None:
    assert mask(value) == masked
    if isinstance(value, str):
        assert len(mask(value)) == len(value)


def test_two_names_of_one_shape_have_one_mask() -> None:
    assert mask("ดารา") == mask("มานี".replace("ี", "า"))
    assert mask("สุดา") == mask("กิจา")
    assert mask("ABC-12") == mask("XYZ-98")


# ---------------------------------------------------------------- sample


def test_one_record_is_shown_beside_its_row(liaison: Liaison, source: SmallSource) -> None:
    ran = liaison("adapter", "sample", source.mapping, "--url", source.url, "--key", "1", "--show", "--json")
    assert ran.code == 0
    assert ran.value["type"] == "Person"
    assert ran.value["row"]["papers.number"] == ["AA 1234567", "AA7654321"]
    assert ran.value["record"]["fields"]["birth"] == {"value": "1962-01-17", "calendar": "BE", "original": "17/01/2505"}
    words = liaison("adapter", "sample", source.mapping, "--url", source.url, "--key", "1", "--show").out
    assert re.search(r"latin = SOMCHAI JAIDEE +\|", words)


def test_a_row_that_cannot_be_read_is_shown_with_the_reason(liaison: Liaison, source: SmallSource) -> None:
    ran = liaison("adapter", "sample", source.mapping, "--url", source.url, "--key", "5", "--json")
    assert ran.code == 1
    assert ran.value["record"] is None
    assert ran.value["left_out"] == "not a date of the Buddhist era"


def test_what_is_not_there_is_told(liaison: Liaison, source: SmallSource) -> None:
    sample = ("adapter", "sample", source.mapping)
    assert liaison(*sample, "--url", source.url, "--key", "99", "--json").value["error"]["code"] == "unknown-record"
    assert liaison(*sample, "--url", source.url, "--type", "Vessel").code == 1
    assert "give --url" in liaison(*sample).err


# ---------------------------------------------------------------- init


def test_a_draft_is_valid_and_says_what_is_left_to_do(liaison: Liaison, source: SmallSource, tmp_path: Path) -> None:
    ran = liaison("adapter", "init", "--url", source.url)
    assert ran.code == 0
    draft = tomllib.loads(ran.out)
    assert {record["type"] for record in draft["record"]} == {"Person", "TravelDocument", "Vehicle"}
    assert "TODO" in ran.out
    path = tmp_path / "draft.toml"
    filled = ran.out.replace('id = "TODO"', 'id = "th.police.x"').replace('agency = "TODO"', 'agency = "police"')
    path.write_text(filled.replace('kind = "TODO"', 'kind = "records"'), encoding="utf-8")
    assert liaison("adapter", "check", path, "--json").value["good"] is True


def test_a_draft_names_nobody(liaison: Liaison, source: SmallSource) -> None:
    out = liaison("adapter", "init", "--url", source.url).out
    assert not [secret for secret in SECRETS if secret in out]


def test_a_draft_of_one_table_and_of_none(liaison: Liaison, source: SmallSource) -> None:
    ran = liaison("adapter", "init", "--url", source.url, "--table", "cars", "--json")
    assert ran.value["records"] == ["Vehicle"]
    assert ran.value["tables"] == 1
    error = liaison("adapter", "init", "--url", source.url, "--table", "card", "--json").value["error"]
    assert error["remedy"] == "did you mean `cars`?"


@pytest.mark.parametrize("url", ["folder:///srv/drop", "https://agency.example/api", "nonsense"])
def test_a_draft_is_made_from_databases_only(liaison: Liaison, url: str) -> None:
    ran = liaison("adapter", "init", "--url", url, "--json")
    assert ran.code == 1
    assert "drafts are made from databases" in ran.value["error"]["message"]


def test_names_of_tables_and_columns_cannot_break_a_draft(liaison: Liaison, tmp_path: Path) -> None:
    odd = small_source(
        tmp_path,
        tables='CREATE TABLE "person\n#] ""x" ("id\n" INTEGER PRIMARY KEY, last_name TEXT, "first_name\n= [" TEXT,'
        ' "date_of_birth" TEXT, "sex\u2028]" TEXT, "nationality"" x" TEXT);'
        "INSERT INTO \"person\n#] \"\"x\" VALUES (1, 'A', 'B', '2001-01-01', '\"]\n[x', 'THA');"
        "INSERT INTO \"person\n#] \"\"x\" VALUES (2, 'A', 'B', '2001-01-01', '\"]\n[x', 'THA');",
    )
    ran = liaison("adapter", "init", "--url", odd.url)
    assert ran.code == 0
    assert tomllib.loads(ran.out)["record"][0]["table"] == 'person\n#] "x'
    assert json.loads(liaison("adapter", "init", "--url", odd.url, "--json").out)["tables"] == 1
