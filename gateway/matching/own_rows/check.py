"""From the texts of a country's own tables to its rows: each row is checked, and a wrong one is refused by its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.errors import Misconfigured
from gateway.matching.own_rows.shapes import TABLES, Shape
from gateway.matching.scripts.tables import OwnRows, Row, is_packaged, packaged, parse

MOST_BYTES = 262_144
"""The most bytes of one file."""

_LONGEST = 64
"""The most letters of a field: no name has a longer word."""


def own_rows_of(texts: Mapping[str, str], folder: str) -> OwnRows:
    """Return a country's own rows; `texts` are the files of `folder` by the name of their table.

    Raises `Misconfigured` with file and line for a row that cannot be used.
    """
    return OwnRows(
        {name: tuple(_placed(name, f"{folder}/{name}.tsv", texts[name])) for name in sorted(texts)}, dict(texts)
    )


def _placed(name: str, file: str, text: str) -> Iterator[Row]:
    """Yield the rows of a file, each with the place of the packaged row that it replaces or takes away."""
    shape = shape_of(name, file)
    known = {shape.key(row.fields): row.where for row in packaged(name, len(shape.columns))}
    for key, row in _checked(shape, file, text).items():
        removes = shape.removable and _is_removal(row, shape)
        if removes and key not in known:
            raise _wrong(
                row.where,
                "`{key}` has only - beside it, which takes a packaged row away, and there is none",
                "write the other fields, or delete the line",
                key=_shown(key),
            )
        yield replace(row, replaces=known.get(key, ""), removes=removes)


def shape_of(name: str, file: str) -> Shape:
    """Return the columns of a table. Raises `Misconfigured` for one that cannot be extended."""
    if name in TABLES:
        return TABLES[name]
    near = [] if is_packaged(name) else difflib.get_close_matches(name, TABLES, 1, 0.6)
    raise Misconfigured(
        "the packaged table `{name}` cannot be extended"
        if is_packaged(name)
        else "no table of names that can be extended is called `{name}`",
        code="bad-names",
        where=file,
        remedy="{meant}these can be extended: {tables}",
        name=name,
        meant=f"name it {near[0]}.tsv if that is meant; " if near else "",
        tables=", ".join(f"{table}.tsv" for table in sorted(TABLES)),
    )


def _checked(shape: Shape, file: str, text: str) -> dict[tuple[str, ...], Row]:
    """Return the rows of a file by their keys."""
    found: dict[tuple[str, ...], Row] = {}
    for row in _in_form(parse(file, text, len(shape.columns)), shape, file):
        key = row.fields[: shape.keys]
        if (other := found.setdefault(key, row)).fields != row.fields:
            raise _wrong(
                row.where,
                "this row contradicts that at {other} about `{key}`",
                "keep one of the two",
                other=other.where,
                key=_shown(key),
            )
    return found


def _in_form(rows: Iterator[Row], shape: Shape, file: str) -> Iterator[Row]:
    """Yield checked rows with their keys as names have them."""
    for count, row in enumerate(rows, 1):
        if count > shape.most:
            raise _wrong(
                row.where, "more than {most} rows in {file}", "keep those that are needed", most=shape.most, file=file
            )
        made = Row((*shape.key(row.fields), *row.fields[shape.keys :]), row.where)
        _check(made, shape)
        yield made


def _check(row: Row, shape: Shape) -> None:
    """Raise `Misconfigured` for a field that its column does not take, and for a key in the wrong form."""
    removal = shape.removable and _is_removal(row, shape)
    for place, (text, column) in enumerate(zip(row.fields, shape.columns, strict=True), 1):
        if place > shape.keys and removal:
            continue
        if place <= shape.keys and text != (form := shape.form(text) if text else ""):
            raise _wrong(
                row.where,
                "`{text}` would meet no name: they are compared in the form `{form}`",
                "write `{form}`",
                text=text,
                form=form,
            )
        if len(text) > _LONGEST or not column.takes(text) or (place == 1 and not text):
            raise _wrong(
                row.where,
                "field {place}, `{text}`, is not {what}",
                "write at most {most} signs: {what}",
                place=place,
                text=text[:_LONGEST] or "-",
                what=column.says,
                most=_LONGEST,
            )


def _is_removal(row: Row, shape: Shape) -> bool:
    return not any(row.fields[shape.keys :])


def _shown(key: tuple[str, ...]) -> str:
    return " ".join(key)


def _wrong(where: str, message: str, remedy: str, **facts: object) -> Misconfigured:
    return Misconfigured(message, code="bad-names", where=where, remedy=remedy, **facts)
