"""Read the lines of a table that people keep (CSV): in the encodings and with the separators of their programs.

Each line is read by itself, so that every mistake has its line. A line is UTF-8 or, where it is not, in the country's
own character set: lists that several offices keep hold both.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from adapters.values.cells import clean_text
from adapters.values.charsets import by_utf8, decoder
from gateway.config.toml import nearest
from gateway.errors import LiaisonError, Misconfigured

T = TypeVar("T")

MOST_BYTES = 8 * 1024 * 1024
"""The most bytes in one table."""

MOST_LINES = 50_000

CHARSETS: Mapping[str, str] = MappingProxyType({"cn": "gb18030", "th": "tis-620", "vn": "cp1258"})
"""The character sets of older programs, by member; the other countries' programs write UTF-8."""

_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: its place (`people/duty.csv:3`), and its cells by the names of the columns."""

    where: str
    cells: Mapping[str, str]

    def wrong(self, message: str, remedy: str = "", **facts: object) -> Misconfigured:
        """Return a mistake of this line."""
        return Misconfigured(message, code="bad-people", where=self.where, remedy=remedy, **facts)


def read_rows(
    file: Path,
    columns: Sequence[str],
    member: str,
    read: Callable[[Row], T],
    problems: list[Misconfigured],
    optional: Sequence[str] = (),
) -> list[T]:
    """Return what `read` makes of each line; nothing where there is no file. Mistakes are added to `problems`.

    A column that is `optional` and that the file does not have is empty in each line.
    """
    name = f"{file.parent.name}/{file.name}"
    made: list[T] = []
    try:
        data = _data(file, name)
        for row in _rows(_lines(data, name, member, problems), columns, optional, name, problems):
            try:
                made.append(read(row))
            except Misconfigured as error:
                problems.append(error)
            except LiaisonError as error:
                problems.append(row.wrong("{problem}", remedy="correct the line", problem=error.message))
    except Misconfigured as error:
        problems.append(error)
    return made


def _data(file: Path, name: str) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        remedy = "let the account of the node read it"
        raise Misconfigured(
            "cannot be read: {reason}", code="bad-people", where=name, remedy=remedy, reason=error.strerror
        ) from error
    if len(data) > MOST_BYTES or data.count(b"\n") > MOST_LINES:
        raise Misconfigured("more than {most} lines", code="bad-people", where=name, most=MOST_LINES)
    return data


def _lines(data: bytes, name: str, member: str, problems: list[Misconfigured]) -> Iterator[tuple[str, str]]:
    """Yield each line with its place, without comments and empty ones."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    own = decoder(CHARSETS.get(member, "utf-8"))
    for number, raw in enumerate(data.removeprefix(codecs.BOM_UTF8).splitlines(), 1):
        where = f"{name}:{number}"
        try:
            text = raw.decode() if raw.isascii() or own is None else by_utf8(raw, own)
        except UnicodeError:
            remedy = "save the file as UTF-8"
            problems.append(Misconfigured("a byte cannot be read", code="bad-people", where=where, remedy=remedy))
            continue
        if text.strip() and not text.lstrip().startswith("#"):
            yield where, text


def _rows(
    lines: Iterator[tuple[str, str]],
    columns: Sequence[str],
    optional: Sequence[str],
    name: str,
    problems: list[Misconfigured],
) -> Iterator[Row]:
    """Yield the rows behind the header, which names the columns in any order."""
    first = next(lines, None)
    if first is None:
        return
    where, text = first
    separator = max(_SEPARATORS, key=text.count)
    header = [cell.lower() for cell in _cells(where, text, separator)]
    for cell in header:
        if cell not in (*columns, *optional):
            raise Misconfigured(
                "there is no column `{cell}`",
                code="bad-people",
                where=where,
                remedy="{advice}",
                cell=cell[:40],
                advice=nearest(cell, (*columns, *optional)),
            )
    if not set(columns) <= set(header) or len(header) != len(set(header)):
        raise Misconfigured(
            "the first line of `{name}` lacks a column, or has one twice",
            code="bad-people",
            where=where,
            remedy="the first line is: {columns}",
            name=name,
            columns=",".join(columns),
        )
    for where, text in lines:
        try:
            cells = _cells(where, text, separator)
        except Misconfigured as error:
            problems.append(error)
            continue
        if not any(cells):
            continue
        if len(cells) != len(header):
            problems.append(
                Misconfigured(
                    "{count} cells, and the first line has {wanted}",
                    code="bad-people",
                    where=where,
                    remedy="put a text that holds the separator in quotation marks",
                    count=len(cells),
                    wanted=len(header),
                )
            )
            continue
        yield Row(where, dict.fromkeys(optional, "") | dict(zip(header, cells, strict=True)))


def _cells(where: str, text: str, separator: str) -> list[str]:
    try:
        return [clean_text(cell) for cell in next(csv.reader([text], delimiter=separator, strict=True), [])]
    except csv.Error as error:
        remedy = "close the quotation marks"
        raise Misconfigured("a line that is not CSV", code="bad-people", where=where, remedy=remedy) from error
