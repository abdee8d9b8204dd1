"""Guess the meaning of each column of a database, by its name, by its values, or by both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from adapters.database_tables import Column, Table
from adapters.draft.guess_column import coded_by, look_at, meaning_of, points_to
from adapters.draft.lookup_tables import Lookups
from adapters.draft.value_forms import looks_like_names, meaning_by_values, refutes

_NAMED = frozenset(("name", "given", "surname", "unmarked_name"))
_ABOUT_PERSONS = frozenset(("birth", "national_id", "sex", "nationality", "document_number"))


class Meanings:
    """The supposed meanings of all columns."""

    def __init__(self, tables: Sequence[Table], encoding: str, lookups: Lookups) -> None:
        self._encoding = encoding
        self._lookups = lookups
        self._tables = tables
        self._found: dict[str, dict[str, str]] = {}
        self._by_values: set[tuple[str, str]] = set()
        for table in tables:
            self._found[table.name] = self._read(table)

    def of(self, table: Table, column: Column) -> str:
        """Return the meaning of a column; empty when nothing speaks for one."""
        return self._found[table.name][column.name]

    def columns(self, table: Table, meaning: str) -> list[Column]:
        """Return the columns of a table that have a meaning."""
        return [column for column in table.columns if self.of(table, column) == meaning]

    def supposed(self, table: Table) -> tuple[str, ...]:
        """Return the names of a table's columns for whose meaning only the values speak."""
        return tuple(column.name for column in table.columns if (table.name, column.name) in self._by_values)

    def _read(self, table: Table) -> dict[str, str]:
        found = {column.name: self._by_name(column) for column in table.columns}
        for column in table.columns:
            if found[column.name]:
                continue
            meaning = self._coded(table, column)
            if not meaning and not self._is_link(table, column):
                meaning = meaning_by_values(look_at(column, self._encoding), column)
            if meaning and meaning not in found.values():
                self._suppose(found, table, column, meaning)
        held = set(found.values())
        if not _NAMED & held and ("birth" in held or len(_ABOUT_PERSONS & held) > 1):
            self._suppose_name(found, table)
        return found

    def _by_name(self, column: Column) -> str:
        meaning = meaning_of(column.name)
        return "" if meaning and refutes(look_at(column, self._encoding), meaning) else meaning

    def _coded(self, table: Table, column: Column) -> str:
        """Return what the table of codes of a column speaks of: sexes or countries; else empty."""
        if column.name in table.key or not look_at(column, self._encoding).is_code:
            return ""
        if meant := self._lookups.of(table.name, column):
            words = zip_longest(*meant.words.values(), fillvalue="")
            named = [Column("word", "", tuple(filter(None, each))) for each in words]
            said = [meaning_by_values(look_at(each, ""), each) for each in named]
            return next((meaning for meaning in said if meaning in ("sex", "nationality")), "")
        target = coded_by(table, column, self._tables)
        codes = next((each for each in self._tables if target and each.name == target[0]), None)
        said = [meaning_by_values(look_at(each, self._encoding), each) for each in (codes.columns if codes else ())]
        return next((meaning for meaning in said if meaning in ("sex", "nationality")), "")

    def _is_link(self, table: Table, column: Column) -> bool:
        return column.name in (*table.key, *table.foreign) or points_to(table, column, self._tables) is not None

    def _suppose(self, found: dict[str, str], table: Table, column: Column, meaning: str) -> None:
        found[column.name] = meaning
        self._by_values.add((table.name, column.name))

    def _suppose_name(self, found: dict[str, str], table: Table) -> None:
        """Take columns of words for names where other columns are about persons: one Latin, one of another script."""
        scripts: set[bool] = set()
        for column in table.columns:
            look = look_at(column, self._encoding)
            is_latin = all(map(str.isascii, list(look.counts)[:5]))
            if not found[column.name] and is_latin not in scripts and looks_like_names(look):
                scripts.add(is_latin)
                self._suppose(found, table, column, "name")
