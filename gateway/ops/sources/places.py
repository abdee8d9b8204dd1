"""Return the places of a home's sources, what the node shows to source processes, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from adapters.index.rows import queries_of
from adapters.load import NodeSide, Place
from adapters.mapping.file import load_mapping
from adapters.remote.client import open_remote
from certs.tls import TlsIdentity
from gateway.clock import Clock
from gateway.config.home import Home
from gateway.config.schema import Settings, SourceSettings
from gateway.config.source_home import SourceProcess
from gateway.errors import LiaisonError
from gateway.model.names import MemberId
from gateway.ops.finding import Finding, stop
from gateway.ops.keys.live import LiveKeys
from gateway.signing.keys import load_signing_key
from gateway.storage.index.index_seal import load_index_secret
from gateway.trust.documents.source_kinds import SourceKind, united
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView


def source_place(settings: Settings, source: SourceSettings, home: Home, clock: Clock) -> Place:
    """Return the place of a source of the settings, with its key index in the home."""
    return Place(
        settings.path(source.mapping),
        settings.source_url(source),
        home.index,
        clock,
        access=settings.path(source.access) if source.access else None,
        index_secret=load_index_secret(settings.keystore) if settings.storage.sealed_index else None,
        difference=source.difference_s,
        id=source.id,
    )


def other_names(settings: Settings, number: int) -> list[Finding]:
    """Find names of a source that differ from its mapping: the node does not start with them."""
    source, findings = settings.sources[number], []
    mapping = load_mapping(settings.path(source.mapping))
    for name, said, mapped in (("id", source.id, mapping.id), ("agency", source.agency, mapping.agency)):
        if said != mapped:
            place = settings.origin[f"source.{number}.{name}"]
            text = f"the mapping has the {name} `{mapped}`, and the settings `{said}`"
            findings.append(stop("sources", text, f"give both the same {name}: the node will not start", place))
    return findings


def process_place(settings: SourceProcess, clock: Clock) -> Place:
    """Return the place of a source process's system, with its key index in the home."""
    source, storage = settings.source, settings.storage
    return Place(
        settings.path(source.mapping),
        settings.url,
        settings.home.index,
        clock,
        access=settings.path(source.access) if source.access else None,
        index_secret=load_index_secret(settings.path(storage.keystore)) if storage.sealed_index else None,
        difference=settings.limits.difference_s,
        looks_s=settings.limits.refresh_s,
    )


def node_side(
    source: SourceSettings,
    home: Home,
    member: MemberId,
    trust: Callable[[], TrustView],
    keys: LiveKeys | None = None,
) -> NodeSide | None:
    """Return the node's identity towards a source process, and the trust it checks with; None for another source.

    `keys` are those of a running node; without them the files are read.
    """
    if not source.is_process:
        return None
    return NodeSide(
        source.id,
        source.agency,
        member,
        identity=lambda: keys.tls if keys else TlsIdentity.load(home.key("tls"), home.certificate("tls")),
        ca=home.ca.read_bytes(),
        key=lambda: keys.statement if keys else load_signing_key(home.key("statement")),
        keys=trust,
    )


@dataclass(frozen=True, slots=True)
class Described:
    """The kinds of sources of a home, and the ids of those whose kind is not known.

    That is so of a source whose mapping does not load, and of a source process that has not described itself yet.
    """

    kinds: tuple[SourceKind, ...]
    unknown: tuple[str, ...]


def describe_sources(settings: Settings, clock: Clock) -> Described:
    """Return what can be asked of the sources in the settings: by their mappings, or as a source process says.

    Nothing is asked of a database, and no index is built.
    """
    kinds, unknown = [], []
    for source in settings.sources:
        try:
            kind = _process_kind(settings, source, clock) if source.is_process else _mapped_kind(settings, source)
        except LiaisonError:  # `liaison doctor` says what is wrong; it must not keep a descriptor from being published
            kind = None
        if kind is None:
            unknown.append(source.id)
        else:
            kinds.append(kind)
    return Described(united(kinds), tuple(unknown))


def _mapped_kind(settings: Settings, source: SourceSettings) -> SourceKind:
    mapping = load_mapping(settings.path(source.mapping))
    return SourceKind(mapping.kind, tuple(sorted(queries_of(mapping))), tuple(sorted(mapping.records)))


def _process_kind(settings: Settings, source: SourceSettings, clock: Clock) -> SourceKind | None:
    """Return what a source process says of itself now, or said last; None where it never did."""
    home = Home(settings.home)
    keeper = TrustKeeper(home.trust, clock)
    node = node_side(source, home, MemberId(settings.node.member), lambda: keeper.view)
    with closing(open_remote(Place(home.path, source.url, home.index, clock, node=node))) as remote:
        if not remote.is_known:
            return None
        said = remote.describe()
        return SourceKind(said.kind, tuple(sorted(said.queries)), tuple(sorted(said.record_types)))
