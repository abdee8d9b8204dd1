"""The rows that decided how two names compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from gateway.matching.own_rows.check import own_rows_of
from gateway.matching.report import Comparison, DecidingRow
from gateway.matching.scripts.tables import OwnRows, packaged, use
from gateway.ops.policy.name_matching import compare_names


@pytest.fixture(autouse=True)
def packaged_again() -> Iterator[None]:
    yield
    use(OwnRows())


def compared(first: str, second: str, fathers: Sequence[str] = ()) -> Comparison:
    return compare_names(first, second, (), (), fathers, "usual")


def of(found: Comparison, table: str) -> list[DecidingRow]:
    return [row for row in found.rows if row.table == table]


@pytest.mark.long
def test_a_packaged_row_is_named_with_its_line() -> None:
    found = compared("阮氏梅", "Nguyen Thi Mai")
    rows = {row.row: row for row in of(found, "han_vietnamese")}
    assert {"阮 nguyễn", "氏 thị"} <= rows.keys()
    assert rows["氏 thị"].quality == "none"
    places = {row.where: row.fields for row in packaged("han_vietnamese", 2)}
    assert places[rows["氏 thị"].where] == ("氏", "thị")
    assert not any(row.own for row in found.rows)


@pytest.mark.long
def test_an_own_row_is_named_first_with_file_and_line() -> None:
    use(own_rows_of({"titles": "# ours\nsadet\tM\tword\n"}, "names"))
    found = compared("Sadet Somchai Jaidee", "Somchai Jaidee")
    row = found.rows[0]
    assert (row.table, row.where, row.row, row.own) == ("titles", "names/titles.tsv:2", "sadet M word", True)
    assert row.score < found.score


@pytest.mark.long
def test_looking_for_the_rows_changes_nothing() -> None:
    assert compared("阮氏梅", "Nguyen Thi Mai") == compared("阮氏梅", "Nguyen Thi Mai")
    assert compared("Somchai", "Somchai").rows == ()


@pytest.mark.long
def test_rows_that_touch_neither_name_are_not_named() -> None:
    found = compared("សុខ សុវណ្ណា", "Sok Sovanna")
    assert {row.row for row in found.rows} == {"សុវណ្ណា sovanna"}


@pytest.mark.long
def test_rows_of_several_tables_that_say_the_same_are_named_together() -> None:
    found = compared("ကျော်ဇင်သန့်", "Kyaw Zin Thant")
    assert {"ကျော် kyaw", "ဇင် zin zinn zyn", "သန့် thant than"} == {row.row for row in found.rows}
    assert not any(row.alone for row in found.rows)


@pytest.mark.long
def test_an_own_row_that_changes_only_a_reading_says_so() -> None:
    use(own_rows_of({"han_readings": "王\twong ong heng oung\n", "khmer_words": "សុខ\tsokh\n"}, "names"))
    (row,) = of(compared("សុខ សុវណ្ណ", "សុខ សុវណ្ណ"), "khmer_words")
    assert (row.own, row.decides, row.read) == (True, False, "sok sovann | sok sovann")


@pytest.mark.long
def test_an_own_row_that_takes_one_away_or_replaces_it_is_compared_with_the_packaged_one() -> None:
    before = compared("Saw Thein", "Naw Thein")
    use(own_rows_of({"titles": "saw\t-\t-\n"}, "names"))
    row = compared("Saw Thein", "Naw Thein").rows[0]
    assert (row.where, row.row, row.own, row.score) == ("names/titles.tsv:1", "saw - -", True, before.score)
    use(own_rows_of({"titles": "saw\tF\tsoft\n"}, "names"))
    row = compared("Saw Thein", "Naw Thein").rows[0]
    assert (row.row, row.own, row.score) == ("saw F soft", True, before.score)
