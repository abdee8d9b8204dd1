"""`liaison index`: the key indexes, by which a source's records are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import home_option, json_option, print_json, say

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.config.home import Home
    from gateway.config.schema import Settings, SourceSettings
    from gateway.storage.index.index_store import IndexStore

_SOURCE = click.option("--source", "wanted", default="", metavar="ID", help="Only this source. Default: all of them.")


@click.group()
def index() -> None:
    """Build and look at the key indexes of the sources.

    A key index is how a node finds a record without touching the agency's system. A running node keeps its indexes up
    by itself: build them before the first start, or to see what is left out and why.

    \b
    Examples:
      liaison index build --home la
      liaison index status --home la
    """


@index.command()
@home_option
@_SOURCE
@json_option
def build(home: Path, wanted: str, as_json: bool) -> int:
    """Read all rows of each source and build its key index anew.

    A node may run meanwhile: it searches in the old index until the new one is complete, and turns to it within a
    minute. A build that is stopped leaves the old index as it is.

    \b
    Examples:
      liaison index build --home la
      liaison index build --home la --source la.police.records --json

    Prints for each source: records in the index, keys, seconds, bytes, and rows that are left out with the reason.
    """
    from gateway.clock import SystemClock

    clock = SystemClock()
    settings, place, sources = _sources(home, wanted)
    built = []
    for source in sources:
        built.append(_build(settings, source, place, clock))
        if not as_json:
            _show_built(built[-1])
    if as_json:
        print_json({"sources": built})
    return 0


@index.command()
@home_option
@_SOURCE
@json_option
def status(home: Path, wanted: str, as_json: bool) -> int:
    """Show the key index of each source: how large, how old, what is left out; and indexes that no source uses now.

    \b
    Examples:
      liaison index status --home la
      liaison index status --home la --json

    Exit code 1 when an index is missing or cannot be read: `liaison index build` makes it.
    """
    settings, place, sources = _sources(home, wanted)
    found = [_status(settings, source, place) for source in sources]
    left_over = _left_over(settings, place)
    if as_json:
        print_json({"sources": found, "left_over": left_over})
    else:
        for one in found:
            _show_status(one)
        for one in left_over:
            say(f"{one['source']}: left over: no source of this home uses this index, and nothing keeps it up", "warn")
            say(f"  -> remove {' and '.join(one['files'])}")
    return 0 if all(one["state"] in ("ready", "elsewhere") for one in found) else 1


def _sources(home: Path, wanted: str) -> tuple[Settings, Home, list[SourceSettings]]:
    from gateway.config.home import Home
    from gateway.config.load import load_settings

    settings = load_settings(home)
    sources = [source for source in settings.sources if wanted in ("", source.id)]
    if wanted and not sources:
        known = ", ".join(source.id for source in settings.sources) or "none"
        raise click.BadParameter(f"no source `{wanted}` in this home; there are: {known}", param_hint="--source")
    return settings, Home(settings.home), sources


def _build(settings: Settings, source: SourceSettings, home: Home, clock: Clock) -> dict[str, Any]:
    import time
    from dataclasses import replace

    from adapters.index.source import IndexedSource
    from adapters.load import open_source
    from gateway.app.resources import source_place

    if source.is_process:
        return {"source": source.id, "state": "elsewhere"}
    _check_names(settings, source)
    started, worked = clock.monotonic(), time.process_time()
    with _bar(source.id) as progress:
        opened = open_source(replace(source_place(settings, source, home, clock), progress=progress, anew=True))
        try:
            if not isinstance(opened, IndexedSource):
                return {"source": source.id, "state": "elsewhere"}
            store = opened.rebuild(progress)
            seconds, cpu = clock.monotonic() - started, time.process_time() - worked
            return _figures(source, store) | {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}
        finally:
            opened.close()


def _check_names(settings: Settings, source: SourceSettings) -> None:
    """Raises `Misconfigured` where the mapping is of another source: its index would be used by nobody."""
    from gateway.errors import Misconfigured
    from gateway.ops.doctor.home_checks import other_names

    for finding in other_names(settings, settings.sources.index(source)):
        raise Misconfigured(finding.text, code="other-mapping", remedy=finding.remedy)


def _figures(source: SourceSettings, store: IndexStore) -> dict[str, Any]:
    import json

    meta = store.meta
    rows, keys = store.count()
    return {
        "source": source.id,
        "state": "ready",
        "rows": rows,
        "keys": keys,
        "bytes": store.size(),
        "sealed": bool(meta["sealed"]),
        "checked": _moment(int(meta["checked"])),
        "left_out": {name: reasons for name, reasons in json.loads(meta["left_out"]).items() if reasons},
    }


def _moment(now_us: int) -> str:
    from gateway.clock import from_us

    return from_us(now_us).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(settings: Settings, source: SourceSettings, home: Home) -> dict[str, Any]:
    from gateway.errors import LiaisonError
    from gateway.storage.index.index_seal import load_index_secret
    from gateway.storage.index.index_store import IndexStore

    if source.is_process:
        return {"source": source.id, "state": "elsewhere"}
    path = home.index / f"{source.id}.sqlite"
    if not path.exists():
        return {"source": source.id, "state": "missing"}
    try:
        store = IndexStore(path, load_index_secret(settings.keystore) if settings.storage.sealed_index else None)
    except LiaisonError as error:
        return {"source": source.id, "state": "unreadable", "reason": error.message}
    try:
        return _figures(source, store)
    finally:
        store.close()


def _left_over(settings: Settings, home: Home) -> list[dict[str, Any]]:
    """Indexes of sources that have another id by now, are gone, or run in a process of their own, with their files."""
    used = {source.id for source in settings.sources if not source.is_process}
    links = [file for file in sorted(home.index.glob("*.sqlite")) if file.is_symlink() and file.stem not in used]
    return [{"source": file.stem, "files": [str(file), f"{file.resolve()}*"]} for file in links]


@contextmanager
def _bar(source: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal; elsewhere nothing."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _type, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def progress(record_type: str, done: int, total: int) -> None:
            if record_type not in tasks:
                tasks[record_type] = bar.add_task(f"{source} {record_type}", total=total or None)
            bar.update(tasks[record_type], completed=done, total=max(done, total) or None)

        yield progress


def _show_built(one: dict[str, Any]) -> None:
    if one["state"] == "elsewhere":
        say(f"{one['source']}: its index is kept where the source runs", "dim")
        return
    say(
        f"{one['source']}: {one['rows']:,} records, {one['keys']:,} keys, {_size(one['bytes'])}"
        f"{', encrypted' if one['sealed'] else ''}, in {one['seconds']:.1f} s",
        "good",
    )
    _show_left_out(one)
    _warn_of_many(one)


def _show_status(one: dict[str, Any]) -> None:
    if one["state"] == "elsewhere":
        _show_built(one)
        return
    if one["state"] != "ready":
        say(f"{one['source']}: {one['state']} {one.get('reason', '')}".rstrip(), "warn")
        say("  -> liaison index build")
        return
    say(
        f"{one['source']}: {one['rows']:,} records, {one['keys']:,} keys, {_size(one['bytes'])}"
        f"{', encrypted' if one['sealed'] else ''}; all rows were compared at {one['checked']}",
    )
    _show_left_out(one)


_MANY_LEFT_OUT = 0.01
_VALUE_ALONE = ", the value alone: "


def _warn_of_many(one: dict[str, Any]) -> None:
    """A record that is left out is found by nobody: from one in a hundred on, that is said aloud."""
    reasons = [item for each in one["left_out"].values() for item in each.items()]
    left = sum(count for reason, count in reasons if _VALUE_ALONE not in reason)
    if left and left >= _MANY_LEFT_OUT * (one["rows"] + left):
        share = left / (one["rows"] + left)
        say(f"  warning: {left:,} rows ({share:.1%}) are left out, and nobody will find them", "warn")
        say("  -> liaison adapter check MAPPING --url URL says where and why")


def _show_left_out(one: dict[str, Any]) -> None:
    for record_type, reasons in one["left_out"].items():
        for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
            say(f"  left out, {record_type}: {count:,} x {reason}")


def _size(number: int) -> str:
    return f"{number / 1_000_000:.1f} MB"
