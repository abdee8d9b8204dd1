"""Find tables that hold one attribute a row (`7, "DOB", "1980-01-02"`): what each attribute means, and a view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.database_tables import Column, Table
from adapters.draft.guess_column import look_at, meaning_of, points_to
from adapters.draft.written import bare

_LEAST = 2
_MOST = 60
_ATTRIBUTES = frozenset((
    "name", "given", "surname", "alias", "birth", "birth_place", "sex", "nationality", "national_id", "address",
    "phone", "document_number", "father_name", "mother_name", "issued", "expires",
))  # fmt: skip
"""Meanings that a key may have; the states of a history are no attributes."""


@dataclass(frozen=True, slots=True)
class KeyValues:
    """A table of attributes: `owner` says whose, `key` which one, `value` what. `meant`: attributes by meaning."""

    table: Table
    owner: Column
    key: Column
    value: Column
    meant: dict[str, str]
    encoding: str = ""

    def cells(self, attribute: str) -> Column:
        """Return the values of one attribute as a column."""
        rows = zip(self.key.values, self.value.values, strict=True)
        found = tuple(value for key, value in rows if self._text(key) == attribute)
        return Column(self.value.name, self.value.type, found)

    def view(self) -> Iterator[str]:
        """Yield the comment lines of a view that makes a column of each attribute."""
        yield f"# TODO `{bare(self.table.name)}` holds one attribute a row. A view makes columns of them; map the view:"
        yield f"#     CREATE VIEW {_sql(self.table.name + '_wide')} AS SELECT {_sql(self.owner.name)},"
        for named, attribute in {self._text(key): key for key in self.key.values}.items():
            cell = f"CASE WHEN {_sql(self.key.name)} = {_literal(attribute)} THEN {_sql(self.value.name)} END"
            yield f"#       MAX({cell}) AS {_sql(named)},"
        yield f"#       COUNT(*) AS attributes FROM {_sql(self.table.name)} GROUP BY {_sql(self.owner.name)};"

    def _text(self, key: object) -> str:
        return next(iter(look_at(Column("", "", (key,)), self.encoding).counts), "")


def _literal(value: object) -> str:
    """Return SQL that equals a stored value: bytes of an old character set are no text to the database."""
    return f"X'{value.hex()}'" if isinstance(value, bytes) else "'" + bare(str(value)).replace("'", "''") + "'"


def _sql(name: str) -> str:
    return '"' + bare(name).replace('"', '""') + '"'


def key_values_of(table: Table, encoding: str) -> KeyValues | None:
    """Return a table as one of attributes; None unless at least two of its keys are words with a meaning."""
    for key in table.columns:
        look = look_at(key, encoding)
        meant: dict[str, str] = {}
        if len(look.values) != len(key.values) or not _LEAST <= len(look.counts) <= _MOST:
            continue
        for attribute in look.counts:
            if (meaning := meaning_of(attribute)) in _ATTRIBUTES:
                meant.setdefault(meaning, attribute)
        place = table.columns.index(key)
        after, before = table.columns[place + 1 :], table.columns[:place]
        if len(meant) >= _LEAST and 2 * len(meant) >= len(look.counts) and after and before:
            value = max(after, key=lambda column: len(look_at(column, encoding).counts))
            owner = next((each for each in before if table.key[:1] == (each.name,) and len(table.key) > 1), None)
            return KeyValues(
                table, owner or next(iter(_linking(table, before)), before[-1]), key, value, meant, encoding
            )
    return None


def _linking(table: Table, columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if column.name in table.foreign]


def key_values_for(table: Table, tables: Sequence[Table], encoding: str) -> tuple[KeyValues, str] | None:
    """Return the table of attributes whose rows belong to those of `table`, and the column that they point to."""
    for other in tables:
        if other.name == table.name or (found := key_values_of(other, encoding)) is None:
            continue
        target = points_to(other, found.owner, tables)
        if target and target[0] == table.name:
            return found, target[1]
    return None
