"""The findings of `liaison adapter check`: about a mapping alone, and about its records of a source's rows.

Nothing here writes to the source. `Report` holds values of rows only in its samples and its codes without a meaning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from adapters.check.histories import History, histories
from adapters.check.misread import Misread, Scripted, misread, scripted
from adapters.index.build import TWIN
from adapters.indexed import RowSource
from adapters.mapping.lookups import coded, parts
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.mapping import Part, RecordMapping, Value
from adapters.mapping.rows import Builder, Built, Rows, value_refs
from adapters.masking import mask
from adapters.values.dates import FUTURE
from gateway.errors import LiaisonError, Malformed
from gateway.model.marking import SubjectCategory

SAMPLES = 10
"""Records of each type that are shown beside their rows."""

FAILED = 2
"""Rows that are shown for each reason."""

TWINS = (TWIN, "a key that occurs more than once")
"""Reasons for a row that shares its key."""

REASONS = 10
"""Reasons of each type that are reported."""

GOOD_SHARE = 0.9
"""Share of rows that must yield a valid record."""

WRONG_SHARE = 0.01
"""Share of rows with another row's key, or born in the future, above which the mapping is wrong, not the rows."""

_MAX_CODES = 50
_SHORT = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `severity` is `error` or `note`; `where` is file and line."""

    severity: str
    message: str
    where: str
    remedy: str = ""
    rows: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """A record beside its cells; without a record, `reason` says why. Searches find only a live one."""

    key: str
    row: Mapping[str, Any]
    record: Mapping[str, Any] | None
    reason: str = ""
    is_live: bool = True


@dataclass(slots=True)
class TypeReport:
    """The results for the rows of one record type.

    `codes` counts (field, column, value) without a meaning, `countries` those that are not a country.
    """

    type: str
    table: str
    rows: int = 0
    not_live: int = 0
    valid: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    spared: Counter[str] = field(default_factory=Counter)
    codes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    countries: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    places: dict[str, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    built: list[Built] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    failed: dict[str, list[Sample]] = field(default_factory=dict)
    scripted: list[Scripted] = field(default_factory=list)
    histories: list[History] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of the live rows that yield a valid record; 1 when there are none."""
        live = self.rows - self.not_live
        return self.valid / live if live else 1.0


def read_rows(source: RowSource, record_type: str, limit: int) -> TypeReport:
    """Return the results for the first `limit` rows of a type, made into records as the index would."""
    record, builder = source.mapping.records[record_type], source.builders[record_type]
    report = TypeReport(record_type, record.table, scripted=scripted(record), histories=histories(record, builder))
    looked_up = [(_counter(report, record, place), place, cells) for place, cells in coded(builder, record)]
    for rows, _links, why in islice(source.scan(record_type), limit):
        report.rows += 1
        if rows is None:
            report.reasons[why] += 1
            continue
        for history in report.histories:
            history.take(rows)
        try:
            if not builder.is_live(rows):
                report.not_live += 1
                continue
            for column in report.scripted:
                column.take(builder, rows)
            for counter, place, cells in looked_up:
                counter.update((*place, value) for value in cells(rows))
            _note(report, builder, rows)
        except LiaisonError as error:
            reason = _reason(error, record_type)
            report.reasons[reason] += 1
            report.places.setdefault(reason, _line(record, error.where))
            failed = report.failed.setdefault(reason, [])
            if len(failed) < FAILED:
                failed.append(_failed(record, builder, rows, error.where, reason))
            if len(report.samples) < SAMPLES:
                report.samples.append(Sample(str(rows[0][0]), cells_of(builder, rows), None, reason))
    return report


def _note(report: TypeReport, builder: Builder, rows: Rows) -> None:
    built = builder.build(rows)
    if built.record.key in report.keys:
        raise Malformed(TWIN, code="same-key")
    report.keys.add(built.record.key)
    report.valid += 1
    report.spared.update(built.spared)
    if len(report.built) < SAMPLES:
        report.built.append(built)
        # Good records first: the failed ones are the first to drop out of the ten samples.
        report.samples.insert(len(report.built) - 1, Sample(built.record.key, cells_of(builder, rows), shown(built)))
        del report.samples[SAMPLES:]


def _reason(error: LiaisonError, record_type: str) -> str:
    if error.message == TWIN:
        return TWIN
    where = error.where or record_type
    return f"{where if where.startswith(record_type) else f'{record_type}.{where}'}: {error.message}"


def _line(record: RecordMapping, where: str) -> int:
    name = where.removeprefix(f"{record.type}.")
    values = record.search if name.startswith("search.") else record.fields
    value = values.get(name.removeprefix("search."))
    return value.parts[0].line if value else record.line


def _spared_line(record: RecordMapping, reason: str) -> int:
    """Return the line of the part that left a value out, which the reason names by its columns or by its field."""
    name = reason.partition(": ")[0]
    for value in (*record.fields.values(), *record.search.values()):
        for part in _all_parts(value):
            if part.spares_record and name == (", ".join(ref.column for ref in part.refs) or part.field):
                return part.line
    return _line(record, name)


def _all_parts(value: Value) -> Iterator[Part]:
    for part in value.parts:
        yield part
        for inner in (part.item or {}).values():
            yield from _all_parts(inner)


def _failed(record: RecordMapping, builder: Builder, rows: Rows, where: str, reason: str) -> Sample:
    """Return a row that failed, with the cells of the field that failed, or with all of them."""
    cells = cells_of(builder, rows)
    name = where.removeprefix(f"{record.type}.")
    value = record.search.get(name.removeprefix("search.")) if name.startswith("search.") else record.fields.get(name)
    columns = {f"{ref.join}.{ref.column}" if ref.join else ref.column for ref in value_refs(value)} if value else set()
    if reason in TWINS:
        columns = {record.key}
    return Sample(str(rows[0][0]), {k: v for k, v in cells.items() if k in (columns or cells)}, None, reason)


def shown(built: Built) -> dict[str, Any]:
    """Return a record's fields as an officer sees them, with the values that decide about it and its search keys."""
    marking = built.record.marking
    about = {
        "category": built.record.category.value,
        "level": marking.level.value,
        "releasable_to": sorted(marking.releasable_to),
        "caveats": sorted(marking.caveats),
        "withhold_from": sorted(marking.withhold_from),
    }
    return {"fields": built.record.fields, "search": built.search, "about": {k: v for k, v in about.items() if v}}


def cells_of(builder: Builder, rows: Rows) -> dict[str, Any]:
    """Return the cells of `rows` by column; for a `many` join, a list for each column."""
    found: dict[str, Any] = {}
    for join, columns in builder.layout.columns.items():
        row = rows[builder.layout.slots[join]]
        for place, column in enumerate(columns):
            name = f"{join}.{column}" if join else column
            found[name] = [each[place] for each in row] if isinstance(row, list) else row and row[place]
    return found


# ---------------------------------------------------- what is told


def judge_mapping(mapping: SourceMapping) -> Iterator[Finding]:
    """Yield a finding for each part of a mapping that is allowed but seldom meant."""
    is_lost = not any(record.search for record in mapping.records.values())
    for record in mapping.records.values():
        where = f"{mapping.file}:{record.line}"
        if not record.search:
            yield Finding(
                "error" if is_lost else "note", f"`{record.type}` can be found by nothing", where, "add [record.search]"
            )
        if not record.live:
            yield Finding("note", f"every row of `{record.table}` counts", where, "add `live` if rows can be cancelled")
        if record.category is SubjectCategory.UNKNOWN and not record.categories and record.type == "Person":
            yield Finding("note", "what the persons are to the agency is not said", where, "add `category` or a rule")
        if record.changed is None:
            told = f"changed rows of `{record.table}` are not noticed"
            yield Finding("note", told, where, "name a column that grows with each change: `changed`")
    if not mapping.marking.releasable_to:
        yield Finding("note", "nothing of this source may leave", f"{mapping.file}:1", "name members: `releasable_to`")


def judge_rows(mapping: SourceMapping, report: TypeReport) -> Iterator[Finding]:
    """Yield the errors and notes of one record type, with the lines that they come from."""
    where = f"{mapping.file}:{mapping.records[report.type].line}"
    live = report.rows - report.not_live
    if not report.rows:
        yield Finding("note", f"`{report.table}` has no rows", where, "the mapping was tried on nothing")
    elif not live:
        yield Finding("error", f"no row of `{report.table}` counts", where, "look at `live`")
    elif report.share < GOOD_SHARE:
        told = f"{report.valid} of {live} rows of `{report.table}` yield a valid {report.type}"
        yield Finding("error", told, where, f"at least {GOOD_SHARE:.0%} should; see the reasons")
    for reason, count in report.reasons.most_common(REASONS):
        if reason in TWINS:
            yield _twins(mapping, report, reason, count)
            continue
        line = f"{mapping.file}:{report.places.get(reason, mapping.records[report.type].line)}"
        fits = count > live / 2
        severity = "error" if fits else "note"
        remedy = "the type does not fit: look at the samples" if fits else ""
        if reason.endswith(FUTURE):
            # If some are in the future, others are a century or an era wrong and look right.
            severity = "error" if count >= WRONG_SHARE * live else severity
            remedy = 'years of the Buddhist era need `era = "BE"`; years of two figures may need another `pivot`'
        yield Finding(severity, f"{_rows(count)} left out: {reason}", line, remedy, _shown(report, reason))
    for reason, count in report.spared.most_common(REASONS):
        told = f"1 value of {report.type} is" if count == 1 else f"{count:,} values of {report.type} are"
        place = f"{mapping.file}:{_spared_line(mapping.records[report.type], reason)}"
        yield Finding("note", f"{told} left out: {reason}", place)
    yield from _unknown(mapping, report)
    for each in report.scripted:
        if wrong := misread(mapping, each):
            yield _misread(mapping, wrong)


def _unknown(mapping: SourceMapping, report: TypeReport) -> Iterator[Finding]:
    """Yield the notes on cells that were looked up and not found, by the field or join and the column."""
    record = mapping.records[report.type]
    fields = Counter[tuple[str, str]]()
    for (name, column, _value), count in (report.codes + report.countries).items():
        fields[name, column] += count
    joins = {join.name: join for join in record.joins if join.name not in record.fields}
    for (name, column), count in fields.most_common():
        counter, cells = _counter(report, record, (name, column)), f"{count} cells of `{column}`"
        values = [value for field_, col, value in counter if (field_, col) == (name, column)]
        line = joins[name].line_on if name in joins else record.fields[name].parts[0].line
        if name in joins:
            told = f"{cells} are in no row of `{joins[name].table}`, so that they have no meaning: {_listed(values)}"
            remedy = "ask what they mean: what comes from that table is missing in their records"
        elif counter is report.countries:
            told = f"{cells} are no code or name of one country, and left out: {_listed(values, '')}"
            remedy = "another `scheme`, the column's `width` where names were cut, or a table of codes"
        else:
            told = f"{cells} have a code without a meaning: {_listed(values)}"
            remedy = "add them to the table of codes"
        yield Finding("note", told, f"{mapping.file}:{line}", remedy)


def _counter(report: TypeReport, record: RecordMapping, place: tuple[str, str]) -> Counter[tuple[str, str, str]]:
    """Return the counter for the unknown cells of the field or join and the column at `place`."""
    name, column = place
    if name not in record.fields:
        return report.codes
    looked_up = (part for part, _ in parts(record.fields[name]) if [ref.column for ref in part.refs] == [column])
    return report.countries if all(part.names == ("country",) for part in looked_up) else report.codes


def _twins(mapping: SourceMapping, report: TypeReport, reason: str, count: int) -> Finding:
    record = mapping.records[report.type]
    is_wrong = count >= WRONG_SHARE * (report.rows - report.not_live)
    told = f"{_rows(count)} left out: {reason} (`{record.key}`)"
    remedy = "name the column that tells the rows apart, such as the table's primary key, or leave rows out by `live`"
    return Finding(
        "error" if is_wrong else "note", told, f"{mapping.file}:{record.line_key}", remedy, _shown(report, reason)
    )


def _misread(mapping: SourceMapping, wrong: Misread) -> Finding:
    others = ", ".join(f"as {name} {wrong.cells - count} would not be" for name, count in wrong.better.items())
    bad = f"{wrong.cells - wrong.fitting} of {wrong.cells}"
    told = f"{bad} cells of `{wrong.column}` beyond ASCII are not {wrong.script}; {others}"
    best = next(iter(wrong.better))
    stored = "`repair = true`" if best == "utf-8" else f'the converter `recode` with `charset = "{best}"`'
    remedy = f'bytes want `encoding = "{best}"`, and text that is stored so {stored}'
    rows = tuple(Sample(key, {wrong.column: text}, None) for key, text in wrong.samples)
    return Finding("note", told, f"{mapping.file}:{wrong.line}", remedy, rows)


def _shown(report: TypeReport, reason: str) -> tuple[Sample, ...]:
    return tuple(report.failed.get(reason, ()))


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"


def _listed(values: list[str], doubt: str = "; is it a code at all?") -> str:
    if len(values) > _MAX_CODES or max(map(len, values)) > 20:
        return f"{len(values)} different ones{doubt}"
    return ", ".join(f"`{spoken(value)}`" for value in sorted(values)[:REASONS])


def spoken(code: str) -> str:
    """Return a code that may be shown by default: up to four characters as they are, longer ones masked."""
    return code if len(code) <= _SHORT else str(mask(code))
