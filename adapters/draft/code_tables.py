"""The tables of codes in a draft: each code that was seen, with its count and its likely meaning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from adapters.database_tables import Column
from adapters.draft.guess_column import look_at
from adapters.draft.lookup_tables import Lookups
from adapters.draft.written import bare, quoted
from adapters.values.converters import CONVERTERS

_MAX_CODES = 30
_ENOUGH = 50
"""The number of rows from which a value that was seen once is not a code."""


@cache
def _usual() -> dict[tuple[str, str], str]:
    content = files("adapters").joinpath("data/code_words.tsv").read_text(encoding="utf-8")
    rows = (row.split("\t") for row in content.splitlines() if row and not row.startswith("#"))
    return {(meaning, code): value for meaning, code, value in rows}


def usual_meanings(meaning: str) -> dict[str, str]:
    """Return what the codes of a column with `meaning` usually stand for, by the code in small letters."""
    return {code: value for (said, code), value in _usual().items() if said == meaning}


_COUNTRY = CONVERTERS["country"].make({"scheme": "name"})


def _meant(words: Sequence[str], meaning: str, is_free: bool) -> str:
    """Return the value that words of an agency stand for; empty where they do not say it."""
    known = usual_meanings(meaning)
    said = [known[word.casefold()] for word in words if word.casefold() in known]
    if meaning in ("nationality", "issuer"):
        said = [str(country) for word in words if (country := _COUNTRY(word))]
    if is_free and not said:
        return next((word for word in words if word.isascii()), next(iter(words), ""))
    return said[0] if len(set(said)) == 1 else ""


class CodeTables:
    """Collects the tables in which the fields of a draft are looked up."""

    def __init__(self, encoding: str, lookups: Lookups) -> None:
        self._encoding = encoding
        self._lookups = lookups
        self._tables: dict[str, list[str]] = {}
        self._used: dict[tuple[str, str, str], str] = {}

    def add(self, table: str, column: Column, meaning: str, *, is_free: bool = False) -> str:
        """Return the name of the table of codes for a column that has `meaning`; empty when it holds no codes.

        What a shared table of codes says counts more than what such a code usually means; `is_free` says that any
        words are a value.
        """
        place = (table, column.name, meaning)
        if place in self._used:
            return self._used[place]
        counts = look_at(column, self._encoding).counts
        meant = self._lookups.of(table, column)
        once = sum(count == 1 for count in counts.values()) if sum(counts.values()) >= _ENOUGH and not meant else 0
        if not counts or len(counts) - once > _MAX_CODES or len(counts) == once:
            return ""
        name = self._name(column.name)
        said = f"; their words are in `{bare(meant.table)}`, class {bare(meant.group)}" if meant else ""
        lines = [f"[codes.{quoted(name)}]  # TODO are these its codes? `{bare(column.name)}` in `{bare(table)}`{said}"]
        for code in sorted(counts.keys() | (meant.words.keys() if meant else set())):
            if once and counts[code] == 1:
                continue
            words = meant.words.get(code, ()) if meant else ()
            value = _meant(words, meaning, is_free) if meant else _usual().get((meaning, code.casefold()), "")
            told = [f"{counts[code]} rows", *([f"its words: {bare(', '.join(words))}"] if words else [])]
            told.append("TODO supposed" if value else f"TODO the {meaning.replace('_', ' ')} that it means")
            lines.append(f"{quoted(code)} = {quoted(value)}  # {'; '.join(told)}")
        if once:
            lines.append(f'# TODO {once} other values were seen once each; if they are no codes: "*" = ""')
        if meant:
            self._lookups.used.add(meant.table)
        self._tables[name] = lines
        self._used[place] = name
        return name

    def _name(self, column: str) -> str:
        name = column.lower()
        return name if name not in self._tables else f"{name}-{len(self._tables)}"

    def lines(self) -> list[str]:
        """Return the lines of all tables."""
        made: list[str] = []
        for lines in self._tables.values():
            made += ["", *lines]
        if made:
            made.insert(1, '# Codes with their meaning; "" means that nothing is said, "*" would be every other code.')
        return made
