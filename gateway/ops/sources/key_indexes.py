"""Look at the key indexes of a home's sources."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from adapters.index.build import AS_OF
from gateway.clock import rfc3339_s
from gateway.config import Home, Settings, load_settings
from gateway.config.schema import SourceSettings
from gateway.errors import LiaisonError, Misused
from gateway.ops.stores import node_stores, require_stores
from gateway.storage.index.index_file import index_path, source_of
from gateway.storage.index.index_seal import load_index_secret
from gateway.storage.index.index_store import IndexStore


def chosen_sources(settings: Settings, wanted: str) -> list[SourceSettings]:
    """Return the source named `wanted`, or all without a name. Raises `Misused` where there is no such source."""
    sources = [source for source in settings.sources if wanted in ("", source.id)]
    if wanted and not sources:
        known = ", ".join(source.id for source in settings.sources) or "none"
        raise Misused(f"Invalid value for --source: no source `{wanted}` in this home; there are: {known}")
    return sources


def index_status(folder: Path, wanted: str) -> list[dict[str, Any]]:
    """Return the size, the age and the left-out rows of each source's index, as JSON."""
    settings = load_settings(folder)
    require_stores(node_stores(settings))
    return [_status(settings, source) for source in chosen_sources(settings, wanted)]


def left_over_indexes(folder: Path) -> list[dict[str, Any]]:
    """Return the indexes, with files, of sources that were renamed, are gone or now run in their own process."""
    settings = load_settings(folder)
    used = {source.id for source in settings.sources if not source.is_process}
    links = [file for file in sorted(Home(settings.home).index.glob("*.sqlite")) if file.is_symlink()]
    named = [(source_of(file) or file.stem, file) for file in links]
    return [
        {"source": source, "files": [str(file), f"{file.resolve()}*"]} for source, file in named if source not in used
    ]


def elsewhere(source: str) -> dict[str, Any]:
    """Return the JSON for an index that is kept where its source runs."""
    return {"source": source, "state": "elsewhere"}


def index_figures(source: str, store: IndexStore) -> dict[str, Any]:
    """Return the figures of an index as JSON."""
    meta = store.meta
    rows, keys = store.count()
    return {
        "source": source,
        "state": "ready",
        "rows": rows,
        "keys": keys,
        "bytes": store.size(),
        "sealed": bool(meta["sealed"]),
        "checked": rfc3339_s(int(meta["checked"])),
        "as_of": rfc3339_s(int(meta[AS_OF])) if AS_OF in meta else None,
        "left_out": {name: reasons for name, reasons in json.loads(meta["left_out"]).items() if reasons},
    }


def _status(settings: Settings, source: SourceSettings) -> dict[str, Any]:
    if source.is_process:
        return elsewhere(source.id)
    secret = load_index_secret(settings.keystore) if settings.storage.sealed_index else None
    return index_status_at(source.id, index_path(Home(settings.home).index, source.id), secret)


def index_status_at(source: str, path: Path, secret: bytes | None) -> dict[str, Any]:
    """Return the figures of the index at `path`, or why there are none."""
    if not path.exists():
        return {"source": source, "state": "missing"}
    try:
        store = IndexStore(path, secret)
    except LiaisonError as error:
        return {"source": source, "state": "unreadable", "reason": error.message}
    with closing(store):
        return index_figures(source, store)
