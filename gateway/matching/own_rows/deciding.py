"""Find the rows of the tables that decided how two names compare: without them score, class or a reading is another.

Each row that can touch one of the two names is left out, and the names are compared again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gateway.matching import places
from gateway.matching.normal import normal_name
from gateway.matching.own_rows.shapes import TABLES
from gateway.matching.report import Comparison, DecidingRow
from gateway.matching.scripts import han, latin, tables
from gateway.matching.scripts.damaged import unmarked
from gateway.matching.scripts.tables import Row, own_rows

_TOGETHER = 4
"""The most rows that are shown where none decides alone: the others say the same."""

_EFFECT = 0.001
"""The difference of scores from which a row is said to have decided."""

_SHOWN = 4
"""The readings of a name that a country's own row can change; a packaged row is named for the first one only."""

_TONES = re.compile("[\u1037\u1038]")
_PATTERNS = ("arabic_variants", "latin_sounds", "khmer_spellings")
"""Tables whose first column is an expression."""

Compare = Callable[[], Comparison]


def deciding_rows(names: Sequence[str], again: Compare) -> tuple[DecidingRow, ...]:
    """Return the rows that decided about `names`, those of the country first; `again` compares the names.

    Where several tables say the same, no row decides alone, and a row is left out together with those of the tables
    before its own. Only a process of one thread can ask: meanwhile rows are left out.
    """
    whole = again()
    texts = [text for name in names for text in _texts(name)]
    touching = {table: list(_touching(table, texts)) for table in TABLES}
    found = [row for table, rows in touching.items() for row in _deciding(_Trial(table, whole, again), rows)]
    others: list[str] = []
    for table, rows in touching.items() if not found else ():
        found += _deciding(_Trial(table, whole, again, tuple(others)), rows)
        if found:
            break
        others += [row.where for row in rows]
    return tuple(sorted(found, key=lambda row: (not row.own, not row.decides, row.score)))


@dataclass(frozen=True, slots=True)
class _Trial:
    """A trial without rows of one table; `others` are the places of rows that are left out with them."""

    table: str
    whole: Comparison
    again: Compare
    others: tuple[str, ...] = ()

    def without(self, rows: Sequence[Row]) -> Comparison:
        """Compare the names without some rows."""
        with tables.without((*self.others, *(row.where for row in rows))):
            return self.again()

    def row(self, row: Row, left: Comparison) -> DecidingRow:
        """Return a row that decides or counts; `left` is the comparison without it."""
        text = " ".join(part or "-" for part in row.fields)
        own, decides = _is_own(row), _decides(left, self.whole)
        read = " | ".join(_read(left, _SHOWN if own else 1))
        return DecidingRow(self.table, row.where, text, own, not self.others, decides, left.score, left.quality, read)


def _deciding(trial: _Trial, rows: list[Row]) -> list[DecidingRow]:
    """Return the rows that decide, of some of one table: halves that change nothing are not looked at further.

    Own rows are few and each is tried alone: a packaged row that one takes away could hide what another does.
    """
    own = [row for row in rows if _is_own(row)]
    if own and len(rows) > 1:
        parts = [found for row in own for found in _deciding(trial, [row])]
        return parts + _deciding(trial, [row for row in rows if row not in own])
    if not rows:
        return []
    left = trial.without(rows)
    shown = _SHOWN if own else 1
    if not (_decides(left, trial.whole) or _read(left, shown) != _read(trial.whole, shown)):
        return []
    if len(rows) > 1:
        middle = len(rows) // 2
        parts = [found for part in (rows[:middle], rows[middle:]) for found in _deciding(trial, part)]
        if parts or len(rows) > _TOGETHER:
            return parts
    return [trial.row(row, left) for row in rows]


def _decides(left: Comparison, whole: Comparison) -> bool:
    """Tell whether the score, the class or the finding by a search is another."""
    found, before = ((each.quality, bool(each.keys)) for each in (left, whole))
    return found != before or abs(left.score - whole.score) >= _EFFECT


def _read(found: Comparison, count: int) -> tuple[str, ...]:
    """Return the first readings of the two names."""
    return found.asked.readings[:count] + found.held.readings[:count]


def _is_own(row: Row) -> bool:
    return any(row in rows for rows in own_rows().rows.values())


def _touching(table: str, texts: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a table whose key is in one of the texts."""
    shape = TABLES[table]
    removing = (row for row in own_rows().rows.get(table, ()) if row.removes)
    for row in (*removing, *tables.placed(table, len(shape.columns))):
        if any(_stands(table, key, texts) for key in (row.fields[:2] if table == "place_seats" else row.fields[:1])):
            yield row


def _stands(table: str, key: str, texts: Sequence[str]) -> bool:
    if table in _PATTERNS:
        return any(re.search(key, text) for text in texts)
    bare = _TONES.sub("", key.rstrip("*"))
    forms = {key, bare, unmarked(bare), places.table_form(bare) if bare else ""} - {""}
    return any(form in text for form in forms for text in texts)


def _texts(name: str) -> Iterator[str]:
    """Yield a name in all forms in which the tables meet it: as written, taken apart, and as it is read."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name)).casefold()
    normal = normal_name(name)
    yield from {
        text,
        text.replace(".", ""),
        unicodedata.normalize("NFD", text),
        _TONES.sub("", text),
        unmarked(text),
        latin.plain(text),
        latin.one_spelling(text),
        han.simplified(text),
        *normal.own,
        *normal.marked,
        *normal.also,
    }
    for form in normal.forms:
        yield from form.words
