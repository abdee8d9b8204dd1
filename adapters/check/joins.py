"""Judges the joins of a mapping on a source's rows: keys that do not tell rows apart, and contradicting histories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from adapters.check.report import FAILED, Finding, Sample, TypeReport
from adapters.indexed import RowSource
from adapters.mapping.mapping import Mapping, Over
from adapters.sql.proof import Ambiguous
from gateway.errors import LiaisonError


@runtime_checkable
class ProvingRows(Protocol):
    """The extra method of a `RowSource` that can look for repeated keys of joined tables."""

    def ambiguous(self, record_type: str) -> Iterator[Ambiguous]:
        """Yield the joins of a record type whose keys do not tell rows apart where a record needs that."""


def judge_joins(source: RowSource, record_type: str) -> Iterator[Finding]:
    """Yield an error for each join that mixes the rows of several things up, with two of the keys."""
    if not isinstance(source, ProvingRows):
        return
    mapping = source.mapping
    try:
        for found in source.ambiguous(record_type):
            yield _finding(mapping, found)
    except LiaisonError as error:
        where = f"{mapping.file}:{mapping.records[record_type].line}"
        yield Finding("note", f"whether keys of joins are unique is not proved: {error.message}", where, error.remedy)


def _finding(mapping: Mapping, found: Ambiguous) -> Finding:
    columns, name = ", ".join(f"`{column}`" for column in found.columns), found.join.name
    several = f"{len(found.keys):,} of its values stand" if len(found.keys) > 1 else "one of its values stands"
    told = f"{columns} of `{found.table}` is no key: {several} in several rows"
    if found.is_shared:
        told += f", which would all have the same rows of `{name}`"
        other = "say `shared = true` where they rightly belong to several"
    else:
        told += f", and `{name}` needs one"
        other = "shut rows out by `where`"
    such = f", such as {', '.join(found.others[:3])}" if found.others else ""
    remedy = f"name by `on` all columns that tell them apart{such}, or {other}"
    rows = tuple(Sample(" ".join(key), dict(zip(found.columns, key, strict=True)), None) for key in found.keys[:FAILED])
    return Finding("error", told, f"{mapping.file}:{found.join.line_on}", remedy, rows)


def judge_histories(mapping: Mapping, report: TypeReport) -> Iterator[Finding]:
    """Yield a note for each condition about whose rows many records contradict themselves."""
    for each in report.histories:
        if not each.records:
            continue
        when = each.when
        how = "one of them is enough" if when.over is Over.ANY else "all of them must meet it"
        told = (
            f"rows of `{each.table}` contradict each other about `{when.ref.column}` in {each.records:,} "
            f'records, and by `rows = "{when.over}"` {how}'
        )
        remedy = 'if they are a history, say `rows = "newest by COLUMN"`, so that the present state decides'
        rows = tuple(Sample(key, {}, None) for key in each.keys)
        yield Finding("note", told, f"{mapping.file}:{when.ref.line}", remedy, rows)
