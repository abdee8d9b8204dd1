"""Bar charts as SVG that stands in a page by itself: no script, no font or picture from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""A palette that colour-blind readers can tell apart (Okabe and Ito)."""

_WIDTH, _HEIGHT = 720, 260
_LEFT, _BOTTOM, _TOP = 56, 34, 12
_ROW, _NAMES = 24, 220


@dataclass(frozen=True, slots=True)
class Series:
    """A named row of counts; -1 stands for one that is too small to be told."""

    name: str
    counts: Sequence[int]


def columns(title: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """Groups of columns, one group for each label and one column for each of `series`."""
    highest = _round_up(max((count for row in series for count in row.counts), default=0))
    group = (_WIDTH - _LEFT) / max(1, len(labels))
    width = min(48.0, group * 0.8 / max(1, len(series)))
    parts = [_grid(highest)]
    for place, label in enumerate(labels):
        middle = _LEFT + group * (place + 0.5)
        begin = middle - width * len(series) / 2
        for number, row in enumerate(series):
            parts.append(_column(begin + number * width, width, row.counts[place], highest, COLOURS[number], row.name))
        parts.append(f'<text class="label" x="{middle:.1f}" y="{_HEIGHT - 14}">{escape(label)}</text>')
    return _svg(title, _HEIGHT, parts) + legend([row.name for row in series])


def bars(title: str, rows: Sequence[tuple[str, int]]) -> str:
    """Lying bars, the longest first."""
    ordered = sorted(rows, key=lambda row: (-row[1], row[0]))
    highest = max((count for _, count in ordered), default=0) or 1
    parts = []
    for place, (name, count) in enumerate(ordered):
        y = place * _ROW
        length = max(1.0, (_WIDTH - _NAMES - 70) * max(count, 0) / highest)
        parts.append(f'<text class="name" x="{_NAMES - 8}" y="{y + 16}">{escape(name[:34])}</text>')
        parts.append(f'<rect x="{_NAMES}" y="{y + 3}" width="{length:.1f}" height="{_ROW - 8}" fill="{COLOURS[0]}"/>')
        parts.append(f'<text class="value" x="{_NAMES + length + 6:.1f}" y="{y + 16}">{_said(count)}</text>')
    return _svg(title, max(_ROW, _ROW * len(ordered)), parts)


def legend(names: Sequence[str]) -> str:
    """Names with their colours."""
    items = (
        f'<li><svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" fill="{colour}"/></svg> '
        f"{escape(name)}</li>"
        for name, colour in zip(names, COLOURS, strict=False)
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _column(x: float, width: float, count: int, highest: int, colour: str, name: str) -> str:
    height = (_HEIGHT - _BOTTOM - _TOP) * max(count, 0) / highest
    top = _HEIGHT - _BOTTOM - height
    bar = f'<rect x="{x:.1f}" y="{top:.1f}" width="{width - 1:.1f}" height="{height:.1f}" fill="{colour}">'
    bar += f"<title>{escape(name)}: {_said(count)}</title></rect>"
    if width < 14 or count == 0:
        return bar
    return f'{bar}<text class="top" x="{x + width / 2:.1f}" y="{top - 3:.1f}">{_said(count)}</text>'


def _grid(highest: int) -> str:
    lines = []
    for part in range(5):
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * part / 4
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="axis" x="{_LEFT - 6}" y="{y + 4:.1f}">{highest * part // 4:,}</text>')
    return "".join(lines)


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _round_up(number: int) -> int:
    """The next of 4, 8, 12, 16, 20, 40, 80 …: what four lines divide well."""
    step = 4
    while True:
        for factor in range(1, 6):
            if number <= step * factor:
                return step * factor
        step *= 10


def _said(count: int) -> str:
    return "&lt;5" if count < 0 else f"{count:,}"
