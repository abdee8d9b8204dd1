"""Texts of officers are made safe for the programs that show them."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from bridges.wording import cell, flat
from tests.support.tables import table

KEPT = [
    "ขนยาเสพติดทางน้ำ",
    "ການລັກລອບ",
    "ការរត់ពន្ធ\u200b",
    "မူးယစ်ဆေးဝါး",
    "ma tuý đá",
    "走私毒品",
    "price: <500 USD & up [per kg]",
]


@table("text", KEPT)
def test_words_of_the_region_are_left_as_they_are(text: str) -> None:
    assert flat(text) == text


@table(
    ("text", "shown"),
    [
        ("![x](https://e.example/p.png)", "![x] (https://e.example/p.png)"),
        ("[a][b]\n[b]: https://e.example", "[a] [b]\n[b] : https://e.example"),
        ("<img src=x onerror=y>", "< img src=x onerror=y>"),
        ("</script><!--", "< /script>< !--"),
        ("abc\u202edef\u2066\x00\x1b[31m", "abcdef[31m"),
    ],
)
def test_markup_and_steering_characters_lose_their_effect(text: str, shown: str) -> None:
    assert flat(text) == shown


@given(st.text())
def test_no_text_keeps_what_a_reader_acts_on(text: str) -> None:
    shown = flat(text)
    assert "](" not in shown
    assert "<a" not in shown.lower()
    assert flat(shown) == shown


@given(st.text(max_size=30) | st.sampled_from(["=1+1", "@SUM(A1)", "\t=1", "＝1", "-2+3", "+cmd", " =1", "\u200b=1"]))
def test_no_cell_is_a_formula_and_each_is_read_back_whole(text: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerow([cell(text), cell("-5"), cell("-5.25")])
    [row] = csv.reader(io.StringIO(file.getvalue()))
    assert row[1:] == ["-5", "-5.25"]
    assert (
        not row[0].lstrip().startswith(("=", "+", "@", "-", "＝", "＋", "－", "＠"))
        or row[0][1:].replace(".", "").isdigit()
    )


@table(
    ("text", "written"),
    [("a; =cmd|x", "a; '=cmd|x"), ("a;\u200b@A1", "a;\u200b'@A1"), ("a\t-1", "a\t'-1"), ("2-3; 4-5", "2-3; 4-5")],
)
def test_n190_no_part_of_a_cell_is_a_formula_where_lists_are_separated_otherwise(text: str, written: str) -> None:
    assert cell(text) == written
