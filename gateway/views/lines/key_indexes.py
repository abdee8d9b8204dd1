"""Describe key indexes in lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from gateway.views.lines import Line

_MANY_LEFT_OUT = 0.01
_STALE_S = 3_600
_SHOWN_RUNS = 10
_VALUE_ALONE = ", the value alone: "


def built_lines(one: dict[str, Any]) -> Iterator[Line]:
    """Yield the figures of an index that was just built."""
    if one["state"] == "elsewhere":
        yield f"{one['source']}: its index is kept where the source runs", "dim"
        return
    yield f"{_size(one)}, in {one['seconds']:.1f} s", "good"
    yield from _left_out_lines(one)
    yield from _many_lines(one)


def status_lines(one: dict[str, Any]) -> Iterator[Line]:
    """Yield the state of an index."""
    if one["state"] == "elsewhere":
        yield from built_lines(one)
    elif one["state"] != "ready":
        yield f"{one['source']}: {one['state']} {one.get('reason', '')}".rstrip(), "warn"
        yield "  -> liaison index build"
    else:
        yield f"{_size(one)}; all rows were compared at {one['checked']}"
        yield from _left_out_lines(one)


def source_lines(one: dict[str, Any]) -> Iterator[Line]:
    """Yield the state of a source's index, its last look at the source, its last errors and its runs."""
    yield from status_lines(one)
    if one["state"] == "elsewhere":
        return
    if one["looked"] is None:
        yield "  when the source was looked at last is not known", "warn"
    else:
        ago = timedelta(seconds=one["looked_s_ago"])
        told = f"  the source was looked at {ago} ago, at {one['looked']}"
        yield told, "warn" if one["failing"] or one["looked_s_ago"] > _STALE_S else ""
    if one["failing"]:
        yield "  the last run failed: the source is not searched until one succeeds", "bad"
    if one.get("as_of"):
        yield f"  searched as of {one['as_of']}"
    for run in one["last_errors"]:
        times = f", {run['times']:,} times in a row" if run["times"] > 1 else ""
        yield f"  error at {run['ended']}{times}: {run['error']}", "warn"
    for run in (run for run in one["runs"][: -_SHOWN_RUNS - 1 : -1] if "changed" in run):
        changed = "" if run["kind"] == "build" else f", {run['changed']:,} records changed"
        yield f"  {run['ended']}: {run['kind']}, {run['seconds']:.1f} s{changed}"


def left_over_lines(one: dict[str, Any]) -> Iterator[Line]:
    """Yield the files of an index that no source uses."""
    yield f"{one['source']}: left over: no source of this home uses this index, and nothing keeps it up", "warn"
    yield f"  -> remove {' and '.join(one['files'])}"


def _many_lines(one: dict[str, Any]) -> Iterator[Line]:
    """Warn when one record in a hundred or more is left out, since no search finds those."""
    reasons = [item for each in one["left_out"].values() for item in each.items()]
    left = sum(count for reason, count in reasons if _VALUE_ALONE not in reason)
    if left and left >= _MANY_LEFT_OUT * (one["rows"] + left):
        share = left / (one["rows"] + left)
        yield f"  warning: {left:,} rows ({share:.1%}) are left out, and nobody will find them", "warn"
        yield "  -> liaison adapter check MAPPING --url URL says where and why"


def _left_out_lines(one: dict[str, Any]) -> Iterator[Line]:
    for record_type, reasons in one["left_out"].items():
        for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
            yield f"  left out, {record_type}: {count:,} x {reason}"


def _size(one: dict[str, Any]) -> str:
    sealed = ", encrypted" if one["sealed"] else ""
    return f"{one['source']}: {one['rows']:,} records, {one['keys']:,} keys, {one['bytes'] / 1e6:.1f} MB{sealed}"
