"""Find a descriptor of ours that others hold and this home does not: it was lost, or restored from before.

A home that publishes without it signs a second document of the same version, which every counterpart keeps as evidence
against us. A counterpart proves what it says by the document itself, which our authority signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any, TypeVar

import grpc

from certs.tls import TlsIdentity, channel_credentials
from gateway.config import Home, Settings, argument
from gateway.errors import LiaisonError, Stale
from gateway.model.documents import Kind, Wanted
from gateway.ports.entries import events
from gateway.rpc import methods
from gateway.rpc.contract import Method
from gateway.rpc.transport import client_options
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.documents.descriptor import Descriptor, verify_descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.status import parse_status
from gateway.trust.view import TrustView

_TIMEOUT_S = 3.0
_AT_ONCE = 32
_PARTS = 64
"""Parts of one answer that are fetched at most: some four megabytes."""

A = TypeVar("A")


def require_newest(settings: Settings, trust: TrustView) -> list[str]:
    """Return the counterparts that answered and know no newer descriptor of ours than this home.

    Raises `Stale` where one does, where our own status names a newer one, or where counterparts have answered us and
    there is none here: then none of them has to be in reach.
    """
    home, member = Home(settings.home), settings.node.member
    if member not in trust.members:
        return []
    held = TrustDocuments(home.trust).held_descriptor(member)
    if (named := _named_by_status(home, trust, member)) > (held.version if held else 0):
        raise _lost(settings, held, named, "our own status")
    answered = dict(_asked(home, trust, member, held))
    for other, version in answered.items():
        if version:
            raise _lost(settings, held, version, other)
    if held is None and not answered and _was_answered(settings):
        raise _lost(settings, held, 0, "our own log")
    return sorted(answered)


def _lost(settings: Settings, held: Descriptor | None, version: int, known_by: str) -> Stale:
    home = argument(settings.home)
    return Stale(
        "this home has {held} of `{member}`, and {known_by} knows {newer}: one that is made here would contradict it",
        code="descriptor-behind",
        where=str(TrustDocuments(Home(settings.home).trust).descriptor_path(settings.node.member)),
        remedy="have a counterpart write `liaison trust export --home THEIRS --out FILE`, then give here "
        "`liaison trust import FILE --home {home}`",
        held=f"descriptor {held.version}" if held else "no descriptor",
        newer=f"another descriptor {version}" if version else "that there was one",
        member=settings.node.member,
        known_by=known_by,
        home=home,
    )


def _named_by_status(home: Home, trust: TrustView, member: str) -> int:
    """Return the newest version of our descriptor that our statuses in this federation name; 0 without any."""
    lines = TrustDocuments(home.trust).status_lines(member)
    federation = trust.charter.federation if trust.charter else ""
    found = [parse_status(line)[0] for line in lines]
    return max((status.descriptor_version for status in found if status.federation == federation), default=0)


def _was_answered(settings: Settings) -> bool:
    """Tell whether a counterpart has answered a question of ours: it knew our keys by our descriptor."""
    if not is_made(settings):
        return False
    with closing(open_storage(settings, read_only=True)) as database:
        logs = SqlLogStore(database)
        return any(logs.find(log, kind=events.RECEIVED.kind, limit=1) for log in logs.logs())


def _asked(home: Home, trust: TrustView, member: str, held: Descriptor | None) -> Iterator[tuple[str, int]]:
    """Yield each counterpart that answers, with the version of a descriptor that it holds and we do not, else 0."""
    identity = _identity(home)
    if identity is None:
        return  # without its TLS key a home calls no one; other checks tell it

    def ask(other: str) -> int | None:
        try:
            return _ask(other, identity, trust, member, held)
        except (LiaisonError, grpc.RpcError):
            return None

    others = [other for other in trust.members if other != member and trust.active(other)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for other, version in zip(others, pool.map(ask, others), strict=True):
            if version is not None:
                yield other, version


def _identity(home: Home) -> TlsIdentity | None:
    """Return our TLS key with the certificate of the online CA, else that of the national CA; None without any."""
    for certificate in (home.exchange_certificate, home.certificate("tls")):
        with suppress(LiaisonError):
            return TlsIdentity.load(home.key("tls"), certificate)
    return None


def _ask(other: str, identity: TlsIdentity, trust: TrustView, member: str, held: Descriptor | None) -> int:
    endpoint, roots, name = trust.endpoints(other)[0], trust.ca_pem(other), trust.server_name(other)
    options = client_options(name, methods.LIST_DOCUMENTS.max_answer_bytes)
    with grpc.secure_channel(endpoint, channel_credentials(identity, roots), options=options) as channel:
        lines = _call(channel, methods.LIST_DOCUMENTS, None)
        mine = (held.version, held.hash) if held else (0, b"")
        if not any(
            line.version > mine[0] or (line.version == mine[0] and line.hash != mine[1])
            for line in lines
            if (line.kind, line.member) == (Kind.DESCRIPTOR, member)
        ):
            return 0
        data, total = b"", 1
        while len(data) < total and len(data) < _PARTS * methods.FETCH_DOCUMENTS.max_answer_bytes:
            wanted = Wanted(Kind.DESCRIPTOR, member, max(mine[0] - 1, 0), bytes(32), len(data))
            part = _call(channel, methods.FETCH_DOCUMENTS, wanted)
            data, total = data + part.data, part.total if part.data else 0
    return max((each.version for each in _signed(data, trust, member) if _is_news(each, held)), default=0)


def _call(channel: grpc.Channel, method: Method[Any, A], value: Any) -> A:
    call: Any = channel.unary_unary(method.path)
    return method.read_answer(call(method.request.write(value), timeout=_TIMEOUT_S))


def _signed(data: bytes, trust: TrustView, member: str) -> Iterator[Descriptor]:
    """Yield the descriptors in what a counterpart sent that our authority signed: it may have sent anything."""
    if trust.charter is None:
        return
    for line in data.split(b"\n"):
        with suppress(LiaisonError):
            yield verify_descriptor(line, trust.members[member], trust.charter.federation)


def _is_news(found: Descriptor, held: Descriptor | None) -> bool:
    if held is None or found.version > held.version:
        return True
    return found.version == held.version and found.hash != held.hash
