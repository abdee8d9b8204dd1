"""Build the key indexes of a home's sources anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.indexed import IndexedSource
from adapters.load import open_source
from gateway.clock import SystemClock
from gateway.config import Home, Settings, load_settings
from gateway.config.schema import SourceSettings
from gateway.errors import Misconfigured
from gateway.ops.homes.own_tables import use_own_tables
from gateway.ops.sources.key_indexes import chosen_sources, elsewhere, index_figures
from gateway.ops.sources.places import other_names, source_place
from gateway.ops.stores import node_stores, require_stores


def build_indexes(folder: Path, wanted: str, progress: Callable[[str, int, int], None]) -> Iterator[dict[str, Any]]:
    """Build the index of each source and yield its figures as JSON, one source after the other.

    Raises `Misconfigured` where a mapping is of another source: no source would use its index.
    """
    settings = load_settings(folder)
    require_stores(node_stores(settings))
    use_own_tables(settings.home)
    for source in chosen_sources(settings, wanted):
        yield elsewhere(source.id) if source.is_process else _build(settings, source, progress)


def _build(settings: Settings, source: SourceSettings, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    for finding in other_names(settings, settings.sources.index(source)):
        raise Misconfigured(finding.text, code="other-mapping", remedy=finding.remedy)
    clock = SystemClock()
    started, worked = clock.monotonic(), time.process_time()

    def report(record_type: str, done: int, total: int) -> None:
        progress(f"{source.id} {record_type}", done, total)

    place = source_place(settings, source, Home(settings.home), clock)
    with closing(open_source(replace(place, progress=report, anew=True))) as opened:
        if not isinstance(opened, IndexedSource):
            return elsewhere(source.id)
        store = opened.rebuild(report)
        seconds, cpu = clock.monotonic() - started, time.process_time() - worked
        return index_figures(source.id, store) | {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}
