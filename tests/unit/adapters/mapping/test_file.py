"""A mapping is closed: what is not understood is an error that names file, line and what was probably meant."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.mapping.expectations import EXPECT_KEYS
from adapters.mapping.file import load_mapping, read_mapping
from adapters.mapping.mapping import SEARCH_KEYS, Mapping
from adapters.mapping.marking import MARKING_KEYS
from adapters.mapping.record import CONDITION_KEYS, JOIN_KEYS, PART_KEYS, RECORD_KEYS, TESTS
from adapters.values.converters import CONVERTERS
from gateway.clock import ManualClock
from gateway.config.toml import Lines
from gateway.errors import Misconfigured
from gateway.model.marking import Level
from gateway.model.purpose import Offence, Purpose
from tests.support.small_source import MAPPING, small_source
from tests.support.tables import table

OUR_MAPPINGS = sorted((Path(__file__).resolve().parents[4] / "adapters" / "mappings").glob("*.toml"))
CLOCK = ManualClock(datetime(2026, 11, 24, tzinfo=UTC))


GUIDE = Path(__file__).resolve().parents[4] / "docs" / "guides" / "mapping.md"


def line_of(text: str, mapping: str = MAPPING) -> int:
    return next(number for number, row in enumerate(mapping.splitlines(), 1) if text in row)


def refusal(old: str, new: str) -> Misconfigured:
    assert MAPPING.count(old) >= 1
    with pytest.raises(Misconfigured) as caught:
        read_mapping("small.toml", MAPPING.replace(old, new, 1).encode())
    return caught.value


@table("path", OUR_MAPPINGS, ids=lambda path: path.stem)
def test_the_mappings_of_the_project_load(path: Path) -> None:
    mapping = load_mapping(path)
    assert mapping.records
    assert mapping.marking.releasable_to


def test_a_mapping_becomes_types() -> None:
    mapping = read_mapping("small.toml", MAPPING.encode())
    person = mapping.records["Person"]
    assert mapping.id == "th.police.small"
    assert [join.name for join in person.joins] == ["papers"]
    assert person.markings[0].marking.level is Level.RESTRICTED
    assert person.fields["documents"].is_list
    assert not person.fields["birth"].is_list


@table(
    ("old", "new", "where", "advice"),
    [
        ('convert = "thai-date"', 'convert = "thai-dat"', "thai-dat", "did you mean `thai-date`?"),
        ('type = "Vehicle"', 'type = "Vehicel"', "Vehicel", "did you mean `Vehicle`?"),
        ("sex = { column", "sexx = { column", "sexx", "did you mean `sex`?"),
        ('"warnings", "status"]', '"warnings", "statis"]', '"statis"', "did you mean `status`?"),
        ('from = "papers"', 'from = "paper"', '"paper"', "did you mean `papers`?"),
        ('column = "state.word"', 'column = "stat.word"', "stat.word", "did you mean `state`?"),
        ('codes = "sex"', 'codes = "sexes"', '"sexes"', "did you mean `sex`?"),
        ('field = "birth"', 'field = "brith"', "brith", "did you mean `birth`?"),
        ('kind = "many"', 'kind = "may"', '"may"', "one of codes, one, many"),
        ('caveats = ["OPHIDE"]', 'caveats = ["OPHIDES"]', "OPHIDES", "OPHIDE"),
        ('withhold_from = ["vn"]', 'withhold_from = ["VN"]', '["VN"]', "such as `th`"),
        ('level = "RESTRICTED"', 'level = "SECRET"', "SECRET", "RESTRICTED"),
        ('not_past = "yyyymmdd"', 'not_past = "yyyyqq"', "yyyyqq", "dd/mm/yyyy"),
        ('id = "th.police.small"', 'id = "police.small"', "police.small", "such as `th.police.records`"),
        ('junk = ["-", "N/A"]', 'jnuk = ["-"]', "jnuk", "did you mean `junk`?"),
    ],
)
def test_a_misspelt_word_is_named_with_its_line_and_the_nearest_one(
    old: str, new: str, where: str, advice: str
) -> None:
    error = refusal(old, new)
    changed = MAPPING.replace(old, new, 1)
    assert error.where == f"small.toml:{line_of(where, changed)}"
    assert advice in error.remedy


def test_a_field_is_either_mapped_or_left_out_and_never_forgotten() -> None:
    assert "neither mapped nor left out" in refusal('"addresses", ', "").message
    assert (
        "both mapped and left out" in refusal('left_out = ["national_ids"', 'left_out = ["sex", "national_ids"').message
    )


def test_a_value_has_exactly_one_origin() -> None:
    assert "exactly one" in refusal('{ column = "plate" }', '{ column = "plate", value = "x" }').message


def test_a_condition_has_exactly_one_test() -> None:
    assert "exactly one test" in refusal('in = ["live"]', 'in = ["live"], filled = true').message


def test_many_joined_rows_need_from() -> None:
    error = refusal('sex = { column = "sex"', 'sex = { column = "papers.number"')
    assert "many rows" in error.message
    assert 'from = "papers"' in error.remedy


def test_text_that_is_not_toml_is_named_with_its_line() -> None:
    with pytest.raises(Misconfigured) as caught:
        read_mapping("small.toml", b'[source]\nid = "x"\nagency = =\n')
    assert caught.value.where == "small.toml:3"


def test_what_is_wrong_in_toml_is_told_with_the_names_as_they_are_written() -> None:
    with pytest.raises(Misconfigured, match=r"^small\.toml:2: not TOML: duplicate inline table key 'OS_No'") as caught:
        read_mapping("small.toml", b"[source]\nx = { OS_No = 1, OS_No = 2 }\n")
    assert "'OS_No'" in caught.value.message


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Misconfigured, match="UTF-8"):
        read_mapping("small.toml", b"[source]\nid = '\xff'\n")


def test_a_file_that_is_not_there_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        load_mapping(tmp_path / "none.toml")


@table(
    ("old", "new", "message", "advice"),
    [
        ('column = "born"', 'column = "borne"', "unknown column `borne` in table `persons`", "did you mean `born`?"),
        ('table = "papers"', 'table = "paperz"', "unknown table `paperz`", "did you mean `papers`?"),
        ('{ column = "number" }', '{ column = "numbr" }', "unknown column `numbr`", "did you mean `number`?"),
        ('key = "id"\nlive', 'key = "idd"\nlive', "unknown column `idd`", "`id`"),
        ('"state.word"', '"state.words"', "unknown column `words`", "did you mean `word`?"),
    ],
)
def test_a_column_that_the_database_lacks_is_named_with_file_and_line(
    tmp_path: Path, old: str, new: str, message: str, advice: str
) -> None:
    changed = MAPPING.replace(old, new, 1)
    source = small_source(tmp_path, changed)
    with pytest.raises(Misconfigured) as caught:
        source.open(CLOCK)
    word = new.split('"')[1]
    assert message in caught.value.message
    assert caught.value.where == f"{source.mapping}:{line_of(word, changed)}"
    assert advice in caught.value.remedy


def test_a_single_row_is_joined_by_an_indexed_column_only(tmp_path: Path) -> None:
    changed = MAPPING.replace(
        'kind = "codes"\ntable = "states"\ncolumn = "code"', 'kind = "one"\ntable = "states"\ncolumn = "word"'
    )
    with pytest.raises(Misconfigured, match="has no index"):
        small_source(tmp_path, changed).open(CLOCK)


def test_lines_are_found_in_nested_tables_arrays_and_lists() -> None:
    lines = Lines(
        'a = 1\n[t]\nb = [\n  { x = "one" },\n  { x = "two" },\n]\n[[r]]\nk = 1\n[r.s]\nz = 1\n[[r]]\nk = 2\n'
    )
    assert lines.of(("a",)) == 1
    assert lines.of(("t", "b")) == 3
    assert lines.of(("t", "b", 1), "two") == 5
    assert lines.of(("r", 0, "s", "z")) == 10
    assert lines.of(("r", 1, "k")) == 12
    assert lines.of(("nowhere",)) == 1


def test_the_guide_describes_every_word_of_a_mapping() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    words = [*CONVERTERS, *(option for each in CONVERTERS.values() for option in each.options), *SEARCH_KEYS]
    words += [*JOIN_KEYS, *CONDITION_KEYS, "expect"]
    assert [key for key in EXPECT_KEYS if not re.search(rf"^{key} = |\.{key}\]", guide, re.MULTILINE)] == []
    words += [*RECORD_KEYS, *PART_KEYS, *TESTS, *MARKING_KEYS, "encoding", "junk", "kind", "many", "one", "codes"]
    assert [word for word in words if f"`{word}`" not in guide] == []


def test_the_example_in_the_guide_loads() -> None:
    example = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert set(read_mapping("guide.toml", example.encode()).records) == {"Person"}


# ---------------------------------------------------------------- markings, options, what cannot be read


def marked(lines: str, rule: str = "") -> Mapping:
    text = MAPPING.replace('releasable_to = ["vn", "kh"]', f'releasable_to = ["vn", "kh"]\n{lines}')
    return read_mapping("small.toml", text.replace('level = "RESTRICTED"', f'level = "RESTRICTED"\n{rule}').encode())


def test_a_marking_says_what_a_record_may_be_used_for_and_how_long() -> None:
    made = marked('purposes = ["INVESTIGATION", "BORDER_CHECK"]\noffences = ["NARC"]\nkeep_hours = 72').marking
    assert made.purposes == frozenset({Purpose.INVESTIGATION, Purpose.BORDER_CHECK})
    assert made.offences == frozenset({Offence("NARC")})
    assert (made.keep_hours, made.delete_after_use) == (72, False)
    assert marked("").marking.purposes is None


def test_a_rule_narrows_purposes_and_times_and_never_widens_them() -> None:
    made = marked(
        'purposes = ["INVESTIGATION", "BORDER_CHECK"]\nkeep_hours = 72',
        'purposes = ["INVESTIGATION", "AUDIT"]\nkeep_hours = 240\ndelete_after_use = true',
    )
    rule = made.records["Person"].markings[0]
    tightened = rule.tighten(made.marking)
    assert tightened.purposes == frozenset({Purpose.INVESTIGATION})
    assert tightened.keep_hours == 72
    assert tightened.delete_after_use
    assert tightened.releasable_to == made.marking.releasable_to
    assert tightened.level is Level.RESTRICTED
    assert tightened.is_within(made.marking)


def test_a_rule_that_names_an_agency_leaves_only_that_agency() -> None:
    made = marked("", 'releasable_to = ["vn.police", "la"]')
    assert made.records["Person"].markings[0].tighten(made.marking).releasable_to == {"vn.police"}


@table(
    ("lines", "advice"),
    [
        ('purposes = ["CURIOSITY"]', "INVESTIGATION"),
        ('offences = ["PARKING"]', "NARC"),
        ("keep_hours = 0", "1 or more"),
        ('keep_hours = "72"', ""),
        ('evaluation = "Z9"', "such as `B2`"),
        ("delete_after_use = 1", ""),
    ],
)
def test_a_part_of_a_marking_that_is_none_is_named_with_its_line(lines: str, advice: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        marked(lines)
    assert caught.value.where.startswith("small.toml:")
    assert advice in caught.value.remedy


@table(
    ("new", "message"),
    [
        ('convert = "date"', "`date` needs `formats`"),
        ('convert = "date", formats = ["dd/mm/yyyy"], era = "XX"', "`era` cannot be `XX`"),
        ('convert = "date", formats = 7', "`formats` must be a list of texts"),
        ('convert = "date", formats = ["dd/mm/yyyy"], pivot = "x"', "`pivot` must be a number"),
        ('convert = "date", formats = []', "no date format"),
        ('convert = "thai-date", formats = ["dd/mm/yyyy"]', "unknown key `formats`"),
        ('convert = "moment-date"', "`moment-date` needs `offset`"),
        ('convert = "recode", charset = "klingon"', "`charset` cannot be `klingon`"),
        ('convert = "thai-date", unreadable = "row"', "`unreadable` is `record` or `field`"),
        ('convert = "name"', "`birth` cannot be an object with text, script"),
        ('convert = "thai-date", otherwise = "unknown"', "`birth` cannot be `unknown`"),
    ],
)
def test_options_are_checked_when_the_mapping_is_read(new: str, message: str) -> None:
    error = refusal('convert = "thai-date"', new)
    assert message in error.message
    assert error.where == f"small.toml:{line_of('birth = {')}"


def test_codes_and_constants_must_be_of_the_fields_list() -> None:
    assert "`sex` cannot be `W`" in refusal('2 = "F"', '2 = "W"').message
    assert "`status` cannot be `GONE`" in refusal('{ column = "state.word" }', '{ value = "GONE" }').message
    member = 'issuer = { column = "issuer", convert = "name" }'
    assert "texts and numbers only" in refusal('issuer = { column = "issuer" }', member).message


def test_an_unknown_character_set_is_refused_and_old_ones_are_known() -> None:
    assert "unknown encoding" in refusal('kind = "police records"', 'kind = "x"\nencoding = "klingon"').message
    for name in ("tis-620", "VISCII", "tcvn3", "vni", "cp1258", "gbk", "big5"):
        text = MAPPING.replace('kind = "police records"', f'kind = "x"\nencoding = "{name}"\nrepair = true')
        assert read_mapping("small.toml", text.encode()).repair
