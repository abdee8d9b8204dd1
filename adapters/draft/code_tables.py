"""The tables of codes in a draft: each code that was seen, with its count and its likely meaning."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from adapters.database_tables import Column
from adapters.draft.guess_column import look_at

_MAX_CODES = 30
_ENOUGH = 50
"""The number of rows from which a value that was seen once is not a code."""


def quoted(text: str) -> str:
    """Return a TOML basic string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def ref(column: str, join: str = "") -> str:
    """Return a column as a value names it, after `join` (`papers.`): a name with a dot in it stands in quotes."""
    return quoted(join + (f'"{column}"' if "." in column else column))


def bare(name: str) -> str:
    """Return a name for a comment: one line, only visible characters."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in name).split())


@cache
def _usual() -> dict[tuple[str, str], str]:
    content = files("adapters").joinpath("data/code_words.tsv").read_text(encoding="utf-8")
    rows = (row.split("\t") for row in content.splitlines() if row and not row.startswith("#"))
    return {(meaning, code): value for meaning, code, value in rows}


def usual_meanings(meaning: str) -> dict[str, str]:
    """Return what the codes of a column with `meaning` usually stand for, by the code in small letters."""
    return {code: value for (said, code), value in _usual().items() if said == meaning}


class CodeTables:
    """Collects the tables in which the fields of a draft are looked up."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._tables: dict[str, list[str]] = {}
        self._used: dict[tuple[str, str, str], str] = {}

    def add(self, table: str, column: Column, meaning: str) -> str:
        """Return the name of the table of codes for a column that has `meaning`; empty when it holds no codes."""
        place = (table, column.name, meaning)
        if place in self._used:
            return self._used[place]
        counts = look_at(column, self._encoding).counts
        once = sum(count == 1 for count in counts.values()) if sum(counts.values()) >= _ENOUGH else 0
        if not counts or len(counts) - once > _MAX_CODES or len(counts) == once:
            return ""
        name = self._name(column.name)
        lines = [f"[codes.{quoted(name)}]  # TODO are these its codes? `{bare(column.name)}` in `{bare(table)}`"]
        for code, count in sorted(counts.items()):
            if once and count == 1:
                continue
            value = _usual().get((meaning, code.casefold()))
            note = f"{count} rows" + (
                "; TODO supposed" if value else f"; TODO the {meaning.replace('_', ' ')} that it means"
            )
            lines.append(f"{quoted(code)} = {quoted(value or '')}  # {note}")
        if once:
            lines.append(f'# TODO {once} other values were seen once each; if they are no codes: "*" = ""')
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
