"""Tell why our side refused the TLS handshake with a counterpart's node.

gRPC says it only in the text of a failed call. A counterpart that writes such a text into a status of its own gains
nothing: either way its line says that there is no answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc

from gateway.errors import Untrusted
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

_NOT_REFUSED = ("_ALERT_", "PRIVATE_KEY_OPERATION_FAILED")
"""Failures that are no refusal of ours: the counterpart sent an alert, or our security module did not sign."""

_FAILED_HERE = "TSI_PROTOCOL_FAILURE"
"""Any other failure of the handshake is one of our side."""


def untrusted(member: str, details: str) -> Untrusted | None:
    """Return why our side refused the connection that `details` of a failed call are about, if it did."""
    found = next((cause for text, cause in _CAUSES if text in details), None)
    if found is None and _FAILED_HERE in details and not any(text in details for text in _NOT_REFUSED):
        found = _PROTOCOL
    if found is None:
        return None
    message, code = found
    return Untrusted(message, code=code, where=member, remedy="tell the administrators of their node")


async def refused_handshake(member: str, channel: grpc.aio.Channel) -> Untrusted | None:
    """Return why our side refused the last handshake of a channel without a connection, if it did."""
    call: Unary = channel.unary_unary(methods.HEALTH_CHECK.path)
    try:
        await call(b"", timeout=_TOLD_S)
    except grpc.aio.AioRpcError as error:
        return untrusted(member, error.details() or "")
    except asyncio.CancelledError:  # grpc raises this when the channel is closed under a call
        if is_cancelled():
            raise
    return None


def is_cancelled() -> bool:
    """Tell whether this task was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
