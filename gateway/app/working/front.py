"""The workers of a node on the side of its front: how many there are, and what they are given to know and to open."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from certs.durable import make_folder
from certs.hsm.places import key_places, put_file, uri_at
from gateway.app.resources import Resources, wall_limits
from gateway.config import Home, Settings
from gateway.config.schema import AUTO, SourceSettings
from gateway.errors import Misconfigured
from gateway.exchange.answering.job import Job
from gateway.exchange.incidents import Incidents
from gateway.exchange.parts import Parts
from gateway.exchange.workers.door import Door
from gateway.exchange.workers.frames import SourceSpec, Start
from gateway.exchange.workers.pool import Pool
from gateway.host.child import start_module
from gateway.host.cores import cores
from gateway.records.types import RECORD_TYPES
from gateway.storage.index.index_seal import load_index_secret
from gateway.storage.keys.references import HitReferences
from gateway.telemetry import Counters, Gauge

_MODULE = "gateway.app.working.process"
_SHARE = 0.75
"""The workers' part of a source's rate; the rest is for the questions of our own officers, which the front asks."""


def worker_count(settings: Settings, wanted: str = "") -> int:
    """Return how many workers a node of these settings starts; 0 stands for all work in one process.

    `wanted` comes before the settings. Raises `Misconfigured` where keys are in a security module, whose PIN would open
    the keys of the logs to a worker, too.
    """
    text = wanted or settings.node.workers
    home = Home(settings.home)
    held = [key for key in worker_keys(settings, home) if uri_at(key) is not None]
    if text == AUTO:
        return 0 if held or cores() == 1 else cores() - 1
    if int(text) and held:
        raise Misconfigured(
            "the key `{key}` is in a security module, whose PIN opens all keys there to a worker, too",
            code="workers-with-module",
            where=settings.origin.get("node.workers", ""),
            remedy="`liaison serve --workers 0` works in one process",
            key=held[0].stem,
        )
    return int(text)


def worker_keys(settings: Settings, home: Home) -> list[Path]:
    """Return the keys that a worker holds: those of agencies; towards source processes also the node's own two."""
    own = [home.key(name) for name in ("tls", "statement")] if any(s.is_process for s in settings.sources) else []
    return [*key_places(home.keys, "agency-*"), *own]


def build_pool(
    resources: Resources,
    parts: Parts,
    incidents: Incidents,
    fatal: Callable[[BaseException], None],
    count: int,
    place: int,
) -> Pool:
    """Return the workers of a node, which are not started yet; `place` is its number among the home's processes."""
    socket = resources.home.path / f"workers-{place}.sock"
    references = HitReferences(resources.settings.keystore, resources.clock)
    references.make_ahead()
    return Pool(
        parts,
        count,
        partial(Door, socket),
        lambda: start_module(_MODULE, [str(resources.home.path), str(socket), str(os.getpid())]),
        lambda epoch: _start(resources, epoch, count),
        lambda code, detail: incidents.note(resources.member, code, detail),
        references.make_ahead,
        fatal,
        partial(_types_for, resources, parts),
    )


def _types_for(resources: Resources, parts: Parts, job: Job) -> Collection[str]:
    """Return the types of records that a worker may give for a question: those of the sources that take it.

    Without those that were switched off as it came in; what was switched off since keeps the answer back itself. A
    source that is a process of its own says what it has, and may have said something newer to the worker.
    """
    query, peer = job.verified.value.query, job.peer
    able = [wall for wall in resources.walls if query.kind in wall.description.queries]
    if any(wall.signs for wall in able):
        types = frozenset(RECORD_TYPES)
    else:
        types = frozenset().union(*(wall.description.record_types for wall in able))
    if not job.switches or parts.suspensions.in_force is not job.switches:
        return types
    return types - parts.suspensions.suspended_types(peer, job.verified.value.purpose.value)


def _start(resources: Resources, epoch: bytes, count: int) -> Start:
    settings, home = resources.settings, resources.home
    return Start(
        epoch,
        resources.member,
        str(settings.keystore),
        [str(key) for key in key_places(home.keys, "agency-*")],
        [_spec(settings, source, count) for source in settings.sources],
        settings.limits.workers,
        settings.telemetry.log_level,
        [str(path) for path in _closed(settings)],
        [str(path) for path in _opened(settings, home)],
    )


def _spec(settings: Settings, source: SourceSettings, count: int) -> SourceSpec:
    limits, seals = wall_limits(source), settings.storage.sealed_index and not source.is_process
    return SourceSpec(
        source.id,
        source.agency,
        str(settings.path(source.mapping)) if source.mapping else "",
        settings.source_url(source),
        str(settings.path(source.access)) if source.access else "",
        load_index_secret(settings.keystore) if seals else b"",
        source.difference_s,
        limits.rate_per_s * _SHARE / count,
        limits.timeout_s,
        source.is_process,
    )


def _closed(settings: Settings) -> list[Path]:
    """Return what no worker may open: the home, the keystore and its copy, and the files of the database."""
    found = [settings.home, settings.keystore]
    if settings.storage.key_copy:
        found.append(settings.path(settings.storage.key_copy))
    if not settings.is_shared:
        file = settings.database_file
        found += [file.with_name(f"{file.name}{ending}") for ending in ("", "-wal", "-shm", "-journal")]
    return found


def _opened(settings: Settings, home: Home) -> list[Path]:
    """Return what of it a worker may open all the same: its keys, the indexes, and the files of its sources."""
    keys = [file for key in worker_keys(settings, home) for file in (key, key.with_suffix(".pem"), put_file(key))]
    make_folder(home.index)  # what is not there cannot be opened to a worker
    read = [home.mappings, home.names, home.settings, home.ca, settings.keystore / "references"]
    found = [*keys, home.index, *read]
    for source in settings.sources:
        places = [settings.path(text) for text in (source.mapping, source.access) if text]
        scheme, slashes, file = settings.source_url(source).partition(":///")
        if slashes and (scheme.startswith("sqlite") or scheme == "folder"):
            places.append(Path(file))
        for place in places:
            found += [place, *(place.with_name(f"{place.name}{ending}") for ending in ("-wal", "-shm", "-journal"))]
            found += [place.parent] if place.parent != home.keys else []
    return found


def watch_workers(counters: Counters, pool: Pool) -> None:
    """Register the gauges of the workers."""

    def by_state() -> dict[tuple[tuple[str, str], ...], float]:
        return {(("state", state),): float(count) for state, count in Counter(r.state for r in pool.reports()).items()}

    counters.gauge(Gauge.WORKERS, by_state)
    counters.gauge(Gauge.WORKER_INSIDE, lambda: {(): float(sum(report.requests for report in pool.reports()))})
    counters.gauge(Gauge.WORKER_RESTARTS, lambda: {(): float(sum(report.restarts for report in pool.reports()))})
    counters.gauge(Gauge.WORKER_BATCHES, lambda: {(): float(sum(report.batches for report in pool.reports()))})
