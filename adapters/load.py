"""Open a source by its URL: the scheme names the adapter, the mapping says how its rows become records.

Built in are the schemes of `_BUILT_IN`; others come from installed packages under the entry point group
`liaison.adapters`, whose names are schemes and whose objects are `Opener`s. `adapters.check.conformance` is the suite
that each must pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from adapters.base import Adapter
from adapters.index.history import Run, RunHistory, RunKind
from adapters.index.keep import DIFFERENCE_SECONDS, LOOKS_S
from adapters.indexed import IndexedSource, Progress, RowSource
from adapters.mapping.file import load_mapping
from certs.tls import TlsIdentity
from gateway.clock import Clock
from gateway.config.toml import nearest
from gateway.errors import LiaisonError, Misconfigured
from gateway.model.names import MemberId
from gateway.records.verify import RecordKeys
from gateway.signing.keys import SigningKey
from gateway.storage.index.index_file import index_path

GROUP = "liaison.adapters"
"""The entry point group of adapters that are installed beside this package."""

_BUILT_IN = dict.fromkeys(("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle"), "adapters.sql:open_sql") | {
    "folder": "adapters.files:open_files",
    "https": "adapters.http:open_http",
    "http": "adapters.http:open_http",
    "source": "adapters.remote:open_remote",
}


@dataclass(frozen=True, slots=True)
class NodeSide:
    """A node's identity and trust where a source is a process of its own (`adapters.remote`).

    `source` and `agency` come from the settings; `identity` and `key` give the node's TLS key, and the key
    that signs references, as they are now. `ca` is the country's CA, `keys` says which keys of agencies are listed.
    """

    source: str
    agency: str
    member: MemberId
    identity: Callable[[], TlsIdentity]
    ca: bytes
    key: Callable[[], SigningKey]
    keys: Callable[[], RecordKeys]


@dataclass(frozen=True, slots=True)
class Place:
    """The address of a source and the files that belong to it.

    `url` has the scheme that chooses the adapter. `access` is a TOML file of the adapter's own settings (passwords,
    certificates, OAuth clients), which only the node's account may read, or None. `index_dir` holds key indexes,
    which `index_secret` seals (decision 0012); all rows are compared with them every `difference` seconds. With `anew`
    the indexes are built from all rows when they are opened, even if there are some. The source is looked at every
    `looks_s` seconds. With `is_draft` the mapping may be a draft whose source has no name. `id` is the source's id as
    the settings say it, where they do.

    `observe` may put a wrapper between the rows and their index (`adapters.check.report`). `node` is set where a node
    opens the source; only its node asks a source process.
    """

    mapping: Path
    url: str
    index_dir: Path
    clock: Clock
    access: Path | None = None
    progress: Progress | None = None
    observe: Callable[[RowSource], RowSource] | None = None
    node: NodeSide | None = None
    index_secret: bytes | None = None
    difference: float = DIFFERENCE_SECONDS
    looks_s: int = LOOKS_S
    anew: bool = False
    is_draft: bool = False
    id: str = ""


Opener = Callable[[Place], Adapter]
"""The function that an adapter's module offers. Raises `Misconfigured` with file and line, or `Unavailable`."""


def open_source(place: Place) -> Adapter:
    """Return the source at `place`.

    Raises `Misconfigured` with file and line for a mapping that does not fit, `Unavailable` when the system or
    the index's disk cannot be used. The history of the index tells either, unless the source was only to be tried.
    """
    history = None if place.observe or place.node else _history(place)
    known, started = history.runs() if history else (), place.clock.monotonic()
    try:
        return _opener(place.url)(place)
    except LiaisonError as error:
        if history and history.runs() == known:  # an index that was reached has noted it already
            seconds = round(place.clock.monotonic() - started, 3)
            history.add_alone(Run(RunKind.FAILED, place.clock.now_us(), seconds, error=error.message))
        raise


def _history(place: Place) -> RunHistory | None:
    """Return the history of the source's index; None where neither place nor mapping says the source's id."""
    try:
        return RunHistory(_index_path(place, place.id or load_mapping(place.mapping).id))
    except LiaisonError:
        return None


def _index_path(place: Place, source: str) -> Path:
    return index_path(place.index_dir, source)


def open_indexed(rows: RowSource, place: Place) -> IndexedSource:
    """Return `rows` behind a key index, which is built if missing or damaged, and brought up to date with its source.

    The rows are closed when this raises: `Misconfigured` where they are looked at too rarely for what is promised.
    """
    rows = place.observe(rows) if place.observe else rows
    mapping, path = rows.mapping, _index_path(place, rows.mapping.id)
    try:
        if place.looks_s >= mapping.fresh_within_s:
            raise Misconfigured(
                "the source is looked at every {looks} s and promises to be at most {fresh} s old (`fresh_within`): "
                "between two looks it would not be searched",
                code="rarely-looked-at",
                where=mapping.id,
                remedy="set `refresh_s` in `[limits]` below {fresh}, or promise more in the mapping, up to `24 h`",
                looks=place.looks_s,
                fresh=mapping.fresh_within_s,
            )
        return IndexedSource(
            rows,
            path,
            place.clock,
            place.index_secret,
            place.difference,
            place.progress,
            looks_s=place.looks_s,
            anew=place.anew,
        )
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
    raise Misconfigured(
        "no adapter for `{scheme}:`",
        code="unknown-adapter",
        remedy="{advice}",
        scheme=scheme,
        advice=nearest(scheme, known),
    )
