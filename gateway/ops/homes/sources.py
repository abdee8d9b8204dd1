"""Return the places of a home's sources, and what the node shows to source processes."""

from __future__ import annotations

from collections.abc import Callable

from adapters.load import NodeSide, Place
from certs.tls import TlsIdentity
from gateway.clock import Clock
from gateway.config.home import Home
from gateway.config.schema import Settings, SourceSettings
from gateway.config.source_home import SourceProcess
from gateway.model.names import MemberId
from gateway.signing.keys import load_signing_key
from gateway.storage.index.index_seal import load_index_secret
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
    )


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
    )


def node_side(source: SourceSettings, home: Home, member: MemberId, trust: Callable[[], TrustView]) -> NodeSide | None:
    """Return the node's identity towards a source process, and the trust it checks with; None for another source."""
    if not source.is_process:
        return None
    return NodeSide(
        source.id,
        source.agency,
        member,
        identity=lambda: TlsIdentity.load(home.key("tls"), home.certificate("tls")),
        ca=home.ca.read_bytes(),
        key=load_signing_key(home.key("statement")),
        keys=trust,
    )
