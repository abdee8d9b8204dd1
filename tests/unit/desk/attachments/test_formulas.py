"""Tables: what a spreadsheet would carry out is a text in the copy, wherever a cell begins, and all else stays."""

from __future__ import annotations

import csv
import io
import re
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.desk.attachments.formulas import has_formulas, neutral_name, neutral_parts, original_hash
from gateway.desk.attachments.kinds import checked_type
from gateway.errors import Malformed
from gateway.model.desk.attachments import CHUNK, MAX_NAME, MediaType
from gateway.ports.files.held import ByteReader
from tests.support.growth import cost_in_turns
from tests.support.tables import table

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
IS_NUMBER = re.compile(
    r"""(?x) (?: [+-] [0-9] [0-9.]* [ "\ufeff\u3000]* ( $ | [,;\t] ) | -{1,3} [ "\ufeff\u3000\t]* ( $ | [,;] ) )
    (?! [ "\ufeff\u3000\t]* ( [0-9.]* [ "\ufeff\u3000]* [*&|=@] | [0-9.]+ [ "\ufeff\u3000]* [+-] ) ) [^\n]*"""
)
"""A number to the end of its cell, or to what may be another separator, behind which nothing goes on."""


def reader(data: bytes) -> ByteReader:
    return lambda offset, count: data[offset : offset + count]


def neutral(text: str) -> str:
    """The copy of a table."""
    data = text.encode()
    made = b"".join(neutral_parts(reader(data), len(data)))
    assert has_formulas(reader(data), len(data)) == (made != data)
    return made.decode()


@table(
    ("text", "copy"),
    [
        ("=1+1,a\n", "'=1+1,a\n"),
        ("a,=cmd|' /C calc'!A0\n", "a,'=cmd|' /C calc'!A0\n"),
        ("a;=1\tb\t=2|=3", "a;'=1\tb\t'=2|'=3"),
        ("-1|x", "'-1|x"),
        ("a\r=1\n\n=2\x0b=3\u2028=4", "a\r'=1\n\n'=2\x0b'=3\u2028'=4"),
        ('a,"=1"," =2",""=3', 'a,"\'=1"," \'=2",""\'=3'),
        ("\ufeff=1", "\ufeff'=1"),
        (" \u00a0\u200b\u3000\ufeff=1", " \u00a0\u200b\u3000\ufeff'=1"),
        ("\uff1d1,\uff0b1,\uff0da,\uff20a", "'\uff1d1,'\uff0b1,'\uff0da,'\uff20a"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3,+1-1,-a,+cmd,--1", "'-2+3,'+1-1,'-a,'+cmd,'--1"),
        ("-1 +cmd", "'-1 +cmd"),
        ('"-1\n*cmd|x"\n"+1\n&HYPERLINK(1)"', '"\'-1\n*cmd|x"\n"\'+1\n&HYPERLINK(1)"'),
        ("a;-1,5+cmd|x;b", "a;'-1,5+cmd|x;b"),
        ("a,-1\t*cmd|x,-1\t\t*cmd", "a,'-1\t*cmd|x,'-1\t\t*cmd"),
        ('a,-1,"*cmd"', 'a,\'-1,"*cmd"'),
        ("a;-1,5e2*cmd|x;-1,%*cmd", "a;'-1,5e2*cmd|x;'-1,%*cmd"),
        (f"a;-1,{'1-' * 300}cmd", f"a;'-1,{'1-' * 300}cmd"),
        ("a,-\tcmd|x,-\t+x'!A1", "a,'-\tcmd|x,'-\t'+x'!A1"),
        ('"-"\tcmd|x', '"\'-"\tcmd|x'),
        ('"-1""\n*cmd"', '"\'-1""\n*cmd"'),
        ("sep=a\nxa=1", "'sep=a\nxa=1"),
        ('"SEP=a"\nxa=1', '"\'SEP=a"\nxa=1'),
    ],
)
def test_n273_a_cell_that_is_a_formula_becomes_a_text(text: str, copy: str) -> None:
    assert neutral(text) == copy
    assert neutral(copy) == copy


@table(
    "text",
    [
        "plate,date\n29A-1,2026-12-02\n",
        "-5,+66812345678,-1.5e-3%,-1.000,5\n-\n--, - \n",
        '"-1","-1,5",-50.00,2026-12-02\n-5,12:30\n-5,5 trucks;-5;29A\n"-";"+1"\n-5\t10%\t-6\n-5,(a)\n',
        "'=1",
        "a=b,c@d.e,1+1",
        "a,sep=b",
    ],
)
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text


@pytest.mark.parametrize("tail", ["=1", " =1", "-1 +cmd", "\uff1d1", '"=1"', "+1+1", '"-1\n*c"', "-1,5*c", "-1\t\t*c"])
def test_a_cell_that_lies_across_two_parts_is_a_formula_too(tail: str) -> None:
    for place in range(CHUNK - 12, CHUNK + 2):
        text = "a" * (place - 1) + "," + tail
        assert neutral(text) == "a" * (place - 1) + "," + neutral(tail)
    blanks = " " * (CHUNK + 9)
    assert neutral(f"{blanks}=1") == f"{blanks}'=1"
    assert neutral(f"-1{blanks}+cmd")[:2] == "'-"
    assert neutral(f'"{blanks}-1\n*cmd"') == f'"{blanks}\'-1\n*cmd"'
    assert neutral(f'a"{blanks},{blanks}-1') == f'a"{blanks},{blanks}-1'


@given(st.text(alphabet=f"a1 .,;\t\n'\"*&|{SIGNS}\ufeff\u3000", max_size=60))
def test_no_cell_of_a_copy_begins_with_a_sign_and_a_copy_of_it_is_the_same(text: str) -> None:
    copy = neutral(text)
    assert neutral(copy) == copy
    left = iter(text)
    rest = next(left, "")
    for letter in copy:  # nothing but apostrophes was added
        if letter == rest:
            rest = next(left, "")
        else:
            assert letter == "'"
    assert not rest
    for separator in (",", ";", "\t"):
        for row in csv.reader(io.StringIO(copy, newline=""), delimiter=separator):
            for cell in row:
                seen = cell.lstrip(' "\ufeff\u3000')
                assert seen[:1] not in SIGNS or not seen or IS_NUMBER.fullmatch(seen)


@table(
    ("data", "refusal"),
    [
        ("=1".encode("utf-16"), "bad-text-file"),
        ("=1,a".encode("utf-16-le"), "bad-file"),
        ("\ufeff=1".encode("utf-32"), "bad-text-file"),
        ("=caf\u00e9".encode("latin-1"), "bad-text-file"),
        (b"a,b\n" * CHUNK + b"<script>alert(1)</script>\n", "polyglot"),
        (b"a,<IFRAME src=x>\n", "polyglot"),
        (b"a,b\n<!-- <table>", "polyglot"),
        (b"a" * (CHUNK - 4) + b"<script>", "polyglot"),
    ],
    ids=str,
)
def test_n273_a_table_in_another_encoding_or_that_turns_into_a_page_is_refused(data: bytes, refusal: str) -> None:
    with pytest.raises(Malformed) as refused:
        checked_type(reader(data), len(data), "a.csv")
    assert refused.value.code == refusal


def test_a_text_in_utf_7_runs_nothing() -> None:
    data = b"+AD0-cmd,+/v8-\n"
    assert checked_type(reader(data), len(data), "a.csv") is MediaType.CSV
    assert neutral(data.decode()) == "'+AD0-cmd,'+/v8-\n"


def test_the_name_of_a_copy_says_so_and_its_original_has_a_hash() -> None:
    assert neutral_name("list.csv") == "list.neutral.csv"
    assert neutral_name("list.neutral.csv") == "list.neutral.csv"
    assert len(neutral_name("ก" * (MAX_NAME - 4) + ".CSV")) == MAX_NAME
    assert original_hash(reader(b"abc"), 3).hex().startswith("ba7816bf")


@pytest.mark.long
@pytest.mark.parametrize(
    "shape",
    [
        lambda size: "=" * size,
        lambda size: ",=" * (size // 2),
        lambda size: " " * size,
        lambda size: ", " * (size // 2),
        lambda size: "-1" + " " * size,
        lambda size: "-1.1.1" * (size // 6),
        lambda size: ",-1" * (size // 3) + "x",
    ],
)
def test_making_a_copy_takes_linear_time(shape: Callable[[int], str]) -> None:
    text, part = shape(1 << 21), shape(1 << 20)
    whole, half = cost_in_turns(
        lambda: neutral(text), lambda: neutral(part), lambda whole, half: whole <= 0.02 + 3 * half
    )
    assert whole <= 0.02 + 3 * half


def test_a_large_table_is_never_whole_in_memory() -> None:
    data = b" " * (32 * CHUNK) + b"=1"
    tracemalloc.start()
    try:
        assert sum(map(len, neutral_parts(reader(data), len(data)))) == len(data) + 1
        assert tracemalloc.get_traced_memory()[1] < 16 * CHUNK
    finally:
        tracemalloc.stop()
