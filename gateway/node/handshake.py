"""Tell why there is no connection to a counterpart's node: our side refused it, or the other end did not take it.

gRPC says it only in the text of a failed call. A counterpart that writes such a text into a status of its own gains
nothing: either way its line says that there is no answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc

from gateway.errors import ConnectionLost, Malformed, Unavailable, Untrusted
from gateway.rpc import methods

if TYPE_CHECKING:
    Unary = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]

_TOLD_S = 0.2
"""The seconds in which gRPC tells why there is no connection; it does so at once."""

_OUT_OF_TIME = ("the certificate of their node is out of its time", "tls-out-of-time")
_PROTOCOL = ("their node does not speak TLS 1.3 and HTTP/2", "tls-protocol")
_AUTHORITY = ("the certificate of their node was not issued by their authority for a node", "tls-authority")

_CAUSES = (
    ("certificate has expired", _OUT_OF_TIME),
    ("certificate is not yet valid", _OUT_OF_TIME),
    ("Hostname Verification Check failed", ("the certificate of their node bears another name", "tls-name")),
    ("CERTIFICATE_VERIFY_FAILED", _AUTHORITY),
    ("certificate signature failure", _AUTHORITY),
    ("selected ALPN property", _PROTOCOL),
    ("PROTOCOL_VERSION", _PROTOCOL),
    ("ALERT_HANDSHAKE_FAILURE", _PROTOCOL),
)
"""Texts of gRPC and BoringSSL, and what each says; the first that fits counts."""

_THEIR_ALERT = "_ALERT_"
_NOT_REFUSED = (_THEIR_ALERT, "PRIVATE_KEY_OPERATION_FAILED")
"""Failures that are no refusal of ours: the counterpart sent an alert, or our security module did not sign."""

_FAILED_HERE = "TSI_PROTOCOL_FAILURE"
"""Any other failure of the handshake is one of our side."""


_UNCONNECTED = ("failed to connect to all addresses", "DNS resolution failed")
"""How gRPC begins where there was no connection at all; one that stood and broke has other causes."""

_NOT_TAKEN = (
    ("Connection refused", "nothing-listens"),
    ("DNS resolution failed", "unknown-address"),
    (_THEIR_ALERT, "we-are-refused"),
    ("Handshake read failed", "closed-unsecured"),
    ("Connection reset by peer", "closed-unsecured"),
)
"""Texts of gRPC, and the code of what each says of the other end; the first that fits counts.

A server of TLS 1.2 alone, one that is full and a device on the way close in the same manner.
"""

_TOO_LARGE = "Received message larger than max"


def no_connection(member: str, details: str) -> Unavailable | None:
    """Return why there is no connection, if `details` of a failed call tell it: `Untrusted` where our side refused."""
    if (refused := untrusted(member, details)) is not None:
        return refused
    code = next((code for text, code in _NOT_TAKEN if text in details), "")
    if not code or not details.startswith(_UNCONNECTED):
        return None
    return ConnectionLost("there is no connection to `{member}`", code=code, where=member, member=member)


def too_large(member: str, details: str) -> Malformed | None:
    """Return the error of a message that our side did not take for its size, if `details` of a failed call say so."""
    if _TOO_LARGE not in details:
        return None
    return Malformed("a message of `{member}` is larger than our node takes", code="answer-too-large", member=member)


def untrusted(member: str, details: str) -> Untrusted | None:
    """Return why our side refused the connection that `details` of a failed call are about, if it did."""
    found = next((cause for text, cause in _CAUSES if text in details), None)
    if found is None and _FAILED_HERE in details and not any(text in details for text in _NOT_REFUSED):
        found = _PROTOCOL
    if found is None:
        return None
    message, code = found
    return Untrusted(message, code=code, where=member, remedy="tell the administrators of their node")


async def why_unconnected(member: str, channel: grpc.aio.Channel) -> Unavailable | None:
    """Return why a channel has no connection, if gRPC tells it: `Untrusted` where our side refused the handshake."""
    call: Unary = channel.unary_unary(methods.HEALTH_CHECK.path)
    try:
        await call(b"", timeout=_TOLD_S)
    except grpc.aio.AioRpcError as error:
        return no_connection(member, error.details() or "")
    except asyncio.CancelledError:  # grpc raises this when the channel is closed under a call
        if is_cancelled():
            raise
    return None


def is_cancelled() -> bool:
    """Tell whether this task was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
