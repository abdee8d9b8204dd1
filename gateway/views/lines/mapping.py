"""Describe what a mapping makes of a source's rows, what is wrong with it, and what its source finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from adapters.check.check import Report, failed_value, sample_value
from adapters.check.report import Finding, Sample, TypeReport
from gateway.views.lines import Line
from policy.review.reach import Reach


def mapping_lines(report: Report, *, show: bool, leaves: Iterable[Line]) -> Iterator[Line]:
    """Yield the result of trying a mapping; values are masked unless `show`. `leaves` says who gets the records."""
    for each in report.types:
        yield from _type_lines(each)
        for sampled in each.samples:
            yield from _pair_lines(sample_value(sampled, show=show))
    if speed := report.speed:
        yield f"speed: {speed.rows_per_s:,.0f} rows a second into the index", "title"
        yield f"  search {speed.search_ms[0]:.1f} ms (slowest {speed.search_ms[1]:.1f})"
        yield f"  fetch  {speed.fetch_ms[0]:.1f} ms (slowest {speed.fetch_ms[1]:.1f})"
        yield f"  {speed.found} of {speed.searches} records are found by what they hold"
    for finding in report.findings:
        yield from _finding_lines(finding, show=show)
    yield from leaves
    if report.has_url and report.is_draft and not report.has_database:
        yield "the source was not looked at: no record is mapped yet", "warn"
    elif report.has_url and not report.has_database:
        yield "the source was not looked at: only the file was checked; mend it first", "warn"
    elif not report.has_database:
        yield "no database was looked at: only the file was checked (give --url)", "warn"
    yield _verdict(report), "title"


def _verdict(report: Report) -> str:
    if not report.is_good:
        return "the mapping cannot be used yet"
    if report.is_draft:
        return f"the file is a draft without mistakes; a node uses it when its source has a name ({report.todo} TODO)"
    return "the mapping can be used" + (f"; {report.todo} TODO are still in it" if report.todo else "")


def reach_lines(found: Sequence[Reach] | None, *, is_wanted: bool) -> Iterator[Line]:
    """Yield who can get each record type; `found` is None where no policy was asked, although it may be wanted."""
    if found is None:
        why = "mend the file first" if is_wanted else "give --home or --policy"
        yield f"who gets these records was not asked: {why}", "warn"
        return
    for each in found:
        if not each.ways:
            yield f"nobody can get a field of {each.record_type}: {each.problem}", "warn"
            yield f"      -> {each.remedy}"
            continue
        yield f"{each.record_type} of `{each.owner}` leaves", "title"
        for way in each.ways:
            yield f"  to {', '.join(way.recipients)} for {', '.join(way.purposes)}, with {way.needs}"
            yield f"      {', '.join(way.fields)}; under {way.agreement}, by {', '.join(way.rules)}", "dim"


def sample_lines(name: str, found: Sample, *, show: bool) -> Iterator[Line]:
    """Yield one record beside the row that it is made of."""
    yield f"{name} {found.key if show else '(masked, see --show)'}", "title"
    yield from _pair_lines(sample_value(found, show=show))
    if not found.is_live:
        yield "this row does not count (`live`): it is never found, and never leaves", "warn"


def asked_lines(asked: dict[str, Any]) -> Iterator[Line]:
    """Yield the answer of a source (`adapters.check.asked.Asked.as_value`)."""
    if not asked["searched"]:
        yield f"{asked['source']} was not searched: nothing in it is found by such a question", "warn"
        yield f"  it can be asked for {', '.join(asked['queries']) or 'nothing'}"
        return
    found = asked["found"]
    more = ", and there are more" if asked["capped"] else ""
    yield f"{asked['source']}: {len(found)} found{more}", "good" if found else ""
    for each in found:
        yield f"{each['type']} {each['key']}: {each['quality']}, {each['score']:.3f}", "title"
        yield f"  by {', '.join(each['rules'])}; {each['category']}; {each['level']}; for {_audience(each)}"
        if each["problem"]:
            yield f"  it cannot be read: {each['problem']}", "bad"
        for name, value in each["fields"].items():
            yield f"  {name}: {_brief(value)}"


def _audience(each: dict[str, Any]) -> str:
    return ", ".join(each["releasable_to"]) or "nobody"


def _type_lines(report: TypeReport) -> Iterator[Line]:
    live = report.rows - report.not_live
    yield f"{report.type} from `{report.table}`", "title"
    yield f"  {report.rows:,} rows, {live:,} live, {report.valid:,} valid ({report.share:.1%})"


def _finding_lines(finding: Finding, *, show: bool) -> Iterator[Line]:
    style, mark = ("bad", "WRONG") if finding.severity == "error" else ("warn", "note ")
    yield f"{mark} {finding.where}: {finding.message}", style
    if finding.remedy:
        yield f"      -> {finding.remedy}"
    for each in finding.rows:
        row = failed_value(each, show=show)
        cells = ", ".join(f"{column} = {_brief(cell)}" for column, cell in row["row"].items() if cell is not None)
        yield f"      row {row['key']}: {cells}", "dim"


def _pair_lines(value: dict[str, Any]) -> Iterator[Line]:
    """Yield the cells on the left, and on the right what they became."""
    cells = [f"{column} = {_brief(cell)}" for column, cell in value["row"].items() if cell not in (None, [])]
    record = value["record"]
    made = [f"left out: {value['left_out']}"]
    if record:
        made = [f"{name}: {_brief(each)}" for name, each in record["fields"].items()]
        made += [f"found by {name}: {_brief(each)}" for name, each in record["search"].items()]
        made += [f"({name}: {_brief(each)})" for name, each in value["about"].items()]
    yield "  " + "-" * 100, "dim"
    for cell, field in zip_longest(cells, made, fillvalue=""):
        yield f"  {cell:<46.46} | {field}"


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_brief(each)}" for key, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(_brief, value))
    return str(value)
