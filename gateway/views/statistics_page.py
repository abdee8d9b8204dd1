"""Statistics of a log as one HTML page: charts and tables, static and whole in itself, made to be printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from gateway.audit.statistics.statistics import MEASURES
from gateway.views.charts import Series, bars, columns
from gateway.views.statistics import OURS, TOTALS, Statistics, breakdown, said, table_rows

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; border-bottom: 1px solid #bbb; padding-bottom: .2rem; }
p.about { color: #444; margin: .2rem 0 1rem; }
figure { margin: 1rem 0; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
svg.chart { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: #1a1a1a; }
svg .top { paint-order: stroke; stroke: #fff; stroke-width: 3px; }
svg line { stroke: #ddd; }
svg .label, svg .top { text-anchor: middle; }
svg .axis, svg .name { text-anchor: end; }
ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: .3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .45rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead th { background: #f2f2f2; }
@page { size: A4; margin: 16mm; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 10.5pt; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
  svg rect, thead th { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll { overflow: visible; }
}
"""

_RARE = (
    ("received-outcome:hit", "hit"),
    ("received-outcome:refused", "refused"),
    ("late", "late"),
    ("silent", "silent"),
)
"""What becomes of few questions; beside the no hits nobody would see it."""
_CHARTED = ("served-refusal", "received-refusal", "asked-purpose", "served-purpose", "served-type", "received-type")


def page(shown: Statistics) -> str:
    """The page."""
    title = f"Exchanges of {shown.member.upper()}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="about">{_about(shown)}</p>',
        *_charts(shown),
        *_tables(shown),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _about(shown: Statistics) -> str:
    months = shown.months
    period = f"{months[0]} to {months[-1]}" if months else "no month"
    entries = ", ".join(f"{size:,} entries of {log}" for log, size in sorted(shown.sizes.items()))
    how = (
        "Exact counts: for own use, not to be passed on."
        if shown.exact
        else "Counts of one to four are shown as &lt;5, the others are rounded to a multiple of five: sums can differ."
    )
    return f"{period}. Made {escape(shown.made)} from the audit log ({escape(entries)}). {how}"


def _charts(shown: Statistics) -> Iterable[str]:
    months = shown.months
    if not months:
        return
    yield "<h2>By month</h2>"
    traffic = [Series("sent", _months(shown, "asked")), Series("received", _months(shown, "served"))]
    yield _figure("Questions sent and received", columns("Questions sent and received", months, traffic))
    outcomes = [Series(name, _months(shown, column)) for column, name in _RARE]
    what = "Our questions with a hit, a refusal, or no answer in time"
    yield _figure(what, columns(what, months, outcomes))
    for measure in _CHARTED:
        rows = shown.by_value(measure)
        if rows:
            yield _figure(MEASURES[measure], bars(MEASURES[measure], rows))


def _months(shown: Statistics, column: str) -> list[int]:
    return [shown.of_all(month, column) for month in shown.months]


def _tables(shown: Statistics) -> Iterable[str]:
    rows = list(table_rows(shown))
    if rows:
        yield "<h2>By month and counterpart</h2>"
        top = f'<tr><th colspan="2"></th><th colspan="{OURS}">our questions</th>'
        top += f'<th colspan="{len(TOTALS) - OURS}">their questions</th></tr>'
        yield _table(("month", "with", *(title for _, title in TOTALS)), rows, first_number=2, top=top)
    listed = list(breakdown(shown))
    if listed:
        yield "<h2>In detail</h2>"
    for _, meaning, lines in listed:
        yield _figure(meaning, _table(("month", "with", "counts"), lines, first_number=3))
    if shown.answer_times:
        yield "<h2>Answer times</h2>"
        times = [
            (item.month, item.counterpart, f"{item.median_ms:,}", f"{item.p95_ms:,}") for item in shown.answer_times
        ]
        yield _table(("month", "with", "median, ms", "95 % within, ms"), times, first_number=2)
    if shown.availability:
        yield "<h2>Availability of the node</h2>"
        spans = [
            (item.month, f"{100 * item.share:.3f} %", said(item.outages), f"{item.covered_s / 86_400:,.1f}")
            for item in shown.availability
        ]
        yield _table(("month", "running", "stops and crashes", "days that the log covers"), spans, first_number=1)


def _figure(caption: str, inside: str) -> str:
    return f"<figure><figcaption>{escape(caption[:1].upper() + caption[1:])}</figcaption>{inside}</figure>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, first_number: int, top: str = "") -> str:
    def cells(tag: str, values: Sequence[str]) -> str:
        number = f'<{tag} class="number">'
        marks = (number if place >= first_number else f"<{tag}>" for place in range(len(values)))
        return "".join(f"{mark}{escape(value)}</{tag}>" for mark, value in zip(marks, values, strict=True))

    head = f"<thead>{top}<tr>{cells('th', heads)}</tr></thead>"
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div>'
