"""Tell how fresh the sources of a home are: a node's home, or that of a source process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.index.history import Run, RunHistory, RunKind
from adapters.load import Place
from adapters.mapping.file import load_mapping
from gateway.clock import SECOND_US, Clock, rfc3339_s
from gateway.config import Home, Settings, load_settings
from gateway.config.source_home import load_source
from gateway.errors import Misused
from gateway.ops.homes.own_tables import use_own_tables
from gateway.ops.sources.key_indexes import chosen_sources, elsewhere, index_status_at
from gateway.ops.sources.places import process_place, source_place
from gateway.storage.index.index_file import index_path


@dataclass(frozen=True, slots=True)
class Kept:
    """A source of a home: its id, where it is, and what seals its index; without a place it is a process elsewhere."""

    id: str
    place: Place | None


def kept_sources(home: Path, wanted: str, clock: Clock) -> list[Kept]:
    """Return the sources of a home, or the one named `wanted`. Raises `Misused` where there is none of that name."""
    use_own_tables(home)
    if (home / "source.toml").exists():
        return [_of_process(home, wanted, clock)]
    return _kept(load_settings(home), wanted, clock)


def _kept(settings: Settings, wanted: str, clock: Clock) -> list[Kept]:
    return [
        Kept(source.id, None if source.is_process else source_place(settings, source, Home(settings.home), clock))
        for source in chosen_sources(settings, wanted)
    ]


def _of_process(home: Path, wanted: str, clock: Clock) -> Kept:
    settings = load_source(home)
    found = load_mapping(settings.path(settings.source.mapping)).id
    if wanted not in ("", found):
        raise Misused(f"no source `{wanted}` in this home; there is: {found}")
    return Kept(found, process_place(settings, clock))


def source_status(home: Path, wanted: str, clock: Clock) -> list[dict[str, Any]]:
    """Return the freshness, the left-out rows, the last errors and the runs of each source's index, as JSON."""
    return [_status(kept, clock) for kept in kept_sources(home, wanted, clock)]


def own_source_status(settings: Settings, clock: Clock) -> list[dict[str, Any]]:
    """Return the same of all sources of a node's settings, for a process in which its tables of names count already."""
    return [_status(kept, clock) for kept in _kept(settings, "", clock)]


def _status(kept: Kept, clock: Clock) -> dict[str, Any]:
    if kept.place is None:
        return elsewhere(kept.id)
    path = index_path(kept.place.index_dir, kept.id)
    history = RunHistory(path)
    runs = list(history.runs())
    failed = [run for run in runs if run.kind is RunKind.FAILED]
    looked = history.looked_us()
    return index_status_at(kept.id, path, kept.place.index_secret) | {
        "looked": rfc3339_s(looked) if looked else None,
        "looked_s_ago": max(0, clock.now_us() - looked) // SECOND_US if looked else None,
        "failing": history.is_failing(),
        "last_errors": [_run(run) for run in failed[-5:]],
        "runs": [_run(run) for run in runs],
    }


def _run(run: Run) -> dict[str, Any]:
    about: dict[str, Any] = {"kind": run.kind.value, "ended": rfc3339_s(run.ended_us), "seconds": run.seconds}
    if run.kind is RunKind.FAILED:
        return about | {"error": run.error, "times": run.times}
    return about | {"changed": run.changed}
