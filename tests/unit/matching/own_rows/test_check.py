"""A country's own rows: what they change, and which are refused, with file and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources

import pytest

from gateway.errors import Misconfigured
from gateway.matching.keys import name_keys, query_keys
from gateway.matching.normal import normal_name
from gateway.matching.own_rows.check import own_rows_of
from gateway.matching.own_rows.shapes import TABLES
from gateway.matching.scripts.tables import OwnRows, packaged, use
from tests.support.tables import table

_TWO_CHARACTERS = (("乾安", "荣业"), ("柞水", "乾佑"))
"""Rows with a character that stays as it is in some names (乾) and is simplified in others."""


@pytest.fixture(autouse=True)
def packaged_again() -> Iterator[None]:
    yield
    use(OwnRows())


def let_count(**texts: str) -> None:
    use(own_rows_of(texts, "names"))


def words(name: str) -> tuple[str, ...]:
    return normal_name(name).forms[0].words


@pytest.mark.long
@table("table", sorted(TABLES))
def test_each_packaged_row_has_the_shape_of_its_table_and_a_key_of_its_own(table: str) -> None:
    shape = TABLES[table]
    rows = packaged(table, len(shape.columns))
    assert len({row.fields[: shape.keys] for row in rows}) == len(rows)


@pytest.mark.long
@table(
    "table",
    [
        name
        for name in sorted(TABLES)
        if name not in ("arabic_variants", "khmer_spellings", "latin_sounds", "burmese_onsets", "burmese_rhymes")
    ],
)
def test_packaged_rows_would_be_taken_as_own_rows(table: str) -> None:
    shape = TABLES[table]
    rows = [row.fields for row in packaged(table, len(shape.columns)) if row.fields not in _TWO_CHARACTERS]
    lines = ["\t".join(part or "-" for part in fields) for fields in rows]
    for start in range(0, len(lines), 1_500):
        own_rows_of({table: "\n".join(lines[start : start + 1_500])}, "names")


@pytest.mark.parametrize(
    ("table", "row", "name", "before", "after"),
    [
        ("titles", "sadet\tM\tword", "Sadet Somchai Jaidee", ("sadet", "somchai", "jaidee"), ("somchai", "jaidee")),
        ("placeholders", "nemo\tnone", "Nemo Somchai", ("nemo", "somchai"), ("somchai",)),
        ("khmer_words", "សុខ\tsokha", "សុខ", ("sok",), ("sokha",)),
        ("thai_words", "สมชาย\tสมฉาย", "สมชาย", ("somchai",), ("somchai",)),
        ("burmese_words", "လွင်\tlwyn", "လွင်", ("lwin",), ("lwyn",)),
        ("han_surnames", "王\twong", "王伟", ("wang", "wei"), ("wong", "wei")),
        ("latin_sounds", "^zz\ts", "Zzomchai", ("zzomchai",), ("zzomchai",)),
        ("letters_arab", "محمد\tmehmood\t0", "محمد", None, ("mehmood",)),
        ("endings", "zad\tson", "Najib Zad", ("najib", "zad"), ("najibzad",)),
        ("place_kinds", "kwartir\tbefore\tsure\tquarter", "Kwartir Tabone", None, None),
    ],
)
def test_an_own_row_counts_at_once_and_only_while_it_is_used(
    table: str, row: str, name: str, before: tuple[str, ...] | None, after: tuple[str, ...] | None
) -> None:
    packaged_forms = normal_name(name).forms
    if before is not None:
        assert words(name) == before
    let_count(**{table: row})
    if after is not None:
        assert words(name) == after
    if before != after or before is None:
        assert normal_name(name).forms != packaged_forms
    use(OwnRows())
    assert normal_name(name).forms == packaged_forms


def test_an_own_row_makes_the_keys_of_row_and_question_meet() -> None:
    held, asked = "李伟", "Qwok Wei"
    assert not name_keys(held) & query_keys(asked)
    let_count(han_readings="李\tqwok lee li")
    assert name_keys(held) & query_keys(asked)


def test_an_own_row_replaces_the_packaged_row_of_its_key_and_takes_one_away() -> None:
    assert normal_name("Mr Somchai Jaidee").sex == "M"
    let_count(titles="mr\tF\tword\n")
    assert normal_name("Mr Somchai Jaidee").sex == "F"
    let_count(titles="mr\t-\t-\n")
    assert words("Mr Somchai Jaidee") == ("mr", "somchai", "jaidee")


@pytest.mark.parametrize(
    ("table", "text", "line", "said"),
    [
        ("titles", "# ours\nsadet\tM\n", 2, "2 fields instead of 3"),
        ("titles", "sadet\tMale\tword\n", 1, "field 2, `Male`, is not M, F or -"),
        ("titles", "Sadet.\tM\tword\n", 1, "in the form `sadet`"),
        ("titles", "sadet\t-\t-\n", 1, "there is none"),
        ("titles", "sadet\tM\tword\n\nsadet\tF\tword\n", 3, "contradicts that at names/titles.tsv:1 about `sadet`"),
        ("common_words", "tran\t1.5\n", 1, "a weight from 0 to 1"),
        ("letters_arab", "م\tm\tcheap\n", 1, "a cost from 0 to 999"),
        ("letters_arab", "م\tm\t1\nم\tm\t2\n", 2, "contradicts"),
        ("burmese_words", "်\tx\n", 1, "whole Burmese syllables"),
        ("han_readings", "王李\twong\n", 1, "one Chinese character"),
        ("han_readings", "張\tcheung\n", 1, "in the form `张`"),
        ("latin_sounds", "(a+)+$\tb\n", 1, "letters a to z"),
        ("place_kinds", "kota\tin front\tsure\ttown\n", 1, "before, joined"),
        ("placeholders", "x" * 65 + "\tlong\n", 1, "at most 64 signs"),
        ("latin_sounds", "".join(f"w{'a' * n}\ta\n" for n in range(60)) * 4, 201, "more than 200 rows"),
        ("placeholders", "".join(f"w{n}\tx\n" for n in range(2_001)), 2_001, "more than 2000 rows"),
        ("latin_sound", "a\tb\n", 0, "latin_sounds.tsv"),
        ("zawgyi", "a\tb\n", 0, "the packaged table `zawgyi` cannot be extended"),
        ("thresholds", "a\tb\n", 0, "`thresholds`"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_file_and_line(table: str, text: str, line: int, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        own_rows_of({table: text}, "names")
    error = caught.value
    assert error.where == (f"names/{table}.tsv:{line}" if line else f"names/{table}.tsv")
    assert said in f"{error.message} {error.remedy}"
    assert error.remedy


def test_a_table_that_cannot_be_extended_is_refused_with_all_that_can() -> None:
    kinds = {file.name.removesuffix(".tsv") for file in resources.files("gateway.matching").joinpath("data").iterdir()}
    fixed = sorted(kinds - TABLES.keys() - {"README.md"})
    assert fixed
    for name in fixed:
        with pytest.raises(Misconfigured, match="cannot be extended") as caught:
            own_rows_of({name: "a\tb\n"}, "names")
        assert all(f"{table}.tsv" in caught.value.remedy for table in TABLES), name


def test_a_key_is_written_as_a_keyboard_writes_it() -> None:
    """A name has U+0E33 as two signs, and a keyboard writes one."""
    let_count(titles="กำนัน\tM\tword\n", placeholders="ไม่จำ\tforgotten\n")
    assert normal_name("กำนัน สมชาย ใจดี").sex == "M"
    assert words("ไม่จำ สมชาย") == ("somchai",)


def test_the_same_row_twice_is_one_row() -> None:
    assert len(own_rows_of({"titles": "sadet\tM\tword\nsadet\tM\tword\n"}, "names").rows["titles"]) == 1


def test_the_digest_is_of_the_texts_and_empty_without_any() -> None:
    texts: list[Mapping[str, str]] = [{}, {"titles": "sadet\tM\tword"}, {"titles": "sadet\tF\tword"}]
    digests = [own_rows_of(each, "names").digest for each in texts]
    assert digests[0] == ""
    assert len(set(digests)) == 3
