"""Open a source from its mapping: read it, check it against the database, build or open its key index."""

from __future__ import annotations

from pathlib import Path

from adapters.index import IndexedSource, Progress, build_index, cursor_of
from adapters.mapping_file import load_mapping
from adapters.sql import SqlSource
from gateway.clock import Clock
from gateway.errors import Misconfigured, Unavailable
from gateway.storage.index_store import IndexStore


def open_source(
    mapping_path: Path, url: str, index_dir: Path, clock: Clock, *, progress: Progress | None = None
) -> IndexedSource:
    """The source of the mapping at `mapping_path` over the database at `url` (SQLAlchemy's form).

    Its index is `index_dir/<source id>.sqlite`; it is built when it is missing, damaged, or older than its source.
    Raises `Misconfigured` with file and line for a mapping that does not fit, `Unavailable` when the database or
    the index's disk cannot be used.
    """
    source = SqlSource(load_mapping(mapping_path), url, clock)
    path = index_dir / f"{source.mapping.id}.sqlite"
    try:
        if not _is_current(path, source):
            build_index(source, path, progress)
        return IndexedSource(source, path, clock)
    except BaseException:
        source.close()
        raise


def _is_current(path: Path, source: SqlSource) -> bool:
    if not path.exists():
        return False
    try:
        store = IndexStore(path)
    except (Unavailable, Misconfigured):
        return False
    current = store.meta.get("cursor") == cursor_of(source)
    store.close()
    return current
