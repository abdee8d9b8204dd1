"""Make the tables of a pack from a tally: one row for each value, with what we did beside what they did."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from gateway.audit.statistics.statistics import OTHER
from gateway.audit.statistics.uptime import Availability
from gateway.desk.figures.months import Month
from gateway.desk.figures.published import Cell, Publisher
from gateway.desk.figures.tally import OURS, THEIRS, Key, Tally
from gateway.desk.figures.threads import ASKED, IN_CLOCK, LATER, TAKEN_BACK, WAITING, WITHIN
from gateway.model.desk.notices import ChangeCode, OutcomeCode, Urgency

MINUTES_BY_HAND = 30
"""Minutes of an officer's work that an answered question is reckoned to save: a call or a letter, and its answer."""

_QUESTIONS = ("sent", "hit", "no_hit", "partial", "not_searched", "refused", "suspended", "late", "silent", "too-many")
_ASK_COLUMNS = (ASKED, IN_CLOCK, *WITHIN, LATER, WAITING, TAKEN_BACK)
_ALERT_COLUMNS = ("alert", "alert-acknowledged", "alert-hit", "alert-not-executed")
_CHANGE_COLUMNS = ("change", "change-erased", "change-objected")
_VALUES = ("refusal", "record", "hit-only", "reply", "reply-refused", "about", "follow-up", "extension", "error")
"""Tables with a row for each value that is there."""

_CHOSEN = frozenset({"refusal", "reply-refused", "record", "hit-only"})
"""Tables whose values a counterpart chooses: one that is rare in its month could point to a person."""

_OWN = ("denied", "alarm", "erasure-of-persons")
"""Tables that no counterpart is shown: they are in the pack of all counterparts only."""


class Row(msgspec.Struct, frozen=True):
    """One row: the value that it is about, and its figures in the order of the table's columns."""

    value: str
    cells: tuple[Cell, ...]


class Table(msgspec.Struct, frozen=True):
    """One table. `side` is whose it is, where a table stands for one side only."""

    name: str
    side: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


class Pack(msgspec.Struct, frozen=True):
    """The figures of a month: of a member with a counterpart (`peer` empty: with all), of an office or of all.

    `entries` and `threads` are how many were read; only exact figures for own use tell that.
    """

    member: str
    peer: str
    office: str
    facing: str
    month: Month
    made: str
    exact: bool
    minutes: int
    tables: tuple[Table, ...]
    entries: int = 0
    threads: int = 0

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing happened in the month."""
        return all(table.name == "availability" for table in self.tables)


class Tables:
    """Makes the tables of a tally."""

    def __init__(self, tally: Tally, publisher: Publisher, *, own: bool) -> None:
        self._tally = tally
        self._publisher = publisher
        self._own = own

    def all(self, availability: Availability, minutes: int) -> tuple[Table, ...]:
        """Return the tables that have something to tell."""
        made = [
            self._by_side("question", _QUESTIONS),
            *(self._asks(side) for side in (OURS, THEIRS)),
            *(self._by_side(name, self._found(name)) for name in _VALUES),
            self._one_side("mark", OURS),
            self._outcomes(),
            *(self._seized(side) for side in (OURS, THEIRS)),
            *(self._alerts(side) for side in (OURS, THEIRS)),
            *(self._changes(side) for side in (OURS, THEIRS)),
            self._one_side("outcome-asked", OURS),
            self._by_side("service", self._found("service")),
            self._one_side("turned-away", THEIRS),
            self._saved(minutes),
            *(self._one_side(name, OURS) for name in _OWN if self._own),
            self._ran(availability),
        ]
        return tuple(table for table in made if table.rows)

    # ------------------------------------------------------------ kinds of tables

    def _by_side(self, name: str, values: Iterable[str]) -> Table:
        rows = [Row(value, tuple(self._count(name, value, side) for side in (OURS, THEIRS))) for value in values]
        kept = rows if any(self._number(name, row.value, side) for row in rows for side in (OURS, THEIRS)) else []
        return Table(name, "", (OURS, THEIRS), tuple(kept))

    def _one_side(self, name: str, side: str) -> Table:
        rows = tuple(Row(value, (self._count(name, value, side),)) for value in self._found(name, side))
        return Table(name, side, ("count",), rows)

    def _asks(self, side: str) -> Table:
        return Table("ask", side, (*_ASK_COLUMNS, "share-in-clock", "median"), tuple(self._ask_rows(side)))

    def _ask_rows(self, side: str) -> Iterator[Row]:
        for urgency in map(str, Urgency):
            asked = self._number(ASKED, urgency, side)
            if asked:
                counts = [self._count(name, urgency, side) for name in _ASK_COLUMNS]
                share = self._publisher.share(self._number(IN_CLOCK, urgency, side), asked)
                yield Row(urgency, (*counts, share, self._median("answer", urgency, side)))

    def _outcomes(self) -> Table:
        codes = [code.value for code in OutcomeCode]
        rows = []
        for code in (*codes, *(value for value in self._found("outcome") if value not in codes)):
            counts = [self._number("outcome", code, side) for side in (OURS, THEIRS)]
            if any(counts):
                cells = (self._outcome_cells(code, side) for side in (OURS, THEIRS))
                rows.append(Row(code, tuple(cell for both in cells for cell in both)))
        return Table("outcome", "", (OURS, "ours-persons", THEIRS, "theirs-persons"), tuple(rows))

    def _outcome_cells(self, code: str, side: str) -> tuple[Cell, Cell]:
        number = self._number("outcome", code, side)
        persons = self._tally.amounts.get((Key("outcome", code, side), "persons"), 0)
        return self._publisher.count(number), self._publisher.amount("persons", persons, number)

    def _seized(self, side: str) -> Table:
        rows = []
        for substance, names in self._grouped("seized", side):
            number = sum(self._tally.counts[Key("seized", name, side)] for name in names)
            amounts = {
                unit: sum(self._tally.amounts.get((Key("seized", name, side), unit), 0) for name in names)
                for unit in ("grams", "pieces")
            }
            kilograms = self._publisher.amount("kg", amounts["grams"] / 1_000, number)
            pieces = self._publisher.amount("pieces", amounts["pieces"], number)
            rows.append(Row(substance, (self._publisher.count(number), kilograms, pieces)))
        return Table("seized", side, ("count", "kg", "pieces"), tuple(rows))

    def _alerts(self, side: str) -> Table:
        rows = [
            Row(action, tuple(self._sum(name, names, side) for name in _ALERT_COLUMNS))
            for action, names in self._grouped("alert", side)
        ]
        return Table("alert", side, _ALERT_COLUMNS, tuple(rows))

    def _changes(self, side: str) -> Table:
        rows = [
            Row(
                code,
                (
                    *(self._count(name, code, side) for name in _CHANGE_COLUMNS),
                    self._median("erasure", code, side),
                ),
            )
            for code in map(str, ChangeCode)
            if self._number("change", code, side)
        ]
        return Table("change", side, (*_CHANGE_COLUMNS, "median"), tuple(rows))

    def _saved(self, minutes: int) -> Table:
        """Return the hours that answers saved, reckoned from the counts that are shown."""
        answered = sum(self._number("question", value, OURS) for value in ("hit", "no_hit", "partial"))
        shown = self._publisher.count(answered).value or 0
        if not answered:
            return Table("saved", OURS, ("hours",), ())
        hours = Cell("hours", round(shown * minutes / 60, 1) if shown > 0 else shown)
        return Table("saved", OURS, ("hours",), (Row("answered", (hours,)),))

    def _ran(self, availability: Availability) -> Table:
        if not availability.covered_s:
            return Table("availability", OURS, ("percent", "outages"), ())
        share = Cell("percent", round(100 * availability.share, 3))
        return Table(
            "availability", OURS, ("percent", "outages"), (Row("node", (share, Cell("count", availability.outages))),)
        )

    # ------------------------------------------------------------ cells

    def _found(self, measure: str, *sides: str) -> list[str]:
        """Return the values of a measure, those that stand with others under one name."""
        wanted = sides or (OURS, THEIRS)
        numbers: dict[str, int] = {}
        for key, number in self._tally.counts.items():
            if key.measure == measure and key.side in wanted:
                numbers[key.value] = numbers.get(key.value, 0) + number
        if measure in _CHOSEN:
            rare = {value for value, number in numbers.items() if self._publisher.is_rare(number)}
            numbers = {value: number for value, number in numbers.items() if value not in rare}
            if rare:
                self._fold(measure, rare)
                numbers[OTHER] = 1
        return sorted(numbers, key=lambda value: (value == OTHER, -numbers[value], value))

    def _fold(self, measure: str, rare: set[str]) -> None:
        """Count rare values under one name."""
        for key in [key for key in self._tally.counts if key.measure == measure and key.value in rare]:
            self._tally.count(measure, OTHER, key.side, self._tally.counts.pop(key))

    def _grouped(self, measure: str, side: str) -> Iterator[tuple[str, Sequence[str]]]:
        """Yield the values of one side with the names that are counted in each; rare ones of them stand together."""
        numbers = {key.value: number for key, number in self._tally.counts.items() if key[::2] == (measure, side)}
        often = [value for value, number in numbers.items() if not self._publisher.is_rare(number)]
        for value in sorted(often, key=lambda value: (-numbers[value], value)):
            yield value, (value,)
        if rare := sorted(set(numbers) - set(often)):
            yield OTHER, rare

    def _number(self, measure: str, value: str, side: str) -> int:
        return self._tally.counts.get(Key(measure, value, side), 0)

    def _count(self, measure: str, value: str, side: str) -> Cell:
        return self._publisher.count(self._number(measure, value, side))

    def _sum(self, measure: str, values: Sequence[str], side: str) -> Cell:
        return self._publisher.count(sum(self._number(measure, value, side) for value in values))

    def _median(self, measure: str, value: str, side: str) -> Cell:
        return self._publisher.median_hours(self._tally.times.get(Key(measure, value, side), array("Q")))
