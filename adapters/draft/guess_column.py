"""Guesses about an undocumented database: the meaning of columns by their names, and the form of their values.

A guess is written into a draft for a person to judge; nothing here decides anything on its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from adapters.database_tables import Column, Table
from adapters.values.cells import cleaner
from adapters.values.charsets import decoder
from adapters.values.converters import CONVERTERS
from adapters.values.texts import word_list
from gateway.errors import LiaisonError

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\x00-\x7f]+")
_ACCENTS = re.compile("[\u0300-\u036f]")  # of Latin letters; the marks of other scripts are letters of their own
_ENCODINGS = (
    ("tis-620", "THAI"),
    ("viscii", "LATIN"),
    ("tcvn3", "LATIN"),
    ("gbk", "CJK"),
    ("big5", "CJK"),
    ("cp1252", "LATIN"),
)


# Marks on nothing, vowels before nothing, figures within words: bytes of another set that were read as Thai.
_UNTHAI = re.compile(
    "(?:^|[^\u0e01-\u0e2e\u0e31\u0e34-\u0e3a\u0e47-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]"
    "|[\u0e40-\u0e44](?![\u0e01-\u0e2e])|[\u0e01-\u0e3a][\u0e50-\u0e5b]"
)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    content = files("adapters").joinpath("data/column_words.tsv").read_text(encoding="utf-8")
    rows = (row.split("\t") for row in content.splitlines() if row and not row.startswith("#"))
    return tuple((meaning, re.compile(pattern)) for meaning, pattern in rows)


def words_of(name: str) -> str:
    """Return the words of a name in small letters with `_` around each: `PersonBirthDate` is `_person_birth_date_`.

    A run of letters beyond ASCII is one word, unchanged.
    """
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", name))
    return "_" + "".join(f"{word.lower()}_" for word in _WORD.findall(bare.replace("đ", "d").replace("Đ", "D")))


def meaning_of(column: str) -> str:
    """Return the meaning of a column, by its name; empty when no pattern fits."""
    words = words_of(column)
    return next((meaning for meaning, pattern in _patterns() if _is_column(meaning) and pattern.search(words)), "")


def kinds_of(table: str) -> frozenset[str]:
    """Return the subjects of a table, by its name: `person`, `document`, `vehicle`, `codes` ..."""
    words = words_of(table)
    return frozenset(
        meaning.removeprefix("table_")
        for meaning, pattern in _patterns()
        if not _is_column(meaning) and pattern.search(words)
    )


def _is_column(meaning: str) -> bool:
    return not meaning.startswith("table_")


# ---------------------------------------------------- values


def guess_encoding(tables: Iterable[Table]) -> str:
    """Return the character set of the bytes in all tables; empty if every byte is UTF-8 or there are none."""
    odd = {
        value
        for table in tables
        for column in table.columns
        for value in column.values
        if isinstance(value, bytes) and not _is_utf8(value)
    }
    best, most = "", 0.0
    for name, script in _ENCODINGS if odd else ():
        decode = decoder(name)
        share = sum(_is_like(decode, raw, script) for raw in odd) / len(odd)
        if share > most:
            best, most = name, share
    return best


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_like(decode: Any, raw: bytes, script: str) -> bool:
    try:
        text = decode(raw)
    except UnicodeError:
        return False
    return is_like(text, script)


def is_like(text: str, script: str) -> bool:
    """Tell whether a text's letters beyond ASCII have names that begin with `script`, and look like real text."""
    if script == "THAI" and _UNTHAI.search(text):
        return False
    letters = [mark for mark in text if ord(mark) > 0x7F and not mark.isspace()]
    if script == "LATIN" and sum(map(str.isalpha, text)) < 2 * len(letters):
        return False  # words in Latin letters are not mostly of letters with marks
    return bool(letters) and all(unicodedata.name(mark, "").startswith(script) for mark in letters)


@dataclass(frozen=True, slots=True)
class Look:
    """The cleaned values of a column, their counts, and the counts of values that mean "unknown"."""

    values: tuple[Any, ...]
    counts: Counter[str]
    junk: Counter[str]

    @property
    def is_code(self) -> bool:
        """True for few short values that repeat."""
        few = len(self.counts) <= 20 and all(len(value) <= 12 for value in self.counts)
        return bool(self.counts) and few and sum(self.counts.values()) >= 2 * len(self.counts)

    def matches(self, pattern: str, share: float = 0.9) -> bool:
        """Tell whether at least a share of the values matches a pattern."""
        fitting = sum(count for value, count in self.counts.items() if re.fullmatch(pattern, value))
        return bool(self.counts) and fitting >= share * sum(self.counts.values())


def look_at(column: Column | None, encoding: str) -> Look:
    """Return the values of `column`, decoded; values that cannot be decoded are left out."""
    clean = cleaner(encoding or "utf-8", frozenset())
    known = {**word_list("junk-signs"), **word_list("junk-words")}
    found: list[Any] = []
    junk: Counter[str] = Counter()
    for raw in column.values if column else ():
        try:
            value = clean(raw)
        except LiaisonError:
            continue
        if value is None:
            continue
        text = str(value)
        if text.casefold() in known or re.fullmatch(r"0{5,}", text):
            junk[text] += 1
        else:
            found.append(value)
    return Look(tuple(found), Counter(map(str, found)), junk)


# ---------------------------------------------------- dates

_SIGNS = "/-."
_ORDERS = ("dd{0}mm{0}yyyy", "yyyy{0}mm{0}dd", "dd{0}mm{0}yy", "dd{0}mon{0}yyyy", "dd{0}mon{0}yy", "mm{0}dd{0}yyyy")
_FORMATS = ("yyyymmdd", *(order.format(sign) for order, sign in product(_ORDERS, _SIGNS)), "yyyy", "dd mon yyyy")
_BUDDHIST = range(2400, 2620)
_ENOUGH = 0.97


@dataclass(frozen=True, slots=True)
class Guess:
    """TOML for the end of a part, such as `, convert = "date", formats = [...]`, and why."""

    toml: str
    why: str
    is_sure: bool = True


def guess_date(look: Look, column: Column) -> Guess:
    """Return the converter that reads the values of a column with dates."""
    if not look.values:
        return Guess(', convert = "date", formats = ["yyyy-mm-dd"]', "TODO no value was seen: which format?", False)
    if any(isinstance(value, date | datetime) for value in column.values) and look.matches(r"\d{4}-\d\d-\d\d.*"):
        return Guess(', convert = "date", formats = ["yyyy-mm-dd"]', f"a column of type {column.type}")
    if look.matches(r"-?\d{9,10}"):
        return Guess(', convert = "epoch-date"', "seconds since 1970; TODO `offset` if clocks are not in UTC", False)
    if look.matches(r"-?\d{12,13}"):
        return Guess(', convert = "epoch-date", unit = "ms"', "milliseconds since 1970; TODO `offset`", False)
    if look.matches(r"[1-6]\d{4}(?:\.\d+)?"):
        return Guess(', convert = "excel-date"', "supposed: days of a spreadsheet", False)
    years = [int(year) for value in look.counts for year in re.findall(r"(?<!\d)(\d{4})(?!\d)", value)]
    if years and sum(year in _BUDDHIST for year in years) > len(years) / 2:
        return _buddhist(look)
    return _formats(look)


def _buddhist(look: Look) -> Guess:
    share = _share(look, CONVERTERS["thai-date"].make({}))
    return Guess(
        ', convert = "thai-date"', f"years of the Buddhist era; reads {share:.0%} of the values", share > _ENOUGH
    )


def _formats(look: Look) -> Guess:
    """Return the fewest formats that read nearly everything; day before month if both fit."""
    left = Counter(look.counts)
    total = sum(left.values())
    chosen: list[str] = []
    while left and len(chosen) < 5:
        best = max(_FORMATS, key=lambda name: sum(left[value] for value in _read_by(name, left)))
        read = _read_by(best, left)
        if not read or sum(left[value] for value in read) < 0.005 * total:
            break
        chosen.append(best)
        for value in read:
            del left[value]
    listed = ", ".join(f'"{name}"' for name in chosen or ["yyyy-mm-dd"])
    share = 1 - sum(left.values()) / total
    short = any("yy" in name and "yyyy" not in name for name in chosen)
    why = f"reads {share:.0%} of the values" + ("; TODO years of two digits: is `pivot` 69 right?" if short else "")
    return Guess(f', convert = "date", formats = [{listed}]', why, share > _ENOUGH and not short)


def _read_by(name: str, values: Iterable[str]) -> list[str]:
    convert = CONVERTERS["date"].make({"formats": [name]})
    return [value for value in values if _reads(convert, value)]


def _reads(convert: Any, value: Any) -> bool:
    try:
        convert(value)
    except LiaisonError:
        return False
    return True


def _share(look: Look, convert: Any) -> float:
    total = sum(look.counts.values())
    return sum(count for value, count in look.counts.items() if _reads(convert, value)) / total


# ---------------------------------------------------- links between tables


def points_to(table: Table, column: Column, tables: Sequence[Table]) -> tuple[str, str] | None:
    """Return the table and column that a column leads to: by a foreign key, else by names and values."""
    if column.name in table.foreign:
        return table.foreign[column.name]
    for other in tables:
        key = other.key[0] if len(other.key) == 1 else (other.columns[0].name if other.columns else "")
        if other.name == table.name or not key or (table.key[:1] == (column.name,) and len(table.key) == 1):
            continue
        if _is_named_after(column.name, other.name, key) and _overlaps(column, other.column(key), other.is_whole):
            return other.name, key
    return None


def _is_named_after(column: str, table: str, key: str) -> bool:
    mine, theirs = words_of(column), words_of(key)
    if mine == theirs:
        return mine not in ("_id_", "_ma_", "_code_", "_uid_", "_no_")
    bare = words_of(table)[1:].removeprefix("dm_").removeprefix("tb_").removeprefix("ct_").removeprefix("ref_")
    if mine in (f"_{bare}{theirs[1:]}", f"{theirs}{bare}", f"_{bare}id_", f"_{bare.rstrip('s_')}_id_"):
        return True
    return theirs.count("_") > 2 and mine.endswith(theirs)


def _overlaps(column: Column, key: Column | None, is_whole: bool) -> bool:
    if key is None:
        return False
    mine = {str(value) for value in column.values if value is not None}
    theirs = {str(value) for value in key.values}
    return not mine or not is_whole or len(mine & theirs) >= 0.8 * len(mine)
