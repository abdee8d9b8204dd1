"""The annex: for each field of a consignment and a seizure the data element that it is, and records as rows of CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import msgspec

from bridges.wording import cell
from gateway.errors import Malformed, TooLarge, Unsupported

ANNEX = Path(__file__).with_name("annex.tsv")

NEVER = "-"
"""In the column of ids: the field is never exported."""

_ROWS_OF = {"Consignment": "lines", "Seizure": "goods"}
"""The list of each type that becomes rows; the other fields are repeated in each of them."""

_WORDS = {"lines": "description", "goods": "description", "transport": "identity", "permits": "number"}
_NAMED = "name"
_MOST_LINE = 1_000_000


class Element(msgspec.Struct, frozen=True):
    """A field of a record, and its data element: id and name, its place in a declaration, and where the id was seen."""

    type: str
    field: str
    id: str
    name: str
    path: str
    source: str
    note: str

    @property
    def heading(self) -> str:
        """The heading of its column."""
        return f"WCO {self.id} {self.name} ({self.field})" if self.id else f"liaison {self.field}"


@cache
def elements() -> Sequence[Element]:
    """Return all rows of the annex."""
    with ANNEX.open(encoding="utf-8", newline="") as file:
        return tuple(Element(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def write_annex(out: TextIO) -> None:
    """Write the annex as CSV."""
    table = csv.writer(out)
    table.writerow(Element.__struct_fields__)
    table.writerows([cell(getattr(one, name)) for name in Element.__struct_fields__] for one in elements())


def write_rows(kind: str, lines: Iterator[str], out: TextIO) -> int:
    """Write records of one type, one JSON object in a line, as CSV under the headings of the annex.

    Returns how many rows were written. Raises `Unsupported` for another type, and `Malformed` for a line that is no
    record of an agency's own.
    """
    if kind not in _ROWS_OF:
        raise Unsupported(
            "the annex has no records of the type `{type}`",
            code="type-stays",
            remedy="it has Consignment and Seizure",
            type=kind[:40],
        )
    columns = [one for one in elements() if one.type == kind and one.id != NEVER]
    table = csv.writer(out)
    table.writerow([one.heading for one in columns])
    count = 0
    for number, line in enumerate(lines, 1):
        if len(line) > _MOST_LINE:
            raise TooLarge("the record is too large", code="too-large", where=_line(number))
        if line.strip():
            for row in _rows(_record(kind, line, number), _ROWS_OF[kind], columns):
                table.writerow(row)
                count += 1
    return count


def _record(kind: str, line: str, number: int) -> Mapping[str, Any]:
    """Return the fields of a record. What a node signed or marked is not the agency's own file, and is refused."""
    try:
        record = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Malformed("the line is not JSON", code="bad-record", where=_line(number)) from error
    known = {one.field.partition(".")[0] for one in elements() if one.type == kind}
    strange = sorted(set(record) - known) if isinstance(record, dict) else ["(no object)"]
    if strange:
        raise Malformed(
            "`{field}` is no field of a {type}",
            code="bad-record",
            where=_line(number),
            remedy="the fields stand in docs/records; a record that a node signed or marked does not leave",
            field=strange[0][:40],
            type=kind,
        )
    return dict(record)


def _no_number(text: str) -> None:
    """Raise for what JSON does not know: `NaN` and the infinite are no weight and no amount."""
    raise ValueError(text)


def _rows(record: Mapping[str, Any], many: str, columns: Sequence[Element]) -> Iterator[list[str]]:
    parts = record.get(many) or [{}]
    for part in parts if isinstance(parts, list) else [parts]:
        yield [cell("; ".join(_values({**record, many: part}, one.field))) for one in columns]


def _values(record: Mapping[str, Any], field: str) -> Iterator[str]:
    """Yield the values of a field; a text in the place of an object is its name, or what the object is known by."""
    name, _, member = field.partition(".")
    found = record.get(name)
    for value in found if isinstance(found, list) else [found]:
        if isinstance(value, dict):
            value = value.get(member or "value", _known_by(value) if not member else None)
        elif member and member != _WORDS.get(name, _NAMED):
            value = None
        if isinstance(value, bool):
            yield "true" if value else "false"
        elif isinstance(value, str | int | float) and value != "":
            yield str(value)


def _known_by(thing: Mapping[str, Any]) -> Any:
    return next((thing[name] for name in ("number", "id", "plate", "name") if isinstance(thing.get(name), str)), None)


def _line(number: int) -> str:
    return f"line {number}"
