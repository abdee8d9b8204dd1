"""Open a source by its URL: the scheme names the adapter, the mapping says how its rows become records.

Built in are the schemes of `_BUILT_IN`; others come from installed packages under the entry point group
`liaison.adapters`, whose names are schemes and whose objects are `Opener`s. `adapters.conformance` is the suite
that each must pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

from adapters.base import Adapter
from adapters.index import IndexedSource, Progress, RowSource, build_index, cursor_of
from adapters.nodes import nearest
from gateway.clock import Clock
from gateway.errors import Misconfigured, Unavailable
from gateway.storage.index_store import IndexStore

GROUP = "liaison.adapters"
"""The entry point group of adapters that are installed beside this package."""

_BUILT_IN = dict.fromkeys(("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle"), "adapters.sql:open_sql")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source is and what belongs to it.

    `url` has the scheme that chooses the adapter. `access` is a TOML file of the adapter's own settings (passwords,
    certificates, OAuth clients), which only the node's account may read, or None. `index_dir` holds key indexes.
    """

    mapping: Path
    url: str
    index_dir: Path
    clock: Clock
    access: Path | None = None
    progress: Progress | None = None


class Opener(Protocol):
    """What an adapter's module offers."""

    def __call__(self, place: Place) -> Adapter:
        """The adapter for `place`. Raises `Misconfigured` with file and line, or `Unavailable`."""


def open_source(place: Place) -> Adapter:
    """The source at `place`.

    Raises `Misconfigured` with file and line for a mapping that does not fit, `Unavailable` when the system or
    the index's disk cannot be used.
    """
    return _opener(place.url)(place)


def open_indexed(rows: RowSource, place: Place) -> IndexedSource:
    """`rows` behind a key index, which is built when it is missing, damaged, or older than its source.

    The index is `index_dir/<source id>.sqlite`. The rows are closed when this raises.
    """
    path = place.index_dir / f"{rows.mapping.id}.sqlite"
    try:
        if not _is_current(path, rows):
            build_index(rows, path, place.progress)
        return IndexedSource(rows, path, place.clock)
    except BaseException:
        rows.close()
        raise


def _opener(url: str) -> Opener:
    scheme = url.partition(":")[0].partition("+")[0]
    if built_in := _BUILT_IN.get(scheme):
        module, _, name = built_in.partition(":")
        return cast(Opener, getattr(import_module(module), name))
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if scheme in installed:
        return cast(Opener, installed[scheme].load())
    known = sorted({*_BUILT_IN, *installed})
    raise Misconfigured(f"no adapter for `{scheme}:`", code="unknown-adapter", remedy=nearest(scheme, known))


def _is_current(path: Path, rows: RowSource) -> bool:
    if not path.exists():
        return False
    try:
        store = IndexStore(path)
    except (Unavailable, Misconfigured):
        return False
    current = store.meta.get("cursor") == cursor_of(rows)
    store.close()
    return current
