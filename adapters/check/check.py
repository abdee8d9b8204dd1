"""`liaison adapter check` and `sample`: a mapping tried on its source, through the adapter that a node would use.

The key index is built in a temporary folder, from as many rows as were asked for.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from adapters.base import Adapter
from adapters.check.conformance import BUDGET, Expectation, check_adapter
from adapters.check.expected import check_expectations
from adapters.check.joins import judge_histories, judge_joins
from adapters.check.measure import Speed, measure, queries_of
from adapters.check.report import (
    Finding,
    Sample,
    TypeReport,
    cells_of,
    judge_mapping,
    judge_rows,
    read_rows,
    shown,
    spoken,
)
from adapters.check.unread_bytes import unread_columns
from adapters.check.unread_files import unread_in_files
from adapters.database_tables import DATABASES
from adapters.indexed import RowSource
from adapters.load import Place, open_source
from adapters.mapping.file import is_unnamed, load_mapping, open_decisions
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Rows, refs_of
from adapters.masking import mask
from adapters.sql.survey import survey
from gateway.clock import Clock
from gateway.config.mistakes import Mistakes
from gateway.config.toml import nearest
from gateway.errors import LiaisonError, Misconfigured, Unknown
from gateway.model.query import Query


@dataclass(slots=True)
class Report:
    """The findings of a check. Without a database, `types` is empty and `speed` None."""

    file: str
    mapping: SourceMapping | None = None
    has_database: bool = False
    has_url: bool = False
    findings: list[Finding] = field(default_factory=list)
    types: list[TypeReport] = field(default_factory=list)
    speed: Speed | None = None
    is_draft: bool = False
    todo: int = 0

    @property
    def is_good(self) -> bool:
        """True if no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)

    def as_value(self, *, show: bool) -> dict[str, Any]:
        """Return the report as a JSON value; values of rows are masked unless `show`."""
        about = self.mapping
        return {
            "mapping": self.file,
            "source": about.id if about else None,
            "good": self.is_good,
            "draft": self.is_draft,
            "todo": self.todo,
            "database": self.has_database,
            "findings": [
                {"severity": f.severity, "message": f.message, "where": f.where, "remedy": f.remedy}
                | ({"rows": [failed_value(each, show=show) for each in f.rows]} if f.rows else {})
                for f in self.findings
            ],
            "mapped": {name: _mapped(about, name) for name in about.records} if about else {},
            "records": [_type_value(each, show) for each in self.types],
            "speed": self.speed and self.speed.as_value(),
        }


def _mapped(mapping: SourceMapping, name: str) -> dict[str, Any]:
    record = mapping.records[name]
    return {"table": record.table, "fields": list(record.fields), "search": list(record.search)}


def _type_value(report: TypeReport, show: bool) -> dict[str, Any]:
    return {
        "type": report.type,
        "table": report.table,
        "rows": report.rows,
        "live": report.rows - report.not_live,
        "valid": report.valid,
        "share": round(report.share, 4),
        "left_out": dict(report.reasons.most_common()),
        "values_left_out": dict(report.spared.most_common()),
        "unknown_codes": _counted(report.codes, show),
        "unknown_countries": _counted(report.countries, show),
        "samples": [sample_value(sample, show=show) for sample in report.samples],
    }


def _counted(codes: Counter[tuple[str, str, str]], show: bool) -> list[dict[str, Any]]:
    return [
        {"field": name, "column": column, "code": value if show else spoken(value), "count": count}
        for (name, column, value), count in codes.most_common(50)
    ]


def failed_value(sample: Sample, *, show: bool) -> dict[str, Any]:
    """Return the key and cells of a row that failed, as a JSON value; masked unless `show`."""
    hide: Callable[[Any], Any] = (lambda value: value) if show else mask
    return {"key": hide(sample.key), "row": hide(dict(sample.row))}


def sample_value(sample: Sample, *, show: bool) -> dict[str, Any]:
    """Return a sample as a JSON value; masked unless `show`."""
    hide: Callable[[Any], Any] = (lambda value: value) if show else mask
    record = sample.record
    return {
        "key": hide(sample.key),
        "row": hide(sample.row),
        "record": record and {"fields": hide(record["fields"]), "search": hide(record["search"])},
        "about": record and record["about"],
        "left_out": sample.reason,
        "live": sample.is_live,
    }


# ---------------------------------------------------- the check


def check_mapping(path: Path, url: str, access: Path | None, rows: int, clock: Clock) -> Report:
    """Return all findings about the mapping at `path`, on the first `rows` rows of each table.

    Without a `url` (and without one in the mapping), the file alone is checked. A fault of the mapping is a finding.
    Raises `Unavailable` when the source cannot be reached, `Misconfigured` for its address or access file.
    """
    report = Report(str(path), has_url=bool(url))
    mistakes = Mistakes()
    try:
        report.mapping = load_mapping(path, mistakes, is_draft=True)
    except Misconfigured as error:
        if isinstance(error.__cause__, OSError):
            raise
        report.findings += map(_finding, mistakes.found or [error])
        return report
    report.todo = open_decisions(path.read_text("utf-8-sig"))
    report.is_draft = is_unnamed(report.mapping) or not report.mapping.records
    if not report.mapping.records:
        remedy = "take one of the draft's skeletons, and name its columns"
        report.findings.append(Finding("note", "no record is mapped yet", f"{path}:1", remedy))
    report.findings += judge_mapping(report.mapping)
    if (url := url or report.mapping.url) and report.mapping.records:
        _try(report, url, access, rows, clock)
    return report


def _finding(error: LiaisonError) -> Finding:
    return Finding("error", error.message, error.where, error.remedy)


def _try(report: Report, url: str, access: Path | None, rows: int, clock: Clock) -> None:
    assert report.mapping is not None
    try:
        with opened(Path(report.file), url, access, rows, clock) as (adapter, source, seconds):
            report.has_database = True
            if source is None:
                report.findings += _breaches(adapter, clock, (), f"{report.file}:1")
                return
            for name in report.mapping.records:
                report.types.append(read_rows(source, name, rows))
                report.findings += judge_rows(report.mapping, report.types[-1])
                report.findings += unread_columns(report.mapping, report.types[-1], url, access, rows)
                report.findings += unread_in_files(report.mapping, name, source, rows)
                report.findings += judge_joins(source, name)
                report.findings += judge_histories(report.mapping, report.types[-1])
            report.findings += _unmet(source, clock)
            asked = [query for each in report.types for query in queries_of(each)]
            report.findings += _breaches(adapter, clock, [query for query, _ in asked[:5]], f"{report.file}:1")
            done = sum(each.rows for each in report.types)
            report.speed = measure(adapter, clock, asked, done / max(seconds, 1e-6))
    except Misconfigured as error:
        # A mistake of the mapping names its file; anything else is about the address.
        if not error.where.startswith(report.file):
            raise
        report.has_database = True
        first = _finding(error)
        others = [each for each in _misfits(report.mapping, url, access) if each.message != first.message]
        report.findings += [first, *others]


def _unmet(source: RowSource, clock: Clock) -> Iterator[Finding]:
    """Yield an error for each test beside the mapping that fails."""
    for each in check_expectations(source, clock):
        rows = (Sample(each.key, each.found, None),) if each.found else ()
        yield Finding("error", each.message, each.where, "is the mapping wrong, or has the row changed?", rows)


def _misfits(mapping: SourceMapping, url: str, access: Path | None) -> Iterator[Finding]:
    """Yield a finding for each table and column that the database lacks: the adapter stops at the first one."""
    if url.partition(":")[0].partition("+")[0] not in DATABASES:
        return
    tables = {table.name: [column.name for column in table.columns] for table in survey(url, access, 0)}
    seen: set[tuple[str, str]] = set()
    for table, column, line in _places(mapping):
        known = tables.get(table, tables) if column else tables
        word = column or table
        if "." in table or (column and table not in tables) or word in known or (table, column) in seen:
            continue
        seen.add((table, column))
        told = f"unknown column `{column}` in table `{table}`" if column else f"unknown table `{table}`"
        yield Finding("error", told, f"{mapping.file}:{line}", nearest(word, known))


def _places(mapping: SourceMapping) -> Iterator[tuple[str, str, int]]:
    """Yield each table, and each column with its table, that a mapping names, with its line."""
    for record in mapping.records.values():
        tables = {"": record.table} | {join.name: join.table for join in record.joins}
        yield record.table, "", record.line
        yield record.table, record.key, record.line_key
        for join in record.joins:
            yield join.table, "", join.line
            for ref in join.to:
                yield tables[ref.join], ref.column, ref.line
            for column in (*join.columns, join.key, join.order, *(when.ref.column for when in join.where)):
                yield join.table, column, join.line_on
        for ref in (*refs_of(record), *([record.changed] if record.changed else ())):
            yield tables[ref.join], ref.column, ref.line


_BREACH_REMEDY = "a fault of the adapter, not of the mapping: do not use it, and tell those who made it this line"


def _breaches(adapter: Adapter, clock: Clock, found: Sequence[Query], where: str) -> Iterator[Finding]:
    if not adapter.describe().queries:
        return  # judged already: nothing can be asked of it
    for breach in dict.fromkeys(check_adapter(adapter, clock, Expectation(found, ()))):
        yield Finding("error", f"the adapter breaks its contract: {breach}", where, _BREACH_REMEDY)


@contextmanager
def opened(
    path: Path, url: str, access: Path | None, rows: int, clock: Clock
) -> Iterator[tuple[Adapter, RowSource | None, float]]:
    """Open the source behind an index of its first `rows` rows; yield both, and the seconds that indexing took."""
    seen: list[_First] = []

    def observe(source: RowSource) -> RowSource:
        seen.append(_First(source, rows, clock))
        return seen[0]

    with tempfile.TemporaryDirectory(prefix="liaison-check-") as folder:
        adapter = open_source(Place(path, url, Path(folder), clock, access, observe=observe, is_draft=True))
        try:
            yield adapter, seen[0].source if seen else None, seen[0].seconds if seen else 0.0
        finally:
            adapter.close()


class _First:
    """A `RowSource` that ends after some rows. `seconds` is the time between its first and its last row."""

    def __init__(self, source: RowSource, rows: int, clock: Clock) -> None:
        self.source = source
        self.seconds = 0.0
        self.mapping: SourceMapping = source.mapping
        self.builders: Mapping[str, Builder] = source.builders
        self._rows = rows
        self._clock = clock

    def scan(self, record_type: str) -> Iterator[tuple[Rows | None, dict[str, list[Any]], str]]:
        began = self._clock.monotonic()
        yield from islice(self.source.scan(record_type), self._rows)
        self.seconds += self._clock.monotonic() - began

    def count(self, record_type: str) -> int:
        return min(self._rows, self.source.count(record_type))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)


# ---------------------------------------------------- one record


def sample_record(
    path: Path, url: str, access: Path | None, clock: Clock, record_type: str = "", key: str = ""
) -> tuple[str, Sample]:
    """Return one record beside its row: that of `key`, else the first live row; by default of the first type.

    Raises `Unknown` when there is no such record, `Misconfigured` as `open_source`.
    """
    mapping = load_mapping(path, is_draft=True)
    name = record_type or next(iter(mapping.records), "")
    if name not in mapping.records:
        raise Unknown(
            "the mapping has no `{name}`",
            code="unknown-record-type",
            remedy="{advice}",
            name=name,
            advice=", ".join(mapping.records),
        )
    url = url or mapping.url
    if not url:
        raise Misconfigured("no source is named", where=str(path), remedy="give --url, or `url` under [source]")
    with opened(path, url, access, 0 if key else SAMPLED, clock) as (_, source, _seconds):
        if source is None:
            raise Misconfigured("this adapter shows no rows", where="url", remedy="use `liaison adapter check`")
        if not key:
            report = read_rows(source, name, SAMPLED)
            if not report.samples:
                raise Unknown(
                    "no row of `{name}` was found",
                    code="unknown-record",
                    remedy="see `liaison adapter check`",
                    name=name,
                )
            return name, report.samples[0]
        builder = source.builders[name]
        try:
            rows = source.read(name, key, {}, clock.monotonic() + BUDGET)
        except Unknown as error:
            place, remedy = str(path), f"--key takes the value of `{mapping.records[name].key}` in the database"
            raise Unknown(
                "there is no row `{key}` of `{name}`",
                code=error.code,
                where=place,
                remedy="{advice}",
                key=key,
                name=name,
                advice=remedy,
            ) from error
        try:
            is_live = builder.is_live(rows) and not _is_over(builder.last_day(rows), clock)
            return name, Sample(key, cells_of(builder, rows), shown(builder.build(rows)), is_live=is_live)
        except LiaisonError as error:
            return name, Sample(key, cells_of(builder, rows), None, error.message)


def _is_over(last_day: int, clock: Clock) -> bool:
    return bool(last_day) and last_day < clock.now().date().toordinal()


SAMPLED = 100
"""Rows among which a sample is sought."""
