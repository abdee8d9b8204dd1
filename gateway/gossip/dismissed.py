"""Callers that are not accepted any more: a member that was suspended or has left, a node whose key was removed.

They are told why by the documents themselves, and get no others (decision 0068). They are counted as callers of their
own, so that the holder of a removed key uses up nothing that is its member's.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.errors import Unauthenticated
from gateway.model.documents import Held, Kind
from gateway.model.names import MemberId
from gateway.trust.view import TrustView

_MARK = " (not accepted)"


def known_caller(view: TrustView, certificate: bytes) -> MemberId:
    """Return the member whose node shows a certificate, marked where it is not accepted. Raises `Unauthenticated`."""
    try:
        return view.peer(certificate).member
    except Unauthenticated:
        return MemberId(view.known_node(certificate) + _MARK)


def dismissed_member(caller: str) -> str:
    """Return the member of a caller that is not accepted; empty for any other caller."""
    return caller.removesuffix(_MARK) if caller.endswith(_MARK) else ""


def explains(kind: Kind, about: str, member: str) -> bool:
    """Tell whether a document can say why `member` or its key was removed: it is no secret, and nothing is signed."""
    return about == member or kind in (Kind.CHARTER, Kind.CONFLICT)


def explaining(lines: Iterable[Held], member: str) -> list[Held]:
    """Return the lines of documents that can say why `member` or its key was removed."""
    return [line for line in lines if explains(line.kind, line.member, member)]
