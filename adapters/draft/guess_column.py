"""Guesses about an undocumented database: the meaning of columns by their names, and the form of their values.

A guess is written into a draft for a person to judge; nothing here decides anything on its own.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from adapters.database_tables import Column, Table
from adapters.values.cells import cleaner
from adapters.values.converters import CONVERTERS
from adapters.values.texts import word_list
from gateway.errors import LiaisonError

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\x00-\x7f]+")
_ACCENTS = re.compile("[\u0300-\u036f]")  # of Latin letters; the marks of other scripts are letters of their own

_JOINT = re.compile(r"(?<=[a-z0-9])_(?=[a-z0-9])")
"""The joint of two words in a pattern: agencies write `ngay_sinh` and `ngaysinh`."""


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    content = files("adapters").joinpath("data/column_words.tsv").read_text(encoding="utf-8")
    rows = (row.split("\t") for row in content.splitlines() if row and not row.startswith("#"))
    return tuple((meaning, re.compile(_JOINT.sub("_?", pattern))) for meaning, pattern in rows)


@cache
def words_of(name: str) -> str:
    """Return the words of a name in small letters with `_` around each: `PersonBirthDate` is `_person_birth_date_`.

    A run of letters beyond ASCII is one word, unchanged.
    """
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", name))
    return "_" + "".join(f"{word.lower()}_" for word in _WORD.findall(bare.replace("đ", "d").replace("Đ", "D")))


@cache
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


def read_dates(look: Look, guess: Guess) -> Iterator[tuple[int, int]]:
    """Yield the Gregorian year of each value that a guess reads, with the count of the value."""
    options = tomllib.loads(f"guess = {{{guess.toml.removeprefix(',')}}}")["guess"]
    convert = CONVERTERS[options.pop("convert")].make(options)
    for value, count in look.counts.items():
        with suppress(LiaisonError):
            if made := convert(value):
                yield int(made["value"][:4]), count


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


def coded_by(table: Table, column: Column, tables: Sequence[Table]) -> tuple[str, str] | None:
    """Return the table of codes and its key that a column leads to: as `points_to`, else by the values alone.

    By the values, the column leads to the one small table whose key has all of them.
    """
    if target := points_to(table, column, tables):
        return target
    mine = {str(value) for value in column.values if value is not None}
    found = [
        (other.name, key.name)
        for other in tables
        if other.name != table.name and (key := _code_key(other)) and _is_coded(mine, other, key)
    ]
    return found[0] if len(mine) > 1 and len(found) == 1 else None


def _is_coded(codes: set[str], table: Table, key: Column) -> bool:
    """Tell whether codes are those of a table; numbers are found in any table, so it must call itself one of codes."""
    held = {str(value) for value in key.values}
    is_said = "codes" in kinds_of(table.name) or not all(map(str.isdecimal, codes))
    return is_said and codes <= held and len(codes) >= _COVERED * len(held)


def _code_key(table: Table) -> Column | None:
    """Return the key of a small table that is read in whole and says what codes mean; None for another table."""
    if not (table.is_whole and 1 < table.rows <= _MAX_CODES and 1 < len(table.columns) <= _MAX_CODE_COLUMNS):
        return None
    key = table.column(table.key[0]) if len(table.key) == 1 else table.columns[0]
    return key if key and len(set(map(str, key.values))) == len(key.values) else None


_MAX_CODES = 300
_COVERED = 0.3
_MAX_CODE_COLUMNS = 6


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
