"""Make the page of a pack: tables with bars beside their labels, static, self-contained, made to be printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone

from gateway.clock import from_us
from gateway.desk.figures.pack import Pack, Table
from gateway.desk.figures.published import HIDDEN, Cell
from gateway.desk.people.times import OFFSETS
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import day
from gateway.language.languages import Language
from gateway.views.pack.files import FEW
from gateway.views.pack.words import Words
from gateway.views.render import render

_PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class CellView:
    """A figure in words, and how long its bar is beside it, in percent of the longest of its column; 0: no bar."""

    text: str
    bar: int = 0


@dataclass(frozen=True, slots=True)
class TableView:
    """One table: its title, its headings, and its rows, each a label with figures."""

    title: str
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[CellView]]]


@dataclass(frozen=True, slots=True)
class PackView:
    """The page."""

    language: str
    title: str
    period: str
    about: Sequence[str]
    tables: Sequence[TableView]
    empty: str


def page(pack: Pack, language: Language) -> str:
    """Return the page of a pack."""
    return render("pack.html", pack_view(pack, language))


def pack_view(pack: Pack, language: Language) -> PackView:
    """Return what a page shows of a pack."""
    words = Words(pack, language)
    country, other = with_country(pack.member, language), words.side("theirs")
    title = tell(language, "{country} and {other}: figures of a month", country=country, other=other)
    about = [tell(language, "Office: {office}", office=pack.office)] if pack.office else []
    if pack.facing:
        about.append(tell(language, "With the office: {office}", office=pack.facing))
    return PackView(
        language=language.value,
        title=title,
        period=_period(pack, language),
        about=(*about, *words.notes()),
        tables=[_table(table, words) for table in pack.tables],
        empty=tell(language, "Nothing was exchanged in this month.") if pack.is_empty else "",
    )


def _period(pack: Pack, language: Language) -> str:
    zone = timezone(timedelta(minutes=OFFSETS.get(pack.member, 0)))
    first = from_us(pack.month.since_us).astimezone(zone).date()
    last = from_us(pack.month.until_us - 1).astimezone(zone).date()
    return tell(language, "{first} to {last}", first=day(first, language), last=day(last, language))


def _table(table: Table, words: Words) -> TableView:
    longest = [max((_size(row.cells[at]) for row in table.rows), default=0.0) for at in range(len(table.columns))]
    return TableView(
        words.title(table),
        [words.column(column) for column in table.columns],
        [
            (words.row(table, row.value), [_cell(cell, most) for cell, most in zip(row.cells, longest, strict=True)])
            for row in table.rows
        ],
    )


def _size(cell: Cell) -> float:
    return max(0.0, float(cell.value or 0))


def _cell(cell: Cell, longest: float) -> CellView:
    if cell.value is None:
        return CellView("–")
    if cell.value == HIDDEN:
        return CellView(FEW)
    text = f"{cell.value:,.0f}" if cell.value == int(cell.value) else f"{cell.value:,.2f}"
    full = 100.0 if cell.unit == _PERCENT else longest
    return CellView(f"{text} %" if cell.unit == _PERCENT else text, round(100 * cell.value / full) if full else 0)
